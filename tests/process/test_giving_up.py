"""A run always ends: after patience, after attempts, and with what is left said."""
import unittest

from world import *


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


class GivingUp(World):
    def test_a_chunk_that_always_fails_is_failed_and_the_others_are_invited(self):
        self.server(lambda call: (500, '{"message":"boom"}') if any(i.startswith("ee") for i in call.ids)
                    else (201, participants(call.ids)))
        self.a_job(some_ids(3000) + some_ids(1, prefix="ee"))
        self.run_job(INCOMPLETE, settings={"retry.attempts": 3})
        tally = self.tally()
        self.assertEqual(sum(tally.values()), 3001)
        self.assertEqual(set(tally), {"invited", "failed"})
        self.assertLessEqual(tally["failed"], 100)
        rows = self.query("SELECT DISTINCT http_status, error, attempts FROM outcomes WHERE outcome = 'failed'")
        self.assertEqual(rows, [(500, "HTTP 500: boom", 3)])

    def test_retries_stay_under_a_tenth_of_the_calls(self):
        sandbox = self.sandbox("--faults", "500:0.3", "--seed", 3)
        self.a_job(10_000, "chunk_size = 10")
        result = self.convoke("run", "list", "--json")
        run = result.last_run
        self.assertEqual(result.exit, UNAVAILABLE, str(result))
        self.assertEqual(run["stopped_by"], "retry_budget")
        self.assertLess(run["retries"], max(100, run["calls"] / 10 + 1))
        self.assertGreater(self.tally()["pending"], 0)
        self.check_record(sandbox)

    def test_max_failures_as_a_number_stops_with_most_of_the_list_untouched(self):
        sandbox = self.sandbox("--poison", "0e,1e,2e,3e,4e,5e,6e,7e,8e,9e")
        self.a_job(10_000)
        run = self.run_job(INCOMPLETE, settings={"run.max_failures": 5, "api.connections": 1})
        self.assertEqual(run["stopped_by"], "max_failures")
        self.assertIn("max_failures", run["message"])
        self.assertTrue(6 <= run["rejected"] <= 8, run)
        self.assertGreater(self.tally()["pending"], 8000)
        self.check_record(sandbox)

    def test_max_failures_as_a_share(self):
        sandbox = self.sandbox("--poison", "0e,1e,2e,3e,4e,5e,6e,7e,8e,9e")
        self.a_job(10_000)
        run = self.run_job(INCOMPLETE, settings={"run.max_failures": '"0.1%"', "api.connections": 1})
        self.assertEqual(run["stopped_by"], "max_failures")
        self.assertTrue(11 <= run["rejected"] <= 13, run)
        self.check_record(sandbox)


if __name__ == "__main__":
    unittest.main()
