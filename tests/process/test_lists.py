"""Lists as they come: as spreadsheets write them, slow, with ids written in many ways. Where one is not understood, the
message names the way out. (Packed ones, other encodings and .xlsx: test_sheets.py.)"""
import unittest
import zipfile

from world import *


class Spreadsheets(World):
    def check_invited(self, text, ids, exit_code=OK, **job):
        """A list of this text invites these, and nobody else."""
        self.remove_ledger()
        (self.folder / "list.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        self.write_job(**job)
        sandbox = self.sandbox()
        run = self.run_job(exit_code)
        self.check_all_invited(sandbox, ids)
        self.check_record(sandbox)
        return run

    def test_semicolons_and_tabs_are_taken_by_themselves(self):
        ids = some_ids(20)
        for delimiter in (";", "\t"):
            with self.subTest(delimiter):
                rows = [delimiter.join(["name", "spotMemberId"])] + [delimiter.join(["Ann, B.", member]) for member in ids]
                self.check_invited("\r\n".join(rows) + "\r\n", ids)

    def test_the_sep_line_of_excel_is_understood(self):
        ids = some_ids(20)
        for delimiter in (";", ",", "|"):
            with self.subTest(delimiter):
                rows = [f"sep={delimiter}", f"a{delimiter}spotMemberId"] + [f"x{delimiter}{member}" for member in ids]
                self.check_invited("\ufeff" + "\r\n".join(rows) + "\r\n", ids)

    def test_rows_of_empty_fields_are_no_rows(self):
        ids = some_ids(20)
        rows = ["spotMemberId;name;mail"] + [f"{member};x;y" for member in ids] + [";;", "; ;", "", "\"\";\"\";\"\""] * 10
        run = self.check_invited("\n".join(rows) + "\n", ids)
        self.assertEqual((run["rows_read"], run["invalid"]), (20, 0))

    def test_a_row_with_a_name_and_no_id_is_invalid(self):
        run = self.check_invited(f"spotMemberId;name\n{some_ids(1)[0]};x\n;Ann\n", some_ids(1), INCOMPLETE)
        self.assertEqual((run["rows_read"], run["invalid"]), (2, 1))
        self.assertEqual(self.query("SELECT reason FROM invalid_rows"), [("no_id",)])

    def test_ids_are_mended_and_counted(self):
        ids = some_ids(9)
        odd = ["{" + ids[0] + "}", "{" + ids[1].upper() + "}", ids[2].replace("-", ""), "\u00a0" + ids[3], ids[4] + "\u00a0",
               "\u200b" + ids[5], ids[6] + "\u200b", "{" + ids[7].replace("-", "").upper() + "}", ids[8]]
        run = self.check_invited("spotMemberId\n" + "\n".join(odd) + "\n", ids)
        self.assertEqual((run["mended"], run["invalid"]), (8, 0))
        plan = self.expect(OK, "plan", "list")
        self.assertRegex(plan.out, r"mended +8\b")
        self.assertRegex(self.expect(OK, "status").out, r"mended +8\b")

    def test_the_member_column_is_spot_member_id_by_default(self):
        ids = some_ids(20)
        rows = ["name,spotMemberId"] + [f"Ann,{member}" for member in ids]
        self.check_invited("\n".join(rows) + "\n", ids, source='csv = "../list.csv"')

    def test_a_column_that_is_missing_names_those_that_are_and_the_one_with_the_ids(self):
        sandbox = self.sandbox()
        rows = ["name,user,mail"] + [f"Ann,{member},a@example.org" for member in some_ids(20)]
        self.write_list(rows[1:], header=rows[0])
        self.write_job(source='csv = "../list.csv"')
        result = self.expect(BAD_SOURCE, "run", "list")
        for words in ("spotMemberId", '"name"', '"user"', '"mail"', 'member_column = "user"'):
            self.assertIn(words, result.err)
        self.assertEqual(sandbox.requests, 0)
        self.write_job(source='csv = "../list.csv"\nmember_column = "user"')
        self.run_job(OK)

    def test_a_query_whose_column_is_missing_names_it_too(self):
        with contextlib.closing(sqlite3.connect(self.folder / "crm.db")) as db:
            db.execute("CREATE TABLE people (name TEXT, user TEXT)")
            db.executemany("INSERT INTO people VALUES ('Ann', ?)", [(member,) for member in some_ids(20)])
            db.commit()
        self.write_job(source='sqlite = "../crm.db"\nquery = "SELECT name, user FROM people"')
        result = self.expect(BAD_SOURCE, "run", "list")
        for words in ("spotMemberId", '"name"', '"user"', 'member_column = "user"'):
            self.assertIn(words, result.err)


class Foreign(World):
    def refused(self, content, name, *says, key="csv"):
        (self.folder / name).write_bytes(content)
        self.write_job(source=f'{key} = "../{name}"')
        result = self.expect(BAD_SOURCE, "run", "list")
        self.assertRegex(result.err, r"(?m)^try: ")
        for words in (name, *says):
            self.assertIn(words, result.err)
        self.assertFalse("\0" in result.err)
        return result

    def test_a_spreadsheet_that_is_given_for_csv_and_the_other_way_round(self):
        with zipfile.ZipFile(self.folder / "x.zip", "w") as file:
            file.writestr("xl/workbook.xml", "<workbook/>")
        self.refused((self.folder / "x.zip").read_bytes(), "list.xlsx", "spreadsheet", "xlsx =")
        self.refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "list.xls", "spreadsheet", "CSV")
        self.refused(b"spotMemberId\n", "list.csv", "csv =", key="xlsx")

    def test_utf_16_without_a_mark_is_read_with_the_encoding_that_it_names(self):
        ids = some_ids(20)
        text = "spotMemberId\n" + "\n".join(ids) + "\n"
        for encoding in ("utf-16-le", "utf-16-be"):
            with self.subTest(encoding):
                self.remove_ledger()
                sandbox = self.sandbox()
                result = self.refused(text.encode(encoding), "list.csv", "UTF-16")
                setting = re.search(r"--set (source\.encoding=[^)]+)", result.err)[1]
                self.assertEqual(sandbox.requests, 0)
                self.run_job(OK, "--set", setting)
                self.check_all_invited(sandbox, ids)


