-- The views, which people and scripts read (docs/ledger.md): made with the tables, and anew after each migration.

-- One row per member. `outcomes` is this without our own keys, and is what others read.
--
-- Reading the k-th of n values out of a list costs all n, for each member again. In a chunk of a usual size that is little,
-- and only done for the columns that are asked for. A larger one is first turned, once, into a list of objects, one per
-- member: `m` is then such an object, else the member's line.
CREATE VIEW outcomes_of_chunks AS
SELECT c.job_id AS job_id,
       c.chunk_id AS chunk_id,
       job.name AS job,
       target.id AS course_id,
       (SELECT lower(substr(id, 1, 8) || '-' || substr(id, 9, 4) || '-' || substr(id, 13, 4) || '-' || substr(id, 17, 4) ||
                     '-' || substr(id, 21))
        FROM (SELECT iif(c.size > 100, json_extract(m.value, '$.id'), hex(substr(c.ids, m.key * 16 + 1, 16))) AS id)
        WHERE target.step = 'invite' -- else who it is is not known
       ) AS spot_member_id,
       c.outcome AS outcome,
       c.reason AS reason,
       c.http_status AS http_status,
       c.error AS error,
       c.attempts AS attempts,
       iif(c.size > 100, json_extract(m.value, '$.participant_id'),
           iif(c.participant_id LIKE '[%', json_extract(c.participant_id, '$[' || m.key || ']'), c.participant_id)) AS participant_id,
       iif(c.size > 100, json_extract(m.value, '$.participant_status'),
           iif(c.participant_status LIKE '[%', json_extract(c.participant_status, '$[' || m.key || ']'), c.participant_status)) AS participant_status,
       iif(c.size > 100, json_extract(m.value, '$.invited_at'),
           iif(c.invited_at LIKE '[%', json_extract(c.invited_at, '$[' || m.key || ']'), c.invited_at)) AS invited_at,
       iif(c.size > 100, json_extract(m.value, '$.started_at'),
           iif(c.started_at LIKE '[%', json_extract(c.started_at, '$[' || m.key || ']'), c.started_at)) AS started_at,
       iif(c.size > 100, json_extract(m.value, '$.completed_at'),
           iif(c.completed_at LIKE '[%', json_extract(c.completed_at, '$[' || m.key || ']'), c.completed_at)) AS completed_at,
       iif(c.size > 100, json_extract(m.value, '$.unenrolled_at'),
           iif(c.unenrolled_at LIKE '[%', json_extract(c.unenrolled_at, '$[' || m.key || ']'), c.unenrolled_at)) AS unenrolled_at,
       iif(c.size > 100, json_extract(m.value, '$.last_activity_at'),
           iif(c.last_activity_at LIKE '[%', json_extract(c.last_activity_at, '$[' || m.key || ']'), c.last_activity_at)) AS last_activity_at,
       CAST(iif(c.size > 100, json_extract(m.value, '$.completion_rate'),
           iif(c.completion_rate LIKE '[%', json_extract(c.completion_rate, '$[' || m.key || ']'), c.completion_rate)) AS INTEGER) AS completion_rate,
       iif(c.size > 100, json_extract(m.value, '$.line'), m.value) AS source_line,
       1 - c.gone AS in_list,
       c.run_id AS run_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', c.updated_at / 1000.0, 'unixepoch') AS updated_at,
       target.kind AS target,
       iif(c.size > 100, json_extract(m.value, '$.profile'),
           iif(c.profile LIKE '[%', json_extract(c.profile, '$[' || m.key || ']'), c.profile)) AS participant_profile
FROM chunk c
JOIN job ON job.job_id = c.job_id
JOIN target ON target.target_no = c.target_no
JOIN json_each(iif(c.size <= 100, c.lines, (
  WITH RECURSIVE
  part(first, size, ids) AS ( -- the ids, halved until each is by itself
    SELECT 0, c.size, c.ids
    UNION ALL
    SELECT first + half * (size / 2), iif(half, size - size / 2, size / 2),
           iif(half, substr(ids, size / 2 * 16 + 1), substr(ids, 1, size / 2 * 16))
    FROM part, (SELECT 0 AS half UNION ALL SELECT 1) WHERE size > 1
  ),
  list(name, items) AS (
    VALUES ('line', c.lines), ('participant_id', c.participant_id), ('participant_status', c.participant_status),
           ('invited_at', c.invited_at), ('started_at', c.started_at), ('completed_at', c.completed_at),
           ('unenrolled_at', c.unenrolled_at), ('last_activity_at', c.last_activity_at),
           ('completion_rate', c.completion_rate), ('profile', c.profile)
  )
  SELECT json_group_array(json(member)) FROM (
    SELECT json_group_object(name, value) AS member FROM (
      SELECT 'id' AS name, first AS place, hex(ids) AS value FROM part WHERE size = 1
      UNION ALL
      SELECT name, key, value FROM list, json_each(items) WHERE items LIKE '[%'
      UNION ALL
      SELECT name, key, items FROM list, json_each(c.lines) WHERE items NOT LIKE '[%'
    ) GROUP BY place ORDER BY place
  )
))) m;

-- With [ledger] keep_profile it gains `participant_profile` (ledger/run_log.h, show_profiles).
CREATE VIEW outcomes AS
SELECT job, course_id, spot_member_id, outcome, reason, http_status, error, attempts, participant_id, participant_status,
       invited_at, started_at, completed_at, unenrolled_at, last_activity_at, completion_rate, source_line, in_list, run_id,
       updated_at, target
FROM outcomes_of_chunks;

CREATE VIEW invalid_rows AS
SELECT job.name AS job, line AS source_line, value, reason FROM invalid_row JOIN job USING (job_id);

CREATE VIEW runs AS
SELECT run_id, job.name AS job,
       strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1000.0, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1000.0, 'unixepoch') AS ended_at,
       exit_code, stopped_by, message, run.rows_read, run.invalid, run.duplicates, run.unknown, invited, already_invited, rejected,
       failed, in_doubt, calls, retries, command
FROM run JOIN job USING (job_id);

CREATE VIEW calls AS
SELECT call_id, run_id, job.name AS job, nullif(target.id, '') AS course_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', sent_at / 1000.0, 'unixepoch') AS sent_at,
       latency_ms, http_status, error, call.size AS members, reason, call.step
FROM call JOIN run USING (run_id) JOIN job ON job.job_id = run.job_id JOIN target USING (target_no);
