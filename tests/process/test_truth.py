"""What the program says is true: of the list as it stands, whichever run found it; why it is so; and what to do next, as a
command that can be typed as it is printed."""
import unittest

from world import *


class TheListAsItStands(World):
    def test_the_second_night_ends_as_the_first_while_somebody_is_rejected(self):
        sandbox = self.sandbox("--poison", "ee")
        self.a_job(some_ids(200) + some_ids(2, prefix="ee"))
        first = self.expect(INCOMPLETE, "run", "list")
        second = self.expect(INCOMPLETE, "run", "list")
        for result in (first, second):
            self.assertNotRegex(result.out, r"\bdone\b")
            self.assertIn("2 of 202 members are not invited", result.out.splitlines()[0])
            self.assertRegex(result.out, r"rejected +2\b")
        self.assertEqual(self.run_job(INCOMPLETE)["calls"], 0)
        self.assertEqual(self.query("SELECT exit_code FROM runs"), [(1,)] * 3)
        self.check_record(sandbox)

    def test_so_while_somebody_is_in_doubt(self):
        self.server(lambda call: "reset" if call.number == 1 else (201, participants(call.ids)))
        self.a_job(150, 'on_doubt = "hold"')
        for _ in range(2):
            self.run_job(INCOMPLETE, settings={"api.connections": 1})
        self.assertEqual(self.tally(), {"invited": 50, "in_doubt": 100})

    def test_so_while_a_row_is_invalid_unless_the_job_ignores_them(self):
        self.sandbox()
        self.a_job(some_ids(20) + ["nobody", "somebody@example.org"])
        for _ in range(2):
            result = self.expect(INCOMPLETE, "run", "list")
            self.assertIn("2 rows are invalid", result.out)
        self.write_job(source='csv = "../list.csv"\ninvalid_rows = "ignore"')
        result = self.expect(OK, "run", "list")
        self.assertRegex(result.out, r"invalid +2\b")
        self.assertIn("list: done", result.out)
        self.assertEqual(self.expect(OK, "run", "list", "--quiet").out, "")
        self.assertEqual(self.query("SELECT count(*) FROM invalid_rows"), [(2,)])
        self.expect(OK, "plan", "list")

    def test_a_list_in_which_no_row_names_a_member_says_so_whatever_is_ignored(self):
        self.sandbox()
        self.a_job(["x1", "x2"])
        self.write_job(source='csv = "../list.csv"\ninvalid_rows = "ignore"')
        result = self.expect(INCOMPLETE, "run", "list")
        self.assertIn("finished, but no row of the list names a member: 2 rows are invalid", result.out)

    def test_a_list_that_could_not_be_read_binds_no_name(self):
        self.sandbox()
        (self.folder / "x").mkdir()
        wrong = self.write_list(["Ann"], "x/list.csv", header="name")
        right = self.write_list(some_ids(1))
        self.expect(BAD_SOURCE, "run", "--csv", wrong, "--course", "c")
        self.expect(OK, "run", "--csv", right, "--course", "c")
        self.write_list(some_ids(1), "x/list.csv")
        self.expect(BAD_CONFIG, "run", "--csv", wrong, "--course", "c")

    def test_of_several_jobs_the_last_line_goes_on_with_those_that_are_left(self):
        self.server(lambda call: (401, "no"))
        self.a_job(some_ids(3), name="a")
        self.a_job(some_ids(3), name="b")
        result = self.expect(KEY_REFUSED, "run", "a", "b")
        self.assertIn("of 2 jobs, none ended well: a (exit 77), b (not run)", result.out)
        self.assertRegex(result.out.splitlines()[-1], r"^next: convoke run b")

    def test_a_quiet_rehearsal_that_ends_badly_says_that_it_was_one(self):
        self.a_job(["nobody"] + some_ids(2))
        result = self.expect(INCOMPLETE, "run", "list", "--rehearse", "--quiet")
        self.assertEqual(result.out.splitlines()[0], "a rehearsal: nobody was invited")

    def test_status_of_a_list_without_a_job_file_says_how_to_go_on(self):
        self.server(lambda call: (401, "no"))
        path = self.write_list(some_ids(1))
        self.expect(KEY_REFUSED, "run", "--csv", path, "--course", "c")
        last = self.expect(OK, "status").out.splitlines()[-1]
        self.assertRegex(last, r"^next \(once that is mended\): run list@c again.*convoke run --csv .*list\.csv")

    def test_members_that_failed_are_due_again_by_themselves(self):
        down = [True]
        server = self.server(lambda call: (500, "boom") if down[0] and any(i.startswith("ee") for i in call.ids)
                             else (201, participants(call.ids)))
        self.a_job(some_ids(300) + some_ids(3, prefix="ee"))
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2})
        failed = self.of_outcome("failed")
        self.assertLessEqual(set(some_ids(3, prefix="ee")), failed)
        down[0] = False
        before = len(server.calls)
        self.run_job(OK)
        self.assertEqual({member for call in server.calls[before:] for member in call.ids}, failed)
        self.assertEqual(self.tally(), {"invited": 303})

    def test_a_member_that_fails_every_night_ends_with_1_every_night_and_not_with_69(self):
        """Nothing else is due then, and yet the API is not down: it fails for this one."""
        self.server(lambda call: (500, "boom") if any(i.startswith("ee") for i in call.ids)
                    else (201, participants(call.ids)))
        self.a_job(some_ids(30) + some_ids(1, prefix="ee"), "chunk_size = 1")
        for _ in range(3):
            self.run_job(INCOMPLETE, settings={"retry.attempts": 2, "retry.patience": '"1s"'})
            self.assertEqual(self.tally(), {"invited": 30, "failed": 1})

    def test_retry_failed_can_be_turned_off(self):
        server = self.server(lambda call: (500, "boom") if any(i.startswith("ee") for i in call.ids)
                             else (201, participants(call.ids)))
        self.a_job(some_ids(300) + some_ids(3, prefix="ee"))
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2})
        before = len(server.calls)
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2, "run.retry_failed": "false"})
        self.assertEqual(len(server.calls), before)

    def test_a_rejected_member_that_left_the_list_does_not_count(self):
        self.sandbox("--poison", "ee")
        good = some_ids(200)
        self.a_job(good + some_ids(2, prefix="ee"))
        self.run_job(INCOMPLETE)
        self.write_list(good)
        self.assertIn("done", self.expect(OK, "run", "list").out.splitlines()[0])

    def test_done_is_said_with_exit_0_only(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(50) + some_ids(1, prefix="ee"))
        for args in (["--max-members", 10], [], []):
            self.assertNotRegex(self.convoke("run", "list", *args).out, r"\bdone\b")
        self.a_job(some_ids(50), name="fine")
        self.assertIn("fine: done", self.expect(OK, "run", "fine").out)


