"""Whether a course is there, and no Draft, is looked at before the first mail goes out; `plan --check` looks, too, and
sends nothing."""
import unittest

from addresses import *

MAILS = "email_notification = true"
QUICK = {"retry.attempts": 3, "retry.patience": '"200ms"'}


def listed(*courses, total=None, **more):
    """A page of the list of courses; each is an id, or (id, status)."""
    items = [{"id": course[0], "status": course[1]} if isinstance(course, tuple) else {"id": course, "status": "Published"}
             for course in courses]
    return 200, json.dumps({"items": items, "total": len(items) if total is None else total, **more})


class LookWorld(AddressWorld):
    def looks(self, run=None):
        return self.steps(run).get("look", 0)

    def a_listing(self, listing, at=None):
        """A server with this list of courses (`listing(call)`, or always the same), and that invites whomever to whatever."""
        def script(call):
            if call.method == "GET":
                return listing(call) if callable(listing) else listing
            return 201, participants(call.ids, call.course)
        return self.server(script, at)

    def invitations(self, server):
        """The calls of a scripted server that invite."""
        return [call for call in server.calls if call.method == "POST"]

    def page_of(self, call):
        """(page, limit), as a call asks for it; 0: it does not say."""
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(call.path).query)
        return int(asked.get("page", ["0"])[0]), int(asked.get("limit", ["0"])[0])

    def check_nothing_sent(self, sandbox):
        stats = sandbox.stats
        self.assertEqual({name: stats[name] for name in ("members_asked", "invitations", "mails", "members_made",
                                                         "mails_to_made")},
                         dict.fromkeys(("members_asked", "invitations", "mails", "members_made", "mails_to_made"), 0))
        self.assertEqual(sandbox.members, {})

    def check_of(self, exit_code, *args, job="list", **how):
        """`plan --check`, as JSON: what it says of the check of the one job."""
        return self.expect(exit_code, "plan", "--check", "--json", job, *args, **how).json["plans"][0]["check"]

    def check_printable(self, *results):
        """Nothing that moves a cursor, colours, or turns the text's direction."""
        for result in results:
            text = result.out + result.err
            self.assertEqual([char for char in text if char != "\n" and (ord(char) < 32 or 127 <= ord(char) < 160
                              or char in "\u202e\u2066\u200f\ufffd")], [], repr(text))


