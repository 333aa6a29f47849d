"""Lists of e-mail addresses: who has them, and that none stays anywhere."""
import csv
import io

from world import *

# Nothing else looks like these two, so that an address is found wherever it leaks, whole or in part.
LOCAL, DOMAIN = "quill", "of-the-list.example"


def some_addresses(count, domain=DOMAIN):
    """A hundred of them fit into one look-up."""
    return [f"{LOCAL}{n:05}@{domain}" for n in range(count)]


class AddressWorld(World):
    def a_list_of(self, rows, invite="", name="list", columns=("email",), course=COURSE):
        """A job over a list of these rows. A row is an address, or a tuple as the columns are."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *([row] if isinstance(row, str) else row for row in rows)])
        self.write_list(text.getvalue().splitlines(), f"{name}.csv", header=None)
        keys = {"email": "email_column", "member": "member_column", "course": "course_column"}
        source = "\n".join([f'csv = "../{name}.csv"', *(f'{keys[column]} = "{column}"' for column in columns)])
        self.write_job(name, None if "course" in columns else course, source, invite)

    def spot(self, addresses, *flags, at=None):
        """A sandbox in which these have spot members. Returns it, and {address: id}."""
        ids = dict(zip(addresses, some_ids(len(addresses), "spot")))
        path = self.folder / "members.csv"
        path.write_text("email,id\n" + "".join(f"{address},{member}\n" for address, member in ids.items()))
        return self.sandbox("--members", path, *flags, at=at), ids

    def runs(self, columns="rows_read, duplicates, unknown, invalid, invited"):
        return self.query(f"SELECT {columns} FROM runs ORDER BY run_id")

    def steps(self, run=None):
        """{step: calls}, of one run or of all."""
        return dict(self.query("SELECT step, count(*) FROM calls WHERE ?1 IS NULL OR run_id = ?1 GROUP BY step", run))

    def lines_of(self, outcome, job="list"):
        """The rows' numbers, the first after the header being 0."""
        lines = self.query("SELECT source_line FROM outcomes WHERE job = ? AND outcome = ? AND in_list = 1", job, outcome)
        return {line - 2 for (line,) in lines}

    def check_run_books(self, run):
        """Of one run, as --json reports it."""
        members = run["members"] - run["gone"]
        self.assertEqual(run["rows_read"], members + run["duplicates"] + run["unknown"] + run["invalid"], run)
        self.check_books()

    def check_no_address(self, *results):
        """Neither in what was printed nor in any file that the program wrote."""
        words = (LOCAL.encode(), DOMAIN.encode())
        for result in results:
            for word in words:
                self.assertNotIn(word, (result.raw_out + result.raw_err).lower(), str(result))
        files = [path for path in self.folder.iterdir() if path.name.startswith("convoke")]
        self.assertIn(self.ledger, files)
        for path in files:
            for word in words:
                self.assertNotIn(word, path.read_bytes().lower(), f"an address stands in {path.name}")
