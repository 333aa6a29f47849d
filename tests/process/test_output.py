"""What is printed, where, and what never is: results on standard output, the rest on standard error, and no bytes of a
server or a list that a terminal would obey."""
import pty
import select
import unittest

from world import *

EVIL = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \r\nnew line \x00 \u202e \b\b\b"


class Streams(World):
    def test_json_is_one_object_on_standard_output_and_nothing_else(self):
        self.sandbox("--poison", "ee")
        ids = self.a_job(some_ids(300) + some_ids(1, prefix="ee") + ["wrong"])
        for args, exit_code in ((["plan", "list"], INCOMPLETE), (["run", "list"], INCOMPLETE), (["run", "list"], INCOMPLETE),
                                (["retry", "list"], INCOMPLETE), (["status"], OK), (["status", "list"], OK),
                                (["why", "list", ids[0]], OK), (["run", "list", "-v"], INCOMPLETE)):
            with self.subTest(args):
                result = self.expect(exit_code, *args, "--json")
                self.assertIsInstance(result.json, dict)
                self.assertEqual(result.out.count("\n"), 1)

    def test_json_of_a_run_that_stops_says_why(self):
        self.sandbox()
        self.a_job(300)
        result = self.expect(TRY_LATER, "run", "list", "--json", "--max-members", 100)
        self.assertEqual((result.json["exit_code"], result.json["stopped_by"]), (75, "max_members"))
        self.assertEqual(result.last_run["outcomes"]["pending"], 200)

    def test_a_run_that_goes_well_says_nothing_on_standard_error(self):
        self.sandbox()
        self.a_job(300)
        result = self.expect(OK, "run", "list")
        self.assertEqual(result.err, "")
        self.assertIn("300", result.out)

    def test_quiet_says_nothing_at_all_when_everybody_is_invited(self):
        self.sandbox("--max-ids", 30)
        self.a_job(300)
        self.assertIn("too large", self.expect(OK, "run", "list").err)
        self.remove_ledger()
        result = self.expect(OK, "run", "list", "--quiet", "--progress", "always")
        self.assertEqual((result.out, result.err), ("", ""))
        self.assertEqual(self.tally(), {"already_invited": 300})

    def test_quiet_leaves_a_few_lines_of_what_is_wrong_and_what_to_do(self):
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(300) + some_ids(2, prefix="ee") + ["nobody"])
        result = self.expect(INCOMPLETE, "run", "list", "--quiet", "--progress", "always")
        self.assertEqual(result.err, "")
        lines = result.out.splitlines()
        self.assertLessEqual(len(lines), 5, result.out)
        self.assertIn("2 of 302 members are not invited", lines[0])
        self.assertIn("1 row is invalid", lines[0])
        self.assertRegex(lines[-1], r"^next: ")

    def test_an_error_is_said_with_quiet_too(self):
        self.assertIn("error: ", self.expect(NO_INPUT, "run", "nobody", "--quiet").err)

    def test_verbose_says_more_on_standard_error(self):
        self.sandbox()
        self.a_job(3)
        self.assertIn("list.csv", self.expect(OK, "run", "list", "-v").err)


class Terminal(World):
    """Standard error is a terminal: the live line, and NO_COLOR."""

    def on_terminal(self, *args, env=None):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = self.start(*args, env={"TERM": "xterm", **(env or {})}, stderr=slave)
        os.close(slave)
        seen = b""
        while True:
            ready, _, _ = select.select([master], [], [], PATIENCE)
            self.assertTrue(ready, "the terminal stays silent")
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            seen += piece
        self.assertEqual(process.finish().exit, OK)
        return seen

    def test_a_terminal_has_a_live_line_that_goes_away(self):
        self.sandbox("--latency", "100ms")
        self.a_job(1000, "chunk_size = 20")
        seen = self.on_terminal("run", "list")
        self.assertIn(b"of 1,000 settled", seen)
        self.assertIn(b"\r\x1b[2K", seen)
        self.assertTrue(seen.endswith(b"\x1b[2K"), seen[-100:])

    def test_no_color_and_a_dumb_terminal_have_none(self):
        self.sandbox("--latency", "100ms")
        self.a_job(1000, "chunk_size = 20")
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            with self.subTest(env):
                self.remove_ledger()
                self.assertNotIn(b"\x1b", self.on_terminal("run", "list", env=env))

    def test_progress_never_has_none(self):
        self.sandbox("--latency", "100ms")
        self.a_job(500, "chunk_size = 20")
        self.assertEqual(self.on_terminal("run", "list", "--progress", "never"), b"")