class BeforeMails(LookWorld):
    def test_a_missing_course_is_78_with_nothing_sent_and_the_same_command_invites_once_it_is_there(self):
        sandbox = self.sandbox("--courses", "other")
        ids = self.a_job(250, MAILS)
        result = self.expect(BAD_CONFIG, "run", "list")
        self.assertIn(COURSE, result.out.splitlines()[0])
        self.assertIn("check = false", result.out.splitlines()[0])
        self.assertIn("once that is mended", result.out.splitlines()[-1])
        self.check_nothing_sent(sandbox)
        self.assertEqual((self.tally(), self.steps()), ({"pending": 250}, {"look": 1}))
        self.check_books()
        sandbox = self.sandbox("--courses", f"other,{COURSE}", at=sandbox.stop() or sandbox.url)
        self.shell(self.next_command(result), OK)
        self.check_all_invited(sandbox, ids)
        self.assertEqual((sandbox.stats["mails"], self.steps()), (250, {"look": 2, "invite": 3}))

    def test_a_draft_is_78_with_nothing_sent_and_the_same_command_invites_once_it_is_published(self):
        sandbox = self.sandbox("--courses", "other", "--draft-courses", COURSE)
        ids = self.a_job(250, MAILS)
        result = self.expect(BAD_CONFIG, "run", "list")
        self.assertRegex(result.out.splitlines()[0], f"{COURSE} is a Draft.*check = false")
        run = self.run_job(BAD_CONFIG)
        self.assertEqual((run["exit_code"], run["reason"], run["calls"]), (BAD_CONFIG, "course_refused", 1))
        self.check_nothing_sent(sandbox)
        self.assertEqual(self.tally(), {"pending": 250})
        sandbox = self.sandbox("--courses", COURSE, at=sandbox.stop() or sandbox.url)
        self.shell(self.next_command(result), OK)
        self.check_all_invited(sandbox, ids)
        self.assertEqual(sandbox.stats["mails"], 250)

    def test_a_draft_by_whatever_case_of_the_word_is_one_and_another_status_is_none(self):
        for status, exit_code in (("draft", BAD_CONFIG), ("DRAFT", BAD_CONFIG), ("Archived", OK), ("", OK), (None, OK), (3, OK)):
            with self.subTest(status):
                self.remove_ledger()
                server = self.a_listing(listed((COURSE, status)))
                self.a_job(5, MAILS)
                self.run_job(exit_code)
                self.assertEqual(len(self.invitations(server)), int(exit_code == OK))

    def test_check_false_looks_at_nothing(self):
        sandbox = self.sandbox("--courses", "other", "--draft-courses", COURSE)
        ids = self.a_job(150, f"{MAILS}\ncheck = false")
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)
        self.assertEqual((self.steps(), sandbox.requests, sandbox.stats["mails"]), ({"invite": 2}, 2, 150))

    def test_check_may_be_turned_off_on_the_command_line_and_is_no_word(self):
        sandbox = self.sandbox("--draft-courses", COURSE)
        self.a_job(5, MAILS)
        self.expect(BAD_CONFIG, "run", "list")
        self.run_job(OK, "--set", "invite.check=false")
        self.assertEqual(sandbox.stats["mails"], 5)
        self.a_job(5, f'{MAILS}\ncheck = "no"')
        self.assertRegex(self.expect(BAD_CONFIG, "run", "list").err, r"list\.toml:7.*check")

    def test_a_job_that_does_not_mail_makes_no_look(self):
        for invite in ("", "email_notification = false"):
            with self.subTest(invite):
                self.remove_ledger()
                sandbox = self.sandbox("--draft-courses", COURSE)
                self.a_job(20, invite)
                self.run_job(OK)
                self.assertEqual((self.tally(), self.looks(), sandbox.stats["mails"]), ({"invited": 20}, 0, 0))

    def test_a_run_of_a_job_that_has_invited_somebody_makes_none(self):
        sandbox = self.sandbox("--courses", COURSE)
        ids = self.a_job(300, MAILS)
        self.run_job(TRY_LATER, "--max-members", 100)
        self.assertEqual((self.steps(), self.tally()), ({"look": 1, "invite": 1}, {"invited": 100, "pending": 200}))
        self.run_job(OK)
        self.assertEqual(self.looks(), 1)
        self.assertEqual(self.run_job(OK)["calls"], 0)
        ids = ids + some_ids(50, "more")
        self.write_list(ids)
        self.run_job(OK)
        self.assertEqual((self.looks(), sandbox.stats["mails"]), (1, 350))
        self.check_all_invited(sandbox, ids)

    def test_a_canary_settles_as_many_as_it_may_and_the_look_is_none_of_them(self):
        sandbox = self.sandbox("--courses", COURSE)
        self.a_job(300, MAILS)
        run = self.run_job(TRY_LATER, "--max-members", 1)
        self.assertEqual((run["invited"], run["stopped_by"], self.tally()), (1, "max_members", {"invited": 1, "pending": 299}))
        self.assertEqual((sandbox.stats["mails"], self.looks()), (1, 1))

    def test_a_canary_of_a_missing_course_is_78(self):
        sandbox = self.sandbox("--courses", "other")
        self.a_job(300, MAILS)
        self.run_job(BAD_CONFIG, "--max-members", 1)
        self.check_nothing_sent(sandbox)

    def test_a_retry_looks_as_a_run_does(self):
        sandbox = self.sandbox("--courses", "other")
        self.a_job(20, MAILS)
        self.run_job(BAD_CONFIG)
        self.expect(BAD_CONFIG, "retry", "list")
        self.check_nothing_sent(sandbox)
        self.assertEqual(self.looks(), 2)

    def test_a_list_without_a_job_file_is_looked_at_too(self):
        sandbox = self.sandbox("--courses", "other")
        self.write_list(some_ids(20))
        for course, exit_code, mails in (("typo", BAD_CONFIG, 0), ("other", OK, 20)):
            self.expect(exit_code, "run", "--csv", "list.csv", "--course", course, "--email-notification")
            self.assertEqual(sandbox.stats["mails"], mails)

    def test_a_corrected_course_in_the_job_invites_there_and_the_typo_is_not_looked_for_again(self):
        sandbox = self.sandbox("--courses", COURSE)
        ids = some_ids(120)
        self.write_list(ids)
        self.write_job(course="typo", invite=MAILS)
        self.run_job(BAD_CONFIG)
        self.write_job(invite=MAILS)
        self.run_job(OK)
        invited = {key for key, member in sandbox.members.items() if member["invited"]}
        self.assertEqual(invited, {(COURSE, member) for member in ids})
        self.assertEqual((sandbox.stats["mails"], self.looks()), (120, 2))
        self.check_record(sandbox)
        self.assertEqual(self.check_of(OK)["courses"], [{"course_id": COURSE, "is": "there"}])

    def test_who_left_the_list_with_the_missing_course_speaks_against_nobody(self):
        sandbox = self.sandbox("--courses", COURSE)
        ids = some_ids(120)
        for courses, exit_code in (([COURSE, "typo"], BAD_CONFIG), ([COURSE], OK)):
            self.a_list_of([(member, courses[n % len(courses)]) for n, member in enumerate(ids)], MAILS,
                           columns=("member", "course"))
            self.run_job(exit_code)
        self.assertEqual(sandbox.stats["mails"], 120)
        self.check_record(sandbox)
        self.assertEqual(self.check_of(OK)["courses"], [{"course_id": COURSE, "is": "there"}])

    def test_a_rehearsal_makes_none(self):
        sandbox = self.sandbox("--draft-courses", COURSE)
        self.a_job(50, MAILS)
        self.run_job(OK, "--rehearse")
        self.assertEqual(sandbox.requests, 0)
        self.assertFalse(self.ledger.exists())
        self.assertEqual(self.query("SELECT DISTINCT step FROM calls", ledger=self.folder / "convoke-rehearsal.db"), [("invite",)])

    def test_where_there_is_no_list_of_courses_a_run_warns_and_goes_on(self):
        sandbox = self.sandbox()
        ids = self.a_job(150, MAILS)
        result = self.expect(OK, "run", "list")
        self.assertIn(COURSE, result.err)
        self.assertEqual((self.steps(), sandbox.stats["statuses"]), ({"look": 1, "invite": 2}, {"404": 1, "201": 2}))
        self.check_all_invited(sandbox, ids)
        self.remove_ledger()
        for status in (404, 405):
            with self.subTest(status):
                server = self.a_listing((status, '{"message":"Cannot GET"}'))
                result = self.expect(OK, "run", "list")
                self.assertRegex(result.err, rf"(?i)warn.*{COURSE}")
                self.assertEqual((len(self.invitations(server)), len(server.calls)), (2, 3))
                self.remove_ledger()

    def test_learning_paths_and_channels_are_not_looked_for(self):
        for kind, invite in (("learning_path", MAILS), ("channel", "")):
            with self.subTest(kind):
                self.remove_ledger()
                sandbox = self.sandbox("--courses", "other")
                self.write_list(some_ids(20))
                (self.folder / "jobs/list.toml").write_text(f'{kind} = "news"\n[source]\ncsv = "../list.csv"\n'
                                                            f'[invite]\n{invite}\n')
                self.run_job(OK)
                self.assertEqual((self.steps(), sandbox.requests), ({"invite": 1}, 1))


