"""Every exit code of the design, by the way a user meets it, with a message that says what, where and what to try."""
import contextlib
import sqlite3
import unittest

from world import *


class Messages(World):
    def complains(self, exit_code, *args, says=(), **how):
        """The command ends so; its last words are `error: …`, and hold each of these."""
        result = self.convoke(*args, **how)
        self.assertEqual(result.exit, exit_code, str(result))
        self.assertRegex(result.err, r"(?m)^error: ", str(result))
        for words in says:
            self.assertIn(words, result.err, str(result))
        self.assertEqual(result.out, "", str(result))
        return result


class Done(World):
    def test_0_when_everybody_is_invited(self):
        self.sandbox()
        self.a_job(10)
        self.expect(OK, "run", "list")

    def test_0_when_everybody_was_invited_before(self):
        self.sandbox("--invited", "ee")
        ids = self.a_job(some_ids(10, prefix="ee"))
        self.expect(OK, "run", "list")
        self.assertEqual(self.tally(), {"already_invited": len(ids)})

    def test_1_when_a_member_is_refused(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(20) + some_ids(1, prefix="ee"))
        self.expect(INCOMPLETE, "run", "list")
        self.assertEqual(self.tally(), {"invited": 20, "rejected": 1})

    def test_1_when_a_row_is_no_member(self):
        self.sandbox()
        self.a_job(some_ids(20) + ["nobody"])
        self.expect(INCOMPLETE, "run", "list")

    def test_1_and_not_0_when_invalid_rows_are_all_that_is_left(self):
        self.sandbox()
        self.a_job(["nobody"])
        self.expect(INCOMPLETE, "run", "list")
        self.expect(INCOMPLETE, "run", "list")

    def test_several_jobs_end_with_the_worst_of_their_codes(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(3) + some_ids(1, prefix="ee"), name="one")
        self.a_job(some_ids(5, 5), name="two")
        self.assertEqual(self.expect(INCOMPLETE, "run", "one", "two", "--json").json["exit_code"], 1)
        self.assertEqual(self.tally("two"), {"invited": 5})


class CommandLine(Messages):
    def test_64_for_a_wrong_command_line(self):
        self.a_job(1)
        for args in ([], ["run"], ["run", "list", "--no-such-flag"], ["no-such-command"], ["run", "list", "--max-members", "0"],
                     ["run", "list", "--max-duration", "soon"], ["run", "list", "--progress", "perhaps"],
                     ["run", "--course", "x"], ["run", "list", "list"], ["why", "list"], ["why", "list", "no-uuid"],
                     ["export", "list", "--format", "xml"], ["retry", "list", "--outcome", "pending"],
                     ["retry", "list", "--outcome", "perhaps"],
                     ["sandbox", "--limits", "many"], ["sandbox", "--faults", "gremlins:0.5"]):
            with self.subTest(args):
                self.complains(USAGE, *args)

    def test_help_and_version_are_results(self):
        for args in (["--help"], ["--version"], *([command, "--help"] for command in (
                "run", "plan", "retry", "status", "why", "export", "sandbox"))):
            with self.subTest(args):
                result = self.expect(OK, *args)
                self.assertEqual(result.err, "")
                if args[0] != "--version" and len(args) == 2:
                    self.assertIn("xample", result.out)
        self.assertRegex(self.expect(OK, "--version").out, r"^convoke \d+\.\d+\.\d+ \([\w-]+\)\n$")


