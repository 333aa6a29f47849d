-- From version 2 to 3. What came since: each call is counted in every window that the ledger knows, a count of the calls
-- begun, by which a ledger that was restored or copied is known, and a chunk's lines that are as many as its members.

CREATE TABLE identity (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  ledger_id TEXT NOT NULL DEFAULT '',
  calls     INTEGER NOT NULL DEFAULT 0
);
INSERT INTO identity (only_row) VALUES (1);

-- A window in which calls of some run are missing is new again to the next run under it, which counts them all.
CREATE TABLE limit_window (
  window_us INTEGER PRIMARY KEY,
  next_at   INTEGER NOT NULL DEFAULT 0
);
INSERT INTO limit_window (window_us)
SELECT DISTINCT window_us FROM slot
WHERE NOT EXISTS (SELECT 1 FROM run WHERE instr(windows, ',' || window_us || ',') = 0);
DELETE FROM slot WHERE window_us NOT IN (SELECT window_us FROM limit_window);
ALTER TABLE run DROP COLUMN windows;
ALTER TABLE pace DROP COLUMN next_at;
ALTER TABLE pace ADD COLUMN unknown_until INTEGER NOT NULL DEFAULT 0;
CREATE TABLE forgotten (
  calls         INTEGER NOT NULL,
  counted_until INTEGER NOT NULL
);

-- A constraint is no column that can be added: the table is written anew. Lines that somebody's hand has spoilt are 0.
ALTER TABLE chunk RENAME TO chunk_of_2;
DROP INDEX chunk_due;
DROP INDEX chunk_books;
CREATE TABLE chunk (
  chunk_id    INTEGER PRIMARY KEY,
  job_id      INTEGER NOT NULL,
  course_no   INTEGER NOT NULL REFERENCES course,
  size        INTEGER NOT NULL,
  ids         BLOB NOT NULL CHECK (length(ids) = size * 16),
  lines       TEXT NOT NULL CHECK (json_array_length(lines) = size),
  outcome     TEXT NOT NULL,
  not_before  INTEGER NOT NULL DEFAULT 0,
  attempts    INTEGER NOT NULL DEFAULT 0,
  tries       INTEGER NOT NULL DEFAULT 0,
  missing     INTEGER NOT NULL DEFAULT 0,
  quiet       INTEGER NOT NULL DEFAULT 0,
  doubt       INTEGER NOT NULL DEFAULT 0,
  gone        INTEGER NOT NULL DEFAULT 0,
  reason      TEXT,
  http_status INTEGER,
  error       TEXT,
  run_id      INTEGER,
  updated_at  INTEGER,
  participant_id TEXT, participant_status TEXT, invited_at TEXT, started_at TEXT, completed_at TEXT,
  unenrolled_at TEXT, last_activity_at TEXT, completion_rate TEXT,
  profile TEXT
);
INSERT INTO chunk
SELECT chunk_id, job_id, course_no, size, ids,
       iif(json_valid(lines) AND json_array_length(lines) = size, lines,
           '[' || substr(replace(hex(zeroblob(size)), '00', ',0'), 2) || ']'),
       outcome, not_before, attempts, tries, missing, quiet, doubt, gone, reason, http_status, error, run_id, updated_at,
       participant_id, participant_status, invited_at, started_at, completed_at, unenrolled_at, last_activity_at,
       completion_rate, profile
FROM chunk_of_2;
DROP TABLE chunk_of_2;
CREATE INDEX chunk_due ON chunk (job_id, not_before DESC, chunk_id, course_no) WHERE outcome = 'pending';
CREATE INDEX chunk_books ON chunk (job_id, outcome, gone, size);
