"""Limits that a ledger has forgotten, or never knew: one restored from a backup, a copy, other windows beside its own."""
import stat
import unittest

from world import *


class Forgotten(World):
    def setUp(self):
        super().setUp()
        self.settings["limits.calls"] = '["8/1h"]'
        self.backup = self.folder / "backup.db"
        self.calls = pathlib.Path(f"{self.ledger}-calls")

    def back_up(self):
        with contextlib.closing(sqlite3.connect(self.ledger)) as ledger, contextlib.closing(sqlite3.connect(self.backup)) as copy:
            ledger.backup(copy)

    def restore(self):
        for end in ("-wal", "-shm"):
            pathlib.Path(f"{self.ledger}{end}").unlink(missing_ok=True)
        self.backup.replace(self.ledger)

    def used(self, limit="8/1h", **how):
        quota = self.expect(OK, "status", "--json", **how).json["quota"]["limits"]
        return {row["limit"]: row["used"] for row in quota}[limit]

    def run_some(self, members, *args, exit_code=TRY_LATER, **how):
        return self.expect(exit_code, "run", "list", "--max-members", members, *args, **how)

    def test_a_restored_ledger_counts_the_calls_that_it_has_forgotten_and_says_how_many(self):
        sandbox = self.sandbox("--limits", "8/1h")
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        self.back_up()
        self.run_some(3)
        self.restore()
        # What a look says is what the run will find.
        self.assertEqual(self.used(), 5)
        self.assertEqual(self.expect(OK, "plan", "list", "--json").json["plans"][0]["quota"]["limits"],
                         [{"limit": "8/1h", "used": 5, "left": 3}])
        self.assertIn("it has forgotten calls", self.expect(OK, "check", "list").out)
        result = self.expect(TRY_LATER, "run", "list")
        self.assertIn("this ledger has forgotten 3 calls", result.err)
        self.assertIn("8/1h is used up", result.out)
        stats = sandbox.stats
        self.assertEqual((stats["requests"], stats["over_limit"]), (8, 0))
        self.check_books()
        # Once; and it is known to whoever comes with another window.
        again = self.expect(TRY_LATER, "run", "list", settings={"limits.calls": '["9/2h"]'})
        self.assertNotIn("forgotten", again.err)
        self.assertEqual(sandbox.requests, 9)

    def test_what_was_forgotten_longer_ago_than_a_window_does_not_count_in_it(self):
        self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        self.back_up()
        self.run_some(3)
        line = self.calls.read_bytes()
        self.assertEqual(len(line), len(line.rstrip()) + 1)
        head, latest = line.rsplit(b" ", 1)
        self.calls.write_bytes(b"%s %020d\n" % (head, int(latest) - 2 * 3600 * 1000))
        self.restore()
        self.run_some(1)
        self.assertEqual(self.used(), 3)

    def test_a_backup_put_back_over_calls_that_were_killed_counts_them_too(self):
        server = self.server(lambda call: (201, participants(call.ids)) if call.number < 4 else "stall")
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        self.back_up()
        process = self.start("run", "list", settings={"api.connections": 2})
        wait_for(lambda: len(server.calls) >= 5, "calls under way")
        process.kill()
        self.restore()
        result = self.expect(TRY_LATER, "run", "list", settings={"limits.calls": '["5/1h"]'})
        self.assertIn("forgotten 3 calls", result.err)
        self.assertEqual(len(server.calls), 5)

    def test_a_copy_holds_back_all_that_the_other_may_have_used_unless_it_is_told(self):
        sandbox = self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        self.calls.unlink()
        result = self.expect(TRY_LATER, "run", "list")
        self.assertIn("this ledger was copied, or moved without convoke.db-calls beside it", result.err)
        self.assertIn("--assume-used", result.err)
        self.assertEqual(sandbox.requests, 2)
        # It stays so, for whatever limit.
        for limits in ('["100/10m", "9/24h"]', '["8/1h"]'):
            result = self.expect(TRY_LATER, "run", "list", settings={"limits.calls": limits})
            self.assertEqual(sandbox.requests, 2)
        self.assertIsNotNone(self.expect(OK, "status", "--json").json["quota"]["next_call"])
        result = self.expect(TRY_LATER, "run", "list", "--assume-used", 3)
        self.assertIn("3 calls", result.err)
        self.assertEqual(sandbox.requests, 2 + 8 - 2 - 3)
        self.check_books()

    def test_a_file_of_calls_that_is_damaged_is_called_so(self):
        sandbox = self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        self.calls.write_text("garbage")
        result = self.expect(TRY_LATER, "run", "list")
        self.assertIn("convoke.db-calls is damaged", result.err)
        self.assertNotIn("copied, or moved", result.err)
        self.assertEqual(sandbox.requests, 2)

    def test_a_run_that_cannot_begin_for_its_file_of_calls_is_no_run_that_was_killed(self):
        self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        self.calls.unlink()
        os.mkfifo(self.calls)
        self.expect(BAD_CONFIG, "run", "list")
        self.assertEqual(self.query("SELECT count(*) FROM runs"), [(1,)])

    def test_a_copy_says_so_wherever_limits_are_spoken_of(self):
        self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        self.calls.unlink()
        # Also before a run has met it.
        for command in (["status"], ["plan", "list"]):
            self.assertIn("what is used is not known until", self.expect(OK, *command).out)
        self.assertIn("copied or moved without its -calls file", self.expect(OK, "check", "list").out)
        for _ in range(2):  # not the first time only
            run = self.expect(TRY_LATER, "run", "list", "--json").last_run
            self.assertEqual(run["stopped_by"], "quota")
            self.assertIn("the ledger was copied", run["message"])
            self.assertIn("8/1h counts as used up", run["message"])
            self.assertIn("--assume-used", run["message"])
        self.assertIn("--assume-used", self.expect(TRY_LATER, "run", "list", "--quiet").out)
        check = self.expect(INCOMPLETE, "check", "list", "--max-age", "1h").out
        self.assertIn("the ledger was copied", check)
        for command in (["status"], ["plan", "list"]):
            with self.subTest(command):
                text = self.expect(OK, *command).out
                self.assertRegex(text, r"(?m)^  limit 8/1h +what is used is not known until 20\S+Z$")
                self.assertIn("--assume-used", text)
                result = self.expect(OK, *command, "--json").json
                quota = result["quota"] if command == ["status"] else result["plans"][0]["quota"]
                self.assertEqual(quota["limits"], [{"limit": "8/1h", "used": 2, "left": 0}])
                self.assertGreaterEqual(quota["unknown_until"], quota["next_call"][:19])
        plan = self.expect(OK, "plan", "list", "--json").json["plans"][0]
        self.assertGreater(plan["forecast"]["seconds"], 3 * 3600)  # 18 calls: an hour till it is known, and two of eight
        self.expect(TRY_LATER, "run", "list", "--assume-used", 3)
        self.assertIsNone(self.expect(OK, "status", "--json").json["quota"]["unknown_until"])

    def test_a_ledger_that_was_removed_still_counts_by_the_file_that_it_left(self):
        sandbox = self.sandbox("--limits", "8/1h")
        self.a_job(20, "chunk_size = 1")
        self.run_some(5)
        self.ledger.unlink()
        result = self.expect(TRY_LATER, "run", "list")
        self.assertIn("convoke.db-calls is of a ledger that is gone: 5 calls of it", result.err)
        self.assertIn("put it back", result.err)
        stats = sandbox.stats
        self.assertEqual((stats["requests"], stats["over_limit"]), (8, 0))
        self.assertNotIn("gone", self.expect(TRY_LATER, "run", "list").err)
        with self.subTest("also in windows that come to be known later"):
            self.assertEqual(self.used("9/2h", settings={"limits.calls": '["9/2h"]'}), 8)
        with self.subTest("unless it is long ago"):
            self.ledger.unlink()
            head, _ = self.calls.read_bytes().rsplit(b" ", 1)
            self.calls.write_bytes(b"%s %020d\n" % (head, 1_700_000_000_000))
            self.assertNotIn("gone", self.expect(TRY_LATER, "run", "list").err)
        with self.subTest("and more than the limit allows take no more than that"):
            self.ledger.unlink()
            head, latest = self.calls.read_bytes().rsplit(b" ", 1)
            self.calls.write_bytes(b"%s %020d %s" % (head.rsplit(b" ", 1)[0], 3_000_000, latest))
            self.assertIn("8 calls of it", self.expect(TRY_LATER, "run", "list").err)
            self.assertEqual(self.used(), 8)

    def test_a_rehearsal_takes_over_no_calls(self):
        self.a_job(20, "chunk_size = 1")
        self.expect(OK, "run", "list", "--rehearse")
        (self.folder / "convoke-rehearsal.db").unlink()
        self.assertNotIn("gone", self.expect(OK, "run", "list", "--rehearse").err)

    def test_another_ledgers_file_is_not_its_own(self):
        sandbox = self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        other = self.folder / "other.db"
        self.run_some(1, "--ledger", other)
        pathlib.Path(f"{other}-calls").replace(self.calls)
        result = self.expect(TRY_LATER, "run", "list", "--assume-used", 0)
        self.assertIn("0 calls", result.err)
        self.assertEqual(sandbox.requests, 3 + 6)

    def test_a_ledger_that_was_moved_with_its_file_or_is_at_rest_is_no_copy(self):
        self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.run_some(2)
        with self.subTest("with its file"):
            self.ledger.rename(self.folder / "moved.db")
            self.calls.rename(self.folder / "moved.db-calls")
            self.assertEqual(self.run_some(1, "--ledger", "moved.db").err, "")
        with self.subTest("nothing that it knows of counts any more"):
            (self.folder / "moved.db-calls").unlink()
            with contextlib.closing(sqlite3.connect(self.folder / "moved.db")) as db:
                db.execute("UPDATE slot SET free_at = 0")
                db.commit()
            self.assertEqual(self.run_some(1, "--ledger", "moved.db").err, "")

    def test_a_power_cut_that_takes_the_files_latest_lines_forgets_nothing(self):
        self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.run_some(1)
        earlier = self.calls.read_bytes()
        self.run_some(2)
        self.calls.write_bytes(earlier)
        self.assertEqual(self.run_some(1).err, "")
        self.assertGreater(self.calls.read_bytes(), earlier)

    def test_assume_used_is_not_taken_for_more_than_it_says(self):
        sandbox = self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.assertIn("changes nothing", self.run_some(2, "--assume-used", 5).err)
        self.assertEqual(self.used(), 2)
        for wrong in ("-1", "many", "10000001"):
            self.expect(USAGE, "run", "list", "--assume-used", wrong)
        self.assertEqual(sandbox.requests, 2)

    def test_the_file_is_its_owners_alone_and_no_link_is_followed(self):
        sandbox = self.sandbox()
        self.a_job(5, "chunk_size = 1")
        self.run_some(1, preexec=lambda: os.umask(0))
        self.assertEqual(stat.S_IMODE(self.calls.stat().st_mode), 0o600)
        self.calls.unlink()
        treasure = self.folder / "treasure"
        treasure.write_text("mine")
        self.calls.symlink_to(treasure)
        result = self.expect(DISK, "run", "list")
        self.assertIn("convoke.db-calls", result.err)
        self.assertRegex(result.err, r"(?m)^try: ")
        self.assertEqual(treasure.read_text(), "mine")
        self.calls.unlink()
        self.calls.mkdir()
        self.expect(DISK, "run", "list")
        self.assertEqual(sandbox.requests, 1)