class SourcesThatFail(Messages):
    def test_65_when_a_column_is_missing(self):
        self.write_list(some_ids(3), header="member")
        self.write_job()
        self.complains(BAD_SOURCE, "run", "list", says=["spotMemberId", "list.csv"])

    def test_65_when_a_file_is_no_database(self):
        (self.folder / "crm.db").write_text("id\n1\n" * 500)
        self.write_job(source='sqlite = "../crm.db"\nquery = "SELECT m FROM people"\nmember_column = "m"')
        self.complains(BAD_SOURCE, "run", "list", says=["crm.db"])

    def test_65_when_a_query_is_wrong_or_would_write(self):
        with contextlib.closing(sqlite3.connect(self.folder / "crm.db")) as db:
            db.execute("CREATE TABLE people (member TEXT)")
            db.commit()
        for query in ("SELECT nothing FROM people", "DELETE FROM people", "SELEC 1"):
            with self.subTest(query):
                self.write_job(source=f'sqlite = "../crm.db"\nquery = "{query}"\nmember_column = "member"')
                self.complains(BAD_SOURCE, "run", "list")

    def test_65_when_a_quote_is_never_closed_and_nobody_is_invited_by_halves(self):
        sandbox = self.sandbox()
        ids = some_ids(2000)
        self.write_list(ids + ['"' + "x" * 100] + some_ids(10, "more"))
        self.write_job()
        self.complains(BAD_SOURCE, "run", "list", says=["list.csv"])
        self.assertEqual(sandbox.requests, 0)

    def test_65_for_utf_16_without_a_mark(self):
        (self.folder / "list.csv").write_bytes("spotMemberId\n".encode("utf-16-le"))
        self.write_job()
        self.complains(BAD_SOURCE, "run", "list", says=["UTF-16", "UTF-8"])

    def test_66_when_the_list_is_not_there(self):
        self.write_job()
        self.complains(NO_INPUT, "run", "list", says=["list.csv"])

    def test_66_when_the_job_is_not_there_with_the_nearest_one(self):
        self.a_job(1, name="members")
        self.complains(NO_INPUT, "run", "membrs", says=["membrs", "did you mean members?"])

    def test_66_when_the_config_is_not_there(self):
        self.a_job(1)
        self.complains(NO_INPUT, "run", "list", "--config", "elsewhere.toml", says=["elsewhere.toml"])

    def test_66_when_there_is_no_ledger_to_read(self):
        self.complains(NO_INPUT, "status", says=["convoke.db"])
        self.complains(NO_INPUT, "export", "list", says=["convoke.db"])

    def test_66_when_the_ledger_knows_no_such_job_or_member(self):
        self.sandbox()
        self.a_job(1)
        self.run_job(OK)
        self.complains(NO_INPUT, "status", "lst", says=["did you mean list?"])
        self.complains(NO_INPUT, "why", "list", some_ids(1, "other")[0])

    def test_a_source_that_fails_leaves_what_is_known_as_it_is(self):
        sandbox = self.sandbox()
        ids = self.a_job(300)
        self.run_job(TRY_LATER, "--max-members", "100")
        (self.folder / "list.csv").rename(self.folder / "away.csv")
        self.complains(NO_INPUT, "run", "list")
        self.assertEqual(self.tally(), {"invited": 100, "pending": 200})
        (self.folder / "away.csv").rename(self.folder / "list.csv")
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)


class Unavailable(World):
    def test_69_when_nothing_listens_and_all_stays_due(self):
        self.a_job(1500)
        result = self.expect(UNAVAILABLE, "run", "list", settings={"retry.attempts": 3, "retry.patience": '"1s"'})
        self.assertEqual(self.tally(), {"pending": 1500})
        self.assertIn("refused", (result.out + result.err).lower(), f"does not say why: {result}")
        sandbox = self.sandbox(at=self.url)
        self.run_job(OK)
        self.check_all_invited(sandbox, some_ids(1500))

    def test_78_when_the_host_does_not_exist(self):
        self.a_job(5)
        self.url = "https://no-such-host.invalid"
        result = self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
        self.assertEqual(self.tally(), {"pending": 5})
        self.assertIn("there is no host", result.out + result.err, f"does not say why: {result}")

    def test_69_when_the_api_answers_503_all_the_time_and_all_stays_due(self):
        server = self.server(lambda call: (503, "<html>down for maintenance</html>"))
        self.a_job(3000)
        result = self.expect(UNAVAILABLE, "run", "list", "--json", settings={
            "retry.attempts": 4, "retry.patience": '"1s"'})
        self.assertEqual(result.last_run["stopped_by"], "api_unavailable")
        self.assertEqual(self.tally(), {"pending": 3000})
        self.assertLess(len(server.calls), 60, "an API that is down was asked and asked")

    def test_69_says_what_the_api_answered(self):
        self.server(lambda call: (503, '{"message":"down for maintenance"}'))
        self.a_job(10)
        result = self.expect(UNAVAILABLE, "run", "list", settings={"retry.attempts": 2, "retry.patience": '"1s"'})
        self.assertIn("503", result.out + result.err, f"does not say why: {result}")

    def test_an_outage_in_the_middle_is_waited_out(self):
        down = threading.Event()

        def script(call):
            if call.number == 5:
                down.set()
                threading.Timer(1.0, down.clear).start()
            return (503, "") if down.is_set() else (201, participants(call.ids))

        self.server(script)
        ids = self.a_job(5000)
        self.run_job(OK, settings={"api.connections": 2, "retry.first": '"100ms"', "retry.longest": '"200ms"',
                                   "retry.patience": '"60s"'})
        self.assertEqual(self.of_outcome("invited"), set(ids))


