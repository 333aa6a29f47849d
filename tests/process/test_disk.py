"""Exit 74: a disk that is full, read-only or gone, a file that is no ledger, a standard output that takes nothing. What
was recorded stays, and the next run with room goes on."""
import atexit
import unittest

from world import *


class Tmpfs:
    """A small file system of the test's own, for root only."""

    def __init__(self, folder, size):
        self.folder = folder
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "convoke-test", str(folder)], capture_output=True)
        if done.returncode != 0:
            raise unittest.SkipTest("no file system of its own without root")
        atexit.register(self.unmount)

    def remount(self, option):
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.folder)], check=True, capture_output=True)

    def fill(self):
        with open(self.folder / "filler", "ab", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def make_room(self):
        (self.folder / "filler").unlink()

    def unmount(self):
        atexit.unregister(self.unmount)
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True)


class Disk(World):
    def tmpfs(self, size):
        disk = Tmpfs(self.folder / "disk", size)
        self.addCleanup(disk.unmount)
        self.ledger = disk.folder / "convoke.db"
        self.settings["ledger.path"] = f'"{self.ledger}"'
        return disk

    def check_says_so(self, result):
        self.assertRegex(result.err, r"(?m)^error: ")
        self.assertIn("convoke.db", result.err)
        self.assertRegex(result.err, r"(?m)^try: ")

    def test_a_disk_that_fills_up_while_loading(self):
        sandbox = self.sandbox()
        ids = self.a_job(20_000)
        disk = self.tmpfs("400k")
        self.check_says_so(self.expect(DISK, "run", "list"))
        self.assertEqual(sandbox.requests, 0)
        disk.remount("size=64m")
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)
        self.assertEqual(set(sandbox.asked.values()), {1})

    def test_a_disk_that_fills_up_while_sending_loses_nothing(self):
        sandbox = self.sandbox("--latency", "5ms")
        ids = self.a_job(20_000, "chunk_size = 20")
        disk = self.tmpfs("64m")
        process = self.start("run", "list")
        wait_for(lambda: sandbox.requests > 50, "calls")
        disk.fill()
        result = process.finish()
        self.assertEqual(result.exit, DISK, str(result))
        self.check_says_so(result)
        disk.make_room()
        invited = self.of_outcome("invited")
        in_doubt = self.open_calls()
        self.assertTrue(0 < len(invited) < len(ids))
        self.run_job(OK)
        self.check_record(sandbox)
        self.assertEqual(len(self.outcomes()), len(ids))
        again = {key for key, asked in sandbox.asked.items() if asked > 1}
        self.assertLessEqual(again, in_doubt, "members were asked again that no call was open for")

    def test_a_ledger_that_is_damaged_is_no_defect_whatever_reads_it(self):
        self.sandbox()
        ids = self.a_job(3)
        for damage in ("UPDATE chunk SET lines = 'no list'", "ALTER TABLE job RENAME COLUMN name TO called",
                       "DROP VIEW outcomes_of_chunks"):
            self.remove_ledger()
            self.run_job(OK)
            with contextlib.closing(sqlite3.connect(self.ledger)) as db:
                db.execute("PRAGMA ignore_check_constraints = 1")
                db.execute("PRAGMA legacy_alter_table = 1")
                db.execute(damage)
                db.commit()
            for command in (["status", "list"], ["why", "list", ids[0]], ["export", "list"]):
                with self.subTest(f"{damage}: {command[0]}"):
                    result = self.convoke(*command)
                    self.assertIn(result.exit, (OK, DISK), str(result))
                    if result.exit == DISK:
                        self.check_says_so(result)
                        self.assertIn("backup", result.err)
            self.assertEqual(self.convoke("export", "list").exit, DISK, damage)

    def test_a_read_only_disk(self):
        sandbox = self.sandbox()
        ids = self.a_job(500)
        disk = self.tmpfs("16m")
        self.run_job(TRY_LATER, "--max-members", "100")
        disk.remount("ro")
        self.check_says_so(self.expect(DISK, "run", "list"))
        disk.remount("rw")
        self.run_job(OK)
        self.check_all_invited(sandbox, ids)

    def test_writes_that_fail_while_sending_lose_nothing(self):
        """Without root: no file may grow beyond a size (RLIMIT_FSIZE)."""
        sandbox = self.sandbox()
        ids = self.a_job(20_000, "chunk_size = 20")
        self.run_job(TRY_LATER, "--max-members", "20")

        def no_longer_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000))

        self.check_says_so(self.expect(DISK, "run", "list", preexec=no_longer_files))
        before, in_doubt = self.of_outcome("invited"), self.open_calls()
        self.assertGreater(len(before), 20)
        self.run_job(OK)
        self.check_record(sandbox)
        again = {key for key, asked in sandbox.asked.items() if asked > 1}
        self.assertLessEqual(again, in_doubt, "members were asked again that no call was open for")

    def test_a_folder_that_is_not_there_or_takes_no_files(self):
        self.a_job(1)
        for path in (self.folder / "missing/convoke.db", pathlib.Path("/proc/convoke.db")):
            with self.subTest(path):
                self.check_says_so(self.expect(DISK, "run", "list", "--ledger", path))

    def test_a_file_that_is_no_ledger_is_left_alone(self):
        self.a_job(1)
        self.ledger.write_bytes(b"not a database, but a long enough letter to somebody\n" * 200)
        before = self.ledger.read_bytes()
        for args in (["run", "list"], ["status"]):
            self.check_says_so(self.expect(DISK, *args))
        self.assertEqual(self.ledger.read_bytes(), before)
        self.remove_ledger()
        with contextlib.closing(sqlite3.connect(self.ledger)) as db:
            db.execute("CREATE TABLE somebody_elses (x)")
            db.commit()
        for args in (["run", "list"], ["status"]):
            self.check_says_so(self.expect(DISK, *args))
        self.assertEqual(self.query("SELECT name FROM sqlite_master"), [("somebody_elses",)])

    def test_a_damaged_ledger(self):
        self.sandbox()
        self.a_job(5000)
        self.run_job(OK)
        with contextlib.closing(sqlite3.connect(self.ledger)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = bytearray(self.ledger.read_bytes())
        content[8192:] = b"\xa5" * (len(content) - 8192)
        self.ledger.write_bytes(content)
        self.check_says_so(self.expect(DISK, "run", "list"))

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_a_standard_output_that_takes_nothing(self):
        sandbox = self.sandbox()
        ids = self.a_job(300)
        for args in (["run", "list"], ["run", "list", "--json"], ["status"], ["export", "list"], ["plan", "list"],
                     ["why", "list", ids[0]]):
            with self.subTest(args), open("/dev/full", "wb") as full:
                result = self.expect(DISK, *args, stdout=full)
                self.assertIn("standard output", result.err)
        self.check_all_invited(sandbox, ids)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_an_export_to_a_full_disk_leaves_the_earlier_one(self):
        self.sandbox()
        self.a_job(20_000)
        self.run_job(OK)
        disk = Tmpfs(self.folder / "out", "300k")
        self.addCleanup(disk.unmount)
        (disk.folder / "export.csv").write_text("job,course_id,the earlier one")
        self.expect(DISK, "export", "list", "--output", disk.folder / "export.csv")
        self.assertEqual((disk.folder / "export.csv").read_text(), "job,course_id,the earlier one")
        self.assertEqual([path.name for path in disk.folder.iterdir()], ["export.csv"], "half an export is left")


if __name__ == "__main__":
    unittest.main()
