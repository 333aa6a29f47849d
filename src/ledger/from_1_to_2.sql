-- From version 1 to 2. What came since: the API that a ledger belongs to, words for each kind of trouble (`reason`), and
-- `gone` for everybody who left the list. Version 1 did not know of all who left: each list is read again.

DROP VIEW outcomes;
DROP VIEW outcomes_of_chunks;
DROP VIEW invalid_rows;
DROP VIEW runs;
DROP VIEW calls;

CREATE TABLE api (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  base_url  TEXT,
  rehearsal INTEGER NOT NULL DEFAULT 0
);
INSERT INTO api (only_row) VALUES (1);

ALTER TABLE job ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN mended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job DROP COLUMN chunk_size;
ALTER TABLE job DROP COLUMN gone;
UPDATE job SET fingerprint = '', half_read = 1;

ALTER TABLE course ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;
UPDATE course SET accepted = EXISTS (SELECT 1 FROM chunk WHERE chunk.course_no = course.course_no
                                     AND outcome IN ('invited', 'already_invited'));

ALTER TABLE run ADD COLUMN message TEXT;
ALTER TABLE call ADD COLUMN reason TEXT;
ALTER TABLE chunk ADD COLUMN reason TEXT;
ALTER TABLE chunk ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0;
DROP INDEX chunk_due;
CREATE INDEX chunk_due ON chunk (job_id, not_before DESC, chunk_id, course_no) WHERE outcome = 'pending';
DROP INDEX chunk_books;
CREATE INDEX chunk_books ON chunk (job_id, outcome, gone, size);

UPDATE chunk SET gone = 1 WHERE outcome = 'withdrawn';
UPDATE chunk SET reason = CASE
    WHEN outcome = 'withdrawn' OR error = 'asked without an answer, and no longer in the source' THEN 'left_list'
    WHEN error = 'the process ended before the answer' THEN 'interrupted'
    WHEN error LIKE 'no answer within %' THEN 'timed_out'
    WHEN error LIKE 'connect: %' OR error LIKE 'resolve: %' OR error LIKE 'TLS handshake: %' THEN 'not_connected'
    WHEN http_status = 201 THEN 'not_in_answers'
    WHEN http_status BETWEEN 200 AND 299 THEN 'odd_answer'
    WHEN http_status IN (400, 422) THEN 'refused'
    WHEN http_status = 413 THEN 'too_large'
    WHEN http_status = 429 THEN 'rate_limited'
    WHEN http_status IN (404, 410) THEN 'course_refused'
    WHEN http_status IN (502, 504) THEN 'gateway'
    WHEN http_status IN (408, 425) OR http_status >= 500 THEN 'unavailable'
    WHEN http_status IS NOT NULL THEN 'odd_status'
    WHEN error IS NOT NULL THEN 'connection_lost'
  END
WHERE outcome NOT IN ('invited', 'already_invited');
-- Version 1 did not keep apart who may have been invited: whoever was asked and not refused as a whole.
UPDATE chunk SET doubt = 1 WHERE outcome IN ('pending', 'failed', 'in_doubt') AND attempts > 0
                             AND ifnull(reason, '') NOT IN ('refused', 'too_large', 'course_refused');
-- A course that was refused took its members with it, also those who were never asked for. They are due again, or were
-- withdrawn if they have left since.
UPDATE chunk SET outcome = iif(gone = 0, 'pending', 'withdrawn'), reason = iif(gone = 0, NULL, 'left_list'),
                 error = iif(gone = 0, NULL, 'no longer in the list'), not_before = 0, http_status = NULL
WHERE outcome = 'rejected' AND reason = 'course_refused';
UPDATE call SET reason = CASE
    WHEN error LIKE 'interrupted: %' THEN 'interrupted'
    WHEN error LIKE 'no answer within %' THEN 'timed_out'
    WHEN error LIKE 'connect: %' OR error LIKE 'resolve: %' OR error LIKE 'TLS handshake: %' THEN 'not_connected'
    WHEN http_status = 201 THEN 'not_in_answers'
    WHEN http_status BETWEEN 200 AND 299 THEN 'odd_answer'
    WHEN http_status IN (400, 422) THEN 'refused'
    WHEN http_status = 413 THEN 'too_large'
    WHEN http_status = 429 THEN 'rate_limited'
    WHEN http_status IN (404, 410) THEN 'course_refused'
    WHEN http_status IN (401, 403) THEN 'key_refused'
    WHEN http_status IN (502, 504) THEN 'gateway'
    WHEN http_status IN (408, 425) OR http_status >= 500 THEN 'unavailable'
    WHEN http_status IS NOT NULL THEN 'odd_status'
    ELSE 'connection_lost'
  END
