"""A ledger that an earlier convoke wrote: it is brought up to date by whatever opens it, nobody in it is lost, and whom a
refused course took along without being asked is due again."""
import fcntl
import unittest

import ledger_1
import ledger_2
from world import *

SENT = 1_700_000_000_000  # ms


class Migration(World):
    def views(self, ledger):
        names = [name for name, in self.query("SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY 1", ledger=ledger)]
        return {name: [column[1:3] for column in self.query(f"PRAGMA table_info({name})", ledger=ledger)] for name in names}

    def parts(self, ledger):
        """The tables with their columns, and the indexes."""
        tables = {name: sorted(column[1] for column in self.query(f"PRAGMA table_info({name})", ledger=ledger))
                  for name, in self.query("SELECT name FROM sqlite_master WHERE type = 'table'", ledger=ledger)}
        indexes = {name: [column[2] for column in self.query(f"PRAGMA index_info({name})", ledger=ledger)]
                   for name, in self.query("SELECT name FROM sqlite_master WHERE type = 'index'", ledger=ledger)}
        return tables, indexes


class FromVersion1(Migration):
    def setUp(self):
        super().setUp()
        kinds = ("invited", "already", "refused", "missing", "mass", "asked404", "failed", "doubt", "pending", "retried", "left",
                 "gone", "gone404", "lost")
        self.members = {kind: sorted(some_ids(3, kind)) for kind in kinds}
        self.in_list = [kind for kind in kinds if kind not in ("left", "gone", "gone404")]
        self.typo = {"mass", "asked404", "gone404"}
        rows = [f"{member},{self.course(kind)}" for kind in self.in_list for member in self.members[kind]]
        self.rows = rows + [rows[0], "nobody,course-1"]
        self.write_list(self.rows, header="m,c")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "m"\ncourse_column = "c"')
        self.write_ledger()

    def course(self, kind):
        return "typo" if kind in self.typo else COURSE

    def write_ledger(self):
        db = sqlite3.connect(self.ledger)
        with contextlib.closing(db):
            db.execute("PRAGMA page_size = 16384")
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(ledger_1.SCHEMA)
            db.execute("PRAGMA application_id = 0x43766B65")
            db.execute("PRAGMA user_version = 1")
            db.execute("INSERT INTO job VALUES (1, 'list', 'as it was', 100, ?, 1, 1, 9, 0)", (len(self.rows),))
            db.execute("INSERT INTO course VALUES (1, 1, 'course-1')")
            db.execute("INSERT INTO course VALUES (2, 1, 'typo')")
            db.execute("INSERT INTO run VALUES (1, 1, 4711, ?, ?, 1, '', ',10000000,86400000000,', 35, 1, 1, 3, 3, 9, 3, 3, 8, 2)",
                       (SENT, SENT + 9000))
            db.execute("INSERT INTO run VALUES (2, 1, 4712, ?, NULL, NULL, NULL, '', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)",
                       (SENT + 20_000,))
            db.execute("INSERT INTO invalid_row VALUES (1, 36, 'nobody', 'not a UUID')")
            for kind, outcome, attempts, status, error, gone in (
                    ("invited", "invited", 1, 201, None, 0), ("already", "already_invited", 1, 200, None, 0),
                    ("refused", "rejected", 7, 400, "HTTP 400: Bad Request", 0),
                    ("missing", "rejected", 3, 201, "not in the API's answers, not even when asked alone", 0),
                    ("mass", "rejected", 0, 404, "HTTP 404: no such course", 0),
                    ("asked404", "rejected", 1, 404, "HTTP 404: no such course", 0),
                    ("failed", "failed", 6, 500, "HTTP 500: boom", 0),
                    ("doubt", "in_doubt", 1, None, "no answer within 30s", 0), ("pending", "pending", 0, None, None, 0),
                    ("retried", "pending", 2, 503, "HTTP 503", 0), ("lost", "pending", 1, None, None, 0),
                    ("left", "withdrawn", 0, None, "no longer in the source", 0),
                    ("gone", "rejected", 7, 400, "HTTP 400: Bad Request", 1),
                    ("gone404", "rejected", 0, 404, "HTTP 404: no such course", 1)):
                ids = b"".join(uuid.UUID(member).bytes for member in self.members[kind])
                course_no = 2 if kind in self.typo else 1
                start = 2 + 3 * self.in_list.index(kind) if kind in self.in_list else 500
                chunk = db.execute(
                    "INSERT INTO chunk (job_id, course_no, size, ids, lines, outcome, attempts, gone, http_status, error, run_id, "
                    "updated_at) VALUES (1, ?, 3, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (course_no, ids, f"[{start},{start + 1},{start + 2}]", outcome, attempts, gone, status, error,
                     1 if attempts else None, SENT if attempts else None)).lastrowid
                if kind == "invited":
                    db.execute("UPDATE chunk SET participant_id = ?, participant_status = 'Invited', invited_at = ?",
                               ('["p1","p2","p3"]', "2023-11-14T22:13:20.000Z"))
                    db.execute("UPDATE chunk SET participant_id = NULL, participant_status = NULL, invited_at = NULL "
                               "WHERE outcome <> 'invited'")
                if attempts and kind != "lost":
                    db.execute("INSERT INTO call (run_id, chunk_id, course_no, size, ids, sent_at, latency_ms, http_status, error, "
                               "open) VALUES (1, ?, ?, 3, NULL, ?, 20, ?, ?, 0)", (chunk, course_no, SENT, status, error))
                if kind == "lost":  # the process was killed
                    db.execute("INSERT INTO call (run_id, chunk_id, course_no, size, ids, sent_at) VALUES (2, ?, 1, 3, NULL, ?)",
                               (chunk, SENT + 20_001))
            db.commit()

    def kinds(self):
        """{kind: outcome}, where all members of a kind are alike."""
        found = {}
        for (course, member), outcome in self.outcomes().items():
            kind, = [kind for kind, ids in self.members.items() if member in ids]
            self.assertEqual(course, self.course(kind))
            self.assertEqual(found.setdefault(kind, outcome), outcome)
        return found

    def test_its_views_equal_those_of_a_new_ledger_column_by_column(self):
        self.expect(OK, "status")
        sandbox = self.sandbox()
        self.expect(INCOMPLETE, "run", "list", "--ledger", "new.db")
        self.assertGreater(sandbox.requests, 0)
        new = self.folder / "new.db"
        self.assertEqual(self.views(self.ledger), self.views(new))
        self.assertEqual(self.parts(self.ledger), self.parts(new))
        for pragma in ("user_version", "application_id", "journal_mode", "integrity_check"):
            self.assertEqual(self.query(f"PRAGMA {pragma}"), self.query(f"PRAGMA {pragma}", ledger=new))
        self.assertEqual(self.query("PRAGMA foreign_key_check"), [])
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY name"
        plain = [[(name, " ".join(text.split())) for name, text in self.query(sql, ledger=ledger)] for ledger in (self.ledger, new)]
        self.assertEqual(plain[0], plain[1])

    def test_whom_a_refused_course_took_along_is_due_again_and_all_else_stays(self):
        before = self.query("SELECT spot_member_id, outcome, http_status, error, attempts, participant_id, invited_at, source_line, "
                            "updated_at FROM outcomes ORDER BY 1")
        self.assertEqual(len(before), 3 * 14)
        self.expect(OK, "status")
        kinds = self.kinds()
        self.assertEqual(kinds, {
            "invited": "invited", "already": "already_invited", "refused": "rejected", "missing": "rejected", "mass": "pending",
            "asked404": "pending", "failed": "failed", "doubt": "in_doubt", "pending": "pending", "retried": "pending",
            "lost": "pending", "left": "withdrawn", "gone": "rejected", "gone404": "withdrawn"})
        after = self.query("SELECT spot_member_id, outcome, http_status, error, attempts, participant_id, invited_at, source_line, "
                           "updated_at FROM outcomes ORDER BY 1")
        freed = set(self.members["mass"] + self.members["asked404"] + self.members["gone404"])
        self.assertEqual([row for row in after if row[0] not in freed], [row for row in before if row[0] not in freed])

    def test_each_trouble_gets_its_word(self):
        self.expect(OK, "status")
        words = dict(self.query("SELECT spot_member_id, reason FROM outcomes"))
        for kind, word in (("invited", None), ("already", None), ("refused", "refused"), ("missing", "not_in_answers"),
                           ("failed", "unavailable"), ("doubt", "timed_out"), ("left", "left_list"), ("gone", "refused")):
            self.assertEqual({words[member] for member in self.members[kind]}, {word}, kind)
        self.assertEqual(self.query("SELECT source_line, value, reason FROM invalid_rows"), [(36, "nobody", "not_an_id")])
        self.assertEqual({word for word, in self.query("SELECT reason FROM calls")},
                         {None, "refused", "not_in_answers", "course_refused", "unavailable", "timed_out"})

    def test_the_next_run_asks_those_who_are_due_and_the_books_balance(self):
        sandbox = self.sandbox()
        run = self.run_job(INCOMPLETE)
        due = {(self.course(kind), member) for kind in ("mass", "asked404", "failed", "pending", "retried", "lost")
               for member in self.members[kind]}
        self.assertEqual(sandbox.asked, {key: 1 for key in due})
        self.assertEqual((run["rows_read"], run["duplicates"], run["invalid"], run["invited"]), (35, 1, 1, 18))
        kinds = self.kinds()
        self.assertEqual({kinds[kind] for kind in ("mass", "asked404", "failed", "pending", "retried", "lost")}, {"invited"})
        self.assertEqual((kinds["refused"], kinds["doubt"], kinds["left"]), ("rejected", "in_doubt", "withdrawn"))
        self.assertEqual({member for member, in self.query("SELECT spot_member_id FROM outcomes WHERE in_list = 0")},
                         {member for kind in ("left", "gone", "gone404") for member in self.members[kind]})
        self.check_books()
        self.assertEqual(self.run_job(INCOMPLETE)["calls"], 0)

    def test_a_course_that_is_still_refused_leaves_them_due(self):
        sandbox = self.sandbox("--courses", COURSE)
        run = self.run_job(BAD_CONFIG)
        self.assertEqual([course["course_id"] for course in run["refused_courses"]], ["typo"])
        self.assertEqual((self.kinds()["mass"], self.kinds()["asked404"]), ("pending", "pending"))
        self.assertEqual(sandbox.stats["statuses"]["404"], 1)
        self.check_books()

    def test_whoever_left_and_is_back_is_due_again(self):
        self.write_list([f"{member},{COURSE}" for member in self.members["left"]] + self.rows, header="m,c")
        sandbox = self.sandbox()
        self.run_job(INCOMPLETE)
        self.assertEqual(self.kinds()["left"], "invited")
        self.assertEqual({sandbox.asked[COURSE, member] for member in self.members["left"]}, {1})

    def test_whom_a_refused_course_took_along_before_he_left_is_due_when_he_is_back(self):
        """He was never asked for: nobody is rejected who was not."""
        self.write_list([f"{member},typo" for member in self.members["gone404"]] + self.rows, header="m,c")
        sandbox = self.sandbox()
        self.run_job(INCOMPLETE)
        self.assertEqual(self.kinds()["gone404"], "invited")
        self.assertEqual({sandbox.asked.get(("typo", member)) for member in self.members["gone404"]}, {1})

    def test_it_belongs_to_no_api_until_its_next_call(self):
        self.assertIsNone(self.expect(OK, "status", "--json").json["base_url"])
        sandbox = self.sandbox()
        self.run_job(INCOMPLETE)
        self.assertEqual(self.expect(OK, "status", "--json").json["base_url"], sandbox.url)
        self.sandbox()
        self.expect(BAD_CONFIG, "run", "list")

    def test_plan_counts_what_the_run_then_calls(self):
        plan = self.expect(INCOMPLETE, "plan", "list", "--json").json["plans"][0]
        self.sandbox()
        run = self.run_job(INCOMPLETE)
        self.assertEqual((plan["due"], plan["calls"]), (18, run["calls"]))

    def test_profiles_are_shown_again_where_they_are_kept(self):
        self.sandbox()
        self.run_job(INCOMPLETE, settings={"ledger.keep_profile": "true"})
        self.assertEqual(self.views(self.ledger)["outcomes"][-1][0], "participant_profile")

    def test_it_is_left_alone_while_an_older_convoke_runs_on_it(self):
        """Who would find the views changed under him. He holds his job's byte of the file of locks."""
        with open(f"{self.ledger}-locks", "w") as locks:
            fcntl.lockf(locks, fcntl.LOCK_EX, 1, 1)
            for args in (["status"], ["plan", "list"], ["run", "list"], ["export", "list"]):
                result = self.expect(TRY_LATER, *args)
                self.assertRegex(result.err, r"(?m)^try: ")
            self.assertEqual(self.query("PRAGMA user_version"), [(1,)])
        self.expect(OK, "status")
        self.assertEqual(self.query("PRAGMA user_version"), [(6,)])

    def test_processes_that_open_it_at_once_migrate_it_once(self):
        for _ in range(5):
            self.remove_ledger()
            self.write_ledger()
            for result in [process.finish() for process in [self.start("status") for _ in range(6)]]:
                self.assertEqual(result.exit, OK, str(result))
            self.assertEqual(self.kinds()["mass"], "pending")