class Defect(Messages):
    def test_70_when_the_books_do_not_balance_with_the_numbers(self):
        self.sandbox()
        self.a_job(300)
        self.run_job(OK)
        with contextlib.closing(sqlite3.connect(self.ledger)) as db:
            db.execute("UPDATE job SET rows_read = rows_read + 1")
            db.commit()
        self.complains(DEFECT, "run", "list", says=["300", "301"])

    def test_a_chunk_cannot_lose_members_unnoticed(self):
        self.sandbox()
        self.a_job(300)
        self.run_job(OK)
        with contextlib.closing(sqlite3.connect(self.ledger)) as db:
            with self.assertRaises(sqlite3.IntegrityError):
                db.execute("UPDATE chunk SET size = size - 1 WHERE chunk_id = (SELECT min(chunk_id) FROM chunk)")


class KeyRefused(World):
    def test_77_for_a_wrong_key_and_everybody_stays_due(self):
        sandbox = self.sandbox()
        ids = self.a_job(2000)
        self.key = "another-key-99"
        result = self.expect(KEY_REFUSED, "run", "list", "--json")
        self.assertEqual(result.last_run["stopped_by"], "key_refused")
        self.assertEqual(self.tally(), {"pending": 2000})
        self.assertEqual(sandbox.requests, 1)
        self.key = KEY
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)

    def test_77_for_a_403_and_everybody_stays_due(self):
        self.server(lambda call: (403, '{"message":"Forbidden resource"}'))
        self.a_job(2000)
        result = self.expect(KEY_REFUSED, "run", "list")
        self.assertIn("Forbidden resource", result.out)
        self.assertEqual(self.tally(), {"pending": 2000})

    def test_77_in_the_middle_keeps_what_is_invited(self):
        server = self.server(lambda call: (201, participants(call.ids)) if call.number <= 5 else (401, ""))
        self.a_job(2000)
        self.expect(KEY_REFUSED, "run", "list", settings={"api.connections": 1})
        self.assertEqual(self.tally(), {"invited": 500, "pending": 1500})


class BadConfig(Messages):
    def test_78_names_file_line_and_key_and_the_nearest_known_one(self):
        self.a_job(1)
        self.write_config('# mine\n[api]\nconections = 8\n')
        self.complains(BAD_CONFIG, "run", "list", says=["config.toml:3", "conections", "did you mean", "connections"])

    def test_78_for_a_value_of_the_wrong_type_or_out_of_range(self):
        self.a_job(1)
        for line in ('connections = "8"', "connections = 0", 'timeout = "soon"', "timeout = 30"):
            with self.subTest(line):
                self.write_config(f"[api]\n{line}\n")
                self.complains(BAD_CONFIG, "run", "list", says=["config.toml:2", line.split()[0]],
                               settings={"api.timeout": None})

    def test_78_for_what_is_no_toml(self):
        self.a_job(1)
        self.write_config("[api\nconnections = 8\n")
        self.complains(BAD_CONFIG, "run", "list", says=["config.toml:1"])

    def test_78_for_a_job_file_with_a_wrong_key(self):
        self.a_job(1, "chunksize = 100")
        self.complains(BAD_CONFIG, "run", "list", says=["list.toml:6", "chunksize", "chunk_size"])

    def test_78_for_a_wrong_key_or_value_of_set(self):
        self.a_job(1)
        for text in ("api.conections=8", "api.connections=many", "nonsense"):
            with self.subTest(text):
                result = self.convoke("run", "list", "--set", text)
                self.assertIn(result.exit, (BAD_CONFIG, USAGE), str(result))
                self.assertIn("error: ", result.err)

    def test_78_when_the_key_is_not_set_or_empty(self):
        self.a_job(1)
        self.complains(BAD_CONFIG, "run", "list", says=["MELTINGSPOT_API_KEY"], env={"MELTINGSPOT_API_KEY": None})
        self.complains(BAD_CONFIG, "run", "list", says=["MELTINGSPOT_API_KEY"], env={"MELTINGSPOT_API_KEY": ""})
        self.assertFalse(self.ledger.exists())

    def test_the_key_may_be_in_a_file(self):
        sandbox = self.sandbox()
        ids = self.a_job(3)
        (self.folder / "key").write_text(KEY + "\n")
        (self.folder / "key").chmod(0o600)
        self.run_job(OK, env={"MELTINGSPOT_API_KEY": None}, settings={"api.key_file": f'"{self.folder / "key"}"'})
        self.check_all_invited(sandbox, ids)

    def test_78_for_a_ledger_of_a_newer_version(self):
        self.sandbox()
        self.a_job(1)
        self.run_job(OK)
        with contextlib.closing(sqlite3.connect(self.ledger)) as db:
            db.execute("PRAGMA user_version = 1000")
        for args in (["run", "list"], ["status"], ["plan", "list"]):
            with self.subTest(args):
                self.complains(BAD_CONFIG, *args, says=["newer", "1000"])


if __name__ == "__main__":
    unittest.main()
