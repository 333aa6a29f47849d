"""A rehearsal invites nobody, and does not make the real run a no-op; a ledger belongs to one API."""
import unittest

from world import *


class Rehearsal(World):
    def rehearsal_ledger(self):
        return self.folder / "convoke-rehearsal.db"

    def test_nobody_is_invited_and_the_run_in_earnest_invites_all(self):
        sandbox = self.sandbox()
        ids = self.a_job(1000)
        result = self.expect(OK, "run", "list", "--rehearse")
        self.assertIn("a rehearsal: nobody was invited", result.out.splitlines()[0])
        self.assertEqual((sandbox.requests, sandbox.members), (0, {}))
        self.assertFalse(self.ledger.exists())
        self.assertEqual(self.tally(ledger=self.rehearsal_ledger()), {"invited": 1000})
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)

    def test_it_can_be_done_again_before_and_after_the_run(self):
        sandbox = self.sandbox()
        ids = self.a_job(200)
        for _ in range(2):
            run = self.run_job(OK, "--rehearse")
            self.assertEqual((run["invited"], run["calls"], run["rehearsal"]), (200, 2, True))
        self.run_job(OK)
        before = self.query("SELECT * FROM outcomes")
        self.assertEqual(self.run_job(OK, "--rehearse")["invited"], 200)
        self.assertEqual(self.query("SELECT * FROM outcomes"), before)
        self.check_all_invited(sandbox, ids)
        self.assertEqual(sandbox.requests, 2)

    def test_it_needs_no_key(self):
        self.a_job(10)
        self.assertEqual(self.run_job(OK, "--rehearse", env={"MELTINGSPOT_API_KEY": None})["invited"], 10)

    def test_it_takes_no_time_of_the_limits_and_says_how_long_the_run_takes(self):
        self.a_job(3000)
        begun = time.monotonic()
        result = self.expect(OK, "run", "list", "--rehearse", settings={"limits.calls": '["1/10s", "50000/24h"]'})
        self.assertLess(time.monotonic() - begun, 20)
        self.assertRegex(result.out, r"in earnest it takes about \S+")
        self.assertFalse(self.ledger.exists())

    def test_it_finds_what_is_wrong_with_the_list(self):
        self.write_list(some_ids(5) + ["nobody"])
        self.write_job()
        result = self.expect(INCOMPLETE, "run", "list", "--rehearse")
        self.assertRegex(result.out, r"invalid +1\b")

    def test_the_last_line_is_the_run_in_earnest_as_a_command(self):
        sandbox = self.sandbox()
        ids = self.a_job(20)
        command = self.next_command(self.expect(OK, "run", "list", "--rehearse"))
        self.assertNotIn("--rehearse", command)
        self.shell(command, OK)
        self.check_all_invited(sandbox, ids)

    def test_a_canary_is_rehearsed_too(self):
        self.a_job(20)
        run = self.run_job(TRY_LATER, "--rehearse", "--max-members", 5)
        self.assertEqual((run["invited"], run["stopped_by"]), (5, "max_members"))

    def test_one_that_was_killed_or_stopped_begins_anew(self):
        ids = self.a_job(100_000, "chunk_size = 10")
        process = self.start("run", "list", "--rehearse")
        wait_for(lambda: self.rehearsing(process), "calls")
        process.kill()
        process = self.start("run", "list", "--rehearse", "--json")
        wait_for(lambda: self.rehearsing(process), "calls")
        process.signal(signal.SIGTERM)
        result = process.finish()
        self.assertEqual(result.last_run["stopped_by"], "signal")
        self.write_job(invite="chunk_size = 100")
        self.assertEqual(self.run_job(OK, "--rehearse")["invited"], len(ids))
        self.assertFalse(self.ledger.exists())

    def rehearsing(self, process):
        """Its calls, and not those of one before."""
        with contextlib.suppress(sqlite3.Error):
            return self.query("SELECT count(*) FROM call JOIN run USING (run_id) WHERE pid = ? AND http_status > 0", process.pid,
                              ledger=self.rehearsal_ledger())[0][0] > 9
        return False

    def test_a_list_on_the_command_line_is_rehearsed_too(self):
        sandbox = self.sandbox()
        self.write_list(some_ids(20))
        self.expect(OK, "run", "--csv", "list.csv", "--course", COURSE, "--rehearse")
        self.assertEqual(sandbox.requests, 0)
        self.expect(OK, "run", "--csv", "list.csv", "--course", COURSE)
        self.assertEqual(len(sandbox.members), 20)

    def test_a_rehearsals_ledger_is_refused_for_a_real_run(self):
        sandbox = self.sandbox()
        self.a_job(20)
        self.run_job(OK, "--rehearse")
        result = self.expect(BAD_CONFIG, "run", "list", "--ledger", self.rehearsal_ledger())
        self.assertRegex(result.err, r"(?m)^try: ")
        self.assertEqual(sandbox.requests, 0)

    def test_two_jobs_rehearse_beside_each_other_on_one_ledger(self):
        self.a_job(20, name="one")
        self.a_job(30, name="two")
        self.expect(OK, "run", "one", "two", "--rehearse")
        self.assertEqual((self.tally("one", self.rehearsal_ledger()), self.tally("two", self.rehearsal_ledger())),
                         ({"invited": 20}, {"invited": 30}))

    def test_it_does_not_take_a_ledger_of_another_kind_for_its_own(self):
        sandbox = self.sandbox()
        self.a_job(20)
        self.run_job(OK)
        for path in self.folder.glob("convoke.db*"):
            path.rename(self.folder / path.name.replace("convoke.db", "convoke-rehearsal.db"))
        self.expect(BAD_CONFIG, "run", "list", "--rehearse")
        self.assertEqual(self.tally(ledger=self.rehearsal_ledger()), {"invited": 20})
        self.assertEqual(sandbox.requests, 1)


