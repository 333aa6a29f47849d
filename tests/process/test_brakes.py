"""What keeps a run from going too far: canaries, shrunken lists, jobs beside each other, a first call alone. And a run
always ends."""
import unittest

from world import *


class Canaries(World):
    def check_not_blocked(self, exit_code=OK):
        """No run holds the job any more."""
        result = self.expect(exit_code, "run", "list", "--json")
        self.assertNotEqual(result.last_run["stopped_by"], "busy")
        return result.last_run

    def test_a_canary_of_exactly_the_whole_list_ends_it(self):
        sandbox = self.sandbox()
        ids = self.a_job(10)
        run = self.run_job(OK, "--max-members", 10, patience=20)
        self.assertEqual((run["invited"], run["stopped_by"]), (10, None))
        self.assertEqual(self.check_not_blocked()["calls"], 0)
        self.check_all_invited(sandbox, ids)

    def test_canaries_that_add_up_to_the_list_end_it(self):
        sandbox = self.sandbox()
        ids = self.a_job(10)
        run = self.run_job(TRY_LATER, "--max-members", 4, patience=20)
        self.assertEqual((run["invited"], run["stopped_by"]), (4, "max_members"))
        self.assertEqual(self.run_job(OK, "--max-members", 6, patience=20)["invited"], 6)
        self.assertEqual(self.check_not_blocked()["calls"], 0)
        self.check_all_invited(sandbox, ids)

    def test_a_canary_of_one_more_or_less_than_a_chunk_ends(self):
        for most in (99, 100, 101, 200, 201):
            with self.subTest(most):
                self.remove_ledger()
                sandbox = self.sandbox()
                ids = self.a_job(200)
                self.run_job(OK if most >= 200 else TRY_LATER, "--max-members", most, patience=20)
                self.check_not_blocked()
                self.check_all_invited(sandbox, ids)

    def test_a_retry_that_is_a_canary_of_all_of_them_ends(self):
        sandbox = self.sandbox("--poison", "ee")
        good, bad = some_ids(50), some_ids(7, prefix="ee")
        self.a_job(good + bad)
        self.run_job(INCOMPLETE)
        sandbox = self.sandbox(at=sandbox)
        result = self.expect(OK, "retry", "list", "--json", "--max-members", 7, patience=20)
        self.assertEqual((result.last_run["retried"], result.last_run["invited"]), (7, 7))
        self.check_not_blocked()
        self.assertEqual({member for _, member in sandbox.members}, set(bad))

    def test_a_retry_that_is_a_smaller_canary_leaves_the_others_due(self):
        sandbox = self.sandbox("--poison", "ee")
        self.a_job(some_ids(50) + some_ids(7, prefix="ee"))
        self.run_job(INCOMPLETE)
        self.sandbox(at=sandbox)
        self.expect(TRY_LATER, "retry", "list", "--max-members", 3, patience=20)
        self.assertEqual(self.tally(), {"invited": 53, "pending": 4})
        self.check_not_blocked()

    def test_a_canary_on_a_course_that_is_not_there_ends(self):
        sandbox = self.sandbox("--courses", "another")
        self.a_job(300)
        for most in (10, 300, 1000):
            with self.subTest(most):
                run = self.run_job(BAD_CONFIG, "--max-members", most, patience=20)
                self.assertEqual(run["stopped_by"], "course_refused")
                self.assertEqual(self.tally(), {"pending": 300})
        self.assertEqual(sandbox.requests, 3, "one call a run")
        self.assertEqual(self.check_not_blocked(BAD_CONFIG)["stopped_by"], "course_refused")

    def test_a_canary_beside_a_refused_course_ends_and_says_which_it_is(self):
        sandbox = self.sandbox("--courses", "good")
        ids = some_ids(300)
        self.write_list([f"{member},{'good' if at % 2 else 'typo'}" for at, member in enumerate(ids)], header="m,c")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "m"\ncourse_column = "c"')
        for most, settled in ((50, 50), (100, 150), (10, 150)):
            result = self.convoke("run", "list", "--json", "--max-members", most, patience=20)
            self.assertIn(result.exit, (TRY_LATER, BAD_CONFIG), str(result))
            self.assertEqual(self.tally()["invited"], settled)
            self.assertEqual(self.tally()["pending"], 300 - settled)
        self.assertEqual(result.last_run["stopped_by"], "course_refused")
        self.check_record(sandbox)

    def test_a_canary_of_members_that_are_all_refused_ends(self):
        sandbox = self.sandbox("--poison", "ee")
        self.a_job(some_ids(4, prefix="ee"))
        self.run_job(INCOMPLETE, "--max-members", 4, patience=20)
        self.assertEqual(self.tally(), {"rejected": 4})
        self.check_not_blocked(INCOMPLETE)
        self.check_record(sandbox)

    def test_a_canary_among_failures_ends(self):
        sandbox = self.sandbox("--faults", "500:0.1,reset-after:0.1,reset:0.1", "--seed", 3)
        ids = self.a_job(200, "chunk_size = 7")
        left = 200
        for most in (33, 67, 100):
            result = self.convoke("run", "list", "--json", "--max-members", most, patience=30)
            self.assertIn(result.exit, (OK, TRY_LATER), str(result))
            left -= most
            self.assertEqual(self.tally().get("pending", 0), left)
        self.check_record(sandbox)
        self.assertEqual({member for _, member in self.outcomes()}, set(ids))


