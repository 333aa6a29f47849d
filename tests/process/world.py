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

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CONVOKE", ROOT / "build/release/convoke")).resolve()
KEY = "key-8d1f0c3b5a7e4296"  # looks like nothing else, so that it is found wherever it leaks
COURSE = "course-1"
PATIENCE = float(os.environ.get("CONVOKE_PATIENCE", "60"))  # seconds; how long a test waits before it calls it a failure

OK, INCOMPLETE, USAGE, BAD_SOURCE, NO_INPUT, UNAVAILABLE, DEFECT, DISK, TRY_LATER, KEY_REFUSED, BAD_CONFIG = (
    0, 1, 64, 65, 66, 69, 70, 74, 75, 77, 78)
SETTLED = ("invited", "already_invited", "rejected", "failed", "in_doubt")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """In the child: a test that is killed takes its processes along."""
    _libc.prctl(1, signal.SIGKILL)


def interrupted(*_):
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, interrupted)  # so that what runs at exit runs


def wait_for(condition, what, patience=PATIENCE):
    """What `condition` returns, once it is true."""
    deadline = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain for: {what}")
        time.sleep(0.005)


def some_ids(count, seed=1, prefix=""):
    """That many different ids, the same each time. Ids made up by chance never start with 'e' or 'f': those beginnings
    are for the tests' rules (--poison ee, --ignore ef and so on)."""
    rng = random.Random(f"{seed}/{prefix}")
    ids = []
    while len(ids) < count:
        text = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        if prefix:
            text = prefix + text[len(prefix):]
        elif text[0] in "ef":
            text = "a" + text[1:]
        ids.append(text)
    assert len(set(ids)) == count
    return ids


class Result:
    """How a command ended."""

    def __init__(self, command, exit_code, out, err):
        self.command, self.exit, self.raw_out, self.raw_err = command, exit_code, out, err
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def last_run(self):
        return self.json["runs"][-1]

    def __str__(self):
        return f"{' '.join(map(str, self.command))}\nexit {self.exit}\n--- stdout\n{self.out}--- stderr\n{self.err}---"


class Process:
    """A command under way."""

    def __init__(self, command, **how):
        self.command = command
        self.popen = subprocess.Popen(command, **how)
        self.pid = self.popen.pid

    def finish(self, patience=PATIENCE):
        try:
            out, err = self.popen.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            out, err = self.popen.communicate()
            raise AssertionError(f"did not end within {patience} s: {Result(self.command, None, out or b'', err or b'')}")
        return Result(self.command, self.popen.returncode, out or b"", err or b"")

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        self.popen.kill()
        self.popen.communicate()

    @property
    def running(self):
        return self.popen.poll() is None


class Sandbox:
    """`convoke sandbox` as a process of its own."""

    def __init__(self, flags, listen="127.0.0.1:0"):
        self.flags = [str(flag) for flag in flags]
        self.process = None
        self.start(listen)

    def start(self, listen="127.0.0.1:0"):
        command = [str(BINARY), "sandbox", "--listen", listen, *self.flags]
        if "--limits" not in self.flags:
            command += ["--limits", "none"]
        if "--key" not in self.flags:
            command += ["--key", KEY]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=die_with_parent)
        line = self.process.stdout.readline().decode()
        if "listening on" not in line:
            raise AssertionError(f"no sandbox: {line}{self.process.stderr.read().decode()}")
        self.url = line.split()[-1]
        self.address = urllib.parse.urlsplit(self.url)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def _get(self, path):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200, f"{path}: {answer.status}"
            return answer.read()

    @property
    def stats(self):
        return json.loads(self._get("/_sandbox/stats"))

    @property
    def members(self):
        """{(course, member): its record}"""
        members = {}
        for line in self._get("/_sandbox/members").splitlines():
            member = json.loads(line)
            members[member["courseId"], member["spotMemberId"]] = member
        return members

    @property
    def asked(self):
        return {key: member["asked"] for key, member in self.members.items()}

    @property
    def requests(self):
        return self.stats["requests"]


class Call:
    """One request that a scripted server received."""

    def __init__(self, number, method, path, headers, body):
        self.number, self.method, self.path, self.headers, self.raw = number, method, path, headers, body
        self.at = time.monotonic()

    @property
    def body(self):
        return json.loads(self.raw)

    @property
    def ids(self):
        return self.body["spotMemberIds"]

    @property
    def course(self):
        return urllib.parse.unquote(self.path.split("/")[3])


def participants(ids, course=COURSE, **changes):
    """A 201 for these members."""
    return json.dumps([{
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, member)), "courseId": course, "spotMemberId": member,
        "spotMemberEmail": f"{member[:8]}@example.org", "spotMemberFirstname": "Ann", "spotMemberLastname": None,
        "status": "Invited", "invitedAt": "2024-05-01T10:00:00.000Z", "startedAt": None, "completedAt": None,
        "unenrolledAt": None, "lastActivityAt": None, "completionRate": 0, **changes} for member in ids]).encode()


class ScriptedServer:
    """Real sockets, and an answer of the test's choice. `script(call)` returns (status, body) or (status, body, headers),
    or 'reset': the connection breaks off without an answer, or 'stall': nothing is ever answered."""

    def __init__(self, script, port=0):
        self.calls = []
        self.script = script
        self._lock = threading.Lock()
        self._stop = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer._lock:
                    call = Call(len(outer.calls) + 1, self.command, self.path, dict(self.headers), body)
                    outer.calls.append(call)
                    reply = outer.script(call)
                if reply == "stall":
                    outer._stop.wait(PATIENCE)
                if isinstance(reply, str):
                    # The call may have taken effect: a reset, not an end.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                status, content, *headers = reply
                content = content.encode() if isinstance(content, str) else content
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                for name, value in (headers[0] if headers else {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # a client that was killed

        self.http = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()


def unused_port():
    """Nobody listens there (for now, and long enough)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def port_of(server):
    """The port of a server that is stopped, or of an address; 0: a free one."""
    if server is None:
        return 0
    if not isinstance(server, str):
        server.stop()
        server = server.url
    return urllib.parse.urlsplit(server).port


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
        """{(course, member): outcome}"""
        rows = self.query("SELECT course_id, spot_member_id, outcome FROM outcomes WHERE job = ?", job, ledger=ledger)
        outcomes = {(course, member): outcome for course, member, outcome in rows}
        self.assertEqual(len(outcomes), len(rows), "a member stands in the ledger twice")
        return outcomes

    def tally(self, job="list", ledger=None):
        return dict(self.query("SELECT outcome, count(*) FROM outcomes WHERE job = ? GROUP BY outcome", job, ledger=ledger))

    def of_outcome(self, outcome, job="list"):
        return {member for (_, member), found in self.outcomes(job).items() if found == outcome}

    def open_calls(self):
        """Members, by course, of calls that were noted and not answered for: read after a kill, before the next run."""
        rows = self.query("SELECT course_id, ifnull(call.ids, chunk.ids) FROM call JOIN course USING (course_no) "
                          "LEFT JOIN chunk USING (chunk_id) WHERE open = 1")
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
            members = self.query("SELECT count(*) FROM outcomes WHERE job = ? AND in_list = 1", job)[0][0]
            self.assertEqual(rows, members + duplicates + invalid, f"the books of {job}")
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
