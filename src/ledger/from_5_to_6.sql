-- From version 5 to 6. What came since: `convoke verify`, and a look at the courses before mailing.

ALTER TABLE run ADD COLUMN command TEXT NOT NULL DEFAULT 'run';
CREATE TABLE paging (
  target_no       INTEGER PRIMARY KEY REFERENCES target,
  run_id          INTEGER NOT NULL,
  number          INTEGER NOT NULL DEFAULT 0,
  size            INTEGER NOT NULL DEFAULT 1000,
  is_size_taken   INTEGER NOT NULL DEFAULT 0,
  pass            INTEGER NOT NULL DEFAULT 1,
  total_before    INTEGER,
  total           INTEGER,
  read_before     INTEGER NOT NULL DEFAULT -1,
  read            INTEGER NOT NULL DEFAULT 0,
  unreadable      INTEGER NOT NULL DEFAULT 0,
  foreign_entries INTEGER NOT NULL DEFAULT 0,
  first_entries   INTEGER NOT NULL DEFAULT 0,
  latest_mark     INTEGER NOT NULL DEFAULT 0,
  earlier_mark    INTEGER NOT NULL DEFAULT 0,
  is_read         INTEGER NOT NULL DEFAULT 0,
  is_at_end       INTEGER NOT NULL DEFAULT 0,
  is_endless      INTEGER NOT NULL DEFAULT 0,
  has_moved       INTEGER NOT NULL DEFAULT 0,
  began_at        INTEGER NOT NULL,
  read_at         INTEGER NOT NULL
);
CREATE TABLE participant (
  target_no INTEGER NOT NULL,
  pass      INTEGER NOT NULL,
  member    BLOB NOT NULL,
  said      TEXT NOT NULL
);
