"""What no API should answer, and may all the same."""
import unittest

from world import *


class OddServers(World):
    def test_an_error_body_that_is_malformed_or_cut_off_is_an_error_like_any_other(self):
        whole = '{"message":["bad \\u00e9 id"],"error":"Bad Request"}'
        bodies = ['{"message":[}', '{"a":[}', '{"message":[1 2]}', '{"message":"x', "{", "["] + [whole[:cut] for cut in range(9, 40, 6)]
        for status in (400, 500):
            for body in bodies:
                with self.subTest(body, status=status):
                    self.remove_ledger()
                    self.server(lambda call: (status, body))
                    self.a_job(2)
                    result = self.convoke("run", "list", settings={"retry.attempts": 2, "retry.patience": '"1s"'})
                    self.assertIn(result.exit, (INCOMPLETE, UNAVAILABLE), str(result))
                    self.assertEqual(self.of_outcome("invited"), set())

    def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(self):
        elsewhere = self.server(lambda call: (201, participants(call.ids)))
        for status in (301, 302, 307, 308):
            with self.subTest(status):
                self.remove_ledger()
                server = self.server(lambda call: (status, "", {"Location": elsewhere.url + call.path}))
                self.a_job(10)
                run = self.run_job(BAD_CONFIG, settings={"retry.attempts": 2})
                self.assertEqual((run["stopped_by"], run["reason"]), ("misconfigured", "redirect"))
                self.assertEqual(self.tally(), {"pending": 10})
                self.assertEqual((len(server.calls), len(elsewhere.calls)), (1, 0))
                self.assertIn("redirect", self.query("SELECT error FROM calls")[0][0])

    def test_a_member_that_was_not_asked_for_is_an_alarm_and_no_outcome(self):
        stranger = some_ids(1, "stranger")[0]
        self.server(lambda call: (201, participants([*call.ids, stranger])))
        ids = self.a_job(20)
        result = self.expect(OK, "run", "list")
        self.assertEqual({member for _, member in self.outcomes()}, set(ids))
        self.assertIn("not asked for", result.err)

    def test_an_empty_201_invites_nobody(self):
        server = self.server(lambda call: (201, "[]"))
        self.a_job(4)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.tally(), {"rejected": 4})
        self.assertLessEqual(len(server.calls), 1 + 1 + 2 + 4 + 4)

    def test_a_201_of_another_shape_is_doubt_and_not_success(self):
        for body in ("", "{}", '{"items":[]}', "null", "<html>", "[1, 2]"):
            with self.subTest(body):
                self.remove_ledger()
                server = self.server(lambda call: (201, body))
                self.a_job(3)
                # Before anything was ever accepted: a login page, or a wrong base_url.
                run = self.run_job(BAD_CONFIG, settings={"retry.attempts": 2})
                self.assertEqual(len(server.calls), 1)
                self.assertEqual(run["stopped_by"], "misconfigured")
                self.assertEqual(self.tally(), {"pending": 3})

    def test_a_participant_that_cannot_be_read_invites_nobody_and_is_an_alarm(self):
        self.server(lambda call: (201, '[{"spotMemberId":7}]'))
        self.a_job(3)
        result = self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
        self.assertIn("cannot be read", result.out)
        self.assertEqual(self.of_outcome("invited") | self.of_outcome("already_invited"), set())

    def test_a_201_of_another_shape_is_doubt_once_others_were_understood(self):
        for body in ("", "{}", '{"items":[]}', "null", "<html>", "[1, 2]", '[{"spotMemberId":7}]'):
            with self.subTest(body):
                self.remove_ledger()
                self.server(lambda call: (201, participants(call.ids) if call.number == 1 else body))
                self.a_job(300)
                result = self.convoke("run", "list", "--json",
                                      settings={"retry.attempts": 2, "retry.patience": '"1s"', "api.connections": 1})
                self.assertIn(result.exit, (INCOMPLETE, UNAVAILABLE), str(result))
                self.assertEqual(self.tally()["invited"], 100)
                self.assertEqual(self.of_outcome("already_invited"), set())

    def test_another_2xx_is_no_invitation(self):
        for status in (202, 206):
            with self.subTest(status):
                self.remove_ledger()
                self.server(lambda call: (status, ""))
                self.a_job(3)
                self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
                self.assertEqual(self.of_outcome("invited") | self.of_outcome("already_invited"), set())

    def test_an_empty_200_and_a_204_mean_already_invited(self):
        for status in (200, 204):
            with self.subTest(status):
                self.remove_ledger()
                server = self.server(lambda call: (status, ""))
                self.a_job(300)
                self.run_job(OK)
                self.assertEqual(self.tally(), {"already_invited": 300})
                self.assertEqual(len(server.calls), 3)

    def test_a_server_that_closes_every_connection_is_served_all_the_same(self):
        self.server(lambda call: (201, participants(call.ids), {"Connection": "close"}))
        ids = self.a_job(2000)
        self.run_job(OK)
        self.assertEqual(self.of_outcome("invited"), set(ids))
        self.assertEqual(self.query("SELECT count(*) FROM calls"), [(20,)])

    def test_a_connection_that_the_server_closed_while_it_was_idle_costs_no_doubt(self):
        """The server closes after each answer without having said so."""
        def script(call):
            return 201, participants(call.ids)
        server = self.server(script)
        finish = server.http.RequestHandlerClass.handle_one_request

        def one_request(handler):
            finish(handler)
            handler.close_connection = True
        server.http.RequestHandlerClass.handle_one_request = one_request
        ids = self.a_job(500)
        self.run_job(OK, settings={"limits.calls": '["20/1s"]', "api.connections": 1})
        self.assertEqual(self.of_outcome("invited"), set(ids))
        self.assertEqual(len(server.calls), 5)


if __name__ == "__main__":
    unittest.main()
