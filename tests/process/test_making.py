"""Spot members made of addresses that nobody has: each once, and invited."""
import unittest

from addresses import *


class Making(AddressWorld):
    def check_made_once(self, sandbox, addresses):
        """Of just these a member was made, each by one call and by no other that asked for it."""
        made = sandbox.made
        self.assertEqual(set(made), set(addresses))
        self.assertEqual({(member["made"], member["asked"]) for member in made.values()}, {(1, 1)} if addresses else set())
        self.assertEqual((sandbox.stats["members_made"], sandbox.stats["made_again"]), (len(addresses), 0))

    def test_who_is_missing_is_made_once_and_invited_like_all_others(self):
        addresses = some_addresses(250)
        sandbox, ids = self.spot(addresses[:200])
        self.a_list_of(addresses, "create_missing = true")
        run = self.run_job(OK)
        self.check_made_once(sandbox, addresses[200:])
        self.check_all_invited(sandbox, {*ids.values(), *(made["spotMemberId"] for made in sandbox.made.values())})
        self.assertEqual((run["invited"], run["unknown"], self.tally()), (250, 0, {"invited": 250}))
        self.assertEqual(sandbox.stats["mails_to_made"], 0)
        self.check_run_books(run)
        requests = sandbox.requests
        self.assertEqual(self.run_job(OK)["calls"], 0)
        self.assertEqual(sandbox.requests, requests)

    def test_a_mail_that_they_are_members_goes_out_only_if_the_job_says_so(self):
        addresses = some_addresses(30)
        for mails, notification in ((0, "false"), (20, "true")):
            with self.subTest(notification):
                self.remove_ledger()
                sandbox, _ = self.spot(addresses[:10])
                self.a_list_of(addresses, "create_missing = true\nemail_notification = false\n"
                                          f"member_email_notification = {notification}")
                self.run_job(OK)
                self.assertEqual((sandbox.stats["mails_to_made"], sandbox.stats["mails"]), (mails, 0))
                self.assertEqual(sum(made["mails"] for made in sandbox.made.values()), mails)

    def test_nobody_is_made_unless_the_job_says_so_and_then_by_the_next_run(self):
        addresses = some_addresses(30)
        sandbox, _ = self.spot(addresses[:10])
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        self.assertEqual((self.tally(), sandbox.made), ({"invited": 10, "unknown": 20}, {}))
        self.a_list_of(addresses, "create_missing = true")
        self.run_job(OK)
        self.check_made_once(sandbox, addresses[10:])
        self.assertEqual(self.tally(), {"invited": 30})

    def test_one_whom_two_courses_of_a_list_are_for_is_made_once(self):
        addresses = some_addresses(150)
        # Latencies so far apart that what one course's answer says comes while another's creation is out.
        sandbox, _ = self.spot(addresses[:50], "--latency", "1ms..80ms", "--seed", 0)
        self.a_list_of([(address, course) for course in "abc" for address in addresses], "create_missing = true",
                       columns=("email", "course"))
        self.run_job(OK)
        self.assertEqual(self.tally(), {"invited": 450})
        self.check_made_once(sandbox, addresses[50:])

    def test_whom_another_job_has_made_a_member_is_invited_without_being_asked_for_again(self):
        addresses = some_addresses(40)
        sandbox, _ = self.spot(addresses[:20])
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        self.a_list_of(addresses[20:], "create_missing = true", name="second", course="another")
        self.run_job(OK, job="second")
        before = sandbox.stats["addresses_asked"]
        run = self.run_job(OK)
        self.assertEqual((run["invited"], sandbox.stats["addresses_asked"] - before), (20, 0))
        self.check_made_once(sandbox, addresses[20:])
        self.check_record(sandbox, jobs=["list", "second"])

    def test_an_api_that_makes_nobody_at_all_is_not_asked_for_each_by_itself(self):
        addresses = some_addresses(1000)
        sandbox, _ = self.spot([], "--addresses-refused", 1)
        self.a_list_of(addresses, "create_missing = true")
        run = self.run_job(INCOMPLETE)
        self.check_run_books(run)
        self.assertLessEqual(self.tally().keys(), {"rejected", "pending"})
        self.assertLessEqual(sandbox.requests, 3 * 1000 / 100)

    def test_whom_the_api_makes_no_member_of_is_rejected_with_its_words_and_without_the_address(self):
        addresses = some_addresses(200)
        sandbox, ids = self.spot(addresses[:50], "--addresses-refused", 0.3)
        self.a_list_of(addresses, "create_missing = true")
        result = self.expect(INCOMPLETE, "run", "list", "-v")
        made = set(sandbox.made)
        refused = set(addresses[50:]) - made
        self.assertTrue(made and refused)
        self.assertEqual(self.lines_of("rejected"), {addresses.index(address) for address in refused})
        self.assertEqual(self.tally(), {"invited": 50 + len(made), "rejected": len(refused)})
        for member, reason, error in self.query("SELECT spot_member_id, reason, error FROM outcomes "
                                                "WHERE outcome = 'rejected'"):
            self.assertEqual((member, reason), (None, "not_made"))
            self.assertIn("cannot be invited", error)
        self.check_no_address(result, self.expect(INCOMPLETE, "run", "list", "--json"),
                              self.expect(OK, "export", "list", "--outcome", "rejected"))
        self.check_books()

    def test_words_of_a_refusal_that_quote_the_address_are_kept_without_it(self):
        addresses = some_addresses(10)
        spot = Spot({})

        def script(call):
            if call.step != "create":
                return spot(call)
            return made([], [{"email": address, "message": f"{address.title()} is on the blocklist of {address.split('@')[1]}"}
                             for address in call.addresses])
        self.server(script)
        self.a_list_of(addresses, "create_missing = true")
        result = self.expect(INCOMPLETE, "run", "list", "-v")
        self.assertEqual(self.query("SELECT DISTINCT outcome, reason FROM outcomes"), [("rejected", "not_made")])
        self.assertTrue(all("blocklist" in error for (error,) in self.query("SELECT error FROM outcomes")))
        for text in (result.out + result.err, *(path.read_bytes().decode("latin-1") for path in self.folder.glob("convoke*"))):
            self.assertNotIn(f"{LOCAL}0", text.lower())

    def test_who_was_refused_is_not_asked_for_again_until_retry_says_so(self):
        addresses = some_addresses(60)
        sandbox, _ = self.spot(addresses[:10], "--addresses-refused", 1)
        self.a_list_of(addresses, "create_missing = true")
        self.run_job(INCOMPLETE)
        self.assertEqual(self.tally(), {"invited": 10, "rejected": 50})
        requests = sandbox.requests
        self.assertEqual(self.run_job(INCOMPLETE)["calls"], 0)
        self.assertEqual(sandbox.requests, requests)
        sandbox, _ = self.spot(addresses[:10], at=sandbox)
        self.expect(OK, "retry", "list", "--outcome", "rejected")
        self.check_made_once(sandbox, addresses[10:])
        self.assertEqual(self.tally(), {"invited": 60})

    def test_an_api_that_takes_fewer_at_once_gets_fewer(self):
        addresses = some_addresses(200)
        sandbox, _ = self.spot([], "--max-ids", 30)
        self.a_list_of(addresses, "create_missing = true")
        self.run_job(OK)
        self.check_made_once(sandbox, addresses)
        self.assertEqual(self.tally(), {"invited": 200})

    def test_a_rehearsal_makes_and_invites_nobody(self):
        addresses = some_addresses(150)
        server = self.server(lambda call: (500, "nobody is to call here"))
        self.a_list_of(addresses, "create_missing = true\nmember_email_notification = true")
        result = self.expect(OK, "run", "list", "--rehearse", "--json", env={"MELTINGSPOT_API_KEY": None})
        self.assertEqual((result.last_run["rehearsal"], result.last_run["invited"]), (True, 150))
        self.assertEqual(server.calls, [])
        self.assertFalse(self.ledger.exists())


