-- The ledger, version 6. People and scripts read the views (views.sql); the tables are ours to change, with a migration.
--
-- The idea: a chunk is a set of members of one target that share a fate. Its members go out in one call, and what is the
-- same for all of them (outcome, status, attempts, when) is written once. Where an answer tells members apart, the
-- chunk is split, so a chunk never mixes outcomes. Hence a million members are ten thousand rows, the books are a sum
-- over an index, and recording an answer is one update. The views unpack a chunk into one row per member.
--
-- Times: `*_at` are ms since the epoch, UTC, for people. What decides (not_before, slots, pace) is ledger time: µs on a
-- clock that never runs backwards, the same for all processes on this ledger, over boots too (see clock_bridge).

-- A ledger belongs to one API: what one says of members is nothing to another.
CREATE TABLE api (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  base_url  TEXT,                        -- scheme, host, port and path of the first call; NULL: none was made yet
  rehearsal INTEGER NOT NULL DEFAULT 0   -- 1: of `run --rehearse`, made anew by each
);
INSERT INTO api (only_row) VALUES (1);

-- A ledger that was restored from a backup, or copied, has forgotten calls that still count in the limits. It finds that
-- out by a file beside it that holds the same two (calls_file.h).
CREATE TABLE identity (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  ledger_id TEXT NOT NULL DEFAULT '',   -- random; '': no run has begun yet that knew of this
  calls     INTEGER NOT NULL DEFAULT 0  -- that were ever begun, put back or not
);
INSERT INTO identity (only_row) VALUES (1);

CREATE TABLE job (
  job_id       INTEGER PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  origin       TEXT NOT NULL DEFAULT '', -- the job's file, or the list of one without a file; '': not known
  fingerprint  TEXT NOT NULL DEFAULT '', -- of the source as last read to its end; '' is never equal to a source's
  -- The reading that the fingerprint stands for: rows_read = (members of this job that are not gone) + duplicates + invalid
  rows_read    INTEGER NOT NULL DEFAULT 0,
  invalid      INTEGER NOT NULL DEFAULT 0,
  duplicates   INTEGER NOT NULL DEFAULT 0,
  mended       INTEGER NOT NULL DEFAULT 0, -- rows whose id was written otherwise: in braces, without dashes
  half_read    INTEGER NOT NULL DEFAULT 0  -- 1: a later reading began and did not end yet; till then nothing adds up
);

CREATE TABLE target (
  target_no INTEGER PRIMARY KEY,
  job_id    INTEGER NOT NULL REFERENCES job,
  kind      TEXT NOT NULL DEFAULT 'course', -- course, learning_path or channel
  id        TEXT NOT NULL, -- as the API knows it
  accepted  INTEGER NOT NULL DEFAULT 0, -- 1: the API answered a call for it with 200 or 201: it is there
  step      TEXT NOT NULL DEFAULT 'invite', -- invite: its members are known; look_up: its chunks hold keys of addresses;
                                            -- create: likewise, of addresses that nobody has; verify: a list of who takes
                                            -- part is read, look: the list of courses (its chunk has no members)
  UNIQUE (job_id, kind, id, step)
);

-- Who has an address, for all jobs. No address is kept: what stands here is a hash of it (HMAC-SHA-256, the first 16
-- bytes) by a key of this ledger's own.
CREATE TABLE address (
  key    BLOB PRIMARY KEY CHECK (length(key) = 16),
  member BLOB NOT NULL CHECK (length(member) = 16)
) WITHOUT ROWID;

CREATE TABLE address_key (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  key      BLOB NOT NULL DEFAULT (randomblob(32)),
  batch    INTEGER NOT NULL DEFAULT 100 CHECK (batch BETWEEN 1 AND 100) -- the most addresses of one look-up that the API takes, as far as is known
);
INSERT INTO address_key (only_row) VALUES (1);

