"""Lists as people have them: Excel workbooks, packed files, other encodings; and such as are cut off, locked or wrong."""
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


class Workbooks(Lists):
    XLSX = 'xlsx = "../list.xlsx"'

    def workbook(self, ids):
        """As an export has it: a title above the header, blank rows between, a second sheet."""
        rows = {1: ["Contacts"], 2: ["of all regions"], 4: ["name", "spotMemberId", "since", "mail"]}
        for at, member in enumerate(ids):
            rows[5 + at + at // 7] = ["Ann", member.upper() if at % 3 else member, 46082 + at, at % 2 == 0]
        return {"Contacts": rows, "Leads": {1: ["spotMemberId"], 2: [some_ids(1, prefix="aa")[0]]}}

    def test_a_workbook_with_a_title_and_two_sheets(self):
        ids = some_ids(60)
        write_workbook(self.folder / "list.xlsx", self.workbook(ids))
        run = self.check_invited(ids, source=self.XLSX + "\nheader_row = 4")
        self.assertEqual((run["rows_read"], run["invalid"]), (60, 0))
        # The line that is kept is the row that the spreadsheet shows.
        lines = dict(self.query("SELECT spot_member_id, source_line FROM outcomes"))
        self.assertEqual([lines[member] for member in ids[:9]], [5, 6, 7, 8, 9, 10, 11, 13, 14])
        self.assertIn("line 13", self.expect(OK, "why", "list", ids[7]).out)
        self.assertIn("list.xlsx: readable", self.expect(OK, "check", "list").out)
        self.expect(OK, "plan", "list")
        # Unchanged, it is not read again; another sheet is another list.
        self.assertIsNone(self.run_job(OK).get("reading"))
        self.check_invited(some_ids(1, prefix="aa"), source=self.XLSX + '\nsheet = "Leads"')

    def test_the_sample_is_read_from_its_fourth_row_on(self):
        sheet = f'xlsx = "{ROOT}/sample-data/contacts.xlsx"\nheader_row = 4'
        self.write_job(source=sheet)
        self.sandbox()
        run = self.run_job(INCOMPLETE)
        self.assertEqual((run["rows_read"], run["invalid"]), (60, 60 - 19))
        self.write_job(source=sheet + '\nsheet = "contacts"')
        result = self.expect(BAD_SOURCE, "run", "list")
        for words in ('there is no sheet "contacts"', 'did you mean "Contacts"?', '"Notes"'):
            self.assertIn(words, result.err)

    def test_a_sheet_that_is_not_there(self):
        write_workbook(self.folder / "list.xlsx", self.workbook(some_ids(1)))
        self.check_refused('there is no sheet "Lead"', 'try: did you mean "Leads"? the sheets are "Contacts", "Leads"',
                           source=self.XLSX + '\nsheet = "Lead"')
        self.write_job(source=self.XLSX + '\nsheet = "Lead"')
        self.assertIn('there is no sheet "Lead"', self.expect(BAD_SOURCE, "check", "list").out)

    def test_what_is_locked_old_cut_off_or_no_workbook(self):
        path = write_workbook(self.folder / "list.xlsx", self.workbook(some_ids(500)))
        whole = path.read_bytes()
        ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
        for content, says in ((ole + "EncryptedPackage".encode("utf-16-le") + bytes(600), "is protected by a password"),
                              (ole, "is an old spreadsheet (.xls), not .xlsx"),
                              (whole[:len(whole) // 2], "is damaged or cut off"),
                              (whole[:-1], "is damaged or cut off"),
                              (b"", "is empty"),
                              (b"spotMemberId\n", "is not an .xlsx spreadsheet")):
            with self.subTest(says):
                self.write_bytes(content, "list.xlsx")
                result = self.check_refused(says, source=self.XLSX + "\nheader_row = 4")
                self.assertRegex(result.err, r"(?m)^try: ")

    def test_a_part_that_is_there_twice(self):
        parts = parts_of_workbook(self.workbook(some_ids(1)))
        write_parts(self.folder / "list.xlsx", parts)
        with zipfile.ZipFile(self.folder / "list.xlsx", "a") as file:
            with self.assertWarns(UserWarning):
                file.writestr("xl/worksheets/sheet1.xml", parts["xl/worksheets/sheet1.xml"])
        self.check_refused('it has the part "xl/worksheets/sheet1.xml" twice', source=self.XLSX)

    def test_what_a_workbook_says_does_not_reach_the_terminal_raw(self):
        write_workbook(self.folder / "list.xlsx", {"a\x85\u202eb": {1: ["c\u202ed"]}})
        result = self.check_refused("there is no column", source=self.XLSX)
        self.assertNotIn("\u202e", result.err)
        self.assertNotIn("\x85", result.err)


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
