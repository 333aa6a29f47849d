"""What the API answers, and what becomes of the members: each in its own outcome, and the neighbours invited."""
import unittest

from world import *


class Poison(World):
    def test_one_bad_id_among_100_costs_at_most_14_calls_more(self):
        for place in ("00", "77", "ff"):
            with self.subTest(place):
                self.remove_ledger()
                bad = place + "ee"
                sandbox = self.sandbox("--poison", bad)
                self.a_job([member for member in some_ids(99)] + some_ids(1, prefix=bad))
                run = self.run_job(INCOMPLETE)
                self.assertLessEqual(run["calls"], 1 + 14)
                self.assertEqual(self.tally(), {"invited": 99, "rejected": 1})
                self.assertTrue(self.of_outcome("rejected").pop().startswith(bad))
                self.check_record(sandbox)
                self.assertEqual(self.run_job(INCOMPLETE)["calls"], 0)

    def test_a_bad_id_that_the_api_names_costs_two_calls_more(self):
        sandbox = self.sandbox("--poison", "ee", "--quote-poison")
        self.a_job(some_ids(99) + some_ids(1, prefix="ee"))
        run = self.run_job(INCOMPLETE)
        self.assertEqual((run["invited"], run["rejected"], run["calls"]), (99, 1, 3))
        self.check_record(sandbox)

    def test_many_bad_ids_leave_nobody_else_behind(self):
        sandbox = self.sandbox("--poison", "ee")
        good, bad = some_ids(2900), some_ids(100, prefix="ee")
        mixed = good + bad
        random.Random(5).shuffle(mixed)
        self.a_job(mixed)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.of_outcome("rejected"), set(bad))
        self.assertEqual(self.of_outcome("invited"), set(good))
        self.check_record(sandbox)
        self.assertEqual(self.query("SELECT DISTINCT http_status, error FROM outcomes WHERE outcome = 'rejected'"),
                         [(400, "HTTP 400: Bad Request")])

    def test_a_list_that_is_refused_alike_stops_early_and_stays_due(self):
        sandbox = self.sandbox("--poison", "0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f")
        self.a_job(20_000)
        run = self.run_job(INCOMPLETE, settings={"api.connections": 1})
        self.assertEqual(run["stopped_by"], "refused_alike")
        self.assertIn("Bad Request", run["message"])
        self.assertLess(sandbox.requests, 25, "a list that is refused alike burns the quota")
        self.assertEqual(self.tally(), {"pending": 20_000})
        sandbox = self.sandbox(at=sandbox)
        self.run_job(OK)
        self.assertEqual(self.tally(), {"invited": 20_000})
        self.check_record(sandbox)


class AllKindsAtOnce(World):
    def test_each_ends_in_its_own_outcome_and_the_neighbours_are_invited(self):
        kinds = {"poison": some_ids(7, prefix="ee"), "ignored": some_ids(11, prefix="ef"),
                 "invited": some_ids(60, prefix="fe"), "started": some_ids(40, prefix="ff")}
        # Spread over the whole list, not a block at its end: ids go out in their order.
        rules = {"poison": "e1", "ignored": "e2", "invited": "e3", "started": "e4"}
        kinds = {kind: [f"{at * 37 % 256:02x}{rules[kind]}{member[4:]}" for at, member in enumerate(ids)]
                 for kind, ids in kinds.items()}
        fine = [member for member in some_ids(1882) if member[2:4] not in rules.values()]
        everybody = fine + sum(kinds.values(), [])
        random.Random(3).shuffle(everybody)
        prefixes = {kind: ",".join(sorted({member[:4] for member in ids})) for kind, ids in kinds.items()}
        sandbox = self.sandbox("--poison", prefixes["poison"], "--ignore", prefixes["ignored"],
                               "--invited", prefixes["invited"], "--started", prefixes["started"])
        self.a_job(everybody)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.of_outcome("invited"), set(fine))
        self.assertEqual(self.of_outcome("rejected"), set(kinds["poison"]) | set(kinds["ignored"]))
        self.assertEqual(self.of_outcome("already_invited"), set(kinds["invited"]) | set(kinds["started"]))
        words = dict(self.query("SELECT spot_member_id, error FROM outcomes WHERE outcome = 'rejected'"))
        for member in kinds["poison"]:
            self.assertIn("400", words[member])
        for member in kinds["ignored"]:
            self.assertIn("not in the API's answers", words[member])
        self.check_record(sandbox)
        self.assertEqual(self.run_job(INCOMPLETE)["calls"], 0)

    def test_a_member_that_an_answer_lost_is_asked_again_and_found(self):
        sandbox = self.sandbox("--faults", "lost:1")
        ids = self.a_job(1000)
        self.run_job(OK)
        self.assertEqual(set(self.outcomes()), {(COURSE, member) for member in ids})
        self.assertEqual(self.tally(), {"invited": 990, "already_invited": 10})
        self.check_record(sandbox)