class Shrunken(World):
    def refused(self, *says, args=()):
        """The run refuses the list, says these words, and neither asks nor withdraws anybody; so does plan."""
        before = self.query("SELECT * FROM outcomes")
        requests = self.api.requests
        for command in (["plan", "list"], ["run", "list"]):
            result = self.expect(BAD_SOURCE, *command, *args)
            for words in says:
                self.assertIn(words, result.err, str(result))
        self.assertIn("--accept-shrunk", result.err)
        self.assertEqual(self.query("SELECT * FROM outcomes"), before)
        self.assertEqual(self.api.requests, requests)

    def begun(self, count, settled):
        self.api = self.sandbox()
        ids = self.a_job(count)
        self.run_job(TRY_LATER, "--max-members", settled)
        return ids

    def test_a_list_that_lost_most_of_those_who_are_due_is_refused_with_the_numbers(self):
        ids = self.begun(1300, 100)
        left = [member for member in ids if member not in self.of_outcome("pending")]
        kept = sorted(self.of_outcome("pending"))[:200]
        self.write_list(left + kept)
        self.refused("1,000", "1,200", "300 rows")
        run = self.run_job(OK, "--accept-shrunk")
        self.assertEqual((run["invited"], run["outcomes"]["withdrawn"]), (200, 1000))
        self.assertEqual(self.tally(), {"invited": 300, "withdrawn": 1000})
        self.check_record(self.api)

    def test_a_list_that_lost_less_than_half_or_fewer_than_20_goes_on(self):
        for count, gone in ((1000, 400), (120, 19)):
            with self.subTest(count):
                self.remove_ledger()
                ids = self.begun(count, 100)
                leaving = set(sorted(self.of_outcome("pending"))[:gone])
                self.write_list([member for member in ids if member not in leaving])
                self.run_job(OK)
                self.assertEqual(self.of_outcome("withdrawn"), leaving)

    def test_a_list_that_is_only_a_header_now_is_refused(self):
        self.begun(130, 100)
        self.write_list([])
        self.refused("empty", "130 members")
        self.run_job(OK, "--accept-shrunk")
        self.assertEqual(self.tally(), {"invited": 100, "withdrawn": 30})

    def test_an_empty_list_is_refused_when_everybody_was_invited_too(self):
        self.api = self.sandbox()
        self.a_job(5)
        self.run_job(OK)
        self.write_list([])
        self.refused("empty", "5 members")

    def test_a_query_that_finds_nobody_any_more_is_refused(self):
        self.api = self.sandbox()
        ids = some_ids(30)
        with contextlib.closing(sqlite3.connect(self.folder / "crm.db")) as db:
            db.execute("CREATE TABLE people (spotMemberId TEXT)")
            db.executemany("INSERT INTO people VALUES (?)", [(member,) for member in ids])
            db.commit()
            self.write_job(source='sqlite = "../crm.db"\nquery = "SELECT spotMemberId FROM people"')
            self.run_job(OK)
            db.execute("DELETE FROM people")
            db.commit()
        self.refused("empty", "30 members")

    def test_a_list_that_is_empty_the_first_time_is_no_error(self):
        self.sandbox()
        self.write_list([])
        self.write_job()
        self.run_job(OK)

    def test_min_rows_says_what_is_too_few(self):
        sandbox = self.sandbox()
        ids = self.a_job(10)
        self.write_job(source='csv = "../list.csv"\nmin_rows = 1000')
        for args in ((), ("--accept-shrunk",)):
            result = self.expect(BAD_SOURCE, "run", "list", *args)
            self.assertIn("10 rows", result.err)
            self.assertIn("1,000", result.err)
            self.assertIn("min_rows", result.err)
        self.expect(BAD_SOURCE, "plan", "list")
        self.assertEqual(sandbox.requests, 0)
        self.write_job(source='csv = "../list.csv"\nmin_rows = 10')
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)

    def test_a_last_line_without_a_line_end_where_the_others_have_one_is_said(self):
        for text, is_said in (("\n".join(["spotMemberId", *some_ids(5)]), True),
                              ("\n".join(["spotMemberId", *some_ids(5)]) + "\n", False)):
            with self.subTest(is_said):
                self.remove_ledger()
                self.sandbox()
                self.write_job()
                (self.folder / "list.csv").write_text(text)
                result = self.expect(OK, "run", "list")
                self.assertEqual("line end" in result.err, is_said, str(result))
                self.assertEqual(self.tally(), {"invited": 5})


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