class ManyCourses(LookWorld):
    def a_list_for(self, courses, count=150, invite=MAILS):
        ids = some_ids(count)
        self.a_list_of([(member, courses[n % len(courses)]) for n, member in enumerate(ids)], invite, columns=("member", "course"))
        return ids

    def test_one_look_is_for_all_courses_of_a_list(self):
        sandbox = self.sandbox("--courses", "a,b,c,d")
        self.a_list_for("abc")
        self.run_job(OK)
        self.assertEqual((self.steps(), sandbox.stats["mails"]), ({"look": 1, "invite": 3}, 150))

    def test_one_that_is_missing_keeps_the_others_from_being_mailed(self):
        for flags, words in ((("--courses", "a,c"), "does not have the course b"),
                             (("--courses", "a,c", "--draft-courses", "b"), "the course b is a Draft")):
            with self.subTest(flags):
                self.remove_ledger()
                sandbox = self.sandbox(*flags)
                self.a_list_for("abc")
                result = self.expect(BAD_CONFIG, "run", "list")
                self.assertIn(words, result.out)
                self.check_nothing_sent(sandbox)
                self.assertEqual(self.tally(), {"pending": 150})

    def test_a_course_that_is_added_is_looked_for_and_not_those_that_somebody_was_invited_to(self):
        sandbox = self.sandbox("--courses", "a,c")
        self.a_list_for("a")
        self.run_job(OK)
        # Since then a became a Draft: who mails into it has done so before.
        sandbox = self.sandbox("--courses", "c", "--draft-courses", "a", at=sandbox.stop() or sandbox.url)
        self.a_list_of([(member, "ac"[n % 2]) for n, member in enumerate(some_ids(150) + some_ids(50, "more"))], MAILS,
                       columns=("member", "course"))
        self.run_job(OK)
        self.assertEqual(self.looks(), 2)
        self.a_list_for("acx")
        self.run_job(BAD_CONFIG)
        self.assertEqual(self.looks(), 3)
        self.assertFalse([course for course, _ in sandbox.members if course == "x"])

    def test_plan_check_names_each(self):
        self.sandbox("--courses", "a,c", "--draft-courses", "b")
        self.a_list_for("abx")
        check = self.check_of(BAD_CONFIG)
        self.assertEqual(check["exit_code"], BAD_CONFIG)
        self.assertEqual({course["course_id"]: course["is"] for course in check["courses"]},
                         {"a": "there", "b": "draft", "x": "missing"})
        text = self.expect(BAD_CONFIG, "plan", "--check", "list").out
        for words in ("course b: draft", "course x: missing"):
            self.assertIn(words, text)

    def test_many_missing_courses_make_a_message_that_can_be_read(self):
        self.sandbox("--courses", "a")
        self.a_list_for([f"missing-{n}" for n in range(150)])
        result = self.expect(BAD_CONFIG, "run", "list")
        self.assertIn("149 more", result.out)
        self.assertLess(max(map(len, result.out.splitlines())), 300)
        self.assertEqual(len(self.check_of(BAD_CONFIG)["courses"]), 150)


class Pages(LookWorld):
    def test_a_course_beyond_the_first_page_is_found_wherever_the_pages_begin(self):
        courses = ",".join([f"c{n}" for n in range(6)] + [COURSE, "last"])
        for flags in (["--page-limit", 1, "--first-page", 0], ["--page-limit", 1, "--first-page", 1],
                      ["--page-limit", 2, "--first-page", 0, "--refuse-large-pages"],
                      ["--page-limit", 2, "--first-page", 1, "--refuse-large-pages"],
                      ["--page-limit", 100, "--refuse-large-pages"]):
            with self.subTest(flags):
                self.remove_ledger()
                sandbox = self.sandbox("--courses", courses, *flags)
                ids = self.a_job(20, MAILS)
                self.run_job(OK)
                self.check_all_invited(sandbox, ids)
                self.assertLessEqual(self.looks(), 10)

    def test_one_that_is_on_no_page_is_missing_and_a_draft_on_the_last_is_one(self):
        for first in (0, 1):
            for flags, state in ((["--draft-courses", COURSE], "draft"), (["--refuse-large-pages"], "missing")):
                with self.subTest(first=first, flags=flags):
                    self.remove_ledger()
                    sandbox = self.sandbox("--courses", "c1,c2,c3", "--page-limit", 1, "--first-page", first, *flags)
                    self.a_job(20, MAILS)
                    self.run_job(BAD_CONFIG)
                    self.check_nothing_sent(sandbox)
                    self.assertEqual(self.check_of(BAD_CONFIG)["courses"], [{"course_id": COURSE, "is": state}])

    def test_a_list_that_moves_while_it_is_read_does_not_prove_that_a_course_is_missing(self):
        """Of the four that there are it shows three, one of them twice."""
        pages = [["c1", "c2"], ["c2", "c3"], [COURSE]]
        server = self.a_listing(lambda call: listed(*(pages + [[]] * 9)[max(self.page_of(call)[0], 1) - 1], total=4))
        self.a_job(20, MAILS)
        self.assertIn(self.convoke("plan", "--check", "--json", "list").json["plans"][0]["check"]["courses"][0]["is"],
                      ("there", "unknown"))
        self.run_job(OK)
        self.assertEqual(len(self.invitations(server)), 1)

    def test_all_courses_on_the_first_page_cost_one_call(self):
        sandbox = self.sandbox("--courses", f"{COURSE},c1,c2", "--page-limit", 1)
        self.a_job(20, MAILS)
        self.run_job(OK)
        self.assertEqual((self.steps(), sandbox.requests), ({"look": 1, "invite": 1}, 2))

    def test_a_page_that_fails_once_is_asked_again(self):
        for trouble in ((500, ""), (503, "<html>"), (200, '{"items":['), "reset"):
            with self.subTest(trouble):
                self.remove_ledger()
                failed = []

                def listing(call):
                    page = max(self.page_of(call)[0], 1)
                    if page == 2 and not failed:
                        failed.append(page)
                        return trouble
                    return listed([COURSE, "c1", "c2"][-page], total=3) if page <= 3 else listed(total=3)
                server = self.a_listing(listing)
                self.a_job(20, MAILS)
                self.run_job(OK, settings={**QUICK, "retry.patience": '"5s"'})
                self.assertEqual((failed, len(self.invitations(server))), ([2], 1))

    def test_a_list_without_a_total_ends_with_its_last_page(self):
        for courses, exit_code in (([COURSE], OK), (["c1", "c2", COURSE], OK), (["c1", "c2"], BAD_CONFIG)):
            with self.subTest(courses):
                self.remove_ledger()

                def listing(call):
                    page = max(self.page_of(call)[0], 1)
                    return 200, json.dumps({"items": [{"id": course, "status": "Published"} for course in courses[page - 1:page]]})
                server = self.a_listing(listing)
                self.a_job(20, MAILS)
                self.run_job(exit_code)
                self.assertEqual(len(self.invitations(server)), int(exit_code == OK))