class Reasons(World):
    def badly(self):
        """A job with members rejected for two reasons, failed, in doubt, withdrawn, and invalid rows."""
        def script(call):
            if any(i.startswith("ee") for i in call.ids):
                return 400, json.dumps({"message": f"spot member {next(i for i in call.ids if i.startswith('ee'))} not found"}
                                       if len(call.ids) == 1 else {"message": "Bad Request"})
            if any(i.startswith("ed") for i in call.ids):
                return 500, '{"message":"boom"}'
            return 201, participants([i for i in call.ids if not i.startswith("ef")])
        server = self.server(script)
        good = some_ids(400)
        self.a_job(good + some_ids(3, prefix="ee") + some_ids(2, prefix="ef") + some_ids(1, prefix="ed") +
                   ["nobody", "no one", "ann@example.org"], "chunk_size = 10")
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2})
        return server

    def test_run_and_status_say_how_often_why_with_an_example_and_a_command_that_lists_them(self):
        self.badly()
        run = self.expect(INCOMPLETE, "run", "list", settings={"run.retry_failed": "false"})
        status = self.expect(OK, "status", "list")
        for result in (run, status):
            out = result.out
            self.assertRegex(out, r"3 × the API refuses this member: .*not found \(for example line 40\d\)")
            self.assertRegex(out, r"2 × not in the API's answers")
            self.assertRegex(out, r"\d+ × the API says that it cannot answer now: .*boom")
            self.assertRegex(out, r"2 × not a member id \(a UUID\): \"nobody\" \(for example line 408\)")
            self.assertRegex(out, r"1 × an e-mail address, not a member id: \"ann@example.org\" \(line 410\)")
            commands = re.findall(r"all of them: (.+)", out)
            self.assertEqual(len(commands), 3, out)
            for command in commands:
                listed = self.shell(command, OK)
                ids = set(UUID.findall(listed.out)) - {COURSE}
                if "outcome" in command:
                    outcome = re.search(r"--outcome (\w+)", command)[1]
                    rows = list(csv.DictReader(listed.out.splitlines()))
                    self.assertEqual({row["spot_member_id"] for row in rows}, self.of_outcome(outcome), command)
                    self.assertTrue(ids)
                else:
                    self.assertEqual(sum(word in listed.out for word in ("nobody", "no one", "ann@example.org")), 3)

    def test_the_commands_work_from_another_folder_and_for_odd_names(self):
        self.sandbox("--poison", "ee")
        name = "it's; a $(list)"
        self.write_list(some_ids(3) + some_ids(1, prefix="ee") + ["nobody"])
        (self.folder / "else where").mkdir()
        ledger = self.folder / "else where" / "the ledger.db"
        result = self.expect(INCOMPLETE, "run", "--csv", "list.csv", "--course", COURSE, "--name", name, "--ledger", ledger)
        commands = re.findall(r"all of them: (.+)", result.out)
        self.assertEqual(len(commands), 2, result.out)
        for command in commands:
            listed = self.shell("cd / && " + command, OK).out
            self.assertRegex(listed, r"ee[0-9a-f]{6}-|nobody")

    def test_the_listing_commands_name_the_ledger_wherever_they_are_typed(self):
        """The default ledger too, whose path is relative."""
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(3) + some_ids(1, prefix="ee"))
        self.write_config('[ledger]\npath = "books.db"\n')
        result = self.expect(INCOMPLETE, "run", "list")
        command, = re.findall(r"all of them: (.+)", result.out)
        self.assertRegex(self.shell(f"cd / && {command}", OK).out, "ee[0-9a-f]{6}-")

    def test_withdrawn_members_are_explained_too(self):
        self.sandbox()
        ids = self.a_job(50)
        self.run_job(TRY_LATER, "--max-members", 40)
        self.write_list([member for member in ids if member not in self.of_outcome("pending")])
        out = self.expect(OK, "run", "list").out
        self.assertRegex(out, r"withdrawn +10\b")
        self.assertRegex(out, r"10 × no longer in the list for this course")
        command, = re.findall(r"all of them: (.+)", out)
        self.assertEqual({row["spot_member_id"] for row in csv.DictReader(self.shell(command, OK).out.splitlines())},
                         self.of_outcome("withdrawn"))

    def test_messages_that_differ_in_ids_and_numbers_are_one_and_the_three_most_frequent_are_shown(self):
        words = {"e0": "member {} is not of this spot", "e1": "member {} is blocked since {} days", "e2": "{} has no licence",
                 "e3": "the e-mail of {} bounced"}

        def script(call):
            bad = [member for member in call.ids if member[:2] in words]
            if not bad:
                return 201, participants(call.ids)
            return 400, json.dumps({"message": words[bad[0][:2]].format(bad[0], call.number)})
        self.server(script)
        counts = {"e0": 9, "e1": 7, "e2": 5, "e3": 2}
        self.a_job(some_ids(400) + sum((some_ids(count, prefix=prefix) for prefix, count in counts.items()), []), "chunk_size = 5")
        out = self.expect(INCOMPLETE, "run", "list").out
        shown = re.findall(r"(?m)^ +(\d+) × (.+)$", out)
        self.assertEqual([count for count, _ in shown], ["9", "7", "5"], out)
        for (_, text), said in zip(shown, ("not of this spot", "blocked since", "has no licence")):
            self.assertIn(said, text)

    def test_in_doubt_is_explained(self):
        self.server(lambda call: "reset" if call.number == 1 else (201, participants(call.ids)))
        self.a_job(150, 'on_doubt = "hold"')
        out = self.expect(INCOMPLETE, "run", "list", settings={"api.connections": 1}).out
        self.assertRegex(out, r"100 × the connection broke off; the call may have taken effect")

    def test_each_kind_of_trouble_has_its_word_in_the_views(self):
        self.badly()
        self.assertEqual(dict(self.query("SELECT reason, count(*) FROM outcomes WHERE outcome = 'rejected' GROUP BY 1")),
                         {"refused": 3, "not_in_answers": 2})
        self.assertEqual(self.query("SELECT DISTINCT reason FROM outcomes WHERE outcome = 'failed'"), [("unavailable",)])
        self.assertEqual(self.query("SELECT DISTINCT reason FROM outcomes WHERE outcome = 'invited'"), [(None,)])
        self.assertEqual(self.query("SELECT source_line, value, reason FROM invalid_rows ORDER BY 1"),
                         [(408, "nobody", "not_an_id"), (409, "no one", "not_an_id"), (410, "ann@example.org", "email_address")])
        words = {word for word, in self.query("SELECT DISTINCT reason FROM calls WHERE reason IS NOT NULL")}
        self.assertLessEqual({"refused", "unavailable"}, words)

    def test_json_has_the_reasons_of_run_and_status(self):
        self.badly()
        run = self.run_job(INCOMPLETE, settings={"run.retry_failed": "false"})
        status = self.expect(OK, "status", "--json").json["jobs"][0]
        for troubles in (run["troubles"], status["troubles"]):
            counts = {(trouble["outcome"], trouble["reason"]): trouble["count"] for trouble in troubles}
            self.assertEqual(counts["rejected", "refused"], 3)
            self.assertEqual(counts["rejected", "not_in_answers"], 2)
            self.assertEqual(counts["invalid", "not_an_id"], 2)
            for trouble in troubles:
                self.assertGreater(trouble["source_line"], 1)