class CommandLine(World):
    def test_name_delimiter_no_header_and_email_notification(self):
        server = self.server(lambda call: (201, participants(call.ids)))
        ids = some_ids(20)
        self.write_list([f"Ann;{member}" for member in ids], header=None)
        args = ("--csv", "list.csv", "--course", COURSE, "--name", "mine", "--delimiter", ";", "--no-header", "--member-column",
                "2", "--email-notification", "--set", "invite.check=false")
        self.expect(OK, "plan", *args)
        self.expect(OK, "run", *args)
        self.assertEqual(self.outcomes("mine"), {(COURSE, member): "invited" for member in ids})
        self.assertEqual([call.body["withEmailNotification"] for call in server.calls], [True])

    def test_without_the_flag_nothing_is_said_of_mail(self):
        server = self.server(lambda call: (201, participants(call.ids)))
        self.write_list(some_ids(20))
        self.expect(OK, "run", "--csv", "list.csv", "--course", COURSE)
        self.assertNotIn("withEmailNotification", server.calls[0].body)

    def test_they_go_with_csv_only(self):
        self.a_job(1)
        for args in (["--name", "x"], ["--delimiter", ";"], ["--no-header"], ["--email-notification"]):
            self.expect(USAGE, "run", "list", *args)


class SlowLists(World):
    def slow(self, *args, **how):
        """A run over standard input that gives a few members and then nothing more."""
        process = self.start("run", "--csv", "-", "--course", COURSE, *args, stdin=b"", **how)
        process.popen.stdin.write(("spotMemberId\n" + "\n".join(some_ids(1000)) + "\n").encode())
        process.popen.stdin.flush()
        return process

    def end(self, process):
        with contextlib.suppress(OSError):
            process.popen.stdin.close()
        process.popen.stdin = None
        return process.finish()

    def test_max_duration_ends_the_reading_of_a_slow_pipe(self):
        sandbox = self.sandbox()
        begun = time.monotonic()
        process = self.slow("--json", "--max-duration", "1s")
        wait_for(lambda: not process.running, "the end of its time", 20)
        self.assertLess(time.monotonic() - begun, 10)
        result = self.end(process)
        self.assertEqual(result.exit, TRY_LATER, str(result))
        self.assertEqual(result.last_run["stopped_by"], "max_duration")
        self.assertEqual(sandbox.requests, 0)
        self.assertEqual(self.query("SELECT exit_code, stopped_by FROM runs"), [(75, "max_duration")])

    def check_ends_in_time(self, *args):
        """A run that reads what never comes ends with its time, and with a signal."""
        self.sandbox()
        begun = time.monotonic()
        run = self.expect(TRY_LATER, "run", *args, "--json", "--max-duration", "1s", patience=20).last_run
        self.assertEqual(run["stopped_by"], "max_duration")
        process = self.start("run", *args, "--json")
        wait_for(lambda: self.begun(), "the run to begin")
        process.signal(signal.SIGTERM)
        self.assertEqual(process.finish(20).last_run["stopped_by"], "signal")
        self.assertLess(time.monotonic() - begun, 20)

    def test_a_query_that_takes_for_ever_ends_in_time(self):
        with contextlib.closing(sqlite3.connect(self.folder / "crm.db")) as db:
            db.execute("CREATE TABLE people (spotMemberId TEXT)")
            db.commit()
        query = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS spotMemberId FROM n WHERE x < 0"
        self.write_job(source=f'sqlite = "../crm.db"\nquery = "{query}"')
        self.check_ends_in_time("list")

    def test_a_pipe_that_nobody_writes_to_ends_in_time(self):
        os.mkfifo(self.folder / "list.csv")
        self.write_job()
        self.check_ends_in_time("list")

    def test_a_signal_ends_it_too(self):
        for number in (signal.SIGHUP, signal.SIGTERM):
            with self.subTest(number):
                self.remove_ledger()
                self.sandbox()
                process = self.slow("--json")
                wait_for(lambda: self.ledger.exists() and self.begun(), "the run to begin")
                process.signal(number)
                wait_for(lambda: not process.running, "the end", 20)
                result = self.end(process)
                self.assertEqual((result.exit, result.last_run["stopped_by"]), (TRY_LATER, "signal"))

    def begun(self):
        with contextlib.suppress(sqlite3.Error):
            return self.query("SELECT count(*) FROM runs WHERE ended_at IS NULL")[0][0] > 0
        return False

    def test_what_was_read_halfway_is_read_again_and_nobody_is_withdrawn(self):
        sandbox = self.sandbox()
        process = self.slow("--max-duration", "1s")
        wait_for(lambda: not process.running, "the end of its time", 20)
        self.end(process)
        text = ("spotMemberId\n" + "\n".join(some_ids(1500)) + "\n").encode()
        self.expect(OK, "run", "--csv", "-", "--course", COURSE, stdin=text)
        self.check_all_invited(sandbox, some_ids(1500), job=f"stdin@{COURSE}")

    def test_a_list_that_is_read_for_longer_than_two_seconds_says_so_and_how_far_it_is(self):
        self.sandbox()
        for args in ((), ("--quiet",)):
            with self.subTest(args):
                self.remove_ledger()
                process = self.slow(*args)
                begun = time.monotonic()
                wait_for(lambda: time.monotonic() - begun > 3, "three seconds")
                result = self.end(process)
                self.assertEqual(result.exit, OK, str(result))
                if args:
                    self.assertEqual((result.out, result.err), ("", ""))
                else:
                    self.assertRegex(result.err, r"reading standard input: \d[\d,]* rows? so far")

    def test_a_list_that_is_read_quickly_says_nothing(self):
        self.sandbox()
        self.a_job(10_000)
        self.assertEqual(self.expect(OK, "run", "list").err, "")


class AlreadyInvited(World):
    def test_a_204_and_an_empty_200_of_the_sandbox_are_the_same(self):
        for status in (200, 204):
            with self.subTest(status):
                self.remove_ledger()
                sandbox = self.sandbox("--already", status, "--invited", "ee")
                ids = self.a_job(some_ids(250, prefix="ee"))
                run = self.run_job(OK)
                self.assertEqual((run["already_invited"], run["calls"], run["retries"]), (250, 3, 0))
                self.assertEqual(sandbox.stats["statuses"], {str(status): 3})
                self.assertEqual(self.query("SELECT DISTINCT http_status FROM outcomes"), [(status,)])
                self.check_record(sandbox)
                self.assertEqual(len(self.of_outcome("already_invited")), len(ids))

    def test_members_that_a_lost_answer_invited_are_found_by_a_204(self):
        sandbox = self.sandbox("--already", 204, "--faults", "reset-after:0.1", "--seed", 2)
        ids = self.a_job(5000)
        self.run_job(OK)
        self.assertGreater(sandbox.stats["faults"]["reset-after"], 0)
        self.check_record(sandbox)
        self.assertEqual(set(self.outcomes()), {(COURSE, member) for member in ids})


if __name__ == "__main__":
    unittest.main()