class Ids(LookWorld):
    def check_found(self, course, entry, name=None):
        self.remove_ledger()
        server = self.a_listing(listed("c1", entry))
        self.write_list(some_ids(5))
        self.write_job(course=course, invite=MAILS)
        result = self.convoke("run", "list")
        self.assertEqual(result.exit, OK, str(result))
        self.assertEqual([call.course for call in self.invitations(server)], [name or course])

    def test_an_id_is_found_whatever_it_is_made_of(self):
        for course in ("my course", "a/b", "a/../b", "ä ß 課程 🎓", "100%25", "q?x=1&y#z", "it's", "-x", "42"):
            with self.subTest(course):
                self.check_found(course, course)

    def test_an_id_in_another_case_is_found(self):
        self.check_found("4F1C-AB", "4f1c-ab")
        self.check_found("4f1c-ab", "4F1C-AB")

    def test_an_id_that_is_a_number_in_the_json_is_found(self):
        for number in (42, 0, 9_007_199_254_740_993, 18_446_744_073_709_551_615):
            with self.subTest(number):
                self.check_found(str(number), number)

    def test_the_sandbox_lists_them_as_they_are(self):
        courses = ["my course", "a/b", "ä 課程"]
        sandbox = self.sandbox("--courses", ",".join(courses), "--page-limit", 1)
        self.a_list_of([(member, courses[n % 3]) for n, member in enumerate(some_ids(30))], MAILS,
                       columns=("member", "course"))
        self.run_job(OK)
        self.assertEqual({course for course, _ in sandbox.members}, set(courses))
        self.check_record(sandbox)

    def test_of_two_courses_that_differ_in_case_the_draft_is_one(self):
        """The API has both: the Draft that is written as the job has it is not excused by the other one."""
        for entries in ([("abc", "Draft"), ("ABC", "Published")], [("ABC", "Published"), ("abc", "Draft")]):
            with self.subTest(entries):
                self.remove_ledger()
                server = self.a_listing(listed(*entries))
                self.write_list(some_ids(5))
                self.write_job(course="abc", invite=MAILS)
                result = self.convoke("run", "list")
                self.assertEqual(self.invitations(server), [], f"mailed into a Draft: {result}")
                self.assertEqual(result.exit, BAD_CONFIG, str(result))

    def test_of_two_courses_that_differ_in_case_the_published_one_is_mailed(self):
        for entries in ([("abc", "Draft"), ("ABC", "Published")], [("ABC", "Published"), ("abc", "Draft")]):
            with self.subTest(entries):
                self.remove_ledger()
                self.a_listing(listed(*entries))
                self.write_list(some_ids(5))
                self.write_job(course="ABC", invite=MAILS)
                self.expect(OK, "run", "list")

    def test_two_spellings_in_a_list_are_both_named(self):
        self.sandbox("--courses", "other")
        self.a_list_of([(member, ["abc", "ABC"][n % 2]) for n, member in enumerate(some_ids(10))], MAILS,
                       columns=("member", "course"))
        self.assertEqual({course["course_id"] for course in self.check_of(BAD_CONFIG)["courses"]}, {"abc", "ABC"})


class MakingMembers(LookWorld):
    INVITE = "create_missing = true\nmember_email_notification = true\nemail_notification = false"

    def test_no_member_is_made_before_the_look(self):
        addresses = some_addresses(60)
        sandbox, _ = self.spot(addresses[:20], "--draft-courses", COURSE)
        self.a_list_of(addresses, self.INVITE)
        self.run_job(BAD_CONFIG)
        self.check_nothing_sent(sandbox)
        self.assertEqual((sandbox.made, self.steps()), ({}, {"look": 1}))
        sandbox, _ = self.spot(addresses[:20], "--courses", COURSE, at=sandbox.stop() or sandbox.url)
        self.run_job(OK)
        self.assertEqual((sandbox.stats["members_made"], sandbox.stats["mails_to_made"], sandbox.stats["mails"]), (40, 40, 0))
        first = self.query("SELECT step FROM calls ORDER BY call_id LIMIT 2")
        self.assertEqual(first, [("look",), ("look",)])

    def test_members_that_are_made_without_a_mail_need_no_look(self):
        addresses = some_addresses(30)
        sandbox, _ = self.spot(addresses[:10], "--courses", COURSE)
        self.a_list_of(addresses, "create_missing = true\nmember_email_notification = false\nemail_notification = false")
        self.run_job(OK)
        self.assertEqual((self.looks(), sandbox.stats["members_made"]), (0, 20))

    def test_plan_check_of_a_list_of_addresses_looks_for_its_course(self):
        addresses = some_addresses(30)
        sandbox, _ = self.spot(addresses[:10], "--courses", "other")
        self.a_list_of(addresses, self.INVITE)
        result = self.expect(BAD_CONFIG, "plan", "--check", "list", "--json")
        self.assertEqual(result.json["plans"][0]["check"]["courses"], [{"course_id": COURSE, "is": "missing"}])
        self.assertEqual((sandbox.requests, sandbox.stats["addresses_asked"]), (1, 0))
        self.check_no_address(result)