class FirstCallAlone(World):
    def test_a_wrong_key_costs_one_call(self):
        sandbox = self.sandbox("--latency", "50ms")
        self.a_job(10_000)
        self.key = "another"
        self.run_job(KEY_REFUSED, settings={"api.connections": 16})
        self.assertEqual(sandbox.requests, 1)

    def test_a_wrong_size_costs_a_call_for_each_halving(self):
        sandbox = self.sandbox("--latency", "50ms", "--max-ids", 30)
        ids = self.a_job(6000)
        self.run_job(OK, settings={"api.connections": 16})
        self.assertEqual(sandbox.stats["statuses"]["413"], 2, "100, 50, and 25 is accepted")
        self.check_all_invited(sandbox, ids)

    def test_a_server_that_finds_every_size_too_large_rejects_nobody_and_stops_early(self):
        """A proxy with a wrong limit, say: what refuses a call of one member takes none."""
        server = self.server(lambda call: (413, "too large"))
        self.a_job(1000)
        run = self.run_job(BAD_CONFIG)
        self.assertEqual((run["stopped_by"], run["reason"]), ("misconfigured", "too_large"))
        self.assertLess(len(server.calls), 30)
        self.assertEqual(self.tally(), {"pending": 1000})

    def test_it_goes_wide_once_it_is_answered(self):
        under_way, most, lock = [0], [0], threading.Lock()
        first_done = threading.Event()

        def script(call):
            return 201, participants(call.ids)
        server = self.server(script)
        handler = server.http.RequestHandlerClass

        def slow(self, answer=handler.answer):
            with lock:
                under_way[0] += 1
                if not first_done.is_set() and under_way[0] > 1:
                    most[0] = -1000
                most[0] = max(most[0], under_way[0])
            time.sleep(0.1)  # the server's latency
            first_done.set()
            answer(self)
            with lock:
                under_way[0] -= 1
        handler.do_POST = slow
        ids = self.a_job(4000)
        self.run_job(OK, settings={"api.connections": 8})
        self.assertEqual(self.of_outcome("invited"), set(ids))
        self.assertGreater(most[0], 4, "the first call was not alone, or the others were")