class WhatToDoNext(World):
    def test_after_a_canary_the_next_command_sends_the_rest(self):
        sandbox = self.sandbox()
        ids = self.a_job(20)
        self.shell(self.next_command(self.expect(TRY_LATER, "run", "list", "--max-members", 5)), OK)
        self.check_all_invited(sandbox, ids)

    def test_nothing_is_to_do_when_all_is_done(self):
        self.sandbox()
        self.a_job(20)
        self.assertNotIn("next", self.expect(OK, "run", "list").out)

    def test_rejected_members_are_listed_by_it(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(20) + some_ids(2, prefix="ee"))
        command = self.next_command(self.expect(INCOMPLETE, "run", "list"))
        self.assertLessEqual(set(some_ids(2, prefix="ee")), set(UUID.findall(self.shell(command, OK).out)))
        quiet = self.next_command(self.expect(INCOMPLETE, "run", "list", "--quiet"))
        self.assertEqual(quiet, command)

    def test_invalid_rows_are_listed_by_it(self):
        self.sandbox()
        self.a_job(some_ids(20) + ["nobody"])
        self.assertIn("nobody", self.shell(self.next_command(self.expect(INCOMPLETE, "run", "list")), OK).out)

    def test_doubts_are_resolved_by_it(self):
        self.server(lambda call: "reset" if call.number == 1 else (201, participants(call.ids)))
        self.a_job(150, 'on_doubt = "hold"')
        result = self.expect(INCOMPLETE, "run", "list", settings={"api.connections": 1})
        self.shell(self.next_command(result), OK)
        self.assertEqual(self.tally(), {"invited": 150})

    def test_a_list_on_the_command_line_with_an_odd_name_goes_on_by_it(self):
        sandbox = self.sandbox()
        self.write_list([f"{member};x" for member in some_ids(20)], "my list's.csv", header="id;name")
        result = self.expect(TRY_LATER, "run", "--csv", "my list's.csv", "--course", "a b", "--member-column", "id",
                             "--delimiter", ";", "--name", "it's me", "--email-notification", "--max-members", 5)
        self.shell(self.next_command(result), OK)
        self.assertEqual(self.tally("it's me"), {"invited": 20})
        self.assertEqual(len(sandbox.members), 20)

    def test_a_job_of_status_goes_on_by_its_last_line(self):
        sandbox = self.sandbox()
        self.write_config(f'[api]\nbase_url = "{sandbox.url}"\n[limits]\ncalls = []\n')
        ids = self.a_job(20)
        self.run_job(TRY_LATER, "--max-members", 5)
        command = self.next_command(self.expect(OK, "status"))
        self.shell(command, OK)
        self.check_all_invited(sandbox, ids)

    def test_the_next_command_of_a_rejection_can_be_typed_in_another_folder(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(20) + some_ids(2, prefix="ee"))
        command = self.next_command(self.expect(INCOMPLETE, "run", "list"))
        self.assertLessEqual(set(some_ids(2, prefix="ee")), set(UUID.findall(self.shell("cd / && " + command, OK).out)))


