"""What keeps a run from going too far: canaries, shrunken lists, a first call alone."""
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


if __name__ == "__main__":
    unittest.main()