class Limits(LookWorld):
    def test_the_look_takes_its_slot(self):
        sandbox = self.sandbox("--courses", COURSE, "--limits", "1/500ms")
        ids = self.a_job(200, MAILS)
        settings = {"limits.calls": '["1/500ms"]', "api.timeout": '"1s"'}
        self.run_job(OK, settings=settings)
        self.check_all_invited(sandbox, ids)
        self.assertEqual((sandbox.requests, sandbox.stats["over_limit"], sandbox.stats["statuses"]), (3, 0, {"200": 1, "201": 2}))

    def test_a_look_leaves_the_run_without_a_slot_and_plan_check_the_next_one(self):
        settings = {"limits.calls": '["1/10s"]'}
        for command in (["run", "list"], ["plan", "--check", "list"]):
            with self.subTest(command):
                self.remove_ledger()
                sandbox = self.sandbox("--courses", COURSE, "--limits", "1/10s")
                self.a_job(20, MAILS)
                self.assertEqual(self.check_of(OK, settings=settings)["exit_code"], OK)
                if command[0] == "run":
                    self.expect(TRY_LATER, *command, "--max-duration", "1s", settings=settings)
                else:
                    process = self.start(*command, settings=settings)
                    wait_for(lambda: self.query("SELECT count(*) FROM runs") == [(2,)], "the check to wait for its turn")
                    process.signal(signal.SIGTERM)
                    result = process.finish(10)
                    self.assertEqual(result.exit, TRY_LATER, str(result))
                self.assertEqual((sandbox.requests, sandbox.stats["over_limit"]), (1, 0))

    def test_looks_of_several_processes_are_under_the_limits_together(self):
        sandbox = self.sandbox("--courses", COURSE, "--limits", "3/400ms")
        names = [f"job-{n}" for n in range(4)]
        for name in names:
            self.a_job(some_ids(5, name), MAILS, name)
        settings = {"limits.calls": '["3/400ms"]', "api.timeout": '"1s"'}
        for process in [self.start("run" if name != "job-3" else "plan", *(["--check"] if name == "job-3" else []), name,
                                   settings=settings) for name in names]:
            result = process.finish()
            self.assertEqual(result.exit, OK, str(result))
        self.assertEqual((sandbox.requests, sandbox.stats["over_limit"], sandbox.stats["mails"]), (7, 0, 15))

    def test_pages_of_the_list_are_under_the_limits_too(self):
        sandbox = self.sandbox("--courses", ",".join([*"abcdef", COURSE]), "--page-limit", 1, "--limits", "4/500ms")
        self.a_job(20, MAILS)
        self.run_job(OK, settings={"limits.calls": '["4/500ms"]', "api.timeout": '"1s"'})
        self.assertEqual((sandbox.stats["over_limit"], sandbox.stats["mails"]), (0, 20))

    def test_a_used_up_day_is_75_for_both_and_sends_nothing(self):
        sandbox = self.sandbox("--courses", COURSE)
        settings = {"limits.calls": '["1/24h"]'}
        self.a_job(20, MAILS)
        run = self.run_job(TRY_LATER, settings=settings)
        self.assertEqual((run["stopped_by"], sandbox.requests), ("quota", 1))
        self.assertEqual(self.check_of(TRY_LATER, settings=settings)["exit_code"], TRY_LATER)
        self.assertEqual(self.run_job(TRY_LATER, settings=settings)["calls"], 0)
        self.check_nothing_sent(sandbox)
        self.assertEqual(sandbox.requests, 1)

    def test_a_429_is_waited_out(self):
        answers = iter([(429, ""), listed(COURSE)])
        server = self.a_listing(lambda call: next(answers))
        self.a_job(20, MAILS)
        self.run_job(OK, settings={"limits.calls": '["10/200ms"]'})
        self.assertEqual((self.looks(), len(self.invitations(server))), (2, 1))


