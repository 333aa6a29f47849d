"""Jobs beside each other, each by its name."""
import unittest

from world import *


class SeveralJobs(World):
    def jobs(self, *names):
        for name in names:
            self.a_job(some_ids(20, name), name=name)

    def check_others_ran(self, result, exit_code, sandbox):
        self.assertEqual(result.json["exit_code"], exit_code)
        self.assertEqual([(run["job"], run["exit_code"]) for run in result.json["runs"]],
                         [("one", 0), ("two", exit_code), ("three", 0)])
        for name in ("one", "three"):
            self.assertEqual(self.tally(name), {"invited": 20})
        self.assertEqual({member for _, member in sandbox.members if _ == COURSE},
                         {member for name in ("one", "three") for member in some_ids(20, name)})

    def test_a_list_that_is_missing_does_not_stop_the_others(self):
        sandbox = self.sandbox()
        self.jobs("one", "two", "three")
        (self.folder / "two.csv").unlink()
        result = self.expect(NO_INPUT, "run", "one", "two", "three", "--json")
        self.check_others_ran(result, NO_INPUT, sandbox)
        self.assertIn("two.csv", result.json["runs"][1]["message"])
        self.assertIn("two.csv", result.err)

    def test_a_job_that_cannot_be_read_does_not_stop_the_others(self):
        sandbox = self.sandbox()
        self.jobs("one", "two", "three")
        (self.folder / "jobs/two.toml").write_text("course = \n")
        result = self.expect(BAD_CONFIG, "run", "one", "two", "three", "--json")
        self.check_others_ran(result, BAD_CONFIG, sandbox)
        self.assertIn("two.toml:1", result.err)

    def test_a_job_that_is_not_there_does_not_stop_the_others(self):
        sandbox = self.sandbox()
        self.jobs("one", "three")
        result = self.expect(NO_INPUT, "run", "one", "two", "three", "--json")
        self.check_others_ran(result, NO_INPUT, sandbox)

    def test_a_course_that_is_refused_does_not_stop_the_others(self):
        sandbox = self.sandbox("--courses", COURSE)
        self.jobs("one", "two", "three")
        self.write_job("two", course="typo", source='csv = "../two.csv"')
        result = self.expect(BAD_CONFIG, "run", "one", "two", "three", "--json")
        self.check_others_ran(result, BAD_CONFIG, sandbox)
        self.assertEqual(self.tally("two"), {"pending": 20})

    def test_each_is_reported_as_text_too(self):
        self.sandbox()
        self.jobs("one", "two", "three")
        (self.folder / "two.csv").unlink()
        result = self.expect(NO_INPUT, "run", "one", "two", "three")
        self.assertIn("one: done", result.out)
        self.assertIn("three: done", result.out)
        self.assertRegex(result.err, r"(?m)^error: .*two\.csv")

    def test_a_refused_key_stops_the_rest_and_what_did_not_run_is_named(self):
        sandbox = self.sandbox()
        self.jobs("one", "two", "three")
        self.key = "another"
        result = self.expect(KEY_REFUSED, "run", "one", "two", "three")
        self.assertRegex(result.err, r"(?m)^not run: two, three$")
        self.assertEqual(sandbox.requests, 1)
        result = self.expect(KEY_REFUSED, "run", "one", "two", "three", "--json")
        self.assertEqual([(run["job"], run["stopped_by"]) for run in result.json["runs"]],
                         [("one", "key_refused"), ("two", "not_run"), ("three", "not_run")])
        self.assertRegex(result.err, r"(?m)^not run: two, three$")

    def test_a_signal_stops_the_rest_too(self):
        sandbox = self.sandbox("--latency", "500ms")
        self.jobs("one", "two")
        process = self.start("run", "one", "two")
        wait_for(lambda: sandbox.requests > 0, "a call")
        process.signal(signal.SIGTERM)
        result = process.finish()
        self.assertIn(result.exit, (TRY_LATER,), str(result))
        self.assertRegex(result.err, r"(?m)^not run: two$")

    def test_the_worst_exit_code_is_returned(self):
        self.sandbox("--poison", "ee", "--courses", COURSE)
        self.a_job(some_ids(3) + some_ids(1, prefix="ee"), name="one")
        self.a_job(some_ids(3, "two"), name="two")
        self.write_job("two", course="typo", source='csv = "../two.csv"')
        self.a_job(some_ids(3, "three"), name="three")
        result = self.expect(BAD_CONFIG, "run", "one", "two", "three", "--json")
        self.assertEqual([run["exit_code"] for run in result.json["runs"]], [1, 78, 0])


class NamesOfLists(World):
    def setUp(self):
        super().setUp()
        self.ids = {}
        for folder in ("x", "y"):
            (self.folder / folder).mkdir()
            self.ids[folder] = some_ids(30, folder)
            self.write_list(self.ids[folder], f"{folder}/list.csv")

    def test_another_list_of_the_same_name_withdraws_nobody(self):
        sandbox = self.sandbox()
        self.expect(TRY_LATER, "run", "--csv", "x/list.csv", "--course", COURSE, "--max-members", 5)
        name = f"list@{COURSE}"
        before = self.outcomes(name)
        result = self.expect(BAD_CONFIG, "run", "--csv", "y/list.csv", "--course", COURSE)
        for words in ("x/list.csv", "y/list.csv", "--name"):
            self.assertIn(words, result.err)
        self.assertEqual(self.outcomes(name), before)
        self.assertEqual(sandbox.stats["members_asked"], 5)
        self.expect(BAD_CONFIG, "plan", "--csv", "y/list.csv", "--course", COURSE)
        self.expect(OK, "run", "--csv", "y/list.csv", "--course", COURSE, "--name", "others")
        self.assertEqual(self.outcomes("others"), {(COURSE, member): "invited" for member in self.ids["y"]})
        self.expect(OK, "run", "--csv", "x/list.csv", "--course", COURSE)
        self.assertEqual(set(self.outcomes(name).values()), {"invited"})
        self.check_record(sandbox, jobs=[name, "others"])

    def test_the_same_list_by_another_way_of_writing_its_path_is_the_same(self):
        self.sandbox()
        self.expect(OK, "run", "--csv", "x/list.csv", "--course", COURSE)
        for path in ("y/../x/list.csv", self.folder / "x/list.csv"):
            self.expect(OK, "run", "--csv", path, "--course", COURSE)
        self.expect(OK, "run", "--csv", "list.csv", "--course", COURSE, "--ledger", self.ledger, cwd=self.folder / "x")
        self.assertEqual(self.tally(f"list@{COURSE}"), {"invited": 30})

    def test_two_job_files_of_one_name_are_told_apart(self):
        self.sandbox()
        for folder in ("x", "y"):
            (self.folder / folder / "same.toml").write_text(f'course = "{COURSE}"\n[source]\ncsv = "list.csv"\n')
        self.expect(TRY_LATER, "run", "x/same.toml", "--max-members", 5)
        before = self.outcomes("same")
        result = self.expect(BAD_CONFIG, "run", "y/same.toml")
        self.assertIn("name = ", result.err)
        self.assertEqual(self.outcomes("same"), before)


if __name__ == "__main__":
    unittest.main()