class MaxAge(World):
    def test_a_fresh_success_is_0_and_an_old_one_1(self):
        self.sandbox()
        self.a_job(20)
        self.run_job(OK)
        self.expect(OK, "check", "list", "--max-age", "24h")
        with contextlib.closing(sqlite3.connect(self.ledger)) as db:
            db.execute("UPDATE run SET started_at = started_at - 90000000, ended_at = ended_at - 90000000")  # 25 hours
            db.commit()
        result = self.expect(INCOMPLETE, "check", "list", "--max-age", "24h")
        self.assertIn("24h", result.out)
        self.expect(OK, "check", "list", "--max-age", "48h")
        self.expect(OK, "check", "list")

    def test_no_run_or_none_that_ended_0_is_1(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(20) + some_ids(1, prefix="ee"))
        self.expect(INCOMPLETE, "check", "list", "--max-age", "24h")
        self.assertFalse(self.ledger.exists())
        self.run_job(INCOMPLETE)
        self.expect(INCOMPLETE, "check", "list", "--max-age", "24h")

    def test_a_failure_after_a_success_does_not_hide_it_and_is_no_success(self):
        sandbox = self.sandbox()
        self.a_job(20)
        self.run_job(OK)
        self.write_list(some_ids(30))
        self.run_job(TRY_LATER, "--max-members", 1)
        self.expect(OK, "check", "list", "--max-age", "24h")
        self.assertEqual(sandbox.stats["members_asked"], 21)

    def test_it_speaks_in_json_too_and_says_nothing_with_quiet_when_all_is_well(self):
        self.sandbox()
        self.a_job(20)
        self.run_job(OK)
        self.assertEqual(self.expect(OK, "check", "list", "--max-age", "24h", "--json").json["exit_code"], 0)
        self.assertEqual(self.expect(OK, "check", "list", "--max-age", "24h", "--quiet").out, "")
        self.expect(USAGE, "check", "list", "--max-age", "soon")

    def test_what_is_wrong_with_job_key_or_list_is_found_without_a_call(self):
        sandbox = self.sandbox()
        self.a_job(20)
        self.expect(BAD_CONFIG, "check", "list", env={"MELTINGSPOT_API_KEY": None})
        (self.folder / "list.csv").unlink()
        self.expect(NO_INPUT, "check", "list")
        self.assertEqual(sandbox.requests, 0)

    def test_a_rehearsal_is_no_success(self):
        self.a_job(20)
        self.run_job(OK, "--rehearse")
        self.expect(INCOMPLETE, "check", "list", "--max-age", "24h")