class Troubles(LookWorld):
    def both(self, exit_code, says=(), server=None, settings=None):
        """A run and a check end so, and nobody is invited."""
        self.remove_ledger()
        self.a_job(150, MAILS)
        for command in (["plan", "--check", "list"], ["run", "list"]):
            result = self.expect(exit_code, *command, settings=settings or QUICK, patience=20)
            for words in says:
                self.assertIn(words, result.out + result.err, str(result))
            self.check_printable(result)
        self.assertEqual(self.check_of(exit_code, settings=settings or QUICK)["exit_code"], exit_code)
        self.assertEqual(self.tally(), {"pending": 150})
        if server:
            self.assertEqual(self.invitations(server), [])

    def test_a_key_that_is_refused_is_77_for_both(self):
        sandbox = self.sandbox("--courses", COURSE)
        self.key = "another-key-99"
        self.both(KEY_REFUSED)
        self.assertEqual(sandbox.stats["statuses"], {"401": 3})
        self.check_nothing_sent(sandbox)

    def test_a_key_that_is_refused_is_77_where_there_is_no_list_too(self):
        self.sandbox()
        self.key = "another-key-99"
        self.both(KEY_REFUSED)

    def test_a_403_or_402_is_77_for_both(self):
        for status in (402, 403):
            with self.subTest(status):
                self.both(KEY_REFUSED, ["Forbidden resource"], self.a_listing((status, '{"message":"Forbidden resource"}')))

    def test_an_api_that_is_down_is_69_for_both(self):
        self.url = f"http://127.0.0.1:{unused_port()}"
        self.both(UNAVAILABLE, ["refused"])
        for trouble in ((503, "down for maintenance"), "reset"):
            with self.subTest(trouble):
                server = self.a_listing(trouble)
                self.both(UNAVAILABLE, [], server)
                self.assertLess(len(server.calls), 3 * 30)

    def test_a_redirect_a_login_page_and_a_host_that_is_not_there_are_78_for_both(self):
        for answer in ((302, "", {"Location": "/login"}), (200, "<!DOCTYPE html><html><title>Log in</title></html>")):
            with self.subTest(answer):
                self.server(lambda call: answer)  # whatever it is asked
                self.both(BAD_CONFIG)
        self.url = "https://no-such-host.invalid"
        self.both(BAD_CONFIG, ["there is no host"])

    def test_a_list_that_is_none_ends_the_run_and_calls_no_course_missing(self):
        for body in ("", "null", "{}", "[]", '{"items":null}', '{"items":{}}', '{"items":[1]}', '{"items":["x"],"total":1}',
                     "garbage", "[" * 5000, '{"items":[{"id":"c1"}],"total":1', b"\xff\xfe\0"):
            with self.subTest(body):
                self.remove_ledger()
                server = self.a_listing((200, body))
                self.a_job(20, MAILS)
                result = self.convoke("run", "list", settings=QUICK, patience=20)
                self.assertIn(result.exit, (OK, UNAVAILABLE, BAD_CONFIG), str(result))
                self.assertNotIn("does not have", result.out)
                if result.exit == OK:
                    self.assertIn(COURSE, result.err)
                self.assertEqual(len(self.invitations(server)), int(result.exit == OK))
                self.check_printable(result)
                self.check_books()

    def test_a_look_that_is_not_understood_may_not_have_taken_effect(self):
        """It asks, and does nothing."""
        self.a_listing((200, "garbage"))
        self.a_job(20, MAILS)
        for command in (["run", "list"], ["plan", "--check", "list"]):
            result = self.convoke(*command, settings=QUICK)
            self.assertNotIn("may have taken effect", result.out + result.err)

    def test_entries_without_an_id_do_not_prove_that_the_course_is_missing(self):
        """It may be one of those that cannot be read."""
        for entry in ({}, {"courseId": COURSE}, {"id": None}, {"id": {"value": COURSE}}):
            with self.subTest(entry):
                self.a_listing((200, json.dumps({"items": [entry], "total": 1})))
                self.remove_ledger()
                self.a_job(20, MAILS)
                result = self.convoke("plan", "--check", "--json", "list")
                self.assertEqual([course["is"] for course in result.json["plans"][0]["check"]["courses"]], ["unknown"], str(result))

    def test_a_total_that_is_more_than_is_ever_listed_warns_and_goes_on(self):
        def empty_after(call):
            return listed("c1", "c2", total=5) if self.page_of(call)[0] <= 1 else listed(total=5)

        def none_after(call):
            return listed("c1", "c2", total=5) if self.page_of(call)[0] <= 1 else (404, "")
        for listing in (empty_after, none_after, listed("c1", "c2", total=5), listed("c1", total=2**62),
                        listed("c1", total=2**63 - 1)):
            with self.subTest(listing):
                self.remove_ledger()
                server = self.a_listing(listing)
                self.a_job(20, MAILS)
                result = self.expect(OK, "run", "list", patience=20)
                self.assertIn(COURSE, result.err)
                self.assertEqual(len(self.invitations(server)), 1)
                self.assertLess(len(server.calls), 10)
                self.remove_ledger()
                self.assertEqual(self.check_of(OK)["courses"], [{"course_id": COURSE, "is": "unknown"}])

    def test_odd_totals_end(self):
        for total in ("2", -1, 1.5, True, [], {}, 10**30):
            with self.subTest(total):
                self.remove_ledger()
                server = self.a_listing(lambda call: listed("c1", "c2", total=total) if self.page_of(call)[0] <= 1
                                        else listed(total=total))
                self.a_job(20, MAILS)
                result = self.convoke("run", "list", settings=QUICK, patience=20)
                self.assertIn(result.exit, (OK, UNAVAILABLE, BAD_CONFIG), str(result))
                if "does not have" in result.out:
                    self.assertEqual(self.invitations(server), [])

    def check_endless(self, listing):
        """A day's limit is 50,000 calls: a look has no use for a share of them that anybody notices."""
        server = self.a_listing(listing)
        self.a_job(20, MAILS)
        process = self.start("run", "list")
        wait_for(lambda: not process.running or len(server.calls) > 700, "the run to end, or to ask without end")
        self.assertLess(len(server.calls), 700, "pages of a list that does not end were asked for and asked for")
        result = process.finish()
        self.assertEqual(result.exit, OK, str(result))
        self.assertIn(COURSE, result.err)
        self.assertEqual(len(self.invitations(server)), 1)

    def test_an_endless_list_without_a_total_ends(self):
        self.check_endless(lambda call: (200, json.dumps({"items": [
            {"id": f"c{self.page_of(call)[0]}-{n}", "status": "Published"} for n in range(10)]})))

    def test_an_endless_list_whose_total_grows_ends(self):
        self.check_endless(lambda call: listed(f"c{self.page_of(call)[0]}", total=self.page_of(call)[0] + 10))

    def test_a_list_that_shows_the_same_two_pages_in_turn_ends(self):
        self.check_endless(lambda call: (200, json.dumps({"items": [{"id": f"c{self.page_of(call)[0] % 2}"}]})))

    def test_text_of_the_server_reaches_no_terminal_raw(self):
        evil = "\x1b]0;owned\x07\x1b[31m\u009b2J\u202e\r\nroot"
        settings = {"retry.attempts": 2, "retry.patience": '"50ms"'}
        bad = f"c\x1b[2J\u202e{COURSE}"
        self.write_list([f"{member},{bad}" for member in some_ids(5)], header="spotMemberId,where")
        self.write_job(course=None, source='csv = "../list.csv"\ncourse_column = "where"', invite=MAILS)
        for answer in (listed(evil, (bad, "Draft")), listed((evil, evil)), listed((bad, "Draft" + evil)),
                       (200, evil), (302, "", {"Location": "/\x1b[31m"}), (400, json.dumps({"message": evil})),
                       (401, json.dumps({"message": evil})), (403, evil), (404, evil), (418, json.dumps({"message": [evil]})),
                       (500, evil)):
            with self.subTest(answer):
                self.remove_ledger()
                self.a_listing(answer)
                for command in (["plan", "--check", "list"], ["plan", "--check", "--json", "list"], ["run", "list", "-v"],
                                ["status", "list"]):
                    self.check_printable(self.convoke(*command, settings=settings))