class OtherWindows(World):
    def test_plan_and_status_count_earlier_calls_in_a_window_that_is_new_as_the_run_will(self):
        sandbox = self.sandbox()
        self.a_job(20, "chunk_size = 1")
        self.expect(TRY_LATER, "run", "list", "--max-members", 3)
        new = {"limits.calls": '["5/1h"]'}
        used = [{"limit": "5/1h", "used": 3, "left": 2}]
        self.assertEqual(self.expect(OK, "status", "--json", settings=new).json["quota"]["limits"], used)
        plan = self.expect(OK, "plan", "list", "--json", settings=new).json["plans"][0]
        self.assertEqual(plan["quota"]["limits"], used)
        self.assertGreater(plan["forecast"]["seconds"], 3 * 3600)  # 17 calls: 2, 5, 5, 5
        self.assertEqual(self.query("SELECT count(*) FROM limit_window"), [(0,)])
        self.expect(TRY_LATER, "run", "list", settings=new)
        self.assertEqual(sandbox.requests, 5)

    def test_calls_of_a_run_without_the_window_count_in_it_also_when_it_became_known_while_they_went_out(self):
        server = self.server(lambda call: "stall" if call.number == 2 else (201, participants(call.ids)))
        for name in ("wide", "narrow"):
            self.a_job(some_ids(8, name), "chunk_size = 1", name)
        wide = self.start("run", "wide", settings={"limits.calls": '["1000/2h"]', "api.timeout": '"3s"', "api.connections": 1})
        wait_for(lambda: len(server.calls) >= 2, "a call under way")
        narrow = {"limits.calls": '["5/1h"]'}
        self.expect(TRY_LATER, "run", "narrow", "--max-members", 1, settings=narrow)
        result = wide.finish()
        self.assertEqual(result.exit, OK, str(result))
        self.assertEqual(len(server.calls), 1 + 9)
        result = self.expect(TRY_LATER, "run", "narrow", settings=narrow)
        self.assertIn("5/1h is used up", result.out)
        self.assertEqual(len(server.calls), 1 + 9)


if __name__ == "__main__":
    unittest.main()
