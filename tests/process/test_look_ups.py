"""Look-ups: how many addresses the API takes in one, and answers that it should not give and may all the same."""
import unittest

from addresses import *


class HowMany(AddressWorld):
    def refusals(self, run):
        return self.query("SELECT count(*) FROM calls WHERE run_id = ? AND http_status >= 400", run)[0][0]

    def test_pages_smaller_than_the_batch_are_followed_until_everybody_is_found(self):
        addresses = some_addresses(200)
        sandbox, ids = self.spot([address for n, address in enumerate(addresses) if n % 10], "--page-limit", 7)
        self.a_list_of(addresses)
        run = self.run_job(INCOMPLETE)
        self.check_all_invited(sandbox, ids.values())
        self.assertEqual(self.lines_of("unknown"), set(range(0, 200, 10)))
        self.assertEqual(self.query("SELECT count(*) FROM calls WHERE http_status <> 200 AND step = 'look_up'"), [(0,)])
        self.check_run_books(run)

    def check_size_is_found_and_remembered(self, *flags, most, statuses, most_refused):
        addresses = some_addresses(2200)
        sandbox, ids = self.spot(addresses, *flags)
        self.a_list_of(addresses[:2000])
        run = self.run_job(OK)
        self.assertEqual(run["invited"], 2000)
        refused = self.refusals(run["run_id"])
        self.assertGreater(refused, 0)
        self.assertLessEqual(refused, most_refused)
        self.assertEqual(self.query("SELECT DISTINCT http_status FROM calls WHERE http_status >= 400"), statuses)
        # It begins with the size that was found: no call is refused, and none is much smaller than it need be.
        self.a_list_of(addresses)
        before = sandbox.stats
        plan = self.expect(OK, "plan", "list", "--json").json["plans"][0]
        run = self.run_job(OK)
        after = sandbox.stats
        self.assertEqual(self.refusals(run["run_id"]), 0)
        self.assertEqual(after["addresses_asked"] - before["addresses_asked"], 200)
        look_ups = after["lookups"] - before["lookups"]
        self.assertTrue(200 / most <= look_ups <= 2 * 200 / most + 1, look_ups)
        self.assertEqual(plan["look_ups"], look_ups)
        self.check_all_invited(sandbox, ids.values())

    def test_a_400_that_comes_for_every_full_batch_is_its_size_and_the_size_is_remembered(self):
        # A 400 may be one address's as well, so that what was refused is narrowed down; if each of the 20 batches were
        # narrowed down from 100 to 7, as if nothing were learned, that would take 15 refusals each.
        self.check_size_is_found_and_remembered("--largest-lookup", 10, most=10, statuses=[(400,)], most_refused=20 * 15 * 4 // 5)

    def test_a_414_halves_the_batch_and_the_size_is_remembered(self):
        self.check_size_is_found_and_remembered("--longest-target", 600, most=600 // 31, statuses=[(414,)], most_refused=20)

    def test_one_address_that_is_refused_does_not_make_the_batches_smaller(self):
        addresses = some_addresses(400)
        spot = Spot(dict(zip(addresses, some_ids(400))))

        def script(call):
            bad = call.step == "look_up" and addresses[17] in call.addresses
            return (400, '{"message":"malformed"}') if bad else spot(call)
        server = self.server(script)
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.lines_of("rejected"), {17})
        self.assertEqual(self.tally(), {"invited": 399, "rejected": 1})
        self.a_list_of([*addresses, *some_addresses(100, "more.example")])
        before = len(server.calls)
        self.run_job(INCOMPLETE)
        self.assertEqual([len(call.addresses) for call in server.calls[before:] if call.step == "look_up"], [100])


class OddAnswers(AddressWorld):
    def a_spot(self, count=20):
        self.addresses = some_addresses(count)
        self.a_list_of(self.addresses)
        return Spot(dict(zip(self.addresses, some_ids(count))))

    def answered(self, change):
        """A server whose look-ups find the members after this was done to them: a list in, a list out."""
        spot = self.a_spot()

        def script(call):
            if call.step != "look_up":
                return spot(call)
            return found(change([spot_member(address, spot.ids[address]) for address in call.addresses]))
        self.spot_ids = spot.ids
        return self.server(script)

    def test_an_address_that_was_not_asked_for_is_an_alarm_and_invites_nobody(self):
        stranger = some_ids(1, "stranger")[0]
        self.answered(lambda members: [*members, spot_member("stranger@example.org", stranger)])
        result = self.expect(OK, "run", "list")
        self.assertEqual({member for _, member in self.outcomes()}, set(self.spot_ids.values()))
        self.assertIn("not asked for", result.err)
        self.assertEqual(self.query("SELECT reason FROM calls WHERE step = 'look_up'"), [("odd_answer",)])

    def test_an_api_that_answers_with_all_its_members_invites_those_of_the_list_alone(self):
        others = [spot_member(f"other{n}@example.org", member) for n, member in enumerate(some_ids(500, "others"))]
        server = self.answered(lambda members: others + members)
        self.expect(OK, "run", "list")
        asked = {member for call in server.calls if call.step == "invite" for member in call.ids}
        self.assertEqual(asked, set(self.spot_ids.values()))

    def test_an_answer_in_other_letters_is_the_same_address(self):
        self.answered(lambda members: [{**member, "email": member["email"].title()} for member in members])
        self.run_job(OK)
        self.assertEqual(self.of_outcome("invited"), set(self.spot_ids.values()))

    def test_an_item_without_an_address_tells_nothing_of_anybody(self):
        for email in ({}, {"email": None}, {"email": 7}, {"email": ""}):
            with self.subTest(email):
                self.remove_ledger()

                def nameless(member):
                    return {**{key: value for key, value in member.items() if key != "email"}, **email}
                server = self.answered(lambda members: [nameless(member) if member["email"] == self.addresses[0] else member
                                                        for member in members])
                self.run_job(INCOMPLETE)
                self.assertEqual(self.tally(), {"invited": 19, "unknown": 1})
                self.assertNotIn(self.spot_ids[self.addresses[0]],
                                 {member for call in server.calls if call.step == "invite" for member in call.ids})

    def test_a_member_whose_id_cannot_be_read_is_no_unknown_address_and_holds_up_nobody(self):
        for odd in ("not-a-uuid", 7, None, ""):
            with self.subTest(odd):
                self.remove_ledger()
                self.answered(lambda members: [{**member, "id": odd if member["email"] == self.addresses[0] else member["id"]}
                                               for member in members])
                result = self.expect(INCOMPLETE, "run", "list", settings={"retry.attempts": 2})
                self.assertEqual(self.tally(), {"invited": 19, "failed": 1})
                self.assertIn("ids that cannot be read", result.err)

    def test_an_answer_that_promises_more_than_it_names_for_ever_ends_and_calls_nobody_unknown(self):
        spot = self.a_spot()
        self.server(lambda call: found([], total=20) if call.step == "look_up" else spot(call))
        result = self.convoke("run", "list", settings={"retry.attempts": 2, "retry.patience": '"500ms"'})
        self.assertIn(result.exit, (INCOMPLETE, UNAVAILABLE), str(result))
        self.assertNotIn("unknown", self.tally())
        self.assertNotIn("invited", self.tally())

    def test_of_several_members_with_one_address_the_one_who_is_in_the_spot_is_invited(self):
        left, here = some_ids(2, "several")
        address = some_addresses(1)[0]
        self.answered(lambda members: [spot_member(address, left, status="Left"), spot_member(address, here),
                                       spot_member(address, left, status="Deactivated"),
                                       *(member for member in members if member["email"] != address)])
        self.run_job(OK)
        self.assertIn(here, self.of_outcome("invited"))
        self.assertNotIn(left, self.of_outcome("invited"))

    def test_an_answer_of_another_shape_invites_nobody_and_calls_nobody_unknown(self):
        for body in ("", "[]", "{}", '{"total":0}', '{"items":7}', "null", '{"items":[7]}', '{"items":[{"email":'):
            with self.subTest(body):
                self.remove_ledger()
                spot = self.a_spot()
                server = self.server(lambda call: (200, body) if call.step == "look_up" else spot(call))
                result = self.convoke("run", "list", settings={"retry.attempts": 2, "retry.patience": '"500ms"'})
                self.assertIn(result.exit, (INCOMPLETE, UNAVAILABLE, BAD_CONFIG), str(result))
                self.assertEqual(self.tally().keys() - {"pending", "failed"}, set())
                self.assertEqual({call.step for call in server.calls}, {"look_up"})


class RefusedLookUps(AddressWorld):
    def check_ends_after_one_call(self, exit_code, stopped_by, reason, *answer):
        self.remove_ledger()
        addresses = some_addresses(500)
        server = self.server(lambda call: answer)
        self.a_list_of(addresses, "create_missing = true")
        run = self.run_job(exit_code)
        self.assertEqual((run["stopped_by"], run["reason"]), (stopped_by, reason))
        self.assertEqual([call.step for call in server.calls], ["look_up"])
        self.assertEqual(self.tally(), {"pending": 500})
        self.assertEqual(self.query("SELECT DISTINCT step, reason FROM calls"), [("look_up", reason)])
        self.check_no_address()
        # And once it is mended, it goes on.
        sandbox, ids = self.spot(addresses, at=server)
        self.run_job(OK)
        self.check_all_invited(sandbox, ids.values())

    def test_a_page_for_people_is_no_answer_and_nothing_more_is_sent(self):
        self.check_ends_after_one_call(BAD_CONFIG, "misconfigured", "login_page", 200,
                                       "<!DOCTYPE html><html><body>Log in</body></html>", {"Content-Type": "text/html"})

    def test_an_api_without_look_ups_is_a_wrong_address(self):
        self.check_ends_after_one_call(BAD_CONFIG, "misconfigured", "odd_status", 404,
                                       '{"message":"Cannot GET /v1/spotMembers"}')

    def test_a_key_that_may_not_look_up_is_refused(self):
        for status in (401, 403):
            with self.subTest(status):
                self.check_ends_after_one_call(KEY_REFUSED, "key_refused", "key_refused", status, '{"message":"no"}')

    def test_an_account_that_is_refused(self):
        self.check_ends_after_one_call(KEY_REFUSED, "account_refused", "account_refused", 402, '{"message":"pay"}')

    def test_a_429_waits_and_costs_no_address_an_attempt(self):
        addresses = some_addresses(20)
        spot = Spot(dict(zip(addresses, some_ids(10))))
        server = self.server(lambda call: (429, "slow down", {"Retry-After": "0"}) if call.number == 1 else spot(call))
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        self.assertEqual([call.step for call in server.calls], ["look_up", "look_up", "invite"])
        self.assertEqual(self.query("SELECT DISTINCT outcome, attempts FROM outcomes ORDER BY 1"), [("invited", 1), ("unknown", 1)])

    def test_an_api_that_is_down_leaves_everybody_due(self):
        addresses = some_addresses(300)
        server = self.server(lambda call: (503, "down"))
        self.a_list_of(addresses)
        run = self.run_job(UNAVAILABLE, settings={"retry.patience": '"200ms"'})
        self.assertEqual((self.tally(), {call.step for call in server.calls}), ({"pending": 300}, {"look_up"}))
        self.check_run_books(run)


if __name__ == "__main__":
    unittest.main()