class Sizes(World):
    def test_a_call_that_is_too_large_is_split_and_the_size_that_works_is_kept(self):
        sandbox = self.sandbox("--max-ids", 30)
        ids = self.a_job(3000)
        result = self.expect(OK, "run", "list", settings={"api.connections": 1})
        self.check_all_invited(sandbox, ids)
        statuses = sandbox.stats["statuses"]
        self.assertLessEqual(statuses["413"], 4, f"the size that works was not learned: {statuses}")
        self.assertIn("too large", result.err)

    def test_one_member_that_is_too_large_is_refused(self):
        self.server(lambda call: (413, "payload is too large") if any(i.startswith("ee") for i in call.ids)
                    else (201, participants(call.ids)))
        ids = some_ids(50)
        self.a_job(ids + some_ids(1, prefix="ee"))
        self.run_job(INCOMPLETE)
        self.assertEqual(self.tally(), {"invited": 50, "rejected": 1})

    def test_a_job_may_change_its_chunk_size_in_the_middle(self):
        sandbox = self.sandbox()
        ids = self.a_job(1000)
        self.run_job(TRY_LATER, "--max-members", 150)
        self.write_job(invite="chunk_size = 425")
        self.assertEqual(self.run_job(OK)["calls"], 2)
        self.check_all_invited(sandbox, ids)


class Courses(World):
    def test_an_unknown_course_costs_one_call_and_its_members_stay_due(self):
        sandbox = self.sandbox("--courses", "another")
        ids = self.a_job(10_000)
        result = self.expect(BAD_CONFIG, "run", "list", settings={"api.connections": 2})
        self.assertEqual(sandbox.requests, 1)
        self.assertEqual(self.tally(), {"pending": 10_000})
        self.assertIn(COURSE, result.out)
        self.assertEqual(self.query("SELECT http_status, reason FROM calls"), [(404, "course_refused")])
        self.check_record(sandbox)
        sandbox = self.sandbox(at=sandbox)
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)

    def test_an_unknown_course_takes_no_other_course_along(self):
        sandbox = self.sandbox("--courses", "good,fine")
        ids = some_ids(900)
        self.write_list([f"{member},{('good', 'bad', 'fine')[at % 3]}" for at, member in enumerate(ids)], header="m,c")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "m"\ncourse_column = "c"')
        run = self.run_job(BAD_CONFIG)
        self.assertEqual({course for (course, _), outcome in self.outcomes().items() if outcome == "pending"}, {"bad"})
        self.assertEqual(self.tally(), {"invited": 600, "pending": 300})
        self.assertEqual([(course["course_id"], course["members"]) for course in run["refused_courses"]], [("bad", 300)])
        self.assertEqual(self.query("SELECT count(*) FROM calls WHERE course_id = 'bad'"), [(1,)])
        self.check_record(sandbox)