class FromVersion2(Migration):
    LIMITS = {"limits.calls": '["100/10s", "50000/24h"]'}

    def setUp(self):
        super().setUp()
        self.ids = sorted(some_ids(6))
        self.a_job(self.ids)
        self.now = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1_000_000)  # ledger time, as the bridge below has it
        self.write_ledger()

    def write_ledger(self, windows=",10000000,86400000000,"):
        db = sqlite3.connect(self.ledger)
        with contextlib.closing(db):
            db.execute("PRAGMA page_size = 16384")
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(ledger_2.SCHEMA)
            db.execute("PRAGMA application_id = 0x43766B65")
            db.execute("PRAGMA user_version = 2")
            db.execute("INSERT INTO job (job_id, name, fingerprint, rows_read) VALUES (1, 'list', 'as it was', 6)")
            db.execute("INSERT INTO course VALUES (1, 1, ?, 1)", (COURSE,))
            at = int(time.time() * 1000) - 60_000
            db.execute("INSERT INTO run (run_id, job_id, pid, started_at, ended_at, exit_code, stopped_by, windows, calls, invited) "
                       "VALUES (1, 1, 4711, ?, ?, 75, 'signal', ?, 2, 2)", (at, at + 9, windows))
            for number, (outcome, lines) in enumerate((("invited", "[2,3]"), ("pending", "[4,5]"), ("pending", "[6]")), 1):
                ids = b"".join(uuid.UUID(member).bytes for member in self.ids[2 * number - 2:2 * number])
                db.execute("INSERT INTO chunk (chunk_id, job_id, course_no, size, ids, lines, outcome, attempts, http_status, run_id, "
                           "updated_at) VALUES (?, 1, 1, 2, ?, ?, ?, 1, 201, 1, ?)", (number, ids, lines, outcome, at))
            for chunk in (1, 2):
                db.execute("INSERT INTO call (run_id, chunk_id, course_no, size, sent_at, latency_ms, http_status, open) "
                           "VALUES (1, ?, 1, 2, ?, 20, 201, 0)", (chunk, at))
            for window in (10, 86400):
                for slot in (0, 1):
                    db.execute("INSERT INTO slot VALUES (?, ?, ?)",
                               (window * 1_000_000, slot, self.now + (window - 60) * 1_000_000))
            boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            db.execute("INSERT INTO clock_bridge VALUES (1, ?, 0, ?, ?)", (boot, self.now, at))
            db.commit()

    def used(self, **how):
        return {limit["limit"]: limit["used"] for limit in self.expect(OK, "status", "--json", **how).json["quota"]["limits"]}

    def test_it_is_as_a_new_one_and_what_was_spoilt_by_hand_is_mended(self):
        before = self.query("SELECT * FROM outcomes ORDER BY spot_member_id")
        self.expect(OK, "status")
        self.sandbox()
        self.expect(OK, "run", "list", "--ledger", "new.db")
        new = self.folder / "new.db"
        self.assertEqual(self.views(self.ledger), self.views(new))
        self.assertEqual(self.parts(self.ledger), self.parts(new))
        after = self.query("SELECT * FROM outcomes ORDER BY spot_member_id")
        self.assertEqual([row[:-1] for row in after[:4]], before[:4])
        self.assertEqual({row[-1] for row in after}, {"course"})
        self.assertEqual(self.query("SELECT spot_member_id, source_line FROM outcomes WHERE source_line = 0"),
                         [(member, 0) for member in self.ids[4:]])
        self.assertEqual(self.query("PRAGMA integrity_check"), [("ok",)])
        self.run_job(OK)
        self.assertEqual(dict(self.query("SELECT spot_member_id, source_line FROM outcomes")),
                         {member: line for line, member in enumerate(self.ids, 2)})
        self.check_books()

    def test_what_is_used_of_the_limits_stays_used_and_nobody_takes_it_for_a_copy(self):
        self.assertEqual(self.used(settings=self.LIMITS), {"100/10s": 0, "50000/24h": 2})
        sandbox = self.sandbox()
        self.assertEqual(self.used(settings=self.LIMITS), {"100/10s": 0, "50000/24h": 2})
        result = self.expect(OK, "run", "list", settings=self.LIMITS)
        self.assertNotRegex(result.err, "copied|forgotten")
        self.assertEqual(self.used(settings=self.LIMITS)["50000/24h"], 2 + sandbox.requests)
        self.assertTrue(pathlib.Path(f"{self.ledger}-calls").exists())

    def test_a_window_in_which_calls_are_missing_counts_them_from_the_next_run_on(self):
        self.remove_ledger()
        self.write_ledger(windows=",10000000,")
        self.expect(OK, "status")
        self.assertEqual(self.query("SELECT window_us FROM limit_window"), [(10_000_000,)])
        sandbox = self.sandbox()
        self.expect(OK, "run", "list", settings=self.LIMITS)
        self.assertEqual(self.used(settings=self.LIMITS)["50000/24h"], 2 + sandbox.requests)


if __name__ == "__main__":
    unittest.main()