class Interrupted(LookWorld):
    def looking(self, command, sandbox):
        """This command, while its look is under way."""
        process = self.start(*command)
        wait_for(lambda: self.loaded() and sandbox.stats["connections"] > 0, "the look")
        return process

    def test_a_kill_during_the_look_leaves_nothing_that_the_next_run_stumbles_over(self):
        for command in (["run", "list"], ["plan", "--check", "list"]):
            with self.subTest(command):
                self.remove_ledger()
                sandbox = self.sandbox("--courses", COURSE, "--latency", "60s")
                ids = self.a_job(150, MAILS)
                self.looking(command, sandbox).kill()
                self.assertEqual(self.query("SELECT step, http_status FROM calls"), [("look", None)])
                sandbox = self.sandbox("--courses", COURSE, at=sandbox.stop() or sandbox.url)
                self.run_job(OK)
                self.check_all_invited(sandbox, ids)
                self.check_record(sandbox)
                self.assertEqual(self.query("SELECT step, http_status, reason FROM calls ORDER BY call_id LIMIT 2"),
                                 [("look", None, "interrupted"), ("look", 200, None)])
                self.assertEqual(self.query("SELECT count(*) FROM call WHERE open = 1"), [(0,)])
                self.assertEqual(self.query("SELECT count(*) FROM chunk WHERE size = 0"), [(0,)])
                self.assertEqual(self.query("SELECT count(*) FROM runs WHERE ended_at IS NULL"), [(0,)])

    def test_a_kill_during_the_look_and_then_a_job_that_does_not_mail(self):
        sandbox = self.sandbox("--courses", COURSE, "--latency", "60s")
        ids = self.a_job(150, MAILS)
        self.looking(["run", "list"], sandbox).kill()
        sandbox = self.sandbox("--courses", COURSE, at=sandbox.stop() or sandbox.url)
        self.a_job(ids)
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)
        self.assertEqual((self.looks(), self.query("SELECT count(*) FROM call WHERE open = 1")), (1, [(0,)]))
        self.expect(OK, "status", "list")

    def test_a_kill_between_pages_and_then_a_check(self):
        stalled = threading.Event()

        def listing(call):
            page = max(self.page_of(call)[0], 1)
            if page == 3 and not stalled.is_set():
                stalled.set()
                return "stall"
            return listed([f"c{n}" for n in range(4)][page - 1], total=4) if page <= 4 else listed(total=4)
        server = self.a_listing(listing)
        self.a_job(20, MAILS)
        process = self.start("run", "list")
        wait_for(stalled.is_set, "the third page")
        process.kill()
        # The scripted server answers one call at a time, and not the stalled one.
        server.stop()
        server = self.a_listing(listing, at=server.url)
        self.assertEqual(self.check_of(BAD_CONFIG)["courses"], [{"course_id": COURSE, "is": "missing"}])
        self.run_job(BAD_CONFIG)
        self.assertEqual(self.invitations(server), [])

    def test_a_signal_during_the_look_is_75_and_nobody_is_invited(self):
        for command in (["run", "list"], ["plan", "--check", "list"]):
            with self.subTest(command):
                self.remove_ledger()
                sandbox = self.sandbox("--courses", COURSE, "--latency", "500ms")
                ids = self.a_job(150, MAILS)
                process = self.looking(command, sandbox)
                process.signal(signal.SIGTERM)
                result = process.finish(20)
                self.assertEqual(result.exit, TRY_LATER, str(result))
                self.check_nothing_sent(sandbox)
                self.assertEqual(self.query("SELECT count(*) FROM call WHERE open = 1"), [(0,)])
                sandbox = self.sandbox("--courses", COURSE, at=sandbox.stop() or sandbox.url)
                self.run_job(OK)
                self.check_all_invited(sandbox, ids)

    def test_a_signal_ends_a_plan_that_waits_for_its_list(self):
        """Nothing is under way that would have to be waited for."""
        self.write_job(source='csv = "-"\nmember_column = "spotMemberId"', invite=MAILS)
        self.sandbox("--courses", COURSE)
        for flags in ([], ["--check"]):
            with self.subTest(flags):
                process = self.start("plan", "list", *flags, stdin="held open")
                process.popen.stdin.write(b"spotMemberId\n" * 50_000)  # more than a pipe holds: it is being read
                process.popen.stdin.flush()
                process.signal(signal.SIGTERM)
                try:
                    process.popen.wait(1)
                except subprocess.TimeoutExpired:
                    self.fail("a plan that waits for its list does not hear SIGTERM")
                finally:
                    process.kill()

    def test_a_signal_during_the_first_of_several_checks_ends_them_all(self):
        sandbox = self.sandbox("--courses", COURSE, "--latency", "500ms")
        for name in ("one", "two", "three"):
            self.a_job(some_ids(5, name), MAILS, name)
        process = self.looking(["plan", "--check", "one", "two", "three"], sandbox)
        process.signal(signal.SIGTERM)
        result = process.finish(20)
        self.assertEqual(result.exit, TRY_LATER, str(result))
        self.assertLessEqual(sandbox.requests, 1)
        self.assertEqual(self.query("SELECT count(*) FROM runs WHERE ended_at IS NULL"), [(0,)])