CREATE TABLE chunk (
  chunk_id    INTEGER PRIMARY KEY,
  job_id      INTEGER NOT NULL,
  target_no   INTEGER NOT NULL REFERENCES target,
  size        INTEGER NOT NULL,
  ids         BLOB NOT NULL CHECK (length(ids) = size * 16), -- 16 bytes a member, ascending: a chunk holds whom it counts
                                                             -- (of addresses: their keys)
  lines       TEXT NOT NULL CHECK (json_array_length(lines) = size), -- JSON array: the source line of each
  outcome     TEXT NOT NULL,
  not_before  INTEGER NOT NULL DEFAULT 0,  -- pending: not due before this ledger time; 0: never asked or all the same;
                                           -- -1: failed in an earlier run, and comes last
  attempts    INTEGER NOT NULL DEFAULT 0,  -- calls that asked for these members, less those refused by a 429
  tries       INTEGER NOT NULL DEFAULT 0,  -- of them, those without a definite answer since the last one that had it
  missing     INTEGER NOT NULL DEFAULT 0,  -- how often in a row a 201 did not name them; addresses: how often no member
                                           -- was made of them
  quiet       INTEGER NOT NULL DEFAULT 0,  -- 1: ask without e-mail (on_doubt = "ask-quietly")
  doubt       INTEGER NOT NULL DEFAULT 0,  -- 1: a call may have taken effect, and no 200 or 201 said more since
  gone        INTEGER NOT NULL DEFAULT 0,  -- 1: no longer in the source; nobody is asked for again who is not in it
  reason      TEXT,                        -- base/reason.h: why it is not well
  http_status INTEGER,
  error       TEXT,
  run_id      INTEGER,                     -- that asked last
  updated_at  INTEGER,
  -- What a 201 says of the members, each column either a JSON array with one value per member or, where all share it,
  -- that one value.
  participant_id TEXT, participant_status TEXT, invited_at TEXT, started_at TEXT, completed_at TEXT,
  unenrolled_at TEXT, last_activity_at TEXT, completion_rate TEXT,
  profile TEXT                             -- names and e-mail addresses; only with [ledger] keep_profile
);
-- What is due, and first what was asked before: it tells most, and a split ends before the next one starts.
-- (The target stands in it, so that those of a target that was refused are passed over without being read.)
CREATE INDEX chunk_due ON chunk (job_id, not_before DESC, chunk_id, target_no) WHERE outcome = 'pending';
-- Before members are made of addresses: of whom a call may have made them already.
CREATE INDEX chunk_doubt ON chunk (target_no) WHERE doubt = 1;
-- The books without reading the members.
CREATE INDEX chunk_books ON chunk (job_id, outcome, gone, size);

CREATE TABLE invalid_row (
  job_id INTEGER NOT NULL,
  line   INTEGER NOT NULL,
  value  TEXT NOT NULL,
  reason TEXT NOT NULL  -- base/reason.h
);
CREATE INDEX invalid_row_of ON invalid_row (job_id);

CREATE TABLE run (
  run_id     INTEGER PRIMARY KEY,
  job_id     INTEGER NOT NULL REFERENCES job,
  pid        INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER,
  exit_code  INTEGER,
  stopped_by TEXT,
  message    TEXT,                     -- what ended it, for people
  rows_read  INTEGER NOT NULL DEFAULT 0,
  invalid    INTEGER NOT NULL DEFAULT 0,
  duplicates INTEGER NOT NULL DEFAULT 0,
  invited         INTEGER NOT NULL DEFAULT 0,
  already_invited INTEGER NOT NULL DEFAULT 0,
  rejected        INTEGER NOT NULL DEFAULT 0,
  failed          INTEGER NOT NULL DEFAULT 0,
  in_doubt        INTEGER NOT NULL DEFAULT 0,
  calls           INTEGER NOT NULL DEFAULT 0,
  retries         INTEGER NOT NULL DEFAULT 0,
  unknown         INTEGER NOT NULL DEFAULT 0,
  command         TEXT NOT NULL DEFAULT 'run' -- run (and retry), verify, check (plan --check)
);
CREATE INDEX run_of ON run (job_id);

-- Written, and on disk, before the call goes out: the intent. An open call of a run that is no more is one that may have
-- taken effect.
CREATE TABLE call (
  call_id     INTEGER PRIMARY KEY,
  run_id      INTEGER NOT NULL REFERENCES run,
  chunk_id    INTEGER NOT NULL,
  target_no   INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  ids         BLOB,          -- the members asked for, as in chunk; NULL while they are the chunk's to this day
  sent_at     INTEGER NOT NULL,
  latency_ms  INTEGER,
  reason      TEXT,          -- base/reason.h
  http_status INTEGER,
  error       TEXT,
  open        INTEGER NOT NULL DEFAULT 1,
  step        TEXT NOT NULL DEFAULT 'invite' -- what was asked: as in target
);
CREATE INDEX call_open ON call (run_id) WHERE open = 1;
-- Before a chunk gains or loses members, its calls get to keep whom they asked for.
CREATE INDEX call_whole ON call (chunk_id) WHERE ids IS NULL;

