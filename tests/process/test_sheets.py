"""Lists as people have them: packed files, other encodings; and such as are cut off or wrong."""
import gzip
import unittest

from packed import *
from world import *


class Lists(World):
    def check_invited(self, ids, exit_code=OK, source='csv = "../list.csv"', **job):
        """The job's list invites these, and nobody else."""
        self.remove_ledger()
        self.write_job(source=source, **job)
        sandbox = self.sandbox()
        run = self.run_job(exit_code)
        self.check_all_invited(sandbox, ids)
        self.check_record(sandbox)
        return run

    def check_refused(self, *says, source='csv = "../list.csv"'):
        """The job's list is refused, and nobody is invited."""
        self.remove_ledger()
        self.write_job(source=source)
        sandbox = self.sandbox()
        result = self.expect(BAD_SOURCE, "run", "list")
        self.assertRegex(result.err, r"(?m)^error: ")
        for words in says:
            self.assertIn(words, result.err)
        self.assertEqual(sandbox.requests, 0)
        self.assertEqual(self.expect(BAD_SOURCE, "plan", "list").exit, BAD_SOURCE)
        return result

    def write_bytes(self, content, name="list.csv"):
        (self.folder / name).write_bytes(content)


class Packed(Lists):
    def text_of(self, ids):
        return ("spotMemberId;name\r\n" + "".join(f"{member};Jürgen\r\n" for member in ids)).encode()

    def test_gzip_in_one_member_or_two_and_zstd(self):
        ids = some_ids(3000)
        text = self.text_of(ids)
        for packed in (gzip.compress(text), gzip.compress(text[:5000]) + gzip.compress(text[5000:]),
                       zstd(text), zstd(text[:5000]) + zstd(text[5000:])):
            self.write_bytes(packed)
            run = self.check_invited(ids)
            self.assertEqual(run["rows_read"], 3000)
        self.assertEqual(self.query("SELECT max(source_line) FROM outcomes"), [(3001,)])

    def test_without_a_job_file_and_through_standard_input(self):
        ids = some_ids(100)
        packed = gzip.compress(self.text_of(ids))
        self.write_bytes(packed, "list.csv.gz")
        sandbox = self.sandbox()
        self.expect(OK, "run", "--csv", "list.csv.gz", "--course", COURSE)
        self.check_all_invited(sandbox, ids, job=f"list@{COURSE}")
        self.remove_ledger()
        sandbox = self.sandbox()
        self.expect(OK, "run", "--csv", "-", "--course", COURSE, stdin=packed)
        self.check_all_invited(sandbox, ids, job=f"stdin@{COURSE}")

    def test_what_is_cut_off_or_damaged_invites_nobody(self):
        text = self.text_of(some_ids(20_000))
        for packed in (gzip.compress(text), zstd(text)):
            self.write_bytes(packed[:-100])
            self.check_refused("is cut off")
        damaged = bytearray(gzip.compress(text))
        damaged[-6] ^= 1
        self.write_bytes(damaged)
        self.check_refused("is damaged")


class Encodings(Lists):
    def test_utf_16_by_its_mark_and_windows_1252_by_the_job(self):
        ids = some_ids(2000)
        text = "spotMemberId\tname\r\n" + "".join(f"{member}\tJürgen €\r\n" for member in ids)
        for encoding, key in (("utf-16", ""), ("utf-16-be", 'encoding = "utf-16be"'), ("cp1252", 'encoding = "windows-1252"')):
            with self.subTest(encoding):
                self.write_bytes(text.encode(encoding))
                self.check_invited(ids, source=f'csv = "../list.csv"\n{key}')
                self.assertEqual(self.query("SELECT max(source_line) FROM outcomes"), [(2001,)])

    def test_a_course_in_windows_1252_is_known_by_its_name(self):
        ids = some_ids(1)
        self.write_bytes(f"spotMemberId;Kürs\n{ids[0]};Straße\n".encode("cp1252"))
        self.write_job(course=None, source='csv = "../list.csv"\nencoding = "windows-1252"\ncourse_column = "Kürs"')
        self.sandbox()
        self.run_job(OK)
        self.assertEqual(self.query("SELECT course_id FROM outcomes"), [("Straße",)])

    def test_what_is_no_character_is_said_with_its_line(self):
        self.write_bytes(b"spotMemberId\n" + some_ids(1)[0].encode() + b"\n\x81\n")
        self.check_refused("list.csv:3: is not all windows-1252 text", source='csv = "../list.csv"\nencoding = "windows-1252"')


if __name__ == "__main__":
    unittest.main()