class PlanCheck(LookWorld):
    def test_it_makes_the_ledger_and_its_call_stands_there_and_a_plan_without_it_makes_none(self):
        sandbox = self.sandbox("--courses", COURSE)
        self.a_job(150, MAILS)
        self.assertIsNone(self.expect(OK, "plan", "--json", "list").json["plans"][0]["check"])
        self.assertEqual((self.ledger.exists(), sandbox.requests), (False, 0))
        self.assertEqual(self.check_of(OK), {"exit_code": OK, "message": None, "trouble": None, "courses": [{"course_id": COURSE, "is": "there"}]})
        self.assertEqual(self.query("SELECT command, exit_code, calls, ended_at IS NOT NULL FROM runs"), [("check", OK, 1, 1)])
        self.assertEqual(self.query("SELECT step, http_status, members FROM calls"), [("look", 200, 0)])
        self.assertEqual((self.outcomes(), sandbox.requests), ({}, 1))
        before = {path.name: path.read_bytes() for path in self.folder.glob("convoke.db")}
        self.expect(OK, "plan", "list")
        self.assertEqual({path.name: path.read_bytes() for path in self.folder.glob("convoke.db")}, before)
        self.check_nothing_sent(sandbox)
        self.assertEqual(self.run_job(OK)["invited"], 150)
        self.assertEqual(self.query("SELECT command FROM runs ORDER BY run_id"), [("check",), ("run",)])

    def test_it_says_in_words_that_all_is_well(self):
        self.sandbox("--courses", COURSE)
        self.a_job(150, MAILS)
        self.assertRegex(self.expect(OK, "plan", "--check", "list").out, r"(?m)^  check +the key is good.*there")
        self.assertNotRegex(self.expect(OK, "plan", "list").out, r"(?m)^  check ")

    def test_it_calls_no_key_good_that_nobody_looked_at(self):
        """Where there is no list of courses, whoever answers has not said that it knows the key."""
        for status in (404, 405):
            with self.subTest(status):
                self.remove_ledger()
                self.a_listing((status, "<html>nginx</html>"))
                self.a_job(5, MAILS)
                self.assertNotIn("the key is good", self.convoke("plan", "--check", "list").out)

    def test_it_ends_as_a_run_would(self):
        for flags in (("--courses", COURSE), ("--courses", "other"), ("--draft-courses", COURSE)):
            for invite in (MAILS, "", "email_notification = false", f"{MAILS}\ncheck = false"):
                with self.subTest(flags=flags, invite=invite):
                    self.remove_ledger()
                    self.sandbox(*flags)
                    self.a_job(5, invite)
                    checked = self.convoke("plan", "--check", "list")
                    self.assertEqual(checked.exit, self.convoke("run", "list").exit, str(checked))

    def test_it_does_not_advise_what_the_job_says_already(self):
        self.sandbox("--draft-courses", COURSE)
        self.a_job(5, f"{MAILS}\ncheck = false")
        self.assertNotIn("check = false sends all the same", self.convoke("plan", "--check", "list").out)

    def test_rows_that_are_no_members_are_1_and_a_missing_course_is_worse(self):
        self.sandbox("--courses", COURSE)
        self.a_job(some_ids(5) + ["nobody"], MAILS)
        self.assertEqual(self.check_of(INCOMPLETE)["exit_code"], OK)
        self.write_job(course="typo", invite=MAILS)
        self.assertEqual(self.check_of(BAD_CONFIG)["exit_code"], BAD_CONFIG)

    def test_after_everybody_is_invited_it_still_looks(self):
        sandbox = self.sandbox("--courses", COURSE)
        self.a_job(20, MAILS)
        self.run_job(OK)
        self.assertEqual(self.check_of(OK)["courses"], [{"course_id": COURSE, "is": "there"}])
        self.assertEqual((self.looks(), sandbox.stats["mails"], self.tally()), (2, 20, {"invited": 20}))
        self.check_all_invited(sandbox, some_ids(20))

    def test_a_job_that_is_being_run_is_75_and_no_call(self):
        stalled = threading.Event()

        def script(call):
            if call.method == "GET":
                return listed(COURSE)
            stalled.set()
            return "stall"
        server = self.server(script)
        self.a_job(20, MAILS)
        self.start("run", "list")
        wait_for(stalled.is_set, "the invitation")
        check = self.check_of(TRY_LATER)
        self.assertEqual(check["exit_code"], TRY_LATER)
        self.assertIn("running this job", check["message"])
        self.assertIn("running this job", self.expect(TRY_LATER, "plan", "--check", "list").out)
        self.assertEqual(len(server.calls), 2)

    def test_a_run_of_a_job_that_is_being_checked_is_75_and_says_so(self):
        sandbox = self.sandbox("--courses", COURSE, "--latency", "60s")
        self.a_job(20, MAILS)
        self.start("plan", "--check", "list")
        wait_for(lambda: self.loaded() and sandbox.stats["connections"] > 0, "the look")
        result = self.expect(TRY_LATER, "run", "list")
        self.assertIn("(check)", result.out)

    def test_a_learning_path_or_a_channel_is_not_asked_for_and_ends_as_plan(self):
        sandbox = self.sandbox("--courses", "other", "--learning-paths", "other", "--channels", "other")
        for kind in ("learning_path", "channel"):
            for rows, exit_code in ((some_ids(5), OK), (some_ids(5) + ["nobody"], INCOMPLETE)):
                with self.subTest(kind, exit_code=exit_code):
                    self.write_list(rows)
                    (self.folder / "jobs/list.toml").write_text(f'{kind} = "news"\n[source]\ncsv = "../list.csv"\n')
                    self.expect(exit_code, "plan", "list")
                    result = self.expect(exit_code, "plan", "--check", "list")
                    self.assertNotIn("the key is good", result.out)
                    self.assertEqual(self.check_of(exit_code)["courses"], [])
        self.assertEqual(sandbox.requests, 0)

    def test_several_jobs_are_checked_each_and_end_with_the_worst(self):
        sandbox = self.sandbox("--courses", f"{COURSE},b")
        for name, course in (("one", COURSE), ("two", "typo"), ("three", "b")):
            self.write_list(some_ids(5, name), f"{name}.csv")
            self.write_job(name, course, f'csv = "../{name}.csv"', MAILS)
        plans = self.expect(BAD_CONFIG, "plan", "--check", "--json", "one", "two", "three").json["plans"]
        self.assertEqual([plan["check"]["exit_code"] for plan in plans], [OK, BAD_CONFIG, OK])
        self.assertEqual(self.query("SELECT job, command, exit_code FROM runs ORDER BY run_id"),
                         [("one", "check", OK), ("two", "check", BAD_CONFIG), ("three", "check", OK)])
        self.assertEqual(sandbox.requests, 3)
        # As a run of all of them: the others are not kept from it.
        self.expect(BAD_CONFIG, "run", "one", "two", "three")
        self.assertEqual([self.tally(name) for name in ("one", "two", "three")], [{"invited": 5}, {"pending": 5}, {"invited": 5}])

    def test_without_a_key_it_is_78_and_makes_no_ledger(self):
        self.sandbox("--courses", COURSE)
        self.a_job(5, MAILS)
        result = self.expect(BAD_CONFIG, "plan", "--check", "list", env={"MELTINGSPOT_API_KEY": None})
        self.assertIn("MELTINGSPOT_API_KEY", result.err)
        self.assertFalse(self.ledger.exists())

    def test_a_ledger_of_another_api_is_78_and_no_call(self):
        self.sandbox("--courses", COURSE)
        self.a_job(5, MAILS)
        self.run_job(OK)
        other = self.sandbox("--courses", COURSE)
        self.expect(BAD_CONFIG, "plan", "--check", "list")
        self.assertEqual(other.requests, 0)

    def test_the_key_shows_nowhere(self):
        self.a_listing((400, json.dumps({"message": f"bad key {KEY}"})))
        self.a_job(5, MAILS)
        for command in (["plan", "--check", "list", "-v"], ["run", "list", "-v"]):
            result = self.convoke(*command, settings=QUICK)
            self.assertNotIn(KEY, result.out + result.err)
        for path in self.folder.glob("convoke*"):
            self.assertNotIn(KEY.encode(), path.read_bytes())


if __name__ == "__main__":
    unittest.main()
