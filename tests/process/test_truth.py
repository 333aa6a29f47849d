"""What the program says is true: of the list as it stands, whichever run found it."""
import unittest

from world import *


class TheListAsItStands(World):
    def test_the_second_night_ends_as_the_first_while_somebody_is_rejected(self):
        sandbox = self.sandbox("--poison", "ee")
        self.a_job(some_ids(200) + some_ids(2, prefix="ee"))
        first = self.expect(INCOMPLETE, "run", "list")
        second = self.expect(INCOMPLETE, "run", "list")
        for result in (first, second):
            self.assertNotRegex(result.out, r"\bdone\b")
            self.assertIn("2 of 202 members are not invited", result.out.splitlines()[0])
            self.assertRegex(result.out, r"rejected +2\b")
        self.assertEqual(self.run_job(INCOMPLETE)["calls"], 0)
        self.assertEqual(self.query("SELECT exit_code FROM runs"), [(1,)] * 3)
        self.check_record(sandbox)

    def test_so_while_somebody_is_in_doubt(self):
        self.server(lambda call: "reset" if call.number == 1 else (201, participants(call.ids)))
        self.a_job(150, 'on_doubt = "hold"')
        for _ in range(2):
            self.run_job(INCOMPLETE, settings={"api.connections": 1})
        self.assertEqual(self.tally(), {"invited": 50, "in_doubt": 100})

    def test_so_while_a_row_is_invalid_unless_the_job_ignores_them(self):
        self.sandbox()
        self.a_job(some_ids(20) + ["nobody", "somebody@example.org"])
        for _ in range(2):
            result = self.expect(INCOMPLETE, "run", "list")
            self.assertIn("2 rows are invalid", result.out)
        self.write_job(source='csv = "../list.csv"\ninvalid_rows = "ignore"')
        result = self.expect(OK, "run", "list")
        self.assertRegex(result.out, r"invalid +2\b")
        self.assertIn("list: done", result.out)
        self.assertEqual(self.expect(OK, "run", "list", "--quiet").out, "")
        self.assertEqual(self.query("SELECT count(*) FROM invalid_rows"), [(2,)])
        self.expect(OK, "plan", "list")

    def test_a_list_in_which_no_row_names_a_member_says_so_whatever_is_ignored(self):
        self.sandbox()
        self.a_job(["x1", "x2"])
        self.write_job(source='csv = "../list.csv"\ninvalid_rows = "ignore"')
        result = self.expect(INCOMPLETE, "run", "list")
        self.assertIn("finished, but no row of the list names a member: 2 rows are invalid", result.out)

    def test_a_list_that_could_not_be_read_binds_no_name(self):
        self.sandbox()
        (self.folder / "x").mkdir()
        wrong = self.write_list(["Ann"], "x/list.csv", header="name")
        right = self.write_list(some_ids(1))
        self.expect(BAD_SOURCE, "run", "--csv", wrong, "--course", "c")
        self.expect(OK, "run", "--csv", right, "--course", "c")
        self.write_list(some_ids(1), "x/list.csv")
        self.expect(BAD_CONFIG, "run", "--csv", wrong, "--course", "c")

    def test_of_several_jobs_the_last_line_goes_on_with_those_that_are_left(self):
        self.server(lambda call: (401, "no"))
        self.a_job(some_ids(3), name="a")
        self.a_job(some_ids(3), name="b")
        result = self.expect(KEY_REFUSED, "run", "a", "b")
        self.assertIn("of 2 jobs, none ended well: a (exit 77), b (not run)", result.out)
        self.assertRegex(result.out.splitlines()[-1], r"^next: convoke run b")

    def test_a_quiet_rehearsal_that_ends_badly_says_that_it_was_one(self):
        self.a_job(["nobody"] + some_ids(2))
        result = self.expect(INCOMPLETE, "run", "list", "--rehearse", "--quiet")
        self.assertEqual(result.out.splitlines()[0], "a rehearsal: nobody was invited")

    def test_status_of_a_list_without_a_job_file_says_how_to_go_on(self):
        self.server(lambda call: (401, "no"))
        path = self.write_list(some_ids(1))
        self.expect(KEY_REFUSED, "run", "--csv", path, "--course", "c")
        last = self.expect(OK, "status").out.splitlines()[-1]
        self.assertRegex(last, r"^next \(once that is mended\): run list@c again.*convoke run --csv .*list\.csv")

    def test_members_that_failed_are_due_again_by_themselves(self):
        down = [True]
        server = self.server(lambda call: (500, "boom") if down[0] and any(i.startswith("ee") for i in call.ids)
                             else (201, participants(call.ids)))
        self.a_job(some_ids(300) + some_ids(3, prefix="ee"))
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2})
        failed = self.of_outcome("failed")
        self.assertLessEqual(set(some_ids(3, prefix="ee")), failed)
        down[0] = False
        before = len(server.calls)
        self.run_job(OK)
        self.assertEqual({member for call in server.calls[before:] for member in call.ids}, failed)
        self.assertEqual(self.tally(), {"invited": 303})

    def test_a_member_that_fails_every_night_ends_with_1_every_night_and_not_with_69(self):
        """Nothing else is due then, and yet the API is not down: it fails for this one."""
        self.server(lambda call: (500, "boom") if any(i.startswith("ee") for i in call.ids)
                    else (201, participants(call.ids)))
        self.a_job(some_ids(30) + some_ids(1, prefix="ee"), "chunk_size = 1")
        for _ in range(3):
            self.run_job(INCOMPLETE, settings={"retry.attempts": 2, "retry.patience": '"1s"'})
            self.assertEqual(self.tally(), {"invited": 30, "failed": 1})

    def test_retry_failed_can_be_turned_off(self):
        server = self.server(lambda call: (500, "boom") if any(i.startswith("ee") for i in call.ids)
                             else (201, participants(call.ids)))
        self.a_job(some_ids(300) + some_ids(3, prefix="ee"))
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2})
        before = len(server.calls)
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2, "run.retry_failed": "false"})
        self.assertEqual(len(server.calls), before)

    def test_a_rejected_member_that_left_the_list_does_not_count(self):
        self.sandbox("--poison", "ee")
        good = some_ids(200)
        self.a_job(good + some_ids(2, prefix="ee"))
        self.run_job(INCOMPLETE)
        self.write_list(good)
        self.assertIn("done", self.expect(OK, "run", "list").out.splitlines()[0])

    def test_done_is_said_with_exit_0_only(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(50) + some_ids(1, prefix="ee"))
        for args in (["--max-members", 10], [], []):
            self.assertNotRegex(self.convoke("run", "list", *args).out, r"\bdone\b")
        self.a_job(some_ids(50), name="fine")
        self.assertIn("fine: done", self.expect(OK, "run", "fine").out)