-- A list of participants that is being read, page by page (ledger/paging.h), until it was held against the ledger.
CREATE TABLE paging (
  target_no       INTEGER PRIMARY KEY REFERENCES target, -- at the step `verify`
  run_id          INTEGER NOT NULL,           -- that began it
  number          INTEGER NOT NULL DEFAULT 0, -- of the page that is asked for next; 0: the first, without a number
  size            INTEGER NOT NULL DEFAULT 1000,
  is_size_taken   INTEGER NOT NULL DEFAULT 0,
  pass            INTEGER NOT NULL DEFAULT 1,
  total_before    INTEGER,
  total           INTEGER,
  read_before     INTEGER NOT NULL DEFAULT -1, -- entries of the pass before; -1: there was none
  read            INTEGER NOT NULL DEFAULT 0, -- of this one, and of them
  unreadable      INTEGER NOT NULL DEFAULT 0,
  foreign_entries INTEGER NOT NULL DEFAULT 0,
  first_entries   INTEGER NOT NULL DEFAULT 0,
  latest_mark     INTEGER NOT NULL DEFAULT 0,
  earlier_mark    INTEGER NOT NULL DEFAULT 0,
  is_read         INTEGER NOT NULL DEFAULT 0, -- 1: this pass is at its end,
  is_at_end       INTEGER NOT NULL DEFAULT 0, -- 1: and at the list's,
  is_endless      INTEGER NOT NULL DEFAULT 0, -- 1: or it was given up
  has_moved       INTEGER NOT NULL DEFAULT 0, -- 1: the total did
  began_at        INTEGER NOT NULL,           -- this pass,
  read_at         INTEGER NOT NULL            -- and its latest page
);

-- Who was on these pages, as they came: whoever was on two stands here twice.
CREATE TABLE participant (
  target_no INTEGER NOT NULL,
  pass      INTEGER NOT NULL,
  member    BLOB NOT NULL,
  said      TEXT NOT NULL -- JSON: the columns of chunk from participant_id on
);

-- The limits' state; see run/rate_limiter.h. Each call takes a slot in every window that stands here, whether its own
-- run has a limit of that window or not; so whoever has one finds all calls in it.
CREATE TABLE limit_window (
  window_us INTEGER PRIMARY KEY,
  next_at   INTEGER NOT NULL DEFAULT 0 -- theoretical time of the next call of those paced by it (GCRA)
);

-- A slot is taken before a call goes out and free again at free_at.
CREATE TABLE slot (
  window_us INTEGER NOT NULL,
  slot_no   INTEGER NOT NULL,
  free_at   INTEGER NOT NULL,
  PRIMARY KEY (window_us, slot_no)
) WITHOUT ROWID;
CREATE INDEX slot_free ON slot (window_us, free_at);

CREATE TABLE pace (
  only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
  paused_until  INTEGER NOT NULL DEFAULT 0,  -- nobody calls before (429)
  allowed       INTEGER NOT NULL DEFAULT -1, -- calls the API said are left until allowed_until; -1: it said nothing
  allowed_until INTEGER NOT NULL DEFAULT 0,
  unknown_until INTEGER NOT NULL DEFAULT 0   -- nobody knows what the server counted before: it may be all it allows
);
INSERT INTO pace (only_row) VALUES (1);

-- Calls that this ledger has forgotten, for windows that are new to it.
CREATE TABLE forgotten (
  calls         INTEGER NOT NULL,
  counted_until INTEGER NOT NULL -- the ledger time from which on the server counts none of them any more
);

-- Ledger time = the boot clock + offset_us while boot_id is the current boot; a new boot continues from `ledger_us` by the
-- wall time that went by since, never less than none.
CREATE TABLE clock_bridge (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  boot_id   TEXT NOT NULL, -- '': it could not be read, and is no boot's
  offset_us INTEGER NOT NULL,
  ledger_us INTEGER NOT NULL, -- the latest seen, with the wall time then
  wall_ms   INTEGER NOT NULL
);
