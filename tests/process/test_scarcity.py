"""What the system will not give: files that may not grow, open files, threads, a name server that says nothing."""
import zlib

from packed import *
from world import *


def limit(kind, most):
    return lambda: resource.setrlimit(kind, (most, most))


def peak_kib_of(process):
    """Of its memory, until it ends."""
    peak = 0
    while process.running:  # the kernel's own high-water mark: it only grows
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        peak = max(peak, int((re.findall(r"VmHWM:\s*(\d+)", status) or [0])[0]))
        time.sleep(0.002)
    return peak


class Scarcity(World):
    def check_says_so(self, result):
        self.assertEqual(result.exit, DISK, str(result))
        self.assertRegex(result.err, r"(?m)^error: ")
        self.assertRegex(result.err, r"(?m)^try: ")

    def test_files_that_may_not_grow_end_it_with_74_and_no_signal(self):
        """`ulimit -f`, which sends a signal that kills, unless it is ignored."""
        sandbox = self.sandbox()
        ids = self.a_job(20_000, "chunk_size = 20")
        self.run_job(TRY_LATER, "--max-members", "20")
        self.check_says_so(self.convoke("run", "list", preexec=limit(resource.RLIMIT_FSIZE, 900_000)))
        self.run_job(OK)
        self.check_record(sandbox)
        self.check_says_so(self.convoke("export", "list", "--output", "out.csv", preexec=limit(resource.RLIMIT_FSIZE, 100_000)))
        self.assertFalse(list(self.folder.glob("out.csv*")))
        with open(self.folder / "out.txt", "wb") as out:
            result = self.convoke("export", "list", stdout=out, preexec=limit(resource.RLIMIT_FSIZE, 100_000))
        self.assertEqual(result.exit, DISK, str(result))

    def test_too_few_open_files_end_it_with_74_and_words_wherever_it_is(self):
        sandbox = self.sandbox("--latency", "5ms")
        self.a_job(600, "chunk_size = 10")
        ends = []
        for most in range(4, 40):
            self.remove_ledger()
            result = self.convoke("run", "list", preexec=limit(resource.RLIMIT_NOFILE, most), settings={"retry.patience": '"0s"'})
            with self.subTest(most):
                self.assertIn(result.exit, (OK, DISK), str(result))
                if result.exit == DISK:
                    self.check_says_so(result)
            ends.append(result.exit)
        self.assertEqual((ends[0], ends[-1]), (DISK, OK))

    def test_threads_that_cannot_start_end_it_with_74_and_words(self):
        if os.getuid() != 0:
            self.skipTest("needs a user of its own, whose processes are counted")
        self.sandbox("--latency", "5ms")
        self.a_job(600, "chunk_size = 10")
        self.folder.chmod(0o777)
        user = 40_000 + os.getpid() % 10_000

        def as_user(most):
            def before():
                resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            return before

        ends = []
        for most in range(1, 10):
            self.remove_ledger()
            result = self.convoke("run", "list", preexec=as_user(most), settings={"retry.patience": '"0s"'})
            with self.subTest(most):
                self.assertIn(result.exit, (OK, DISK), str(result))
                if result.exit == DISK:
                    self.check_says_so(result)
            ends.append(result.exit)
        self.assertEqual((ends[0], ends[-1]), (DISK, OK))

    def test_standard_files_that_are_closed_never_come_to_be_a_file_of_ours(self):
        sandbox = self.sandbox()
        ids = self.a_job(300)
        closed = lambda: [os.close(number) for number in (0, 1, 2)]
        self.assertEqual(self.convoke("run", "list", "-v", preexec=closed).exit, OK)
        self.check_all_invited(sandbox, ids)
        self.assertEqual(self.query("PRAGMA integrity_check"), [("ok",)])

    def test_a_process_does_not_outlive_its_end_for_a_name_server_that_says_nothing(self):
        """In a name space of its own, with a resolv.conf that names a port at which nobody answers."""
        address = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}.53"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            try:
                silent.bind((address, 53))
                (self.folder / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:5 attempts:2\n")
                subprocess.run(["unshare", "-m", "true"], check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                self.skipTest("no name space of its own without root")
            self.a_job(3)
            job = ["run", "list", "--set", 'api.base_url="https://silent.example.test"', "--set", 'api.timeout="1s"']
            line = f"mount --bind {self.folder}/resolv.conf /etc/resolv.conf && exec " + " ".join(
                f"'{word}'" for word in [str(BINARY), *job])
            process = Process(["unshare", "-m", "/bin/sh", "-c", line], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent,
                              env={"PATH": os.environ["PATH"], "MELTINGSPOT_API_KEY": KEY})
            self.addCleanup(lambda: process.kill() if process.running else None)
            wait_for(self.loaded, "a call")
            process.signal(signal.SIGTERM)
            begin = time.monotonic()
            result = process.finish()
            took = time.monotonic() - begin
        self.assertEqual(result.exit, TRY_LATER, str(result))
        # The call's own timeout of 1 s, and not the resolver's 20 s.
        self.assertLess(took, 6, str(result))


    def test_memory_that_is_short_ends_it_with_74_wherever_it_ends(self):
        """On whatever thread: what the ledger's has to tell the loop, it tells; and who waits for calls hears of each."""
        self.sandbox()
        self.a_job(2000)
        for kib in [*range(60_000, 76_000, 800), *range(70_100, 71_000, 100)]:
            with self.subTest(kib):
                self.remove_ledger()
                result = self.convoke("run", "list", "--progress", "never",
                                      settings={"api.connections": 256, "invite.chunk_size": 2},
                                      preexec=lambda: resource.setrlimit(resource.RLIMIT_AS, (kib << 10, kib << 10)))
                self.assertIn(result.exit, (OK, DISK), str(result))

    def test_memory_that_ends_when_a_call_is_out_leaves_it_in_doubt(self):
        """The server has invited them, and the answer does not fit: the ledger must not say that nobody was asked."""
        ended = threading.Event()

        def answer(call):
            ended.wait(PATIENCE)
            return 201, participants(call.ids) + b" " * (11 << 20)
        server = self.server(answer)
        ids = self.a_job(10, 'on_doubt = "hold"')
        process = self.start("run", "list")
        wait_for(lambda: server.calls, "a call")
        pages = int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + (1 << 19)  # less than the room that is made for the answer
        resource.prlimit(process.pid, resource.RLIMIT_AS, (most, most))
        ended.set()
        result = process.finish()
        self.check_says_so(result)
        self.assertIn("no more memory", result.err)
        self.assertEqual(self.query("SELECT count(*) FROM calls"), [(1,)])
        # And the next run asks nobody a second time.
        self.expect(INCOMPLETE, "run", "list")
        self.assertEqual(len(server.calls), 1)
        self.assertEqual(set(self.outcomes().values()), {"in_doubt"})
        self.assertEqual(len(self.outcomes()), len(ids))


class Memory(World):
    """Whatever servers answer, on eight connections at once, with answers as large as any that is read."""

    MOST_KIB = 128 << 10
    LARGEST = (12 << 20) - 4096

    def peak_kib(self, body, ids=400, **settings):
        self.remove_ledger()
        self.server(lambda call: (201, body(call)))
        self.a_job(some_ids(ids))
        process = self.start("run", "list", "--max-duration", "20s", settings={
            "retry.patience": '"1s"', "limits.calls": "[]", "invite.chunk_size": 20, "ledger.keep_profile": "true", **settings},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = peak_kib_of(process)
        process.finish()
        return peak

    def test_stays_within_128_mib(self):
        def texts(text):
            def body(call):
                names = ("id", "status", "invitedAt", "spotMemberEmail", "spotMemberFirstname", "spotMemberLastname")
                each = {name: text for name in names}
                entries = [json.dumps({"spotMemberId": member, **each}, ensure_ascii=False) for member in call.ids]
                entry = json.dumps({"spotMemberId": call.ids[0], **each}, ensure_ascii=False)
                size = sum(len(one.encode()) + 1 for one in entries)
                entries += [entry] * ((self.LARGEST - size) // (len(entry.encode()) + 1))
                return ("[" + ",".join(entries) + "]").encode()
            return body
        for name, body in {"brackets": lambda call: b"[" * self.LARGEST,
                           "a name over and over": lambda call: b"[{" + b'"id":"\\n",' * (self.LARGEST // 11),
                           "no blanks": lambda call: b"[1" + b",1" * (self.LARGEST // 2 - 2) + b"]",
                           "long texts": texts("x" * 1000),
                           "texts that grow": texts("\n" + "\x80" * 400)}.items():
            with self.subTest(name):
                peak = self.peak_kib(body)
                self.assertGreater(peak, 0)
                self.assertLess(peak, self.MOST_KIB)

    def test_stays_within_128_mib_on_256_connections_with_answers_of_1_mib(self):
        def body(call):
            if call.number > 4:
                time.sleep(0.3)  # until then as many wait for their answers as there are connections
            return participants(call.ids) + b" " * (1 << 20)
        self.assertLess(self.peak_kib(body, 12_000, **{"api.connections": 256}), self.MOST_KIB)


class ListMemory(World):
    """Whatever lists hold: they are refused, or read, in the memory that a list may take."""

    MOST_KIB = 128 << 10

    def plan(self, exit_code, source, *says):
        self.write_job(source=source)
        process = self.start("plan", "list", "--json")
        peak = peak_kib_of(process)
        result = process.finish()
        self.assertEqual(result.exit, exit_code, str(result))
        for words in says:
            self.assertIn(words, result.err)
        self.assertGreater(peak, 0)
        self.assertLess(peak, self.MOST_KIB)

    def sheet_of(self, begin, piece, times, end, **parts):
        """A workbook whose sheet is `piece`, over and over, between two texts."""
        all_parts = parts_of_workbook({"Sheet": {}})
        all_parts.update(parts)
        with zipfile.ZipFile(self.folder / "list.xlsx", "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in all_parts.items():
                if name != "xl/worksheets/sheet1.xml":
                    file.writestr(name, text)
            with file.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
                part.write(begin)
                for _ in range(times):
                    part.write(piece)
                part.write(end)

    BEGIN = b'<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>spotMemberId</v></c></row>'
    END = b"</sheetData></worksheet>"
    XLSX = 'xlsx = "../list.xlsx"'

    def test_bombs_are_refused(self):
        line = b"x" * 63 + b"\n"
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        with open(self.folder / "list.csv", "wb") as file:
            file.write(packer.compress(b"spotMemberId\n"))
            for _ in range(600):
                file.write(packer.compress(line * (1 << 14)))
            file.write(packer.flush())
        self.plan(BAD_SOURCE, 'csv = "../list.csv"', "unpacks to more than 512 MiB")
        (self.folder / "list.csv").write_bytes(zstd(b"spotMemberId\n", b"\n", 8 * 600))
        self.plan(BAD_SOURCE, 'csv = "../list.csv"', "unpacks to more than 512 MiB")
        self.sheet_of(self.BEGIN, b" " * (1 << 20), 600, self.END)
        self.plan(BAD_SOURCE, self.XLSX, "unpacks to more than 512 MiB")

    def test_a_workbook_takes_no_more_whatever_it_holds(self):
        self.sheet_of(self.BEGIN + b'<row r="2"><c r="A2" t="str"><v>', b"x" * (1 << 20), 64, b"</v></c></row>" + self.END)
        self.plan(BAD_SOURCE, self.XLSX, "row 2: a value is longer than 1048576 bytes")
        self.sheet_of(self.BEGIN + b'<row r="2">', b"<c/>" * (1 << 18), 8, b"</row>" + self.END)
        self.plan(BAD_SOURCE, self.XLSX, "no sheet has so many columns")
        self.sheet_of(self.BEGIN, b"<a>" * (1 << 18), 64, self.END)
        self.plan(BAD_SOURCE, self.XLSX, "stand too deep in each other")
        names = b"".join(b'<n%d a%d=""/>' % (i, i) for i in range(1 << 20))
        self.sheet_of(self.BEGIN, names, 4, self.END)
        self.plan(BAD_SOURCE, self.XLSX, "takes more than 16 MiB of memory")
        self.sheet_of(b'<worksheet a="', b"x" * (1 << 20), 64, b'"/>')
        self.plan(BAD_SOURCE, self.XLSX, "a tag has no end")

    def test_texts_that_cells_share_are_not_held_in_memory(self):
        count = 1_000_000
        ids = some_ids(1000)
        rows = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>%d</v></c></row>' % (row, row, row * 7919 % 1000)
                        for row in range(2, 3000))
        texts = "".join(f"<si><t>{member}</t></si>" for member in ids)
        texts += "".join(f"<si><t>a text that nobody asks for, but that a cell may, number {at}</t></si>" for at in range(count))
        self.sheet_of(self.BEGIN, rows, 1, b'<row r="5000"><c r="A5000" t="s"><v>%d</v></c></row>' % (count + 900) + self.END,
                      **{"xl/sharedStrings.xml": f"<sst>{texts}</sst>"})
        self.plan(INCOMPLETE, self.XLSX)

    def test_a_directory_that_says_it_is_large(self):
        """A file with holes: room for twenty million parts, as it says."""
        parts = 20_000_000
        with open(self.folder / "list.xlsx", "wb") as file:
            file.write(b"PK\x03\x04" + bytes(26))
            begin = file.tell()
            file.write(b"PK\x01\x02" + bytes(42))
            file.seek(begin + 46 * parts)
            end = file.tell()
            file.write(struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, parts, parts, 46 * parts, begin))
            file.write(struct.pack("<IIQI", 0x07064b50, 0, end, 1))
            file.write(struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
        self.plan(BAD_SOURCE, self.XLSX, "has too many parts for a spreadsheet")


if __name__ == "__main__":
    unittest.main()