class Patience(World):
    def test_an_outage_and_its_end_are_each_said_once(self):
        down = threading.Event()

        def script(call):
            if call.number == 5:
                down.set()
                threading.Timer(1.0, down.clear).start()
            return (503, "") if down.is_set() else (201, participants(call.ids))
        self.server(script)
        ids = self.a_job(5000)
        result = self.expect(OK, "run", "list", settings={"api.connections": 2, "retry.first": '"100ms"',
                                                         "retry.longest": '"200ms"'})
        self.assertEqual(self.of_outcome("invited"), set(ids))
        warnings = [line for line in result.err.splitlines() if "warning" in line]
        self.assertEqual(len(warnings), 2, result.err)
        self.assertIn("503", warnings[0])

    def test_a_job_of_one_chunk_waits_an_outage_out(self):
        begun = []

        def script(call):
            begun.append(time.monotonic())
            return (503, "") if begun[-1] - begun[0] < 2 else (201, participants(call.ids))
        self.server(script)
        ids = self.a_job(10)
        self.run_job(OK, settings={"retry.attempts": 2, "retry.first": '"20ms"', "retry.longest": '"100ms"'})
        self.assertEqual(self.of_outcome("invited"), set(ids))

    def test_the_retry_after_of_a_503_is_honoured(self):
        server = self.server(lambda call: (503, "", {"Retry-After": "2"}) if call.number == 1
                             else (201, participants(call.ids)))
        self.a_job(10)
        self.run_job(OK)
        self.assertGreaterEqual(server.calls[1].at - server.calls[0].at, 1.99)

    def test_a_long_wait_that_a_503_asks_for_is_not_sat_out(self):
        """As that of a 429 is not: nothing can happen before."""
        server = self.server(lambda call: (503, "", {"Retry-After": "7200"}))
        self.a_job(10)
        run = self.convoke("run", "list", "--json", patience=20).last_run
        self.assertIn(run["exit_code"], (UNAVAILABLE, TRY_LATER))
        self.assertTrue(run["next_call"])
        self.assertEqual(self.tally(), {"pending": 10})
        self.assertEqual(len(server.calls), 1)

    def test_a_signal_and_the_end_of_its_time_end_an_outage_at_once(self):
        server = self.server(lambda call: (503, "", {"Retry-After": "30"}))
        self.a_job(10)
        begun = time.monotonic()
        self.assertEqual(self.run_job(TRY_LATER, "--max-duration", "1s")["stopped_by"], "max_duration")
        self.assertLess(time.monotonic() - begun, 10)
        self.remove_ledger()
        process = self.start("run", "list", "--json")
        wait_for(lambda: self.loaded() and self.query("SELECT count(*) FROM calls WHERE http_status = 503")[0][0], "an outage")
        begun = time.monotonic()
        process.signal(signal.SIGTERM)
        self.assertEqual(process.finish().last_run["stopped_by"], "signal")
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual(len(server.calls), 2)

    def test_max_failures_counts_those_that_failed_too(self):
        server = self.server(lambda call: (500, "boom") if any(member[0] in "0123" for member in call.ids)
                             else (201, participants(call.ids)))
        self.a_job(3000, "chunk_size = 1")
        run = self.run_job(INCOMPLETE, settings={"run.max_failures": 5, "retry.attempts": 1, "api.connections": 2})
        self.assertEqual(run["stopped_by"], "max_failures")
        self.assertLess(run["failed"], 20)
        self.assertGreater(self.tally()["pending"], 1000)


if __name__ == "__main__":
    unittest.main()