class CreationsInDoubt(AddressWorld):
    def test_whatever_goes_wrong_each_is_made_once_and_the_ledger_says_what_the_record_says(self):
        for seed, faults in enumerate(("reset-after:0.3", "stall:0.05", "truncate:0.2,garbage:0.2", "lost:0.5",
                                       "500:0.2,reset:0.2,503:0.1", "500:0.1,reset-after:0.1,lost:0.1,garbage:0.1,login:0.05")):
            with self.subTest(faults):
                self.remove_ledger()
                addresses = some_addresses(300)
                sandbox, ids = self.spot(addresses[:100], "--faults", faults, "--seed", seed)
                self.a_list_of(addresses, "create_missing = true\nmember_email_notification = true\nchunk_size = 10")
                for _ in range(20):
                    settings = {"retry.attempts": 10, "api.timeout": '"1s"', "retry.patience": '"20s"'}
                    result = self.convoke("run", "list", "--json", settings=settings)
                    self.assertIn(result.exit, (OK, INCOMPLETE, UNAVAILABLE, BAD_CONFIG), str(result))
                    self.check_run_books(result.last_run)
                    if result.exit == OK:
                        break
                self.assertEqual(result.exit, OK, str(result))
                self.check_record(sandbox)
                made = sandbox.made
                self.assertEqual(set(made), set(addresses[100:]))
                self.assertEqual({(member["made"], member["asked"], member["mails"]) for member in made.values()}, {(1, 1, 1)})
                self.assertEqual(sandbox.stats["made_again"], 0)
                everybody = {*ids.values(), *(member["spotMemberId"] for member in made.values())}
                self.assertEqual({member for _, member in self.outcomes()}, everybody)
                self.assertLessEqual(self.tally().keys(), {"invited", "already_invited"})
                self.assertEqual({member["invitations"] for member in sandbox.members.values()}, {1})

    def a_creation_that_breaks_off(self, takes_effect, invite=""):
        """The steps that were asked for, with how many addresses each, of a run whose first creation has no answer."""
        addresses = some_addresses(20)
        spot = Spot({})
        broken = []

        def script(call):
            if call.step == "create" and not broken:
                broken.append(call)
                if takes_effect:
                    spot.make(call)
                return "reset"
            return spot(call)
        server = self.server(script)
        self.a_list_of(addresses, f"create_missing = true\n{invite}")
        self.run_job(OK)
        self.assertEqual(self.tally(), {"invited": 20})
        self.assertEqual(sorted(spot.made), addresses)
        return server

    def test_a_creation_without_an_answer_is_looked_up_before_anything_else(self):
        server = self.a_creation_that_breaks_off(takes_effect=True)
        self.assertEqual([call.step for call in server.calls], ["look_up", "create", "look_up", "invite"])

    def test_a_doubt_of_one_course_is_looked_up_before_another_makes_the_member(self):
        address, = some_addresses(1)
        spot = Spot({})
        lock = threading.Lock()
        created = []

        def script(call):
            with lock:
                is_late = call.step == "look_up" and created
                if call.step == "create":
                    created.append(call)
                    spot.make(call)
                    if len(created) == 1:
                        return (504, "gateway")
            if is_late:
                time.sleep(1)  # what the other course asks for meanwhile must not go ahead of it
            return spot(call)
        server = self.server(script)
        self.a_list_of([(address, course) for course in "ab"], "create_missing = true", columns=("email", "course"))
        self.run_job(OK)
        self.assertEqual(len(created), 1, [call.step for call in server.calls])
        self.assertEqual(self.tally(), {"invited": 2})

    def test_and_repeated_if_nobody_is_found(self):
        server = self.a_creation_that_breaks_off(takes_effect=False, invite="check = false\nmember_email_notification = true")
        self.assertEqual([call.step for call in server.calls], ["look_up", "create", "look_up", "create", "invite"])
        self.assertEqual([call.body["withEmailNotification"] for call in server.calls if call.step == "create"], [True, True])

    def test_without_a_mail_where_that_is_how_doubts_are_met(self):
        server = self.a_creation_that_breaks_off(False, 'check = false\nmember_email_notification = true\non_doubt = "ask-quietly"')
        self.assertEqual([call.body["withEmailNotification"] for call in server.calls if call.step == "create"], [True, False])

    def test_is_looked_up_and_not_held_whatever_on_doubt_says_of_invitations(self):
        addresses = some_addresses(20)
        spot = Spot({})

        def script(call):
            if call.step != "create":
                return spot(call)
            spot.make(call)
            return "reset"
        server = self.server(script)
        self.a_list_of(addresses, 'create_missing = true\non_doubt = "hold"')
        self.run_job(OK)
        self.assertEqual([call.step for call in server.calls], ["look_up", "create", "look_up", "invite"])
        self.assertEqual(self.tally(), {"invited": 20})

    def kill_in_a_creation(self, takes_effect):
        addresses = some_addresses(50)
        spot = Spot({})
        out = threading.Event()

        def script(call):
            if call.step != "create":
                return spot(call)
            if takes_effect:
                spot.make(call)
            out.set()
            return "stall"
        server = self.server(script)
        self.a_list_of(addresses, "create_missing = true")
        process = self.start("run", "list")
        self.assertTrue(out.wait(PATIENCE))
        process.kill()
        self.check_no_address()
        server = self.server(spot, at=server)
        run = self.run_job(OK)
        self.check_run_books(run)
        self.assertEqual(self.tally(), {"invited": 50})
        self.assertEqual(sorted(spot.made), addresses)
        return [call.step for call in server.calls]

    def test_killed_in_a_creation_that_took_effect_the_next_run_looks_up_and_makes_nobody(self):
        self.assertEqual(self.kill_in_a_creation(takes_effect=True), ["look_up", "invite"])

    def test_killed_in_a_creation_that_did_not_the_next_run_looks_up_and_then_makes(self):
        self.assertEqual(self.kill_in_a_creation(takes_effect=False), ["look_up", "create", "invite"])

    def test_an_api_that_never_says_whether_it_made_them_is_not_asked_for_ever(self):
        server = self.server(lambda call: found([]) if call.step == "look_up" else made([]))
        self.a_list_of(some_addresses(3), "create_missing = true")
        result = self.convoke("run", "list", "--json", settings={"retry.attempts": 3})
        self.assertEqual(result.exit, INCOMPLETE, str(result))
        self.assertEqual(self.tally(), {"failed": 3})
        self.assertEqual([call.step for call in server.calls].count("create"), 3)

    def test_a_member_made_that_was_not_asked_for_is_an_alarm_and_is_not_invited(self):
        stranger = some_ids(1, "stranger")[0]
        spot = Spot({})

        def script(call):
            if call.step != "create":
                return spot(call)
            status, body = spot.make(call)
            answer = json.loads(body)
            return status, json.dumps({**answer, "created": [*answer["created"], spot_member("stranger@example.org", stranger)]})
        server = self.server(script)
        self.a_list_of(some_addresses(20), "create_missing = true")
        result = self.expect(OK, "run", "list")
        self.assertIn("not asked for", result.err)
        self.assertNotIn(stranger, {member for call in server.calls if call.step == "invite" for member in call.ids})


if __name__ == "__main__":
    unittest.main()