class TheLedgerNamed(World):
    def test_the_summary_names_it_and_announces_a_new_one(self):
        self.sandbox()
        self.a_job(20)
        first = self.expect(OK, "run", "list")
        self.assertRegex(first.out, rf"(?m)^ *ledger {re.escape(str(self.ledger))} \(new\)$")
        second = self.expect(OK, "run", "list")
        self.assertRegex(second.out, rf"(?m)^ *ledger {re.escape(str(self.ledger))}$")
        self.assertFalse(self.run_job(OK)["ledger_is_new"])

    def test_from_another_folder_the_config_above_the_job_is_found(self):
        sandbox = self.sandbox()
        ids = self.a_job(20)
        self.write_config(f'[api]\nbase_url = "{sandbox.url}"\n[limits]\ncalls = []\n[ledger]\npath = "books.db"\n')
        (self.folder / "elsewhere").mkdir()
        for place in ("/", self.folder / "elsewhere", self.folder / "jobs"):
            result = self.expect(OK, "run", self.folder / "jobs/list.toml", cwd=place,
                                 settings={"api.base_url": None, "limits.calls": None})
            self.assertIn(str(self.folder / "books.db"), result.out)
            for command in ("plan", "status", "check"):
                self.assertIn("books.db", self.expect(OK, command, self.folder / "jobs/list.toml", cwd=place, settings={
                    "api.base_url": None, "limits.calls": None}).out)
        self.assertEqual(len(self.query("SELECT * FROM outcomes", ledger=self.folder / "books.db")), 20)
        self.assertEqual({member for _, member in sandbox.members}, set(ids))
        self.assertEqual(list((self.folder / "elsewhere").iterdir()), [])

    def test_the_message_of_what_ended_a_run_is_kept(self):
        sandbox = self.sandbox()
        self.a_job(200)
        self.run_job(TRY_LATER, "--max-members", 5)
        (self.folder / "list.csv").write_text('spotMemberId\n"unclosed')
        self.expect(BAD_SOURCE, "run", "list")
        sandbox.stop()
        self.a_job(some_ids(200))
        self.run_job(UNAVAILABLE, settings={"retry.patience": '"100ms"'})
        self.sandbox(at=sandbox)
        self.run_job(OK)
        runs = self.query("SELECT exit_code, stopped_by, message FROM runs")
        self.assertEqual([(code, by) for code, by, _ in runs],
                         [(75, "max_members"), (65, "error"), (69, "api_unavailable"), (0, None)])
        self.assertIn("max-members", runs[0][2])
        self.assertIn("list.csv", runs[1][2])
        self.assertIn("refused", runs[2][2])
        self.assertFalse(runs[3][2])


