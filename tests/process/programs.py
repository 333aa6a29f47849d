"""The built binary and other programs, run to their ends. CONVOKE names the binary."""
import ctypes
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time
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
