"""Lists of e-mail addresses, end to end: looked up, each once, and invited as those who have them."""
import unittest

from addresses import *


class Addresses(AddressWorld):
    def test_those_who_have_the_addresses_are_invited_and_the_others_are_unknown(self):
        addresses = some_addresses(250)
        known = [address for n, address in enumerate(addresses) if n % 10]
        sandbox, ids = self.spot(known)
        self.a_list_of(addresses)
        run = self.run_job(INCOMPLETE)
        self.check_all_invited(sandbox, ids.values())
        self.assertEqual(self.lines_of("unknown"), set(range(0, 250, 10)))
        self.assertEqual(self.query("SELECT DISTINCT spot_member_id, reason, attempts, in_list FROM outcomes "
                                    "WHERE outcome = 'unknown'"), [(None, "no_member", 1, 1)])
        self.assertEqual({n: addresses[n] for n in self.lines_of("invited")}, {n: addresses[n] for n in range(250) if n % 10})
        self.assertEqual((sandbox.stats["lookups"], sandbox.stats["addresses_asked"]), (3, 250))
        self.assertEqual(self.steps(), {"look_up": 3, "invite": 3})
        self.assertEqual(self.runs(), [(250, 0, 25, 0, 225)])
        self.check_run_books(run)

    def test_each_row_goes_to_whom_its_address_belongs(self):
        addresses = some_addresses(300)
        sandbox, ids = self.spot(addresses)
        self.a_list_of(addresses)
        self.run_job(OK)
        lines = dict(self.query("SELECT source_line, spot_member_id FROM outcomes"))
        self.assertEqual({addresses[line - 2]: member for line, member in lines.items()}, ids)

    def test_spellings_of_one_address_are_one_member_and_what_is_no_address_is_invalid_and_not_sent(self):
        ann, bob = f"{LOCAL}-ann@{DOMAIN}", f"{LOCAL}+bob/é@{DOMAIN}"
        server = self.server(Spot({ann: some_ids(2)[0], bob: some_ids(2)[1]}))
        spellings = [ann, ann.upper(), f"  {ann.title()}\t", f"<{ann}>", f"mailto:{ann}", f"\u200b{ann}"]
        invalid = ["nobody", "@example.org", "ann@", "a@b@c", "ann b@example.org", "a@example.org,b@example.org",
                   "Ann <ann@example.org>", "x" * 255 + "@example.org"]
        self.a_list_of([*spellings, bob, *invalid])
        run = self.run_job(INCOMPLETE)
        self.assertEqual(sorted(address for call in server.calls if call.step == "look_up" for address in call.addresses),
                         sorted([ann, bob]))
        self.assertEqual(self.tally(), {"invited": 2})
        self.assertEqual({key: run[key] for key in ("rows_read", "members", "duplicates", "invalid", "unknown", "mended")},
                         {"rows_read": 15, "members": 2, "duplicates": 5, "invalid": 8, "unknown": 0, "mended": 3})
        self.assertEqual(self.query("SELECT source_line, reason FROM invalid_rows ORDER BY 1"),
                         [(9 + n, "not_an_address") for n in range(len(invalid))])
        self.check_run_books(run)

    def test_a_second_run_of_the_unchanged_list_invites_nobody_and_looks_up_who_is_unknown(self):
        addresses = some_addresses(250)
        sandbox, ids = self.spot(addresses[:230])
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        before = sandbox.stats
        run = self.run_job(INCOMPLETE)
        after = sandbox.stats
        self.assertEqual(after["addresses_asked"] - before["addresses_asked"], 20)
        self.assertEqual((after["requests"] - before["requests"], run["calls"], run["invited"]), (1, 1, 0))
        self.assertEqual(after["invitations"], 230)
        self.assertEqual(self.runs(), [(250, 0, 20, 0, 230), (250, 0, 20, 0, 0)])
        self.check_run_books(run)

    def test_who_joins_the_spot_is_invited_by_the_next_run_and_then_nothing_is_asked_nor_read(self):
        addresses = some_addresses(120)
        sandbox, _ = self.spot(addresses[:100])
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        sandbox, ids = self.spot(addresses, at=sandbox)
        run = self.run_job(OK)
        self.assertEqual((run["invited"], run["unknown"], sandbox.stats["addresses_asked"]), (20, 0, 20))
        self.assertEqual(self.of_outcome("invited"), set(ids.values()))
        requests = sandbox.requests
        run = self.run_job(OK)
        self.assertEqual((run["calls"], run["source_read"], sandbox.requests), (0, False, requests))

    def test_of_a_grown_list_those_are_looked_up_who_are_new_or_unknown(self):
        addresses = some_addresses(300)
        sandbox, ids = self.spot(addresses[10:])
        self.a_list_of(addresses[:200])
        self.run_job(INCOMPLETE)
        before = sandbox.stats["addresses_asked"]
        self.a_list_of(reversed(addresses))
        run = self.run_job(INCOMPLETE)
        self.assertEqual((before, sandbox.stats["addresses_asked"] - before), (200, 100 + 10))
        self.assertEqual((run["invited"], self.tally()), (100, {"invited": 290, "unknown": 10}))
        self.assertEqual(self.lines_of("unknown"), set(range(290, 300)))
        self.check_all_invited(sandbox, ids.values())

    def test_a_second_job_of_the_ledger_asks_for_nobody_who_is_known(self):
        addresses = some_addresses(150)
        sandbox, ids = self.spot(addresses[:140])
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        before = sandbox.stats["addresses_asked"]
        self.a_list_of(addresses[50:], name="second", course="another")
        run = self.run_job(INCOMPLETE, job="second")
        self.assertEqual(sandbox.stats["addresses_asked"] - before, 10)
        self.assertEqual((run["invited"], run["unknown"]), (90, 10))
        self.assertEqual({member for _, member in self.outcomes("second")}, {ids[address] for address in addresses[50:140]})
        self.check_record(sandbox, jobs=["list", "second"])

    def test_an_id_goes_before_an_address_and_both_of_one_person_are_one_member(self):
        addresses = some_addresses(4)
        sandbox, ids = self.spot(addresses)
        ann, bob, eve, _ = addresses
        rows = [(ids[ann], ""), ("", ann),           # one person
                ("", bob), (ids[bob].upper(), ""),   # and the other way round
                (ids[eve], addresses[3])]            # whose address is not asked for
        self.a_list_of(rows, columns=("member", "email"))
        run = self.run_job(OK)
        self.assertEqual((run["members"], run["duplicates"], run["invited"]), (3, 2, 3))
        self.assertEqual(sandbox.stats["addresses_asked"], 2)
        self.check_all_invited(sandbox, [ids[ann], ids[bob], ids[eve]])
        self.check_run_books(run)

    def test_two_addresses_of_one_member_are_one_member_and_a_duplicate(self):
        addresses = some_addresses(40)
        member = some_ids(20)
        server = self.server(Spot({address: member[n % 20] for n, address in enumerate(addresses)}))
        self.a_list_of(addresses)
        run = self.run_job(OK, settings={"invite.chunk_size": 7})
        self.assertEqual((run["members"], run["duplicates"], run["invited"]), (20, 20, 20))
        self.assertEqual(sorted(id for call in server.calls if call.step == "invite" for id in call.ids), sorted(member))
        self.check_run_books(run)
        self.check_run_books(self.run_job(OK))

    def test_who_stood_under_an_id_and_now_under_an_address_is_not_asked_for_again_nor_the_other_way_round(self):
        addresses = some_addresses(60)
        sandbox, ids = self.spot(addresses)
        columns = ("member", "email")
        by_id, by_address = [(ids[address], "") for address in addresses], [("", address) for address in addresses]
        self.a_list_of(by_id[:30] + by_address[30:], columns=columns)
        self.run_job(OK)
        self.a_list_of(by_address[:30] + by_id[30:], columns=columns)
        run = self.run_job(OK)
        self.assertEqual((run["members"], run["invited"], run["already_invited"], run["duplicates"]), (60, 0, 0, 0))
        self.assertEqual(self.query("SELECT in_list, outcome, count(*) FROM outcomes GROUP BY 1, 2"), [(1, "invited", 60)])
        self.assertEqual(sandbox.stats["addresses_asked"], 60)
        self.check_all_invited(sandbox, ids.values())
        self.check_run_books(run)

    def test_who_was_withdrawn_under_an_id_is_due_again_under_an_address(self):
        addresses = some_addresses(30)
        columns = ("member", "email")
        ids = dict(zip(addresses, some_ids(30, "spot")))
        rows = [(ids[address], "") for address in addresses]
        server = self.server(lambda call: (503, "down"))
        self.a_list_of(rows, columns=columns)
        self.run_job(UNAVAILABLE, settings={"retry.patience": '"100ms"'})
        self.a_list_of(rows[:20], columns=columns)
        self.run_job(UNAVAILABLE, settings={"retry.patience": '"100ms"'})
        self.assertEqual(self.tally(), {"pending": 20, "withdrawn": 10})
        self.a_list_of(rows[:20] + [("", address) for address in addresses[20:]], columns=columns)
        server = self.server(Spot(ids), at=server)
        run = self.run_job(OK)
        self.assertEqual((run["invited"], self.tally()), (30, {"invited": 30}))
        self.assertEqual({member for _, member in self.outcomes()}, set(ids.values()))
        self.check_run_books(run)

    def test_duplicates_of_one_member_are_the_same_when_the_list_is_read_again(self):
        addresses = some_addresses(45)
        member = some_ids(20)
        self.server(Spot({address: member[n % 20] for n, address in enumerate(addresses[:40])}))
        self.a_list_of([*addresses, *addresses[:3]])
        first = self.run_job(INCOMPLETE)
        self.check_run_books(first)
        for _ in range(2):
            again = self.run_job(INCOMPLETE)
            self.assertTrue(again["source_read"])
            self.check_run_books(again)
            self.assertEqual([again[key] for key in ("rows_read", "members", "duplicates", "unknown")], [48, 20, 23, 5])
            self.assertEqual([first[key] for key in ("rows_read", "members", "duplicates", "unknown")], [48, 20, 23, 5])

    def test_a_list_that_nobody_is_in_is_all_unknown_and_no_outage(self):
        addresses = some_addresses(1000)
        sandbox, _ = self.spot([])
        self.a_list_of(addresses)
        run = self.run_job(INCOMPLETE)
        self.assertEqual((run["stopped_by"], self.tally()), (None, {"unknown": 1000}))
        self.assertEqual(sandbox.stats["addresses_asked"], 1000)
        self.check_run_books(run)

    def test_a_list_of_standard_input(self):
        addresses = some_addresses(40)
        sandbox, ids = self.spot(addresses[:30])
        text = "\n".join(["email", *addresses]).encode()
        for calls in (2, 1):
            result = self.expect(INCOMPLETE, "run", "--csv", "-", "--name", "list", "--email-column", "email", "--course", COURSE,
                                 "--json", stdin=text)
            self.assertEqual((result.last_run["calls"], self.tally()), (calls, {"invited": 30, "unknown": 10}))
        self.check_all_invited(sandbox, ids.values())

    def test_an_address_that_left_the_list_is_not_looked_up_until_it_is_back(self):
        addresses = some_addresses(30)
        sandbox, _ = self.spot(addresses[:20])
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        before = sandbox.stats["addresses_asked"]
        self.a_list_of(addresses[:20])
        run = self.run_job(OK)
        self.assertEqual((run["rows_read"], run["members"], run["unknown"]), (20, 20, 0))
        self.assertEqual(sandbox.stats["addresses_asked"], before)
        self.assertEqual(self.query("SELECT in_list, count(*) FROM outcomes WHERE outcome = 'unknown' GROUP BY 1"), [(0, 10)])
        self.check_run_books(run)
        self.a_list_of(addresses[:25])
        self.check_run_books(self.run_job(INCOMPLETE))
        self.assertEqual((sandbox.stats["addresses_asked"] - before, self.lines_of("unknown")), (5, set(range(20, 25))))

    def test_an_address_that_leaves_the_list_before_it_was_looked_up_is_withdrawn(self):
        server = self.server(lambda call: (500, "down"))
        addresses = some_addresses(30)
        self.a_list_of(addresses)
        self.run_job(UNAVAILABLE, settings={"retry.patience": '"100ms"'})
        self.assertEqual(self.tally(), {"pending": 30})
        self.a_list_of(addresses[:20])
        server = self.server(Spot(dict(zip(addresses, some_ids(30)))), at=server)
        run = self.run_job(OK)
        asked = {address for call in server.calls if call.step == "look_up" for address in call.addresses}
        self.assertEqual(asked, set(addresses[:20]))
        self.assertEqual(self.tally(), {"invited": 20, "withdrawn": 10})
        self.check_run_books(run)

    def test_addresses_too_long_for_a_hundred_in_a_call_go_out_in_as_many_as_fit_into_4_KiB(self):
        addresses = some_addresses(800, "a-company-with-a-long-name.example")
        server = self.server(Spot(dict(zip(addresses, some_ids(800)))))
        self.a_list_of(addresses)
        plan = self.expect(OK, "plan", "list", "--json").json["plans"][0]
        self.run_job(OK)
        look_ups = [call for call in server.calls if call.step == "look_up"]
        self.assertEqual(sorted(address for call in look_ups for address in call.addresses), addresses)
        self.assertLessEqual(max(len(call.path) for call in look_ups), 4096)
        # Nearly as few as can be: what did not fit into one call is not a call of its own.
        fit = max(len(call.addresses) for call in look_ups)
        self.assertLess(fit, 100)
        self.assertLessEqual(len(look_ups), -(-800 // fit) + 2)
        self.assertEqual(plan["look_ups"], len(look_ups))

    def test_each_course_of_a_list_gets_its_own(self):
        addresses = some_addresses(50)
        sandbox, ids = self.spot(addresses[:45])
        rows = [(address, course) for address in addresses for course in "ab"] + [(addresses[0], "a")]
        self.a_list_of(rows, columns=("email", "course"))
        run = self.run_job(INCOMPLETE)
        self.assertEqual((run["members"], run["unknown"], run["duplicates"], run["invited"]), (90, 10, 1, 90))
        self.assertEqual(set(self.outcomes()), {(course, member) for course in "ab" for member in ids.values()})
        self.check_record(sandbox)

    def test_a_list_without_a_job_file_names_its_column(self):
        addresses = some_addresses(12)
        sandbox, ids = self.spot(addresses)
        self.a_list_of(addresses)
        self.expect(OK, "run", "--csv", "list.csv", "--email-column", "email", "--course", COURSE)
        self.assertEqual(sandbox.stats["members_invited"], 12)

    def test_a_canary_settles_so_many_members(self):
        addresses = some_addresses(400)
        sandbox, ids = self.spot(addresses)
        self.a_list_of(addresses)
        run = self.run_job(TRY_LATER, "--max-members", 10)
        self.assertEqual((run["stopped_by"], run["invited"], sandbox.stats["members_invited"]), ("max_members", 10, 10))
        self.check_run_books(run)
        self.run_job(OK)
        self.check_all_invited(sandbox, ids.values())
        self.assertEqual(sandbox.stats["addresses_asked"], 400)

    def test_a_canary_ends_where_hardly_anybody_is_known(self):
        addresses = some_addresses(400)
        sandbox, ids = self.spot(addresses[::20])
        self.a_list_of(addresses)
        run = self.run_job(TRY_LATER, "--max-members", 10)
        self.assertEqual(run["stopped_by"], "max_members")
        self.assertLessEqual(sandbox.stats["members_invited"], 10)
        self.check_run_books(run)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.tally(), {"invited": 20, "unknown": 380})
        self.check_record(sandbox)

    def test_export_gives_the_rows_that_nobody_has(self):
        addresses = some_addresses(40)
        self.spot(addresses[:30])
        self.a_list_of(addresses)
        result = self.expect(INCOMPLETE, "run", "list")
        self.assertRegex(result.out, r"(?m)^ +unknown +10 ")
        self.assertIn("10 addresses are unknown", result.out)
        rows = list(csv.DictReader(io.StringIO(self.shell(self.next_command(result), OK).out)))
        self.assertEqual({int(row["source_line"]) - 2 for row in rows}, set(range(30, 40)))
        self.assertEqual({(row["spot_member_id"], row["outcome"], row["reason"]) for row in rows}, {("", "unknown", "no_member")})

    def test_why_tells_of_an_address_whether_or_not_anybody_has_it(self):
        addresses = some_addresses(20)
        sandbox, ids = self.spot(addresses[:10])
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        why = self.expect(OK, "why", "list", f" {addresses[3].upper()}")
        for words in (ids[addresses[3]], "source line 5", "to look up 20 addresses", "for 10 members", "outcome invited"):
            self.assertIn(words, why.out)
        of_address = self.expect(OK, "why", "list", addresses[3], "--json").json
        self.assertEqual([call["step"] for call in of_address["courses"][0]["calls"]], ["look_up", "invite"])
        of_id = self.expect(OK, "why", "list", ids[addresses[3]], "--json").json
        self.assertEqual(of_id["courses"][0].pop("calls")[-1], of_address["courses"][0].pop("calls")[-1])
        self.assertEqual(of_id, of_address)
        why = self.expect(OK, "why", "list", addresses[13])
        for words in ("source line 15", "outcome unknown", "no spot member has this address"):
            self.assertIn(words, why.out)
        self.assertIsNone(self.expect(OK, "why", "list", addresses[13], "--json").json["spot_member_id"])
        self.expect(NO_INPUT, "why", "list", some_addresses(21)[20])

    def test_no_key_stands_twice_in_what_a_run_reports(self):
        addresses = some_addresses(20)
        self.spot(addresses[:10])
        self.a_list_of(addresses)

        def once(pairs):
            self.assertEqual(len({key for key, _ in pairs}), len(pairs), f"a key stands twice: {[key for key, _ in pairs]}")
            return dict(pairs)
        for command in (("run", "list"), ("plan", "list"), ("status", "list")):
            with self.subTest(command):
                json.loads(self.convoke(*command, "--json").out, object_pairs_hook=once)


class PlansOfAddresses(AddressWorld):
    def plan(self):
        return self.expect(OK, "plan", "list", "--json").json["plans"][0]

    def check_foretells(self, sandbox, exit_code=OK):
        plan = self.plan()
        before = sandbox.stats
        run = self.run_job(exit_code)
        after = sandbox.stats
        self.assertEqual(after["addresses_asked"] - before["addresses_asked"], plan["addresses_to_look_up"])
        self.assertEqual(after["lookups"] - before["lookups"], plan["look_ups"])
        self.assertEqual(self.steps(run["run_id"]).get("look_up", 0), plan["look_ups"])
        return plan, run

    def test_a_plan_says_how_many_are_known_and_to_be_looked_up_and_asks_nobody(self):
        addresses = some_addresses(250)
        sandbox, _ = self.spot(addresses)
        self.a_list_of(addresses)
        self.assertRegex(self.expect(OK, "plan", "list").out, r"to be looked up +250 +addresses, in 3 calls")
        self.assertEqual(sandbox.requests, 0)
        plan, run = self.check_foretells(sandbox)
        self.assertEqual({key: plan[key] for key in ("addresses_known", "addresses_to_look_up", "look_ups", "calls", "due")},
                         {"addresses_known": 0, "addresses_to_look_up": 250, "look_ups": 3, "calls": 6, "due": 250})
        self.assertEqual((run["calls"], run["invited"]), (plan["calls"], plan["due"]))
        plan, run = self.check_foretells(sandbox)
        self.assertEqual((plan["addresses_to_look_up"], plan["calls"], plan["due"]), (0, 0, 0))

    def test_a_plan_of_a_grown_list_and_of_another_job(self):
        addresses = some_addresses(400)
        sandbox, _ = self.spot(addresses[20:])
        self.a_list_of(addresses[:150])
        self.run_job(INCOMPLETE)
        self.a_list_of(addresses[:300])
        plan, run = self.check_foretells(sandbox, INCOMPLETE)
        self.assertEqual((plan["addresses_known"], plan["addresses_to_look_up"], plan["new"]), (130, 150 + 20, 150))
        self.a_list_of(addresses, course="another")
        plan, run = self.check_foretells(sandbox, INCOMPLETE)
        self.assertEqual((plan["addresses_known"], plan["addresses_to_look_up"]), (280, 120))

    def test_a_plan_keeps_no_address_and_makes_no_file(self):
        addresses = some_addresses(250)
        self.spot(addresses)
        self.a_list_of(addresses)
        self.plan()
        self.assertFalse(list(self.folder.glob("convoke*")))


class NoAddressIsKept(AddressWorld):
    def test_not_in_the_ledger_nor_in_what_is_printed_nor_in_a_log(self):
        addresses = some_addresses(300)
        faults = "500:0.1,reset-after:0.1,garbage:0.05,lost:0.05"
        sandbox, _ = self.spot(addresses[:270], "--latency", "1ms", "--faults", faults)
        self.a_list_of([*addresses, addresses[0].upper()], "chunk_size = 10")
        results = [self.expect(INCOMPLETE, "run", "list", "-v", settings={"retry.attempts": 20}) for _ in range(2)]
        results += [self.convoke(*command, "-v") for command in
                    (("plan", "list"), ("status", "list"), ("export", "list"), ("run", "list", "--json"))]
        invited = self.of_outcome("invited") | self.of_outcome("already_invited")
        self.assertEqual((len(invited), self.tally()["unknown"]), (270, 30))
        self.check_record(sandbox)
        self.check_no_address(*results)

    def test_nor_while_it_runs(self):
        stalled = threading.Event()

        def script(call):
            if call.number < 3:
                return spot(call)
            stalled.set()
            return "stall"
        addresses = some_addresses(400)
        spot = Spot(dict(zip(addresses, some_ids(400))))
        self.server(script)
        self.a_list_of(addresses)
        process = self.start("run", "list", settings={"api.connections": 2})
        self.assertTrue(stalled.wait(PATIENCE))
        self.check_no_address()
        process.kill()
        self.check_no_address()

    def test_nor_when_the_api_quotes_it(self):
        addresses = some_addresses(6)

        def script(call):
            if call.step != "look_up":
                return spot(call)
            if addresses[2] in call.addresses:
                words = f"email '{addresses[2]}' is on no list of {DOMAIN.upper()}"
                return 400, json.dumps({"message": [words], "email": addresses[2]})
            return spot(call)
        spot = Spot(dict(zip(addresses, some_ids(6))))
        self.server(script)
        self.a_list_of(addresses)
        result = self.expect(INCOMPLETE, "run", "list", "-v")
        self.assertEqual(self.lines_of("rejected"), {2})
        self.assertEqual(self.tally(), {"invited": 5, "rejected": 1})
        errors = [error for (error,) in self.query("SELECT error FROM calls UNION ALL SELECT error FROM outcomes") if error]
        self.assertTrue(errors)
        self.assertNotIn(addresses[2], " ".join(errors).lower())
        files = [path for path in self.folder.glob("convoke*") if addresses[2].encode() in path.read_bytes().lower()]
        self.assertFalse(files)
        self.assertNotIn(addresses[2], result.out + result.err)

    def test_two_ledgers_have_nothing_in_common_for_the_same_addresses(self):
        addresses = some_addresses(20)
        self.spot(addresses)
        self.a_list_of(addresses)
        keys = []
        for _ in range(2):
            self.run_job(OK)
            keys.append({key for (key,) in self.query("SELECT key FROM address")})
            self.remove_ledger()
        self.assertEqual([len(some) for some in keys], [20, 20])
        self.assertFalse(keys[0] & keys[1])


if __name__ == "__main__":
    unittest.main()