class Foreign(World):
    """Nothing of what a server or a list says reaches the terminal raw."""

    def check_harmless(self, result, of_them=True):
        for name, text in (("stdout", result.raw_out), ("stderr", result.raw_err)):
            decoded = text.decode("utf-8")  # and it is UTF-8 all through
            bad = [hex(ord(c)) for c in decoded if c != "\n" and (ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0)]
            self.assertEqual(bad, [], f"{name} of {result.command[1]}: {text[:2000]!r}")
            self.assertNotIn("\u202e", decoded, f"{name}: text that runs backwards")

    def check_every_command(self, member, exit_code, settings=None):
        result = self.expect(exit_code, "run", "list", "-v", settings=settings)
        self.check_harmless(result)
        for args in (["run", "list", "--json"], ["status"], ["status", "--json"], ["why", "list", member],
                     ["why", "list", member, "--json"], ["plan", "list"], ["plan", "list", "--json"]):
            with self.subTest(args):
                self.check_harmless(self.convoke(*args, settings=settings))
        return result

    def test_an_error_message(self):
        body = json.dumps({"message": EVIL, "error": EVIL})
        for status, exit_code in ((400, INCOMPLETE), (401, KEY_REFUSED), (403, KEY_REFUSED), (402, KEY_REFUSED), (404, BAD_CONFIG),
                                  (407, BAD_CONFIG), (500, UNAVAILABLE), (302, BAD_CONFIG), (418, BAD_CONFIG)):
            with self.subTest(status):
                self.remove_ledger()
                self.server(lambda call: (status, body))
                ids = self.a_job(4)
                self.check_every_command(ids[0], exit_code, {"retry.attempts": 2, "retry.patience": '"1s"'})

    def test_an_error_page_that_is_no_json_and_no_text(self):
        for body in (EVIL.encode(), bytes(range(256)) * 10, EVIL.encode("latin-1", "ignore"), b"\xff\xfe\x1b[2J"):
            with self.subTest(body[:10]):
                self.remove_ledger()
                self.server(lambda call: (400, body))
                ids = self.a_job(1)
                self.check_every_command(ids[0], INCOMPLETE)

    def test_participants(self):
        self.server(lambda call: (201, participants(call.ids, id=EVIL, status=EVIL, invitedAt=EVIL,
                                                    spotMemberFirstname=EVIL, spotMemberEmail=EVIL)))
        ids = self.a_job(4)
        self.check_every_command(ids[0], OK, {"ledger.keep_profile": "true"})

    def test_a_participant_nobody_asked_for(self):
        self.server(lambda call: (201, participants([*call.ids, EVIL])))
        ids = self.a_job(4)
        self.check_every_command(ids[0], OK)

    def test_headers(self):
        """Control characters make an answer that is no HTTP; the rest is taken for nothing."""
        for value, exit_code in (("\x1b[2J\x07", UNAVAILABLE), ("\x9b2J \xff", OK), ("soon", OK), ("-5", OK),
                                 ("9" * 40, OK), ("", OK)):
            with self.subTest(value):
                self.remove_ledger()
                self.server(lambda call: (201, participants(call.ids), {
                    "Retry-After": value, "RateLimit": value, "RateLimit-Remaining": value, "RateLimit-Reset": value}))
                ids = self.a_job(4)
                self.check_every_command(ids[0], exit_code, {"retry.attempts": 2, "retry.patience": '"1s"'})

    def test_a_list(self):
        self.sandbox()
        self.write_list([*some_ids(3), '"\x1b[31mred\x07"', '"\x9b2J \u202e"'])
        self.write_job()
        self.check_every_command(some_ids(3)[0], INCOMPLETE)

    def test_courses_of_a_list(self):
        self.sandbox("--courses", "none")
        ids = some_ids(2)
        self.write_list([f'{ids[0]},"a\x1b[31m\x07"', f"{ids[1]},b\u202e"], header="m,c")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "m"\ncourse_column = "c"')
        self.check_every_command(ids[1], BAD_CONFIG)

    def test_names_of_files_and_columns(self):
        name = "l\x1b[31m\x07.csv"
        self.write_list(some_ids(1), name, header="m\x1b[31m")
        self.check_harmless(self.expect(BAD_SOURCE, "run", "--csv", name, "--course", "c"))
        self.check_harmless(self.expect(NO_INPUT, "run", "--csv", "n\x1b[31m", "--course", "c"))
        self.check_harmless(self.expect(NO_INPUT, "run", "j\x1b[31m"))

    def test_an_export_keeps_each_member_on_its_line(self):
        self.server(lambda call: (400, json.dumps({"message": EVIL + '",\n"x'})))
        ids = self.a_job(3)
        self.run_job(INCOMPLETE)
        rows = list(csv.reader(self.expect(OK, "export", "list").out.splitlines(keepends=True)))
        self.assertEqual(len(rows), 4)
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})
        self.assertEqual({row[2] for row in rows[1:]}, set(ids))

    def test_an_export_holds_no_formula_for_a_spreadsheet(self):
        self.server(lambda call: (201, participants(call.ids, status='=HYPERLINK("http://x")')))
        self.a_job(2)
        self.run_job(OK)
        for row in csv.reader(self.expect(OK, "export", "list").out.splitlines()):
            self.assertFalse([field for field in row if field[:1] in ("=", "+", "@")], row)


if __name__ == "__main__":
    unittest.main()
