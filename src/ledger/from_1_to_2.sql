-- From version 1 to 2. What came since: the API that a ledger belongs to, words for each kind of trouble (`reason`), and
-- `gone` for everybody who left the list. Version 1 did not know of all who left: each list is read again.

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