class WhoLeft(World):
    def left(self):
        self.api = self.sandbox("--poison", "ee")
        self.ids = some_ids(60) + some_ids(3, prefix="ee")
        self.a_job(self.ids)
        self.run_job(INCOMPLETE)
        self.gone = set(some_ids(10)) | set(some_ids(1, prefix="ee"))
        self.write_list([member for member in self.ids if member not in self.gone])
        self.run_job(INCOMPLETE)

    def exported(self, *args):
        out = self.expect(OK, "export", "list", *args).out
        return {row["spot_member_id"]: row for row in csv.DictReader(out.splitlines())}

    def test_they_carry_in_list_0_and_come_back_with_1(self):
        self.left()
        self.assertEqual({member for member, in self.query("SELECT spot_member_id FROM outcomes WHERE in_list = 0")}, self.gone)
        self.check_record(self.api)
        self.write_list(self.ids)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.query("SELECT count(*) FROM outcomes WHERE in_list = 0"), [(0,)])
        self.assertEqual({member["invitations"] for (_, name), member in self.api.members.items() if name[0] != "e"}, {1})

    def test_they_stay_out_of_an_export_unless_asked_for(self):
        self.left()
        self.assertEqual(set(self.exported()), set(self.ids) - self.gone)
        everybody = self.exported("--gone")
        self.assertEqual(set(everybody), set(self.ids))
        self.assertEqual({member for member, row in everybody.items() if row["in_list"] == "0"}, self.gone)
        self.assertEqual(set(self.exported("--outcome", "rejected")), set(some_ids(3, prefix="ee")) - self.gone)
        self.assertEqual(set(self.exported("--outcome", "rejected", "--gone")), set(some_ids(3, prefix="ee")))

    def test_a_retry_leaves_them_alone(self):
        self.left()
        result = self.expect(INCOMPLETE, "retry", "list", "--json")
        self.assertEqual(result.last_run["retried"], 2)

    def test_the_summary_counts_the_list_and_those_who_left_apart(self):
        self.left()
        for args in (["run", "list"], ["status", "list"]):
            out = self.convoke(*args).out
            self.assertRegex(out, r"members +52\b")
            self.assertRegex(out, r"left the list +11\b")
            self.assertRegex(out, r"rejected +2\b")
            self.assertRegex(out, r"(?m)^ +2 × the API refuses this member\b", "of those in the list, and nobody else")
        for troubles in (self.run_job(INCOMPLETE)["troubles"],
                         self.expect(OK, "status", "--json").json["jobs"][0]["troubles"]):
            self.assertEqual([trouble["count"] for trouble in troubles if trouble["outcome"] == "rejected"], [2])

    def test_retry_with_nothing_to_retry_says_so(self):
        sandbox = self.sandbox()
        self.a_job(20)
        self.run_job(OK)
        result = self.expect(OK, "retry", "list")
        self.assertIn("nothing to retry", result.out)
        self.assertRegex(result.out, r"nobody in the list is \w")
        self.assertNotIn("is \n", result.out)
        self.assertEqual(self.expect(OK, "retry", "list", "--json").last_run["retried"], 0)
        self.assertEqual(sandbox.requests, 1)


