"""What the binary calls: the sandbox, or a server that answers as a test says. Their records are the truth."""
import contextlib
import http.client
import http.server
import json
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
import uuid

from programs import *


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
    def made(self):
        """{address: its record}, of spot members that calls made."""
        return {made["email"]: made for made in map(json.loads, self._get("/_sandbox/made").splitlines())}

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

    @property
    def step(self):
        """What it asks for, in the words of the ledger's view `calls`."""
        if not self.path.startswith("/v1/spotMembers"):
            return "invite"
        return "look_up" if self.method == "GET" else "create"

    @property
    def addresses(self):
        """That are looked up, or that members are to be made of."""
        if self.method == "POST":
            return self.body["emails"]
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["email[in]"][0].split(",")


def participants(ids, course=COURSE, **changes):
    """A 201 for these members."""
    return json.dumps([{
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, member)), "courseId": course, "spotMemberId": member,
        "spotMemberEmail": f"{member[:8]}@example.org", "spotMemberFirstname": "Ann", "spotMemberLastname": None,
        "status": "Invited", "invitedAt": "2024-05-01T10:00:00.000Z", "startedAt": None, "completedAt": None,
        "unenrolledAt": None, "lastActivityAt": None, "completionRate": 0, **changes} for member in ids]).encode()


def spot_member(address, member, **changes):
    return {"id": member, "spotId": str(uuid.UUID(int=1)), "userId": str(uuid.UUID(int=2)), "email": address, "title": None,
            "lang": "en", "role": "Member", "status": "Accepted", "firstname": "Ann", "lastname": None,
            "updatedAt": "2024-05-01T10:00:00.000Z", **changes}


def found(members, total=None):
    """The answer to a look-up that finds these."""
    return 200, json.dumps({"items": members, "total": len(members) if total is None else total})


def made(members, failed=()):
    """The answer to a creation."""
    return 200, json.dumps({"created": members, "failed": list(failed)})


class Spot:
    """The spot members that there are, as a script: answers as the API does. What a test has otherwise it answers itself."""

    def __init__(self, ids):
        self.ids = dict(ids)  # {address: id}
        self.made = []

    def __call__(self, call):
        if call.step == "invite":
            return 201, participants(call.ids, call.course)
        if call.step == "look_up":
            return found([spot_member(address, self.ids[address]) for address in call.addresses if address in self.ids])
        return self.make(call)

    def make(self, call):
        created, failed = [], []
        for address in call.addresses:
            if address in self.ids:
                failed.append({"email": address, "message": "already exists"})
                continue
            self.ids[address] = str(uuid.uuid5(uuid.NAMESPACE_URL, address))
            self.made.append(address)
            created.append(spot_member(address, self.ids[address], status="Invited"))
        return made(created, failed)


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
