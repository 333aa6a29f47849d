-- The views, which people and scripts read (docs/ledger.md): made with the tables, and anew after each migration.

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
