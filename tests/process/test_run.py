"""A job from list to ledger: everybody once, exact books, and a second run that has nothing to do."""
import shutil
import sqlite3
import contextlib
import unittest

from world import *


class SampleJobs(World):
    """The jobs and lists that come with the program, as a newcomer runs them."""

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.folder / "jobs")
        for name in ("jobs", "sample-data"):
            shutil.copytree(ROOT / name, self.folder / name)
        shutil.copy(ROOT / "config.toml", self.folder)

    def check_sample(self, job, pairs, rows):
        sandbox = self.sandbox()
        run = self.run_job(INCOMPLETE, job=job)  # the lists hold invalid rows: said, and the rest goes out
        members = set(pairs)
        self.assertEqual(self.outcomes(job), {pair: "invited" for pair in members})
        self.assertEqual({pair for pair, member in sandbox.members.items() if member["invitations"] == 1}, members)
        self.assertEqual(run["rows_read"], rows)
        self.assertEqual(run["members"], len(members))
        self.assertEqual(run["duplicates"], len(pairs) - len(members))
        self.assertEqual(run["rows_read"], run["members"] + run["duplicates"] + run["invalid"])
        self.check_record(sandbox, job)
        requests = sandbox.requests
        again = self.run_job(INCOMPLETE, job=job)
        self.assertEqual(again["calls"], 0)
        self.assertFalse(again["source_read"])
        self.assertEqual(sandbox.requests, requests, "a second run sent something")

    def test_the_csv_list_is_invited_id_by_id_and_not_again(self):
        course = re.search(r'^course = "(.*?)"', (ROOT / "jobs/members.toml").read_text(), re.M)[1]
        pairs, rows = read_sample("members.csv", "spotMemberId", course_name=course)
        self.check_sample("members", pairs, rows)

    def test_the_list_over_many_courses_is_invited_id_by_id_and_not_again(self):
        pairs, rows = read_sample("many-courses.csv", "member", "course", ";")
        self.assertGreater(len({course for course, _ in pairs}), 10)
        self.check_sample("many-courses", pairs, rows)

    def test_the_crm_query_is_invited_id_by_id_and_not_again(self):
        text = (ROOT / "jobs/crm.toml").read_text()
        course = re.search(r'^course = "(.*?)"', text, re.M)[1]
        query = re.search(r'"""(.*?)"""', text, re.S)[1]
        with contextlib.closing(sqlite3.connect(f"file:{ROOT / 'sample-data/crm.db'}?mode=ro", uri=True)) as db:
            found = [row[0] for row in db.execute(query)]
        pairs = [(course, value.strip().lower()) for value in found if value and UUID.fullmatch(value.strip().lower())]
        self.check_sample("crm", pairs, len(found))

    def test_all_three_in_one_command_share_a_ledger(self):
        sandbox = self.sandbox()
        result = self.expect(INCOMPLETE, "run", "members", "crm", "many-courses", "--json")
        self.assertEqual([run["job"] for run in result.json["runs"]], ["members", "crm", "many-courses"])
        self.check_record(sandbox, jobs=["members", "crm", "many-courses"])
        self.assertEqual(set(sandbox.asked.values()), {1})