class WhoLeft(World):
    def left(self):
        self.api = self.sandbox("--poison", "ee")
        self.ids = some_ids(60) + some_ids(3, prefix="ee")
        self.a_job(self.ids)
        self.run_job(INCOMPLETE)
        self.gone = set(some_ids(10)) | set(some_ids(1, prefix="ee"))
        self.write_list([member for member in self.ids if member not in self.gone])
        self.run_job(INCOMPLETE)

    def exported(self, *args):
        out = self.expect(OK, "export", "list", *args).out
        return {row["spot_member_id"]: row for row in csv.DictReader(out.splitlines())}

    def test_they_carry_in_list_0_and_come_back_with_1(self):
        self.left()
        self.assertEqual({member for member, in self.query("SELECT spot_member_id FROM outcomes WHERE in_list = 0")}, self.gone)
        self.check_record(self.api)
        self.write_list(self.ids)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.query("SELECT count(*) FROM outcomes WHERE in_list = 0"), [(0,)])
        self.assertEqual({member["invitations"] for (_, name), member in self.api.members.items() if name[0] != "e"}, {1})

    def test_they_stay_out_of_an_export_unless_asked_for(self):
        self.left()
        self.assertEqual(set(self.exported()), set(self.ids) - self.gone)
        everybody = self.exported("--gone")
        self.assertEqual(set(everybody), set(self.ids))
        self.assertEqual({member for member, row in everybody.items() if row["in_list"] == "0"}, self.gone)
        self.assertEqual(set(self.exported("--outcome", "rejected")), set(some_ids(3, prefix="ee")) - self.gone)
        self.assertEqual(set(self.exported("--outcome", "rejected", "--gone")), set(some_ids(3, prefix="ee")))

    def test_a_retry_leaves_them_alone(self):
        self.left()
        result = self.expect(INCOMPLETE, "retry", "list", "--json")
        self.assertEqual(result.last_run["retried"], 2)

    def test_the_summary_counts_the_list_and_those_who_left_apart(self):
        self.left()
        for args in (["run", "list"], ["status", "list"]):
            out = self.convoke(*args).out
            self.assertRegex(out, r"members +52\b")
            self.assertRegex(out, r"left the list +11\b")
            self.assertRegex(out, r"rejected +2\b")
            self.assertRegex(out, r"(?m)^ +2 × the API refuses this member\b", "of those in the list, and nobody else")
        for troubles in (self.run_job(INCOMPLETE)["troubles"],
                         self.expect(OK, "status", "--json").json["jobs"][0]["troubles"]):
            self.assertEqual([trouble["count"] for trouble in troubles if trouble["outcome"] == "rejected"], [2])

    def test_retry_with_nothing_to_retry_says_so(self):
        sandbox = self.sandbox()
        self.a_job(20)
        self.run_job(OK)
        result = self.expect(OK, "retry", "list")
        self.assertIn("nothing to retry", result.out)
        self.assertRegex(result.out, r"nobody in the list is \w")
        self.assertNotIn("is \n", result.out)
        self.assertEqual(self.expect(OK, "retry", "list", "--json").last_run["retried"], 0)
        self.assertEqual(sandbox.requests, 1)


class AfterAKill(World):
    def test_status_and_plan_say_how_many_were_asked_without_an_answer(self):
        server = self.server(lambda call: (201, participants(call.ids)) if call.number <= 3 else "stall")
        self.a_job(1000)
        process = self.start("run", "list", settings={"api.connections": 2})
        wait_for(lambda: len(server.calls) >= 5 and self.tally().get("invited") == 300, "calls that stall")
        process.kill()
        asked = len(self.open_calls())
        self.assertGreaterEqual(asked, 200)
        for command in ("status", "plan"):
            self.assertRegex(self.expect(OK, command, "list").out, rf"without answer +{asked}\b")
        self.assertEqual(self.expect(OK, "status", "list", "--json").json["jobs"][0]["asked_without_answer"], asked)
        self.assertEqual(self.expect(OK, "plan", "list", "--json").json["plans"][0]["asked_without_answer"], asked)
        self.assertIn("was killed", self.expect(OK, "status", "list").out)
        server = self.server(lambda call: (201, participants(call.ids)), at=server)
        self.run_job(OK)
        for command in ("status", "plan"):
            self.assertNotIn("without answer", self.expect(OK, command, "list").out)


if __name__ == "__main__":
    unittest.main()