class AfterAKill(World):
    def test_status_and_plan_say_how_many_were_asked_without_an_answer(self):
        server = self.server(lambda call: (201, participants(call.ids)) if call.number <= 3 else "stall")
        self.a_job(1000)
        process = self.start("run", "list", settings={"api.connections": 2})
        wait_for(lambda: len(server.calls) >= 5 and self.tally().get("invited") == 300, "calls that stall")
        process.kill()
        asked = len(self.open_calls())
        self.assertGreaterEqual(asked, 200)
        for command in ("status", "plan"):
            self.assertRegex(self.expect(OK, command, "list").out, rf"without answer +{asked}\b")
        self.assertEqual(self.expect(OK, "status", "list", "--json").json["jobs"][0]["asked_without_answer"], asked)
        self.assertEqual(self.expect(OK, "plan", "list", "--json").json["plans"][0]["asked_without_answer"], asked)
        self.assertIn("was killed", self.expect(OK, "status", "list").out)
        server = self.server(lambda call: (201, participants(call.ids)), at=server)
        self.run_job(OK)
        for command in ("status", "plan"):
            self.assertNotIn("without answer", self.expect(OK, command, "list").out)


class Help(World):
    def test_help_alone_of_a_command_and_of_none(self):
        for args in (["help"], ["--help"]):
            out = self.expect(OK, *args).out
            for command in ("run", "plan", "check", "retry", "status", "why", "export", "sandbox"):
                self.assertRegex(out, rf"(?m)^ +{command}\b")
        self.assertEqual(self.expect(OK, "help", "run").out, self.expect(OK, "run", "--help").out)
        self.assertIn("--max-members", self.expect(OK, "help", "run").out)
        result = self.expect(USAGE)
        for words in ("run", "plan", "error: "):
            self.assertIn(words, result.err)
        self.assertEqual(result.out, "")

    def test_help_of_a_mistyped_command_suggests_the_nearest(self):
        self.assertIn("did you mean run?", self.expect(USAGE, "rnu").err)
        self.assertIn("rnu", self.expect(USAGE, "help", "rnu").err)

    def test_a_mistyped_option_suggests_the_nearest(self):
        self.a_job(1)
        for args, near in ((["run", "list", "--max-member", "5"], "--max-members"), (["run", "list", "--rehearsal"], "--rehearse"),
                           (["run", "list", "--quite"], "--quiet"), (["export", "list", "--outcomes", "failed"], "--outcome"),
                           (["run", "list", "--max-duratoin=5m"], "--max-duration")):
            with self.subTest(args):
                result = self.convoke(*args)
                self.assertEqual(result.exit, USAGE, str(result))
                self.assertIn(f"did you mean {near}?", result.err)

    def test_one_and_many_are_told_apart_and_thousands_are(self):
        self.sandbox()
        self.a_job(["nobody", *some_ids(1)])
        out = self.expect(INCOMPLETE, "run", "list").out
        self.assertIn("1 row is invalid", out)
        self.a_job(12_345, name="many")
        out = self.expect(OK, "run", "many").out
        self.assertIn("12,345", out)
        for text in (self.expect(OK, "status").out, self.expect(INCOMPLETE, "plan", "list").out, out):
            self.assertNotRegex(text, r"(?<![\d,.])1 (calls|members|rows)\b")


if __name__ == "__main__":
    unittest.main()