class ChangingLists(World):
    def test_a_clean_list_ends_with_exit_0_and_a_second_run_sends_nothing(self):
        sandbox = self.sandbox()
        ids = self.a_job(1234)
        run = self.run_job(OK)
        self.assertEqual((run["invited"], run["calls"]), (1234, 13))
        self.check_all_invited(sandbox, ids)
        self.assertEqual(self.run_job(OK)["calls"], 0)
        self.assertEqual(sandbox.requests, 13)

    def test_appended_rows_are_sent_and_only_those(self):
        sandbox = self.sandbox()
        ids = some_ids(550)
        self.a_job(ids[:500])
        self.run_job(OK)
        self.write_list(ids)
        run = self.run_job(OK)
        self.assertEqual((run["invited"], run["calls"]), (50, 1))
        self.check_all_invited(sandbox, ids)
        self.assertEqual(set(sandbox.asked.values()), {1})

    def test_a_list_in_another_order_sends_nothing_and_keeps_its_lines(self):
        sandbox = self.sandbox()
        ids = self.a_job(300)
        self.run_job(OK)
        self.write_list(ids[::-1])
        self.assertEqual(self.run_job(OK)["calls"], 0)
        self.assertEqual(sandbox.requests, 3)
        lines = dict(self.query("SELECT spot_member_id, source_line FROM outcomes"))
        self.assertEqual(lines, {member: at for at, member in enumerate(ids[::-1], 2)})

    def test_rows_that_were_due_and_are_gone_are_withdrawn_and_due_again_when_they_are_back(self):
        sandbox = self.sandbox()
        ids = self.a_job(1000)
        self.run_job(TRY_LATER, "--max-members", "200")
        due = self.of_outcome("pending")
        self.assertEqual(len(due), 800)
        gone = set(sorted(due)[::2])
        self.write_list([member for member in ids if member not in gone])
        run = self.run_job(OK)
        self.assertEqual(self.of_outcome("withdrawn"), gone)
        self.assertEqual(self.tally(), {"invited": 600, "withdrawn": 400})
        self.assertEqual(run["gone"], 400)
        self.assertFalse(gone & {member for _, member in sandbox.members}, "a withdrawn member was asked for")
        self.check_record(sandbox)
        self.write_list(ids)
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)
        self.assertEqual(set(sandbox.asked.values()), {1})

    def test_an_invited_member_that_left_the_list_stays_invited(self):
        sandbox = self.sandbox()
        ids = self.a_job(250)
        self.run_job(OK)
        self.write_list(ids[:200])
        run = self.run_job(OK)
        self.assertEqual((run["gone"], run["members"], run["rows_read"]), (50, 250, 200))
        self.check_all_invited(sandbox, ids)

    def test_every_row_is_accounted_for(self):
        sandbox = self.sandbox()
        ids = some_ids(100)
        wrong = {"n/a": "not_an_id", ids[0][:-1]: "not_an_id", ids[0] + "0": "not_an_id", "ann@example.org": "email_address"}
        self.write_job()
        same = ids[:7] + [ids[8].upper(), f"  {ids[9]} ", "{" + ids[1] + "}", ids[2].replace("-", ""), f"\u00a0{ids[3]}\u200b"]
        self.write_list(ids + [f'"{value}"' for value in wrong] + [",Ann", '""', " , "] + same)
        run = self.run_job(INCOMPLETE)
        self.assertEqual((run["rows_read"], run["members"], run["duplicates"], run["invalid"]), (117, 100, 12, 5))
        rows = self.query("SELECT source_line, value, reason FROM invalid_rows ORDER BY source_line")
        expected = [(line, value, reason) for line, (value, reason) in enumerate(wrong.items(), 102)] + [(106, "", "no_id")]
        self.assertEqual(rows, expected)
        self.check_all_invited(sandbox, ids)
        self.check_books()


class Sources(World):
    def test_standard_input_is_a_source_and_a_second_reading_sends_nothing(self):
        sandbox = self.sandbox()
        ids = some_ids(321)
        text = "spotMemberId\n" + "\n".join(ids)
        arguments = ("run", "--csv", "-", "--course", COURSE, "--json")
        result = self.expect(OK, *arguments, stdin=text.encode())
        job = result.last_run["job"]
        self.check_all_invited(sandbox, ids, job)
        again = self.expect(OK, *arguments, stdin=text.encode())
        self.assertEqual((again.last_run["calls"], again.last_run["source_read"]), (0, True))
        self.check_record(sandbox, job)

    def test_a_csv_on_the_command_line_needs_no_job_file(self):
        sandbox = self.sandbox()
        ids = some_ids(150)
        path = self.write_list(ids, "people.csv", "id")
        run = self.expect(OK, "run", "--csv", path, "--course", "a course", "--member-column", "id", "--json").last_run
        self.check_all_invited(sandbox, ids, run["job"], "a course")

    def test_a_list_on_the_command_line_may_look_as_it_does(self):
        sandbox = self.sandbox()
        ids = some_ids(20)
        path = self.write_list([f"Ann;{member}" for member in ids], "people.csv", header=None)
        run = self.expect(OK, "run", "--csv", path, "--course", COURSE, "--name", "spring", "--delimiter", ";",
                          "--no-header", "--member-column", "2", "--email-notification", "--json").last_run
        self.assertEqual(run["job"], "spring")
        self.check_all_invited(sandbox, ids, "spring")
        self.expect(USAGE, "run", "spring", "--delimiter", ";")
        refused = self.expect(BAD_CONFIG, "run", "--csv", path, "--course", COURSE, "--no-header")
        self.assertIn("member_column", refused.err)

    def test_a_course_column_on_the_command_line(self):
        sandbox = self.sandbox()
        ids = some_ids(60)
        path = self.write_list([f"{member},c{at % 3}" for at, member in enumerate(ids)], "people.csv", "spotMemberId,where")
        run = self.expect(OK, "run", "--csv", path, "--course-column", "where", "--json").last_run
        self.assertEqual(run["calls"], 3)
        self.assertEqual(set(self.outcomes(run["job"])), {(f"c{at % 3}", member) for at, member in enumerate(ids)})
        self.check_record(sandbox, run["job"])

    def test_a_csv_without_a_header_is_read_by_column_number(self):
        sandbox = self.sandbox()
        ids = some_ids(101)
        self.write_list([f"{at};{member};x" for at, member in enumerate(ids)], header=None)
        self.write_job(source='csv = "../list.csv"\nheader = false\ndelimiter = ";"\nmember_column = 2')
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)
        self.assertEqual(self.query("SELECT min(source_line), max(source_line) FROM outcomes"), [(1, 101)])

    def test_a_query_on_a_sqlite_file_is_a_source_and_new_rows_are_sent(self):
        sandbox = self.sandbox()
        ids = some_ids(200)
        with contextlib.closing(sqlite3.connect(self.folder / "crm.db")) as db:
            db.execute("CREATE TABLE people (member TEXT)")
            db.executemany("INSERT INTO people VALUES (?)", [(member,) for member in ids[:150]])
            db.commit()
            self.write_job(source='sqlite = "../crm.db"\nquery = "SELECT member FROM people"\nmember_column = "member"')
            self.run_job(OK)
            self.check_all_invited(sandbox, ids[:150])
            db.executemany("INSERT INTO people VALUES (?)", [(member,) for member in ids[150:]])
            db.commit()
        self.assertEqual(self.run_job(OK)["invited"], 50)
        self.check_all_invited(sandbox, ids)

    def test_course_ids_of_any_spelling_reach_the_api_as_they_are(self):
        sandbox = self.sandbox()
        courses = ["plain", "with blank", "a/b", "50%", "Ünïcode", "q?x=1#y", "..", "~tilde~"]
        ids = some_ids(len(courses))
        self.write_list([f"{member},{course}" for member, course in zip(ids, courses)], header="m,c")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "m"\ncourse_column = "c"')
        self.run_job(OK)
        self.assertEqual(set(sandbox.members), set(zip(courses, ids)))
        self.check_record(sandbox)