class OneApi(World):
    def test_a_run_against_another_api_is_refused_with_both_addresses_and_what_to_do(self):
        first = self.sandbox()
        ids = self.a_job(20)
        self.run_job(OK)
        second = self.sandbox()
        for args in (["run", "list"], ["retry", "list"], ["plan", "list"], ["check", "list"]):
            with self.subTest(args):
                result = self.expect(BAD_CONFIG, *args)
                for words in (first.url, second.url, "--ledger", "--rehearse"):
                    self.assertIn(words, result.out + result.err)
        self.assertEqual(second.requests, 0)
        self.expect(OK, "run", "list", "--ledger", "second.db")
        self.assertEqual({member for _, member in second.members}, set(ids))

    def test_another_path_or_scheme_is_another_api(self):
        server = self.server(lambda call: (201, participants(call.ids)))
        self.a_job(20)
        self.run_job(OK)
        for url in (server.url + "/v2", server.url.replace("http:", "https:")):
            self.url = url
            self.expect(BAD_CONFIG, "run", "list")
        self.assertEqual(len(server.calls), 1)

    def test_the_same_address_written_otherwise_is_the_same(self):
        server = self.server(lambda call: (201, participants(call.ids)))
        self.a_job(20)
        self.run_job(OK)
        self.url = server.url + "/"
        self.run_job(OK)

    def test_an_address_that_was_never_called_is_no_bond(self):
        """A plan, a list that could not be read: nothing was asked yet."""
        self.a_job(20)
        (self.folder / "list.csv").rename(self.folder / "away.csv")
        self.expect(NO_INPUT, "run", "list")
        (self.folder / "away.csv").rename(self.folder / "list.csv")
        sandbox = self.sandbox()
        self.run_job(OK)
        self.assertEqual(len(sandbox.members), 20)

    def test_status_says_whose_ledger_it_is(self):
        sandbox = self.sandbox()
        self.a_job(20)
        self.run_job(OK)
        self.assertIn(sandbox.url, self.expect(OK, "status").out)
        self.assertEqual(self.expect(OK, "status", "--json").json["base_url"], sandbox.url)


if __name__ == "__main__":
    unittest.main()
