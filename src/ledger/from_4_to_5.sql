-- From version 4 to 5. What came since: lists of e-mail addresses.

ALTER TABLE run ADD COLUMN unknown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN step TEXT NOT NULL DEFAULT 'invite';
CREATE INDEX chunk_doubt ON chunk (target_no) WHERE doubt = 1;
CREATE TABLE address (
  key    BLOB PRIMARY KEY CHECK (length(key) = 16),
  member BLOB NOT NULL CHECK (length(member) = 16)
) WITHOUT ROWID;
CREATE TABLE address_key (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  key      BLOB NOT NULL DEFAULT (randomblob(32)),
  batch    INTEGER NOT NULL DEFAULT 100 CHECK (batch BETWEEN 1 AND 100)
);
INSERT INTO address_key (only_row) VALUES (1);
-- A constraint is no column that can be added: the table is written anew, under the name by which others speak of it.
CREATE TABLE target_of_5 (
  target_no INTEGER PRIMARY KEY,
  job_id    INTEGER NOT NULL REFERENCES job,
  kind      TEXT NOT NULL DEFAULT 'course',
  id        TEXT NOT NULL,
  accepted  INTEGER NOT NULL DEFAULT 0,
  step      TEXT NOT NULL DEFAULT 'invite',
  UNIQUE (job_id, kind, id, step)
);
INSERT INTO target_of_5 (target_no, job_id, kind, id, accepted) SELECT target_no, job_id, kind, id, accepted FROM target;
DROP TABLE target;
ALTER TABLE target_of_5 RENAME TO target;
