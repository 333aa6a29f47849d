-- From version 3 to 4. What came since: people are invited to learning paths and channels, too.

ALTER TABLE chunk RENAME COLUMN course_no TO target_no;
ALTER TABLE call RENAME COLUMN course_no TO target_no;
-- A constraint is no column that can be added: the table is written anew, under the name by which others speak of it.
ALTER TABLE course RENAME TO target;
CREATE TABLE target_of_4 (
  target_no INTEGER PRIMARY KEY,
  job_id    INTEGER NOT NULL REFERENCES job,
  kind      TEXT NOT NULL DEFAULT 'course',
  id        TEXT NOT NULL,
  accepted  INTEGER NOT NULL DEFAULT 0,
  UNIQUE (job_id, kind, id)
);
INSERT INTO target_of_4 (target_no, job_id, id, accepted) SELECT course_no, job_id, course_id, accepted FROM target;
DROP TABLE target;
ALTER TABLE target_of_4 RENAME TO target;
