"""`plan` says what `run` then does: it counts the calls, names where they go, reads no list twice, and changes nothing."""
import hashlib
import unittest

from world import *


class Plans(World):
    def plan(self, *args, exit_code=OK, **how):
        return self.expect(exit_code, "plan", "list", "--json", *args, **how).json["plans"][0]

    def check_foretells(self, exit_code=OK, **how):
        """The run makes the calls that the plan counted, for so many members."""
        plan = self.plan(**how)
        run = self.run_job(exit_code, **how)
        self.assertEqual(run["calls"], plan["calls"], f"{plan}")
        self.assertEqual(run["invited"] + run["already_invited"], plan["due"])
        return plan

    def digest(self):
        """Of all that holds anything: SQLite leaves an empty log behind, and what it shares with other processes."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.folder.glob("convoke*")
                if not path.name.endswith("-shm") and path.stat().st_size > 0}

    def test_a_new_list(self):
        self.sandbox()
        self.a_job(1234)
        plan = self.check_foretells()
        self.assertEqual((plan["due"], plan["calls"]), (1234, 13))

    def test_a_changed_chunk_size(self):
        for size in (1, 33, 250, 5000):
            with self.subTest(size):
                self.remove_ledger()
                sandbox = self.sandbox()
                ids = self.a_job(1000)
                self.run_job(TRY_LATER, "--max-members", 150)
                self.write_job(invite=f"chunk_size = {size}")
                plan = self.check_foretells(settings={"api.connections": 1})
                self.assertEqual((plan["due"], plan["calls"]), (850, -(-850 // size)))
                self.check_all_invited(sandbox, ids)

    def test_a_changed_chunk_size_and_a_changed_list_at_once(self):
        self.sandbox()
        ids = self.a_job(1000)
        self.run_job(TRY_LATER, "--max-members", 150)
        self.write_list(ids[300:] + some_ids(333, "more"))
        self.write_job(invite="chunk_size = 70")
        self.check_foretells()

    def test_a_course_that_is_changed_and_changed_back(self):
        sandbox = self.sandbox()
        ids = self.a_job(1000)
        self.run_job(OK)
        self.write_job(course="another")
        plan = self.check_foretells()
        self.assertEqual((plan["due"], plan["calls"]), (1000, 10))
        self.write_job()
        plan = self.check_foretells()
        self.assertEqual((plan["due"], plan["calls"]), (0, 0))
        self.assertEqual(len(sandbox.members), 2 * len(ids))
        self.check_books()

    def test_a_course_that_is_changed_and_changed_back_with_members_due(self):
        self.sandbox()
        self.a_job(1000)
        self.run_job(TRY_LATER, "--max-members", 350)
        self.write_job(course="another")
        self.run_job(TRY_LATER, "--accept-shrunk", "--max-members", 10)
        self.write_job()
        plan = self.plan("--accept-shrunk")
        run = self.run_job(OK, "--accept-shrunk")
        self.assertEqual((plan["due"], plan["calls"]), (650, run["calls"]))
        self.assertEqual(run["invited"], 650)

    def test_after_a_kill(self):
        server = self.server(lambda call: (201, participants(call.ids)) if call.number <= 3 else "stall")
        self.a_job(1000)
        process = self.start("run", "list", settings={"api.connections": 2})
        wait_for(lambda: len(server.calls) >= 5 and self.tally().get("invited") == 300, "calls that stall")
        process.kill()
        asked = len(self.open_calls())
        server = self.server(lambda call: (201, participants(call.ids)), at=server)
        plan = self.plan()
        self.assertEqual((plan["due"], plan["asked_without_answer"]), (700, asked))
        run = self.run_job(OK)
        self.assertEqual((run["calls"], run["invited"]), (plan["calls"], 700))

    def test_members_that_failed_are_in_it(self):
        down = [True]
        self.server(lambda call: (500, "boom") if down[0] and any(i.startswith("ee") for i in call.ids)
                    else (201, participants(call.ids)))
        self.a_job(some_ids(300) + some_ids(3, prefix="ee"), "chunk_size = 10")
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2})
        down[0] = False
        plan = self.check_foretells()
        self.assertGreaterEqual(plan["due"], 3)

    def test_a_list_that_is_unchanged_is_not_read_again(self):
        self.sandbox()
        self.a_job(1000)
        self.assertTrue(self.plan()["source_read"])
        self.run_job(TRY_LATER, "--max-members", 150)
        plan = self.plan()
        self.assertEqual((plan["source_read"], plan["rows_read"], plan["due"], plan["members"]), (False, 1000, 850, 1000))
        self.assertIn("not read again", self.expect(OK, "plan", "list").out)
        self.write_list(some_ids(1001))
        self.assertEqual((self.plan()["source_read"], self.plan()["due"]), (True, 851))

    def test_it_leaves_the_ledger_byte_for_byte_as_it_is(self):
        self.sandbox("--poison", "ee")
        ids = self.a_job(some_ids(500) + some_ids(1, prefix="ee"))
        self.plan()
        self.assertEqual(self.digest(), {}, "a plan made a file")
        self.run_job(TRY_LATER, "--max-members", 150)
        before = self.digest()
        self.plan()
        self.assertEqual(self.digest(), before)
        self.write_list(ids[50:] + some_ids(70, "more") + ["nobody"])
        self.plan(exit_code=INCOMPLETE, settings={"retry.attempts": 1})
        self.assertEqual(self.digest(), before)

    def test_it_sends_nothing(self):
        sandbox = self.sandbox()
        self.a_job(500)
        self.plan()
        self.assertEqual(sandbox.requests, 0)

    def test_it_says_to_whom_it_would_send_what(self):
        sandbox = self.sandbox()
        self.a_job(500, 'email_notification = true\non_doubt = "hold"')
        out = self.expect(OK, "plan", "list").out
        for words in (sandbox.url, COURSE, "yes, to each", "hold", "there is one", str(self.ledger), "500", "5 calls"):
            self.assertIn(words, out)
        self.assertNotIn(KEY, out)
        plan = self.plan()
        self.assertEqual({key: plan[key] for key in ("base_url", "course", "email_notification", "on_doubt", "has_key")},
                         {"base_url": sandbox.url, "course": COURSE, "email_notification": True, "on_doubt": "hold",
                          "has_key": True})
        self.assertEqual(pathlib.Path(plan["ledger"]).resolve(), self.ledger.resolve())

    def test_it_needs_no_key_and_says_that_there_is_none(self):
        self.a_job(5)
        result = self.expect(OK, "plan", "list", env={"MELTINGSPOT_API_KEY": None})
        self.assertRegex(result.out, r"(?m)^ *key .*MELTINGSPOT_API_KEY")
        plan = self.expect(OK, "plan", "list", "--json", env={"MELTINGSPOT_API_KEY": None}).json["plans"][0]
        self.assertFalse(plan["has_key"])

    def test_without_a_word_on_mail_it_says_so(self):
        self.a_job(5)
        self.assertIsNone(self.plan()["email_notification"])
        self.write_job(invite="email_notification = false")
        self.assertIs(self.plan()["email_notification"], False)

    def test_courses_of_a_column(self):
        self.sandbox()
        ids = some_ids(900)
        self.write_list([f"{member},{('a', 'b', 'c')[at % 3]}" for at, member in enumerate(ids)], header="m,c")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "m"\ncourse_column = "c"',
                       invite="chunk_size = 70")
        plan = self.check_foretells()
        self.assertEqual((plan["course"], plan["calls"]), (None, 15))


if __name__ == "__main__":
    unittest.main()
