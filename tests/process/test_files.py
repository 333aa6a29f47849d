"""The files that convoke makes, reads and locks: whose they are, what they may be called, what becomes of a run under
which they go away."""
import fcntl
import stat

from world import *


class Files(World):
    def test_a_ledger_that_is_no_file_to_sqlite_is_refused(self):
        sandbox = self.sandbox()
        self.a_job(3)
        for name in ("", ":memory:", ":any", "file:x.db", f"file://{self.folder}/x.db?mode=memory"):
            for how in (["--ledger", name], ["--set", f'ledger.path="{name}"']):
                with self.subTest(how):
                    result = self.expect(BAD_CONFIG, "run", "list", *how)
                    self.assertRegex(result.err, "(?m)^error: " + ("--ledger" if how[0] == "--ledger" else "--set ledger.path"))
        self.expect(BAD_CONFIG, "run", "list", "--ledger", "/dev/null")
        self.assertEqual(sandbox.requests, 0)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["config.toml", "jobs", "list.csv"])

    def test_a_ledger_that_nobody_can_get_at_is_no_defect_of_ours(self):
        self.sandbox()
        self.a_job(1)
        (self.folder / "round.db").symlink_to("round.db")
        for name in ("round.db", 300 * "x"):
            for command in (("run", "list"), ("plan", "list"), ("status",), ("check", "list")):
                with self.subTest(f"{command[0]} {name[:8]}"):
                    result = self.expect(DISK, *command, "--ledger", name)
                    self.assertIn(name, result.err + result.out)

    def test_a_ledger_that_is_removed_or_replaced_under_a_run_ends_it_and_nothing_is_sent_after(self):
        for how in ("removed", "replaced", "log removed"):
            with self.subTest(how):
                self.remove_ledger()
                sandbox = self.sandbox("--latency", "20ms")
                self.a_job(20_000, "chunk_size = 5")
                process = self.start("run", "list")
                wait_for(lambda: sandbox.requests > 20, "calls")
                if how == "replaced":
                    shutil.copy(self.ledger, self.folder / "other.db")
                    os.replace(self.folder / "other.db", self.ledger)
                else:
                    os.unlink(f"{self.ledger}-wal" if how == "log removed" else self.ledger)
                before = sandbox.requests
                result = process.finish()
                self.assertEqual(result.exit, DISK, str(result))
                self.assertIn("moved, replaced or removed", result.err)
                self.assertIn("convoke.db", result.err)
                # What was claimed before it went away, and one group more at most.
                self.assertLess(sandbox.requests - before, 300)
                sandbox.stop()

    def test_a_hard_link_is_the_same_ledger(self):
        sandbox = self.sandbox("--latency", "20ms")
        self.a_job(20_000, "chunk_size = 5")
        process = self.start("run", "list")
        wait_for(lambda: sandbox.requests > 20, "calls")
        os.link(self.ledger, self.folder / "other.db")
        result = self.expect(TRY_LATER, "run", "list", "--ledger", "other.db")
        self.assertIn("hard links", result.err)
        self.assertFalse((self.folder / "other.db-wal").exists())
        process.signal(signal.SIGTERM)
        self.assertEqual(process.finish().exit, TRY_LATER)
        self.expect(BAD_CONFIG, "run", "list", "--ledger", "other.db")
        (self.folder / "other.db").unlink()
        self.check_record(sandbox)

    @unittest.skipUnless(os.getuid() == 0, "only root can give files away")
    def test_what_root_makes_beside_a_users_ledger_is_that_users(self):
        self.sandbox()
        self.a_job(20)
        self.run_job(OK)
        calls = pathlib.Path(f"{self.ledger}-calls")
        calls.unlink()
        os.chown(self.ledger, 12345, -1)
        self.run_job(OK)
        self.assertEqual(calls.stat().st_uid, 12345)

    def test_what_somebody_laid_out_beside_the_ledger_is_neither_written_nor_believed(self):
        sandbox = self.sandbox()
        self.a_job(3)
        treasure = self.folder / "treasure"
        treasure.write_text("precious" * 20)
        plants = {"hard links": lambda path: os.link(treasure, path), "no plain file": os.mkfifo}
        if os.geteuid() == 0:
            plants["another user's"] = lambda path: (path.write_text("x"), os.chown(path, 54321, 54321))
        for is_new in (True, False):
            for ending in ("-calls", "-wal", "-shm", "-journal"):
                for words, plant in plants.items():
                    with self.subTest(f"{ending}: {words}, is new: {is_new}"):
                        self.remove_ledger()
                        if not is_new:
                            self.run_job(OK)
                        path = pathlib.Path(f"{self.ledger}{ending}")
                        path.unlink(missing_ok=True)
                        plant(path)
                        before = sandbox.requests
                        result = self.expect(BAD_CONFIG, "run", "list")
                        self.assertIn(f"{path.name}: this belongs to the ledger by its name", result.err)
                        self.assertIn(words, result.err)
                        self.assertEqual(sandbox.requests, before)
                        self.assertEqual(treasure.read_text(), "precious" * 20)

    def test_a_ledger_that_every_user_may_write_to_or_somebody_laid_out_is_refused(self):
        sandbox = self.sandbox()
        self.a_job(3)
        self.run_job(OK)
        os.chmod(self.ledger, 0o666)
        result = self.expect(BAD_CONFIG, "run", "list")
        self.shell(re.search("(chmod o-w .*)", result.err)[1], OK)
        self.assertEqual(stat.S_IMODE(self.ledger.stat().st_mode), 0o664)
        self.run_job(OK)
        if os.geteuid() != 0:
            self.skipTest("only root makes a file another user's")
        self.remove_ledger()
        self.ledger.touch(0o644)
        os.chown(self.ledger, 54321, 54321)
        result = self.expect(BAD_CONFIG, "run", "list")
        self.assertIn("an empty file of another user", result.err)
        self.assertEqual(sandbox.requests, 1)

    def test_whoever_locks_the_file_of_calls_holds_nobody_up(self):
        self.sandbox()
        self.a_job(3)
        self.run_job(TRY_LATER, "--max-members", 1)
        with open(f"{self.ledger}-calls") as calls:
            fcntl.flock(calls, fcntl.LOCK_SH)
            self.run_job(OK)

    def test_no_file_of_locks_is_made_and_one_of_an_older_convoke_is_kept_to(self):
        self.sandbox()
        self.a_job(3)
        self.run_job(OK)
        self.assertEqual(sorted(path.name for path in self.folder.glob("convoke.db*")), ["convoke.db", "convoke.db-calls"])
        with open(f"{self.ledger}-locks", "w") as locks:
            fcntl.lockf(locks, fcntl.LOCK_EX, 1, 1)
            self.run_job(TRY_LATER)
        self.run_job(OK)

    def test_every_file_is_for_its_owner_alone(self):
        sandbox = self.sandbox("--latency", "20ms")
        self.a_job(2000, "chunk_size = 5")
        process = self.start("run", "list", preexec=lambda: os.umask(0))
        wait_for(lambda: sandbox.requests > 20, "calls")
        for suffix in ("", "-wal", "-shm"):
            self.assertEqual(stat.S_IMODE(os.stat(f"{self.ledger}{suffix}").st_mode), 0o600)
        process.signal(signal.SIGTERM)
        process.finish()
        self.expect(OK, "export", "list", "--output", "out.csv", preexec=lambda: os.umask(0))
        self.assertEqual(stat.S_IMODE(os.stat(self.folder / "out.csv").st_mode), 0o600)

    def test_exports_to_one_file_at_once_never_mix(self):
        self.sandbox()
        ids = self.a_job(20_000)
        self.run_job(OK)
        for _ in range(3):
            exports = [self.start("export", "list", "--output", "out.csv") for _ in range(4)]
            for export in exports:
                self.assertEqual(export.finish().exit, OK)
            lines = (self.folder / "out.csv").read_text().splitlines()
            self.assertEqual(len(lines), len(ids) + 1)
            self.assertEqual(len(set(lines)), len(lines))
        self.assertEqual([path.name for path in self.folder.glob("out*")], ["out.csv"])

    def test_an_export_writes_through_no_link_that_somebody_laid_out(self):
        self.sandbox()
        self.a_job(3)
        self.run_job(OK)
        (self.folder / "victim").write_text("precious")
        for name in ("out.csv", "out.csv.partial"):
            (self.folder / name).symlink_to(self.folder / "victim")
        self.expect(OK, "export", "list", "--output", "out.csv")
        self.assertEqual((self.folder / "victim").read_text(), "precious")
        self.assertFalse((self.folder / "out.csv").is_symlink())

    def test_an_export_takes_the_place_of_nothing_that_the_job_lives_by(self):
        self.sandbox()
        self.a_job(3)
        self.run_job(OK)
        (self.folder / "link.db").symlink_to(self.ledger)
        (self.folder / "here").symlink_to(self.folder)
        parts = [f"{self.ledger.name}{end}" for end in ("", "-calls", "-wal", "-shm", "-journal")]
        files = ["convoke.db", "convoke.db-calls", "list.csv", "config.toml", "jobs/list.toml"]
        # And of no other file that is no export: a key, another job's list.
        for name in ("key", "other.csv", "jobs/other.toml"):
            (self.folder / name).write_text("spotMemberId\n")
            files.append(name)
        before = [(self.folder / name).read_bytes() for name in files]
        for place in (*parts, *(f"here/{part}" for part in parts), "link.db", "list.csv", "config.toml", "jobs/list.toml",
                      "key", "other.csv", "jobs/other.toml"):
            with self.subTest(place):
                result = self.expect(BAD_CONFIG, "export", "list", "--output", place)
                self.assertIn(f"{place}: an export would take the place of", result.err)
                self.assertIn("--output", result.err)
        self.expect(BAD_CONFIG, "export", "list", "--output", "convoke.db-wal", "--ledger", "link.db")
        self.assertEqual([(self.folder / name).read_bytes() for name in files], before)
        for format in ("csv", "jsonl", "jsonl", "csv"):
            self.expect(OK, "export", "list", "--output", "convoke.db.csv", "--format", format)
        (self.folder / "empty").touch()
        self.expect(OK, "export", "list", "--output", "empty")

    def test_what_lists_and_answers_hold_never_acts_on_a_terminal(self):
        """Escape sequences in the names of job and course, in ids that are none, and in an answer."""
        evil = "\x1b]0;owned\x07\x9b31m"
        self.server(lambda call: (201, participants(call.ids, course=call.course, id=f"p{evil}", status=f"s{evil}")))
        ids = some_ids(2)
        self.write_list([f"{ids[0]},c{evil}", f"{ids[1]},c2", f"no-id{evil},c2"], header="spotMemberId,course")
        arguments = ["--csv", "list.csv", "--course-column", "course", "--name", "job\u009b31m\u202eboj"]
        outputs = []
        for args in (["plan", *arguments], ["run", *arguments, "-v"], ["status"], ["why", arguments[-1], ids[0]],
                     ["export", arguments[-1]], ["export", arguments[-1], "--format", "jsonl"], ["why", evil, ids[0]],
                     ["export", evil], ["run", evil], ["run", "--csv", evil, "--course", evil]):
            outputs.append(self.on_terminal(*args))
        for output in outputs:
            with self.subTest(output[:200]):
                # Our own: the line of progress.
                bare = output.replace(b"\r\x1b[2K", b"").decode("utf-8")
                self.assertNotRegex(bare, "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]")
        self.assertTrue(any(b"Invited" not in output and b"]0;owned" in output for output in outputs))

    def on_terminal(self, *args):
        """What a command writes to a terminal that is its standard output and error."""
        ours, its = os.openpty()
        process = self.start(*args, stdout=its, stderr=its, env={"TERM": "xterm"})
        os.close(its)
        output = b""
        with contextlib.suppress(OSError):  # the end
            while chunk := os.read(ours, 65536):
                output += chunk
        os.close(ours)
        process.finish()
        return output


if __name__ == "__main__":
    unittest.main()