class Doubt(World):
    """A call that may have taken effect: `on_doubt` decides."""

    def break_off_first(self):
        return self.server(lambda call: "reset" if call.number == 1 else (201, participants(call.ids)))

    def test_ask_again_asks_as_before(self):
        server = self.break_off_first()
        ids = self.a_job(50, 'check = false\nemail_notification = true\non_doubt = "ask-again"')
        self.run_job(OK)
        self.assertEqual([call.body["withEmailNotification"] for call in server.calls], [True, True])
        self.assertEqual(server.calls[0].ids, server.calls[1].ids)
        self.assertEqual(self.of_outcome("invited"), set(ids))
        self.assertEqual(self.query("SELECT DISTINCT attempts FROM outcomes"), [(2,)], "how often they were asked")

    def test_ask_quietly_asks_without_mail(self):
        server = self.break_off_first()
        self.a_job(150, 'check = false\nemail_notification = true\non_doubt = "ask-quietly"')
        self.run_job(OK, settings={"api.connections": 1})
        asked = {}
        for call in server.calls:
            for member in call.ids:
                asked.setdefault(member, []).append(call.body["withEmailNotification"])
        twice = {member for member, mails in asked.items() if len(mails) == 2}
        self.assertEqual(twice, set(server.calls[0].ids))
        for member, mails in asked.items():
            self.assertEqual(mails, [True, False] if member in twice else [True])

    def test_ask_quietly_after_a_crash_too(self):
        stalled = self.server(lambda call: "stall")
        self.a_job(20, 'check = false\nemail_notification = true\non_doubt = "ask-quietly"')
        process = self.start("run", "list")
        wait_for(lambda: stalled.calls, "a call")
        process.kill()
        server = self.server(lambda call: (201, participants(call.ids)), at=stalled)
        self.run_job(OK)
        self.assertEqual([call.body["withEmailNotification"] for call in server.calls], [False])

    def test_hold_leaves_them_in_doubt_until_retry(self):
        server = self.break_off_first()
        ids = self.a_job(150, 'on_doubt = "hold"')
        self.run_job(INCOMPLETE, settings={"api.connections": 1})
        held = set(server.calls[0].ids)
        self.assertEqual(self.of_outcome("in_doubt"), held)
        self.assertEqual(self.of_outcome("invited"), set(ids) - held)
        self.run_job(INCOMPLETE)
        self.assertEqual(len(server.calls), 2)
        self.expect(OK, "retry", "list", "--outcome", "in_doubt")
        self.assertEqual(set(server.calls[2].ids), held)
        self.assertEqual(self.tally(), {"invited": 150})

    def test_what_the_server_did_before_it_broke_off_is_found_out(self):
        for fault in ("reset-after", "truncate", "garbage"):
            with self.subTest(fault):
                self.remove_ledger()
                sandbox = self.sandbox("--faults", f"{fault}:0.05", "--seed", 4)
                ids = self.a_job(5000)
                self.run_job(OK)
                self.assertGreater(sandbox.stats["faults"][fault], 0)
                self.assertEqual(set(self.outcomes()), {(COURSE, member) for member in ids})
                self.assertLessEqual(set(self.tally()), {"invited", "already_invited"})
                self.check_record(sandbox)

    def test_a_server_that_never_answers_is_given_up_on_in_time(self):
        sandbox = self.sandbox("--faults", "stall:0.03", "--seed", 2)
        ids = self.a_job(3000)
        self.run_job(OK, settings={"api.timeout": '"1s"'})
        self.assertGreater(sandbox.stats["faults"]["stall"], 0)
        self.assertEqual(set(self.outcomes()), {(COURSE, member) for member in ids})
        self.check_record(sandbox)


class RetryAndWhy(World):
    def test_retry_asks_again_for_those_and_nobody_else(self):
        sandbox = self.sandbox("--poison", "ee")
        good, bad = some_ids(500), some_ids(3, prefix="ee")
        self.a_job(good + bad)
        self.run_job(INCOMPLETE)
        sandbox = self.sandbox(at=sandbox)
        result = self.expect(OK, "retry", "list", "--json")
        self.assertEqual(result.last_run["invited"], 3)
        self.assertEqual({member for _, member in sandbox.members}, set(bad))
        self.assertEqual(self.tally(), {"invited": 503})

    def test_retry_of_one_outcome_leaves_the_others(self):
        sandbox = self.sandbox("--poison", "ee")
        self.a_job(some_ids(50) + some_ids(3, prefix="ee"))
        self.run_job(INCOMPLETE)
        sandbox = self.sandbox(at=sandbox)
        self.expect(INCOMPLETE, "retry", "list", "--outcome", "failed")
        self.assertEqual(sandbox.requests, 0)
        self.assertEqual(self.tally(), {"invited": 50, "rejected": 3})

    def test_why_tells_the_whole_story_of_a_member(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(99) + some_ids(1, prefix="ee"))
        self.run_job(INCOMPLETE)
        bad = self.of_outcome("rejected").pop()
        story = self.expect(OK, "why", "list", bad.upper(), "--json").json
        course = story["courses"][0]
        self.assertEqual((course["outcome"], course["source_line"], course["http_status"]), ("rejected", 101, 400))
        self.assertEqual([call["http_status"] for call in course["calls"]], [400] * len(course["calls"]))
        sizes = [call["members"] for call in course["calls"]]
        self.assertEqual((sizes[0], sizes[-1]), (100, 1))
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertEqual(course["attempts"], len(sizes))
        text = self.expect(OK, "why", "list", bad).out
        for words in (bad, "source line 101", "rejected", "HTTP 400", COURSE):
            self.assertIn(words, text)

    def test_export_gives_the_members_of_an_outcome(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(200) + some_ids(4, prefix="ee"))
        self.run_job(INCOMPLETE)
        out = self.expect(OK, "export", "list", "--outcome", "rejected").out
        rows = list(csv.DictReader(out.splitlines()))
        self.assertEqual({row["spot_member_id"] for row in rows}, self.of_outcome("rejected"))
        self.expect(OK, "export", "list", "--format", "jsonl", "--output", "all.jsonl")
        lines = [json.loads(line) for line in (self.folder / "all.jsonl").read_text().splitlines()]
        self.assertEqual({(line["course_id"], line["spot_member_id"]): line["outcome"] for line in lines}, self.outcomes())


if __name__ == "__main__":
    unittest.main()