class TheCall(World):
    def test_optional_fields_are_left_out_unless_the_job_sets_them(self):
        server = self.server(lambda call: (201, participants(call.ids)))
        ids = self.a_job(3)
        self.run_job(OK)
        call = server.calls[0]
        self.assertEqual((call.method, call.path), ("POST", f"/v1/courses/{COURSE}/participants~bulkInvite"))
        self.assertEqual({name: call.headers[name] for name in ("Authorization", "Content-Type")},
                         {"Authorization": KEY, "Content-Type": "application/json"})
        self.assertEqual(call.body, {"spotMemberIds": sorted(ids)})

    def test_the_fields_that_the_job_sets_are_sent(self):
        inviter = some_ids(1, "inviter")[0]
        server = self.server(lambda call: (201, participants(call.ids)))
        self.a_job(3, f'invited_by = "{inviter}"\ncheck = false\nemail_notification = true')
        self.run_job(OK)
        self.assertEqual(server.calls[0].body["invitedBySpotMemberId"], inviter)
        self.assertIs(server.calls[0].body["withEmailNotification"], True)

    def test_what_a_participant_is_like_is_kept_and_who_they_are_is_not(self):
        self.server(lambda call: (201, participants(call.ids, status="Started", startedAt="2024-05-02T00:00:00Z",
                                                    completionRate=40, spotMemberLastname="Oddsurname")))
        self.a_job(5)
        self.run_job(OK)
        rows = self.query("SELECT DISTINCT participant_status, invited_at, started_at, completed_at, completion_rate FROM outcomes")
        self.assertEqual(rows, [("Started", "2024-05-01T10:00:00.000Z", "2024-05-02T00:00:00Z", None, 40)])
        self.assertEqual(self.query("SELECT count(DISTINCT participant_id) FROM outcomes"), [(5,)])
        for path in self.folder.glob("convoke.db*"):
            self.assertNotIn(b"Oddsurname", path.read_bytes())
            self.assertNotIn(b"example.org", path.read_bytes())

    def test_an_answer_in_another_order_and_case_is_matched_by_id(self):
        self.server(lambda call: (201, participants([member.upper() for member in reversed(call.ids)])))
        ids = self.a_job(100)
        self.run_job(OK)
        rows = dict(self.query("SELECT spot_member_id, participant_id FROM outcomes"))
        self.assertEqual(rows, {member: str(uuid.uuid5(uuid.NAMESPACE_OID, member.upper())) for member in ids})


class Plan(World):
    def test_plan_sends_nothing_and_leaves_the_ledger_as_it_is(self):
        sandbox = self.sandbox()
        ids = self.a_job(250)
        plan = self.expect(OK, "plan", "list", "--json").json["plans"][0]
        self.assertEqual((plan["members"], plan["new"], plan["due"], plan["calls"]), (250, 250, 250, 3))
        self.assertFalse(self.ledger.exists())
        self.run_job(OK)
        before = self.ledger.read_bytes()
        self.write_list(ids + some_ids(30, "more") + ["oops"])
        plan = self.expect(INCOMPLETE, "plan", "list", "--json").json["plans"][0]
        self.assertEqual((plan["new"], plan["due"], plan["calls"], plan["invalid"]), (30, 30, 1, 1))
        self.assertEqual(self.ledger.read_bytes(), before)
        self.assertEqual(sandbox.requests, 3)
        run = self.run_job(INCOMPLETE)
        self.assertEqual((run["invited"], run["calls"]), (30, 1))


if __name__ == "__main__":
    unittest.main()