WHERE error IS NOT NULL;
UPDATE invalid_row SET reason = CASE reason
    WHEN 'empty' THEN 'no_id'
    WHEN 'an e-mail address, not a UUID' THEN 'email_address'
    WHEN 'no course' THEN 'no_course'
    ELSE 'not_an_id'
  END;

-- One row per member. `outcomes` is this without our own keys, and is what others read.
CREATE VIEW outcomes_of_chunks AS
SELECT c.job_id AS job_id,
       c.chunk_id AS chunk_id,
       job.name AS job,
       course.course_id AS course_id,
       lower(hex(substr(c.ids, m.key * 16 + 1, 4)) || '-' || hex(substr(c.ids, m.key * 16 + 5, 2)) || '-' ||
             hex(substr(c.ids, m.key * 16 + 7, 2)) || '-' || hex(substr(c.ids, m.key * 16 + 9, 2)) || '-' ||
             hex(substr(c.ids, m.key * 16 + 11, 6))) AS spot_member_id,
       c.outcome AS outcome,
       c.reason AS reason,
       c.http_status AS http_status,
       c.error AS error,
       c.attempts AS attempts,
       iif(c.participant_id LIKE '[%', json_extract(c.participant_id, '$[' || m.key || ']'), c.participant_id) AS participant_id,
       iif(c.participant_status LIKE '[%', json_extract(c.participant_status, '$[' || m.key || ']'), c.participant_status) AS participant_status,
       iif(c.invited_at LIKE '[%', json_extract(c.invited_at, '$[' || m.key || ']'), c.invited_at) AS invited_at,
       iif(c.started_at LIKE '[%', json_extract(c.started_at, '$[' || m.key || ']'), c.started_at) AS started_at,
       iif(c.completed_at LIKE '[%', json_extract(c.completed_at, '$[' || m.key || ']'), c.completed_at) AS completed_at,
       iif(c.unenrolled_at LIKE '[%', json_extract(c.unenrolled_at, '$[' || m.key || ']'), c.unenrolled_at) AS unenrolled_at,
       iif(c.last_activity_at LIKE '[%', json_extract(c.last_activity_at, '$[' || m.key || ']'), c.last_activity_at) AS last_activity_at,
       CAST(iif(c.completion_rate LIKE '[%', json_extract(c.completion_rate, '$[' || m.key || ']'), c.completion_rate) AS INTEGER) AS completion_rate,
       m.value AS source_line,
       1 - c.gone AS in_list,
       c.run_id AS run_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.updated_at / 1000.0, 'unixepoch') AS updated_at,
       iif(c.profile LIKE '[%', json_extract(c.profile, '$[' || m.key || ']'), c.profile) AS participant_profile
FROM chunk c
JOIN job ON job.job_id = c.job_id
JOIN course ON course.course_no = c.course_no
JOIN json_each(c.lines) m;

-- With [ledger] keep_profile it gains `participant_profile` (ledger/run_log.h, show_profiles).
CREATE VIEW outcomes AS
SELECT job, course_id, spot_member_id, outcome, reason, http_status, error, attempts, participant_id, participant_status,
       invited_at, started_at, completed_at, unenrolled_at, last_activity_at, completion_rate, source_line, in_list, run_id,
       updated_at
FROM outcomes_of_chunks;

CREATE VIEW invalid_rows AS
SELECT job.name AS job, line AS source_line, value, reason FROM invalid_row JOIN job USING (job_id);

CREATE VIEW runs AS
SELECT run_id, job.name AS job,
       strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1000.0, 'unixepoch') AS ended_at,
       exit_code, stopped_by, message, run.rows_read, run.invalid, run.duplicates, invited, already_invited, rejected,
       failed, in_doubt, calls, retries
FROM run JOIN job USING (job_id);

CREATE VIEW calls AS
SELECT call_id, run_id, job.name AS job, course.course_id AS course_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', sent_at / 1000.0, 'unixepoch') AS sent_at,
       latency_ms, http_status, error, call.size AS members, reason
FROM call JOIN run USING (run_id) JOIN job ON job.job_id = run.job_id JOIN course USING (course_no);
