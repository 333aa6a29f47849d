"""The little world of the process tests: a temporary folder with a config and a job, the built binary, and a server to
hold its ledger against: the sandbox (`self.sandbox(...)`), or a scripted one (`self.server(...)`).

The server's record is the truth: `self.check_record()` holds the ledger against it member by member. Nothing here sleeps
in hope: `wait_for` waits for a condition, with a deadline. Nothing is left behind: every process dies with its test, and
also if the test itself is killed (PR_SET_PDEATHSIG).

CONVOKE names the binary; the tests need nothing but Python's standard library.
"""
import contextlib
import csv
import ctypes
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid

from servers import *


class World(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="convoke-test-", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "jobs").mkdir()
        self.ledger = self.folder / "convoke.db"
        self.url = f"http://127.0.0.1:{unused_port()}"
        self.key = KEY
        # Quick, and without limits: what a test is about it sets itself.
        self.settings = {
            "api.timeout": '"10s"', "limits.calls": "[]", "retry.first": '"1ms"', "retry.longest": '"20ms"',
        }
        self.write_config()

    # The world

    def sandbox(self, *flags, at=None):
        """A new sandbox; commands go there from now on. `at`: the address of one that is no more, as a ledger belongs to
        the API of its first call."""
        sandbox = Sandbox(flags, f"127.0.0.1:{port_of(at)}")
        self.addCleanup(sandbox.stop)
        self.url = sandbox.url
        return sandbox

    def server(self, script, at=None):
        """A new scripted server; commands go there from now on."""
        server = ScriptedServer(script, port_of(at))
        self.addCleanup(server.stop)
        self.url = server.url
        return server

    def write_config(self, text=""):
        (self.folder / "config.toml").write_text(text)

    def write_list(self, ids, name="list.csv", header="spotMemberId"):
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in ([header] if header else []) + list(ids)))
        # So that a change is a change, however coarse the file system's clock is.
        os.utime(path, ns=(time.time_ns(), time.time_ns()))
        return path

    def write_job(self, name="list", course=COURSE, source='csv = "../list.csv"\nmember_column = "spotMemberId"', invite=""):
        head = f'course = "{course}"\n' if course else ""
        path = self.folder / "jobs" / f"{name}.toml"
        path.write_text(f"{head}[source]\n{source}\n[invite]\n{invite}\n")
        return path

    def a_job(self, ids, invite="", name="list"):
        """A job called `name` over a list of these members. Returns the ids."""
        ids = some_ids(ids) if isinstance(ids, int) else ids
        self.write_list(ids, f"{name}.csv")
        self.write_job(name, source=f'csv = "../{name}.csv"\nmember_column = "spotMemberId"', invite=invite)
        return ids

    def remove_ledger(self):
        for path in self.folder.glob(self.ledger.name + "*"):
            path.unlink()

    # Commands

    def _start(self, args, settings, env, stdin, cwd, preexec, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
        command = [str(BINARY), *map(str, args)]
        if args and args[0] in ("run", "retry", "plan", "status", "why", "export", "check"):
            for key, value in {"api.base_url": f'"{self.url}"', **self.settings, **(settings or {})}.items():
                if value is not None:
                    command += ["--set", f"{key}={value}"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "MELTINGSPOT_API_KEY": self.key}
        environment.update({name: os.environ[name] for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
                            if name in os.environ})
        environment.update(env or {})

        def before():
            die_with_parent()
            if preexec:
                preexec()

        process = Process(command, cwd=cwd or self.folder, env={k: v for k, v in environment.items() if v is not None},
                          stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, stdout=stdout,
                          stderr=stderr, preexec_fn=before)
        self.addCleanup(lambda: process.kill() if process.running else None)
        return process

    def start(self, *args, settings=None, env=None, stdin=None, cwd=None, preexec=None, **how):
        """Starts a command and lets it run."""
        return self._start(args, settings, env, stdin, cwd, preexec, **how)

    def convoke(self, *args, settings=None, env=None, stdin=None, cwd=None, preexec=None, patience=PATIENCE, **how):
        """Runs a command to its end."""
        process = self._start(args, settings, env, stdin, cwd, preexec, **how)
        if stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.popen.stdin.write(stdin)
                process.popen.stdin.close()
            process.popen.stdin = None
        return process.finish(patience)

    def expect(self, exit_code, *args, **how):
        """Runs a command to its end, which must be this."""
        result = self.convoke(*args, **how)
        self.assertEqual(result.exit, exit_code, str(result))
        return result

    def run_job(self, exit_code=OK, *args, job="list", **how):
        """`convoke run`, as JSON: what the one run reports."""
        return self.expect(exit_code, "run", job, "--json", *args, **how).last_run

    # What is printed to be typed

    def next_command(self, result):
        """The command of the last line."""
        last = result.out.splitlines()[-1]
        match = re.fullmatch(r"next(?: \([^)]*\))?: (.+)", last)
        self.assertTrue(match, f"the last line is no next command: {result}")
        return match[1]

    def shell(self, line, exit_code=None, env=None):
        """Runs a line as it was printed, by /bin/sh, as a user would who has the program on the PATH."""
        if "sqlite3 " in line and not shutil.which("sqlite3"):
            self.skipTest("no sqlite3 here, which the printed command calls")
        programs = self.folder / "bin"
        if not programs.exists():
            programs.mkdir()
            (programs / "convoke").symlink_to(BINARY)
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(self.folder),
                       "MELTINGSPOT_API_KEY": self.key, **(env or {})}
        process = Process(["/bin/sh", "-c", line], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        self.addCleanup(lambda: process.kill() if process.running else None)
        result = process.finish()
        if exit_code is not None:
            self.assertEqual(result.exit, exit_code, str(result))
        return result

    # The ledger, as a user reads it

    def query(self, sql, *values, ledger=None):
        with contextlib.closing(sqlite3.connect(f"file:{ledger or self.ledger}?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(sql, values).fetchall()

    def outcomes(self, job="list", ledger=None):
        """{(course, member): outcome}; of addresses nobody can tell yet who that is: tally() counts them."""
        rows = self.query("SELECT course_id, spot_member_id, outcome FROM outcomes WHERE job = ? AND spot_member_id IS NOT NULL",
                          job, ledger=ledger)
        outcomes = {(course, member): outcome for course, member, outcome in rows}
        self.assertEqual(len(outcomes), len(rows), "a member stands in the ledger twice")
        return outcomes

    def tally(self, job="list", ledger=None):
        return dict(self.query("SELECT outcome, count(*) FROM outcomes WHERE job = ? GROUP BY outcome", job, ledger=ledger))

    def of_outcome(self, outcome, job="list"):
        return {member for (_, member), found in self.outcomes(job).items() if found == outcome}

    def open_calls(self):
        """Members, by course, of invitations that were noted and not answered for: read after a kill, before the next run."""
        rows = self.query("SELECT target.id, ifnull(call.ids, chunk.ids) FROM call JOIN target USING (target_no) "
                          "LEFT JOIN chunk USING (chunk_id) WHERE open = 1 AND call.step = 'invite'")
        return {(course, str(uuid.UUID(bytes=ids[at:at + 16]))) for course, ids in rows for at in range(0, len(ids), 16)}

    def loaded(self):
        """Whether any call was noted: the list is read, and it goes out."""
        with contextlib.suppress(sqlite3.Error):
            return self.ledger.exists() and self.query("SELECT count(*) FROM calls")[0][0] > 0
        return False

    # What must hold

    def check_record(self, sandbox, job="list", jobs=None):
        """Holds the ledger against the sandbox's record, member by member (invariants.md, 2 and 9)."""
        record = sandbox.members
        ours = {}
        for name in jobs or [job]:
            ours.update(self.outcomes(name))
        for key, outcome in ours.items():
            theirs = record.get(key)
            if outcome == "invited":
                self.assertTrue(theirs and theirs["invited"], f"{key} is invited in the ledger only")
            elif outcome == "already_invited":
                self.assertTrue(theirs and theirs["invited"], f"{key} is already_invited in the ledger only")
            elif outcome in ("rejected", "withdrawn"):
                self.assertFalse(theirs and theirs["invited"], f"{key} is {outcome} in the ledger, and the API invited it")
        for key, theirs in record.items():
            self.assertIn(key, ours, f"the API was asked for {key}, of which the ledger knows nothing")
            if theirs["invitations"] > 0:
                self.assertIn(ours[key], ("invited", "already_invited", "pending", "in_doubt"),
                              f"the API invited {key}, the ledger says {ours[key]}")
        self.check_books()

    def check_books(self):
        for job, rows, invalid, duplicates in self.query("SELECT name, rows_read, invalid, duplicates FROM job"):
            members, unknown = self.query("SELECT count(*) FILTER (WHERE outcome <> 'unknown'), "
                                          "count(*) FILTER (WHERE outcome = 'unknown') "
                                          "FROM outcomes WHERE job = ? AND in_list = 1", job)[0]
            self.assertEqual(rows, members + duplicates + unknown + invalid, f"the books of {job}")
            listed = self.query("SELECT count(*) FROM invalid_rows WHERE job = ?", job)[0][0]
            self.assertEqual(invalid, listed, f"the invalid rows of {job}")

    def check_all_invited(self, sandbox, ids, job="list", course=COURSE):
        """Every one of these is invited, in the ledger and by the sandbox, each by one invitation, and nobody else."""
        self.assertEqual(self.outcomes(job), {(course, member): "invited" for member in ids})
        invited = {key for key, member in sandbox.members.items() if member["invitations"] == 1}
        self.assertEqual(invited, {(course, member) for member in ids})


def read_sample(name, member, course=None, delimiter=",", course_name=COURSE):
    """The valid (course, member) pairs of a sample list, read by other code than ours; with the number of its rows."""
    pairs, rows = [], 0
    with open(ROOT / "sample-data" / name, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, delimiter=delimiter)
        header = next(reader)
        for row in reader:
            if not any(field.strip() for field in row):
                continue  # an empty line is no row, nor are empty fields
            rows += 1
            fields = dict(zip(header, row))
            text = fields.get(member, "").strip().lower()
            if re.fullmatch(r"\{.{36}\}|[0-9a-f]{32}", text):
                text = str(uuid.UUID(text))  # in braces or without dashes it is an id all the same
            place = fields.get(course, "") if course else course_name
            if UUID.fullmatch(text) and place:
                pairs.append((place, text))
    return pairs, rows
