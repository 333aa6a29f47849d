"""What to do next, as a command that can be typed as it is printed; what is watched from outside; and help."""
import unittest

from world import *


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
