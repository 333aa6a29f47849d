"""`convoke verify`: the ledger held against the API's own list of participants, and what it makes of lists that move, lie,
break off or never end."""
import contextlib
import sqlite3
import math
import unittest

from addresses import *

# Nothing else looks like these, so that they are found wherever they leak.
NAME, SURNAME, MAILBOX = "Quillerine", "Zebedasson", "zq-of-the-page"
IMPATIENT = {"retry.patience": '"200ms"', "retry.attempts": 2}
FIGURES = ("as_known", "changed", "settled", "absent", "not_invited", "extra")


def participant(member, status="Invited", course=COURSE, **changes):
    """An entry of a page."""
    return {**json.loads(participants([member], course))[0], "status": status, "spotMemberFirstname": NAME,
            "spotMemberLastname": SURNAME, "spotMemberEmail": f"{MAILBOX}-{member[:8]}@example.org", **changes}


class Lists:
    """The API's lists of participants, as a script: whoever is invited stands there. A test answers itself what it has
    otherwise: `page(entries, number, size, asked)`, `asked` being how many pages of this course were asked for so far."""

    def __init__(self, size=100, first=1, page=None):
        self.size, self.first, self.page = size, first, page
        self.courses = {}        # {course: {member: entry}}
        self.asked = {}          # {course: pages}
        self.refuse = lambda call: None

    def put(self, ids, status="Invited", course=COURSE):
        self.courses.setdefault(course, {}).update({member: participant(member, status, course) for member in ids})

    def __call__(self, call):
        refusal = self.refuse(call)
        if refusal is not None:
            return refusal
        course = call.course
        if call.method == "POST":
            self.put([member for member in call.ids if member not in self.courses.get(course, {})], course=course)
            return 201, participants(call.ids, course)
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(call.path).query))
        number = int(query.get("page", self.first)) - self.first
        size = min(int(query.get("limit", self.size)), self.size)
        asked = self.asked[course] = self.asked.get(course, 0) + 1
        entries = list(self.courses.get(course, {}).values())
        if self.page:
            return self.page(entries, number, size, asked)
        return page_of(entries, number, size)


def page_of(entries, number, size, **others):
    return 200, json.dumps({"items": entries[number * size:][:size], "total": len(entries), **others})


class VerifyWorld(World):
    # Commands

    def words(self, *args, settings=None):
        """The command line of a `verify`, against the server that there is."""
        words = ["verify", *args]
        for key, value in {"api.base_url": f'"{self.url}"', **self.settings, **(settings or {})}.items():
            if value is not None:
                words += ["--set", f"{key}={value}"]
        return words

    def verify(self, exit_code=OK, *args, job="list", settings=None, **how):
        """`convoke verify`, as JSON: what it says of the one job. Its figures add up, whatever it saw."""
        result = self.expect(exit_code, *self.words(job, "--json", *args, settings=settings), **how)
        self.result = result
        self.assertEqual(result.json["exit_code"], exit_code)
        (seen,) = result.json["verifications"]
        if "participants" in seen:
            self.assertEqual(seen["participants"], seen["as_known"] + seen["changed"] + seen["settled"] + seen["extra"], seen)
            for figure in ("participants", *FIGURES):
                self.assertEqual(seen[figure], sum(course[figure] for course in seen["courses"]), (figure, seen))
        return seen

    def diff(self, name="list.diff"):
        """{(course, member): (mark, change)}"""
        lines = [line.split("\t") for line in (self.folder / name).read_text().splitlines()]
        found = {(line[2], line[1]): (line[0], line[3] if len(line) > 3 else None) for line in lines}
        self.assertEqual(len(found), len(lines), "somebody stands there twice")
        return found

    def marked(self, mark, name="list.diff"):
        return {member for (_, member), (its, _) in self.diff(name).items() if its == mark}

    def change(self, sandbox, becomes, prefix="", course=COURSE):
        """Behind our back. How many it changed."""
        query = {"becomes": becomes, "course": course, **({"prefix": prefix} if prefix else {})}
        connection = http.client.HTTPConnection(sandbox.address.hostname, sandbox.address.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", "/_sandbox/participants?" + urllib.parse.urlencode(query))
            answer = connection.getresponse()
            body = answer.read()
            self.assertEqual(answer.status, 200, body)
            return json.loads(body)["changed"]

    def invite_by_hand(self, sandbox, ids, course=COURSE):
        """Somebody else invites."""
        connection = http.client.HTTPConnection(sandbox.address.hostname, sandbox.address.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", f"/v1/courses/{course}/participants~bulkInvite",
                               json.dumps({"spotMemberIds": list(ids)}),
                               {"Authorization": KEY, "Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            self.assertIn(answer.status, (200, 201))

    # The ledger

    def statuses(self, job="list"):
        """{(course, member): status}"""
        return {(course, member): status for course, member, status in
                self.query("SELECT course_id, spot_member_id, participant_status FROM outcomes WHERE job = ?", job)}

    def everything(self, job="list"):
        """All that the ledger says of the members."""
        return sorted(self.query("SELECT * FROM outcomes WHERE job = ?", job), key=repr)

    def pages_called(self, run=None):
        return self.query("SELECT count(*) FROM calls WHERE step = 'verify' AND (?1 IS NULL OR run_id = ?1)", run)[0][0]

    def check_statuses(self, sandbox, job="list"):
        """The ledger's statuses are the record's, member by member."""
        there = {key: member["status"] for key, member in sandbox.members.items() if member["invited"]}
        ours = self.statuses(job)
        self.assertEqual({key: ours[key] for key in ours if key in there}, {key: there[key] for key in ours if key in there})
        self.check_books()

    def invited(self, ids, *flags, invite=""):
        """A sandbox where a job's list is invited already. Returns it, and the ids."""
        sandbox = self.sandbox(*flags)
        ids = self.a_job(ids, invite)
        self.run_job(OK)
        return sandbox, ids

    def listed(self, ids, **how):
        """The same with a server of pages."""
        lists = Lists(**how)
        server = self.server(lists)
        ids = self.a_job(ids)
        self.run_job(OK)
        return lists, server, ids


class Statuses(VerifyWorld):
    def test_the_statuses_that_changed_are_found_exactly_and_only_those(self):
        sandbox, ids = self.invited(3000)
        becoming = {"1": "Started", "2": "Completed", "3": "Unenrolled"}
        for prefix, status in becoming.items():
            self.assertEqual(self.change(sandbox, status, prefix), sum(member[0] == prefix for member in ids))
        seen = self.verify(OK, "--diff", "list.diff")
        changed = {member: becoming[member[0]] for member in ids if member[0] in becoming}
        self.assertEqual({member: found for (_, member), found in self.diff().items()},
                         {member: ("!", f"Invited -> {changed[member]}") if member in changed else ("=", None) for member in ids})
        self.assertEqual((seen["participants"], seen["sure"], seen["changed"], seen["as_known"], seen["absent"]),
                         (3000, True, len(changed), 3000 - len(changed), 0))
        self.assertEqual(seen["courses"][0]["statuses"],
                         {status: sum(changed.get(member, "Invited") == status for member in ids)
                          for status in ("Invited", *becoming.values())})
        self.check_statuses(sandbox)
        self.check_all_invited(sandbox, ids)
        times = {"Started": (1, 0, 0), "Completed": (1, 1, 0), "Unenrolled": (0, 0, 1), "Invited": (0, 0, 0)}
        rows = self.query("SELECT spot_member_id, participant_status, started_at IS NOT NULL, completed_at IS NOT NULL, "
                          "unenrolled_at IS NOT NULL, invited_at IS NOT NULL, participant_id IS NOT NULL FROM outcomes")
        for member, status, started, completed, unenrolled, *others in rows:
            # (Who completed or left has started, may be.)
            self.assertEqual((completed, unenrolled), times[status][1:], (member, status))
            self.assertEqual(others, [1, 1])
            if status in ("Started", "Invited"):
                self.assertEqual(started, times[status][0], (member, status))

    def test_what_was_found_once_is_as_the_ledger_says_the_next_time(self):
        sandbox, ids = self.invited(500, invite="chunk_size = 250")  # the view reads large chunks in a way of its own
        self.change(sandbox, "Started")
        self.assertEqual(self.verify()["changed"], 500)
        before = self.everything()
        seen = self.verify(OK, "--diff", "list.diff")
        self.assertEqual((seen["changed"], seen["as_known"]), (0, 500))
        self.assertEqual(self.marked("="), set(ids))
        self.assertEqual(self.everything(), before)
        changed = self.change(sandbox, "Completed", "4")
        self.assertEqual(self.verify(OK, "--diff", "list.diff")["changed"], changed)
        self.assertEqual({change for mark, change in self.diff().values() if mark == "!"}, {"Started -> Completed"})
        self.check_statuses(sandbox)

    def test_the_status_of_who_was_invited_before_is_known_from_then_on_and_is_no_change(self):
        sandbox = self.sandbox("--started", "1,2", "--invited", "3")
        self.a_job(400)
        self.run_job(OK)
        before = self.outcomes()
        seen = self.verify()
        self.assertEqual((seen["as_known"], seen["changed"], seen["settled"]), (400, 0, 0))
        self.check_statuses(sandbox)
        self.assertEqual(self.outcomes(), before)
        self.assertIn("already_invited", before.values())

    def test_it_stands_among_the_runs_and_its_pages_among_the_calls(self):
        sandbox, _ = self.invited(250)
        requests = sandbox.requests
        seen = self.verify()
        self.assertEqual(self.query("SELECT command, exit_code, calls FROM runs ORDER BY run_id"),
                         [("run", 0, 3), ("verify", 0, seen["calls"])])
        self.assertEqual(self.pages_called(seen["run_id"]), seen["calls"])
        self.assertEqual(sandbox.requests - requests, seen["calls"])

    def test_an_export_follows(self):
        sandbox, ids = self.invited(250)
        self.change(sandbox, "Completed", "1")
        self.verify()
        out = self.expect(OK, "export", "list").out.splitlines()
        rows = {row["spot_member_id"]: row["participant_status"] for row in csv.DictReader(out)}
        self.assertEqual(rows, {member: "Completed" if member[0] == "1" else "Invited" for member in ids})

    def test_the_job_s_file_and_list_need_not_be_there_any_more(self):
        self.invited(20)
        (self.folder / "jobs/list.toml").unlink()
        (self.folder / "list.csv").unlink()
        self.assertEqual(self.verify(OK, "--diff", "list.diff")["as_known"], 20)

    def test_ids_and_courses_in_another_case_are_the_same_ones(self):
        lists, _, ids = self.listed(120)
        lists.courses[COURSE] = {member: {**entry, "spotMemberId": member.upper(), "courseId": COURSE.upper(),
                                          "status": "Completed"} for member, entry in lists.courses[COURSE].items()}
        seen = self.verify()
        self.assertEqual((seen["changed"], seen["absent"], seen["extra"], seen["sure"]), (120, 0, 0, True))

    def test_rows_that_are_invalid_count_as_in_a_run(self):
        sandbox = self.sandbox()
        ids = some_ids(50)
        self.a_job(ids + ["no-id"])
        self.run_job(INCOMPLETE)
        seen = self.verify(INCOMPLETE)
        self.assertEqual(seen["list"]["invalid"], 1)
        self.assertEqual((seen["as_known"], seen["sure"]), (50, True))
        self.check_books()


class NoList(VerifyWorld):
    def test_of_a_list_that_no_run_has_read_nothing_is_said_to_be_true(self):
        sandbox = self.sandbox("--courses", COURSE)
        self.a_job(50)
        self.expect(OK, "plan", "list", "--check")
        result = self.expect(INCOMPLETE, *self.words("list"))
        self.assertIn("the list was not read", result.out)
        self.assertIn("convoke run list", self.next_command(result))
        self.assertFalse(self.verify(INCOMPLETE)["sure"])


class Moving(VerifyWorld):
    def test_one_who_leaves_while_another_joins_is_seen_by_the_total_in_between(self):
        """The total is the same before and after: a page between them says otherwise."""
        lists, _, ids = self.listed(300)

        def page(entries, number, size, asked):
            if asked == 2:
                del lists.courses[COURSE][ids[0]]
            if asked == 3:
                lists.courses[COURSE][some_ids(1, "newcomer")[0]] = participant(some_ids(1, "newcomer")[0])
            return page_of(list(lists.courses[COURSE].values()), number, size)
        lists.page = page
        seen = self.verify(INCOMPLETE, "--extra")
        self.assertEqual((seen["absent"], seen["extra"], seen["sure"]), (1, 1, True))
        self.assertGreater(seen["courses"][0]["passes"], 1)


class Addresses(VerifyWorld, AddressWorld):
    def test_who_has_an_address_is_verified_and_an_address_that_nobody_has_is_not_invited(self):
        addresses = some_addresses(120)
        sandbox, ids = self.spot(addresses[:100])
        self.a_list_of(addresses)
        self.run_job(INCOMPLETE)
        changed = self.change(sandbox, "Started", "1")
        seen = self.verify(INCOMPLETE, "--diff", "list.diff", "--extra")
        self.assertEqual((seen["as_known"], seen["changed"], seen["extra"], seen["sure"]), (100 - changed, changed, 0, True))
        self.assertEqual({member for _, member in self.diff()}, set(ids.values()))
        result = self.expect(INCOMPLETE, *self.words("list"))
        self.assertIn("20 addresses are unknown to the API", result.out)
        self.check_no_address(self.result, result)
        self.spot(addresses, at=sandbox)

    def test_of_addresses_that_nobody_looked_up_yet_nobody_is_known(self):
        server = self.server(lists := Lists())
        lists.refuse = lambda call: (503, "down") if call.step == "look_up" else None
        lists.put(some_ids(30))
        self.a_list_of(some_addresses(120))
        self.run_job(UNAVAILABLE, settings=IMPATIENT)
        before = self.tally()
        seen = self.verify(INCOMPLETE, "--extra")
        self.assertEqual((seen["participants"], seen["extra"], seen["absent"], seen["settled"]), (30, 30, 0, 0))
        self.assertEqual(self.tally(), before)
        lists.refuse = Spot(dict(zip(some_addresses(120), some_ids(120))))
        self.run_job(OK)
        self.assertEqual(len(self.outcomes()), 120)


class NotThere(VerifyWorld):
    def test_who_is_not_there_is_an_alarm_each_time_and_stays_invited(self):
        sandbox, ids = self.invited(1000)
        gone = {member for member in ids if member[0] in "57"}
        self.assertEqual(self.change(sandbox, "removed", "5") + self.change(sandbox, "removed", "7"), len(gone))
        before = self.everything()
        for _ in range(2):
            seen = self.verify(INCOMPLETE, "--diff", "list.diff")
            self.assertEqual((seen["absent"], seen["as_known"], seen["sure"], seen["stopped_by"]),
                             (len(gone), 1000 - len(gone), True, None))
            self.assertEqual((self.marked("-"), self.marked("=")), (gone, set(ids) - gone))
            self.assertEqual(self.everything(), before)
        # Nor does a run that follows ask for anybody: it was settled.
        self.assertEqual(self.run_job(OK)["calls"], 0)
        self.verify(INCOMPLETE)
        self.invite_by_hand(sandbox, gone)
        self.assertEqual(self.verify(OK)["absent"], 0)

    def test_the_text_says_how_many_and_how_to_know_who(self):
        sandbox, ids = self.invited(100)
        gone = self.change(sandbox, "removed", "5")
        result = self.expect(INCOMPLETE, *self.words("list"))
        self.assertRegex(result.out, rf"(?m)^list: {gone} members? whom the ledger calls invited (is|are) not there$")
        self.assertIn("--diff list.diff", self.next_command(result))
        quiet = self.expect(INCOMPLETE, *self.words("list", "--quiet"))
        self.assertRegex(quiet.out, rf"^list: {gone} member")
        self.assertIn("--diff", self.next_command(quiet))

    def test_all_may_be_gone(self):
        sandbox, ids = self.invited(300)
        self.change(sandbox, "removed")
        seen = self.verify(INCOMPLETE, "--diff", "list.diff")
        self.assertEqual((seen["participants"], seen["absent"], seen["sure"]), (0, 300, True))
        self.assertEqual(self.marked("-"), set(ids))
        self.assertEqual(self.tally(), {"invited": 300})

    def test_quiet_and_in_order_prints_nothing(self):
        self.invited(100)
        result = self.expect(OK, *self.words("list", "--quiet"))
        self.assertEqual((result.out, result.err), ("", ""))


class NotInTheList(VerifyWorld):
    def test_others_are_counted_and_listed_only_when_asked_for(self):
        sandbox, ids = self.invited(300)
        others = set(some_ids(170, "others"))
        self.invite_by_hand(sandbox, others)
        self.invite_by_hand(sandbox, some_ids(30, "elsewhere"), "another-course")
        seen = self.verify(OK, "--diff", "list.diff")
        self.assertEqual((seen["extra"], seen["as_known"], seen["participants"], seen["extra_members"], seen["sure"]),
                         (170, 300, 470, [], True))
        self.assertEqual({mark for mark, _ in self.diff().values()}, {"="})
        seen = self.verify(OK, "--extra", "--diff", "list.diff")
        self.assertEqual(set(seen["extra_members"]), others)
        self.assertEqual((self.marked("+"), self.marked("=")), (others, set(ids)))
        self.assertEqual(self.tally(), {"invited": 300})

    def test_as_text_they_are_lines_before_the_table(self):
        sandbox, _ = self.invited(20)
        others = set(some_ids(30, "others"))
        self.invite_by_hand(sandbox, others)
        plain = self.expect(OK, *self.words("list"))
        self.assertFalse(others & set(UUID.findall(plain.out)))
        result = self.expect(OK, *self.words("list", "--extra"))
        self.assertEqual(set(UUID.findall(result.out)), others)
        quiet = self.expect(OK, *self.words("list", "--extra", "--quiet"))
        self.assertEqual(quiet.out, "")

    def test_who_left_the_list_and_was_never_asked_for_is_one_of_them(self):
        sandbox = self.sandbox()
        ids = sorted(some_ids(300))
        self.a_job(ids)
        self.run_job(TRY_LATER, "--max-members", 100, settings={"api.connections": 1})
        due = self.of_outcome("pending")
        self.assertEqual(len(due), 200)
        left = set(sorted(due)[:50])
        self.a_job([member for member in ids if member not in left])
        self.run_job(OK, "--accept-shrunk")
        self.assertEqual(self.of_outcome("withdrawn"), left)
        self.assertEqual(self.verify(OK)["extra"], 0)
        self.invite_by_hand(sandbox, left)
        seen = self.verify(OK, "--extra")
        self.assertEqual((set(seen["extra_members"]), seen["settled"]), (left, 0))
        self.assertEqual(self.of_outcome("withdrawn"), left)

    def test_who_was_invited_and_left_the_list_is_no_alarm_when_gone(self):
        sandbox = self.sandbox()
        ids = sorted(some_ids(300))
        self.a_job(ids)
        self.run_job(OK)
        self.a_job(ids[10:])
        self.run_job(OK, "--accept-shrunk")
        seen = self.verify(OK)
        self.assertEqual((seen["participants"], seen["absent"]), (300, 0))
        for member in ids[:10]:
            self.change(sandbox, "removed", member)
        self.assertEqual(self.verify(OK)["absent"], 0)


class Doubts(VerifyWorld):
    def test_of_those_in_doubt_who_is_there_is_invited(self):
        sandbox = self.sandbox("--faults", "reset-after:0.3", "--seed", 7)
        ids = self.a_job(2000, 'on_doubt = "hold"\nchunk_size = 50')
        self.run_job(INCOMPLETE)
        doubtful = self.of_outcome("in_doubt")
        self.assertTrue(doubtful)
        seen = self.verify(OK, "--diff", "list.diff")
        self.assertEqual((seen["settled"], seen["as_known"], seen["absent"]), (len(doubtful), 2000 - len(doubtful), 0))
        self.assertEqual(self.marked("!"), doubtful)
        self.assertEqual({self.diff()[COURSE, member][1] for member in doubtful}, {"in_doubt -> invited"})
        self.check_all_invited(sandbox, ids)
        self.check_statuses(sandbox)
        requests = sandbox.requests
        self.assertEqual((self.run_job(OK)["calls"], sandbox.requests), (0, requests))

    def test_of_those_in_doubt_who_is_not_there_stays_so(self):
        """The calls were reset before they took effect, or after."""
        sandbox = self.sandbox("--faults", "reset-after:0.2,reset:0.2", "--seed", 5)
        self.a_job(2000, 'on_doubt = "hold"\nchunk_size = 50')
        self.run_job(INCOMPLETE)
        doubtful = self.of_outcome("in_doubt")
        there = {member for (_, member), theirs in sandbox.members.items() if theirs["invited"]}
        self.assertTrue(doubtful & there)
        self.assertTrue(doubtful - there)
        seen = self.verify(INCOMPLETE, "--diff", "list.diff")
        self.assertEqual((seen["settled"], seen["not_invited"], seen["absent"]),
                         (len(doubtful & there), len(doubtful - there), 0))
        self.assertEqual(self.of_outcome("in_doubt"), doubtful - there)
        self.assertEqual(self.of_outcome("invited"), there)
        self.assertEqual(self.marked("!"), doubtful & there)
        self.check_record(sandbox)
        self.check_statuses(sandbox)

    def test_who_failed_and_is_there_is_invited(self):
        lists = Lists()
        unlucky = set(sorted(some_ids(300))[100:200])

        def refuse(call):
            """They took effect, and nothing is known of it."""
            if call.method == "POST" and unlucky & set(call.ids):
                lists.put([member for member in call.ids if member != max(unlucky)])
                return 500, "oh"
        lists.refuse = refuse
        self.server(lists)
        self.a_job(sorted(some_ids(300)))
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2})
        failed = self.of_outcome("failed")
        self.assertEqual(failed, unlucky)
        seen = self.verify(INCOMPLETE, "--diff", "list.diff")
        self.assertEqual((seen["settled"], seen["not_invited"], seen["as_known"]), (99, 1, 200))
        self.assertEqual({self.diff()[COURSE, member] for member in failed - {max(failed)}}, {("!", "failed -> invited")})
        self.assertEqual(self.of_outcome("failed"), {max(unlucky)})
        self.check_books()
        lists.put(unlucky)
        self.verify(OK)
        self.assertEqual(self.tally(), {"invited": 300})

    def test_who_was_rejected_and_is_there_is_invited(self):
        lists = Lists()
        bad = some_ids(20)[0]
        lists.refuse = lambda call: (400, "no") if call.method == "POST" and bad in call.ids else None
        self.server(lists)
        self.a_job(20)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.of_outcome("rejected"), {bad})
        self.assertEqual(self.verify(INCOMPLETE)["not_invited"], 1)
        lists.put([bad])
        seen = self.verify(OK, "--diff", "list.diff")
        self.assertEqual((seen["settled"], self.diff()[COURSE, bad]), (1, ("!", "rejected -> invited")))
        self.assertEqual(self.run_job(OK)["calls"], 0)

    def test_who_is_due_and_was_invited_by_somebody_else_is_asked_for_no_more(self):
        sandbox = self.sandbox()
        ids = self.a_job(300)
        self.run_job(TRY_LATER, "--max-members", 100, settings={"api.connections": 1})
        due = self.of_outcome("pending")
        others = set(sorted(due)[:150])
        self.invite_by_hand(sandbox, others)
        seen = self.verify(INCOMPLETE, "--diff", "list.diff")
        self.assertEqual((seen["settled"], seen["not_invited"]), (len(others), len(due) - len(others)))
        self.assertEqual(self.of_outcome("pending"), due - others)
        self.assertEqual({self.diff()[COURSE, member][1] for member in others}, {"pending -> invited"})
        asked = sandbox.stats["members_asked"]
        self.run_job(OK)
        self.assertEqual(sandbox.stats["members_asked"] - asked, len(due - others))
        self.assertEqual(self.tally(), {"invited": 300})
        self.check_record(sandbox)
        self.verify(OK)

    def test_what_a_killed_run_had_in_flight_is_found(self):
        sandbox = self.sandbox("--latency", "50ms")
        ids = self.a_job(1000, 'chunk_size = 20\non_doubt = "hold"')
        process = self.start("run", "list", settings={"api.connections": 4})
        wait_for(lambda: sandbox.requests > 12, "calls")
        process.kill()
        self.assertTrue(self.open_calls())
        seen = self.verify(INCOMPLETE)
        there = {member for (_, member), theirs in sandbox.members.items() if theirs["invited"]}
        self.assertEqual(self.of_outcome("invited"), there)
        self.check_record(sandbox)
        # Of the calls that were noted and had not left nobody knows: they are held.
        self.convoke("run", *self.words("list")[1:])
        self.expect(OK, "retry", "list")
        self.assertEqual({theirs["asked"] for theirs in sandbox.members.values()}, {1})

    def test_a_job_that_holds_doubts_holds_those_of_a_killed_run_too_that_are_not_there(self):
        """Whoever is in flight at a kill, and on_doubt = "hold": nobody is asked again unless `retry` says so, whether it was
        `run` or `verify` that found the open call."""
        lists = Lists()
        hung = threading.Event()

        def refuse(call):
            if call.method == "POST" and len(server.calls) > 2 and not hung.is_set():
                return "stall"
        lists.refuse = refuse
        server = self.server(lists)
        self.a_job(300, 'on_doubt = "hold"')
        # The script is called under the server's lock, and a stall is outside it.
        process = self.start("run", "list", settings={"api.connections": 1})
        wait_for(lambda: len(server.calls) == 3, "the third call")
        opened = {member for _, member in self.open_calls()}
        process.kill()
        self.assertEqual(len(opened), 100)
        hung.set()
        self.verify(INCOMPLETE)
        calls = len(server.calls)
        self.convoke("run", "list")
        again = opened & {member for call in server.calls[calls:] if call.method == "POST" for member in call.ids}
        self.assertEqual(len(again), 0, "they were held in doubt, and were asked for again by the run that followed")
        self.assertEqual(self.of_outcome("in_doubt"), opened)


class Pages(VerifyWorld):
    def test_wherever_pages_begin_and_however_large_they_may_be_all_are_read(self):
        for members, limit, first, refuse in ((500, 7, 0, False), (500, 7, 1, False), (500, 100, 0, False),
                                              (500, 100, 1, False), (500, 500, 1, False), (499, 500, 0, True),
                                              (500, 100, 1, True), (500, 30, 0, True), (500, 30, 1, True),
                                              (1, 1, 0, False), (2, 1, 1, False), (2, 1, 0, True)):
            with self.subTest(members=members, limit=limit, first=first, refuse=refuse):
                self.remove_ledger()
                sandbox, ids = self.invited(members, "--page-limit", limit, "--first-page", first,
                                            *(["--refuse-large-pages"] if refuse else []))
                changed = self.change(sandbox, "Completed", "1")
                requests = sandbox.requests
                seen = self.verify()
                self.assertEqual((seen["participants"], seen["sure"], seen["changed"], seen["absent"]),
                                 (members, True, changed, 0))
                # Where 1000 entries are refused, 100 are asked for, and then as many as the API likes.
                pages = math.ceil(members / (min(limit, 100) if refuse else limit))
                refused = (1 if limit >= 100 else 2) if refuse else 0
                self.assertLessEqual(sandbox.requests - requests, pages + (1 if first and pages > 1 else 0) + refused)
                self.check_statuses(sandbox)
                sandbox.stop()

    def test_pages_that_get_lost_on_the_way_are_asked_for_again(self):
        faults = "reset:0.05,reset-after:0.05,500:0.05,truncate:0.05,garbage:0.05,login:0.02"
        sandbox, ids = self.invited(2000, "--page-limit", 50, "--faults", faults, "--seed", 3)
        changed = self.change(sandbox, "Started", "6")
        seen = self.verify()
        self.assertGreater(seen["retries"], 0)
        self.assertEqual((seen["participants"], seen["changed"], seen["sure"]), (2000, changed, True))
        self.check_statuses(sandbox)

    def test_no_limit_is_exceeded(self):
        sandbox = self.sandbox("--limits", "20/1s", "--page-limit", 10)
        self.a_job(400)
        limits = {"limits.calls": '["20/1s"]'}
        self.run_job(OK, settings=limits)
        seen = self.verify(OK, settings=limits)
        stats = sandbox.stats
        self.assertEqual((stats["over_limit"], seen["participants"], seen["sure"]), (0, 400, True))
        self.assertNotIn("429", stats["statuses"])
        self.assertGreaterEqual(seen["calls"], 40)


    def test_a_429_is_waited_for(self):
        sandbox = self.sandbox("--limits", "15/1s", "--page-limit", 20)
        self.a_job(400)
        self.run_job(OK)
        seen = self.verify(OK)
        self.assertIn("429", sandbox.stats["statuses"])
        self.assertEqual((seen["participants"], seen["sure"]), (400, True))

    def test_where_the_quota_ends_it_stops_and_goes_on_there(self):
        sandbox, ids = self.invited(400, "--page-limit", 20)  # 4 calls
        requests = sandbox.requests
        seen = self.verify(TRY_LATER, settings={"limits.calls": '["14/1h"]'})
        self.assertEqual((seen["calls"], sandbox.requests - requests), (10, 10))
        self.assertIsNotNone(seen["next_call"])
        self.assertEqual(seen["unread"][0]["total"], 400)
        seen = self.verify(OK)
        self.assertEqual((seen["calls"], seen["participants"], seen["sure"]), (11, 400, True))


class SeveralCourses(VerifyWorld):
    COURSES = ["one", "two", "three", "four"]

    def a_job_of_courses(self, each=60):
        pairs = [(course, member) for course in self.COURSES for member in some_ids(each, course)]
        # Somebody is in all of them.
        pairs += [(course, member) for course in self.COURSES for member in some_ids(5, "everywhere")]
        self.write_list([f"{member},{course}" for course, member in pairs], header="spotMemberId,course")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "spotMemberId"\ncourse_column = "course"')
        return set(pairs)

    def test_each_is_held_against_its_own_list(self):
        sandbox = self.sandbox("--page-limit", 20)
        pairs = self.a_job_of_courses()
        self.run_job(OK)
        self.change(sandbox, "Started", course="two")
        gone = some_ids(5, "everywhere")[0]
        self.change(sandbox, "removed", gone, "three")
        self.invite_by_hand(sandbox, some_ids(7, "more"), "four")
        seen = self.verify(INCOMPLETE, "--diff", "list.diff", "--extra")
        by_course = {course["course_id"]: tuple(course[figure] for figure in FIGURES) for course in seen["courses"]}
        self.assertEqual(by_course, {"one": (65, 0, 0, 0, 0, 0), "two": (0, 65, 0, 0, 0, 0), "three": (64, 0, 0, 1, 0, 0),
                                     "four": (65, 0, 0, 0, 0, 7)})
        self.assertEqual({key for key, (mark, _) in self.diff().items() if mark == "-"}, {("three", gone)})
        self.assertEqual(self.diff().keys() & pairs, pairs)
        self.check_statuses(sandbox)

    def test_one_that_is_gone_holds_up_none_of_the_others(self):
        lists = Lists(size=20)
        server = self.server(lists)
        pairs = self.a_job_of_courses()
        self.run_job(OK)
        lists.refuse = lambda call: (404, '{"message":"course not found"}') if call.course == "two" else None
        for course in ("one", "three"):
            lists.put(list(lists.courses[course]), "Completed", course)
        before = {row for row in self.everything() if row[1] == "two"}
        for _ in range(2):
            seen = self.verify(BAD_CONFIG, "--diff", "list.diff")
            self.assertEqual(seen["stopped_by"], "course_refused")
            self.assertIn("two", seen["message"])
            self.assertEqual({course["course_id"] for course in seen["courses"]}, {"one", "three", "four"})
            self.assertEqual([course["course_id"] for course in seen["unread"]], ["two"])
            self.assertFalse(seen["sure"])
            self.assertEqual({row for row in self.everything() if row[1] == "two"}, before)
            self.assertEqual(self.statuses(), {(course, member): "Completed" if course in ("one", "three") else "Invited"
                                               for course, member in pairs})
            self.assertEqual({course for course, _ in self.diff()}, {"one", "three", "four"})
        lists.refuse = lambda call: None
        self.assertTrue(self.verify(OK)["sure"])

    def test_killed_each_goes_on_at_its_own_page(self):
        sandbox = self.sandbox("--page-limit", 5, "--latency", "20ms..40ms")
        pairs = self.a_job_of_courses(95)
        self.run_job(OK)
        requests = sandbox.requests
        process = self.start(*self.words("list", settings={"api.connections": 4}))
        wait_for(lambda: sandbox.requests >= requests + 40, "pages")
        process.kill()
        answered = self.query("SELECT count(*) FROM calls WHERE step = 'verify' AND http_status = 200")[0][0]
        self.assertGreater(answered, 20)
        seen = self.verify(OK)
        self.assertEqual((seen["as_known"], seen["sure"], seen["calls"]), (len(pairs), True, 4 * (20 + 1) - answered))
        self.assertLessEqual(sandbox.requests - requests, 4 * (20 + 1) + 4)

    def test_one_that_vanishes_while_it_is_read_is_gone_and_nobody_is_missed(self):
        lists = Lists(size=20)
        self.server(lists)
        self.a_job_of_courses()
        self.run_job(OK)
        before = self.everything()
        lists.refuse = lambda call: (404, "{}") if call.course == "two" and lists.asked.get("two", 0) == 2 else None
        seen = self.verify(BAD_CONFIG)
        self.assertEqual((seen["stopped_by"], seen["absent"]), ("course_refused", 0))
        self.assertEqual(self.everything(), before)

    def test_a_course_that_nobody_of_the_list_is_in_any_more_may_be_gone(self):
        lists = Lists()
        self.server(lists)
        self.a_job_of_courses()
        self.run_job(OK)
        self.COURSES = self.COURSES[:3]
        self.a_job_of_courses()
        self.run_job(OK, "--accept-shrunk")
        lists.refuse = lambda call: (404, "{}") if call.course == "four" else None
        self.assertTrue(self.verify(OK)["sure"])

    def test_a_course_is_a_segment_of_the_path_whatever_stands_in_it(self):
        self.COURSES = ["a/b?page=7#c", "ä ö%41", "..", "a&limit=1"]
        sandbox = self.sandbox("--page-limit", 20)
        pairs = self.a_job_of_courses()
        self.run_job(OK)
        seen = self.verify(OK)
        self.assertEqual({course["course_id"] for course in seen["courses"]}, set(self.COURSES))
        self.assertEqual((seen["as_known"], seen["sure"]), (len(pairs), True))


class Refused(VerifyWorld):
    def test_what_is_no_course_has_no_list_and_that_is_said(self):
        sandbox = self.sandbox()
        for kind in ("learning_path", "channel"):
            with self.subTest(kind):
                self.write_list(some_ids(5, kind), f"{kind}.csv")
                (self.folder / "jobs" / f"{kind}.toml").write_text(f'{kind} = "x"\n[source]\ncsv = "../{kind}.csv"\n')
                self.run_job(OK, job=kind)
                requests = sandbox.requests
                result = self.expect(BAD_CONFIG, *self.words(kind))
                self.assertIn(f"error: verify: {kind}", result.err)
                self.assertIn("no course", result.err)
                self.assertIn("try: ", result.err)
                seen = self.expect(BAD_CONFIG, *self.words(kind, "--json")).json
                self.assertEqual(seen["exit_code"], BAD_CONFIG)
                self.assertIn("no course", seen["verifications"][0]["message"])
                self.assertEqual(sandbox.requests, requests)

    def test_an_api_that_says_no_changes_nothing(self):
        lists, _, ids = self.listed(250)
        before = self.everything()
        for status, exit_code in ((404, BAD_CONFIG), (401, KEY_REFUSED), (403, KEY_REFUSED), (402, KEY_REFUSED),
                                  (302, BAD_CONFIG), (400, BAD_CONFIG)):
            with self.subTest(status):
                lists.refuse = lambda call: (status, '{"message":"it will not"}')
                seen = self.verify(exit_code, settings={"retry.patience": '"1s"'})
                self.assertNotEqual(seen["stopped_by"], None)
                self.assertFalse(seen["sure"])
                self.assertEqual(self.everything(), before)
        lists.refuse = lambda call: None
        self.assertTrue(self.verify(OK)["sure"])

    def test_an_api_that_is_down_is_waited_for_and_no_longer_than_the_patience(self):
        sandbox, _ = self.invited(50)
        before = self.everything()
        sandbox.stop()
        began = time.monotonic()
        seen = self.verify(UNAVAILABLE, "--diff", "list.diff", settings={"retry.patience": '"500ms"'})
        self.assertGreater(time.monotonic() - began, 0.4)
        self.assertEqual(seen["stopped_by"], "api_unavailable")
        self.assertEqual(self.everything(), before)
        self.assertEqual([path.name for path in self.folder.glob("list.diff*")], [])

    def test_a_page_that_is_never_answered_is_given_up_and_the_next_goes_on_there(self):
        lists, server, ids = self.listed(1000, size=100)
        lists.refuse = lambda call: (500, "oh") if "page=6" in call.path else None
        before = self.everything()
        seen = self.verify(UNAVAILABLE, settings={"retry.patience": '"1s"', "retry.attempts": 3})
        self.assertEqual([(course["course_id"], course["read"], course["total"]) for course in seen["unread"]],
                         [(COURSE, 500, 1000)])
        self.assertEqual((seen["absent"], self.everything()), (0, before))
        lists.refuse = lambda call: None
        calls = len(server.calls)
        seen = self.verify(OK)
        self.assertEqual((seen["participants"], seen["sure"], len(server.calls) - calls), (1000, True, 5))

    def test_a_job_that_was_never_run_is_not_known(self):
        self.invited(3)
        result = self.expect(NO_INPUT, *self.words("lits"))
        self.assertIn("did you mean list?", result.err)

    def test_another_api_s_ledger_is_refused(self):
        self.invited(3)
        self.url = f"http://127.0.0.1:{unused_port()}"
        self.assertIn("base_url", self.expect(BAD_CONFIG, *self.words("list")).err)

    def test_several_jobs_are_verified_one_after_the_other_and_share_no_diff(self):
        sandbox = self.sandbox()
        for name in ("one", "two"):
            self.a_job(some_ids(20, name), name=name)
            self.run_job(OK, job=name)
        for member in some_ids(20, "two")[:3]:
            self.change(sandbox, "removed", member)
        result = self.expect(NO_INPUT, *self.words("one", "nobody", "two", "--quiet"))
        self.assertIn("nobody", result.err)
        self.assertRegex(result.out, "^two: 3 members")
        result = self.convoke(*self.words("one", "two", "--json"))
        self.assertEqual([(seen["job"], seen["exit_code"], seen["as_known"], seen["absent"], seen["extra"])
                          for seen in result.json["verifications"]], [("one", 0, 20, 0, 17), ("two", 1, 17, 3, 20)])
        self.assertIn("--diff", self.expect(USAGE, *self.words("one", "two", "--diff", "x.diff")).err)


class OneAtATime(VerifyWorld):
    def test_a_run_and_a_verify_of_one_job_exclude_each_other(self):
        sandbox = self.sandbox("--latency", "200ms", "--page-limit", 50)
        self.a_job(250, "chunk_size = 50")
        self.a_job(some_ids(5, "other"), name="other")
        slow = {"api.connections": 1}
        process = self.start("run", "list", "--json", settings=slow)
        wait_for(lambda: sandbox.requests > 0, "a call")
        seen = self.verify(TRY_LATER)
        self.assertIn("is running", seen["message"] + self.result.err)
        self.assertEqual(seen["calls"], 0)
        self.assertEqual(process.finish().exit, OK)
        requests = sandbox.requests
        process = self.start(*self.words("list", "--json"))
        wait_for(lambda: sandbox.requests > requests, "a page")
        self.run_job(TRY_LATER)
        self.verify(TRY_LATER)
        # Another job is another matter.
        self.run_job(OK, job="other")
        result = process.finish()
        self.assertEqual(result.exit, OK, str(result))
        self.assertTrue(result.json["verifications"][0]["sure"])


class Interrupted(VerifyWorld):
    MEMBERS, SIZE = 1000, 20

    def interrupt(self, how, pages=20):
        """In the middle of the pages. Returns the sandbox, the ids, and its requests before it began."""
        sandbox, ids = self.invited(self.MEMBERS, "--page-limit", self.SIZE, "--latency", "15ms")
        self.changed = self.change(sandbox, "Started", "2")
        self.gone = {member for member in ids if member[0] == "3"}
        self.change(sandbox, "removed", "3")
        self.before = self.everything()
        requests = sandbox.requests
        process = self.start(*self.words("list", "--json", "--diff", "list.diff"))
        wait_for(lambda: sandbox.requests >= requests + pages, "pages")
        how(process)
        return sandbox, ids, requests

    def pages(self):
        # The first is asked for without a number, too.
        return math.ceil((self.MEMBERS - len(self.gone)) / self.SIZE) + 1

    def check_found(self, seen, ids):
        self.assertEqual((seen["participants"], seen["sure"], seen["changed"], seen["absent"], seen["extra"]),
                         (self.MEMBERS - len(self.gone), True, self.changed, len(self.gone), 0))
        self.assertEqual({member: found for (_, member), found in self.diff().items()},
                         {member: ("-", None) if member in self.gone else
                          ("!", "Invited -> Started") if member[0] == "2" else ("=", None) for member in ids})

    def test_killed_it_goes_on_at_the_page_it_had_come_to_and_finds_the_same(self):
        sandbox, ids, requests = self.interrupt(lambda process: process.kill())
        self.assertEqual(self.everything(), self.before)
        answered = self.query("SELECT count(*) FROM calls WHERE step = 'verify' AND http_status = 200")[0][0]
        self.assertGreaterEqual(answered, 15)
        sent = sandbox.requests - requests
        self.assertLessEqual(sent - answered, 1)
        seen = self.verify(INCOMPLETE, "--diff", "list.diff")
        self.assertEqual(seen["calls"], self.pages() - answered)
        self.assertEqual(self.pages_called(seen["run_id"]), seen["calls"])
        self.assertEqual(sandbox.requests - requests, sent + seen["calls"])
        self.check_found(seen, ids)
        self.check_statuses(sandbox)
        # And the next one begins anew.
        self.assertEqual(self.verify(INCOMPLETE)["calls"], self.pages())

    def test_killed_again_and_again_it_comes_to_its_end_all_the_same(self):
        sandbox, ids, requests = self.interrupt(lambda process: process.kill(), 5)
        for pages in (3, 8, 1, 6):
            before = sandbox.requests
            process = self.start(*self.words("list", "--json"))
            wait_for(lambda: sandbox.requests >= before + pages or not process.running, "pages")
            self.assertTrue(process.running)
            process.kill()
            self.assertEqual(self.everything(), self.before)
        seen = self.verify(INCOMPLETE, "--diff", "list.diff")
        self.check_found(seen, ids)
        self.assertLessEqual(sandbox.requests - requests, self.pages() + 5)
        self.check_statuses(sandbox)

    def test_stopped_by_a_signal_it_says_so_and_goes_on_where_it_was(self):
        ends = []

        def stop(process):
            process.signal(signal.SIGTERM)
            ends.append(process.finish())
        sandbox, ids, requests = self.interrupt(stop)
        (result,) = ends
        self.assertEqual(result.exit, TRY_LATER, str(result))
        (stopped,) = result.json["verifications"]
        self.assertEqual(stopped["stopped_by"], "signal")
        self.assertEqual([course["course_id"] for course in stopped["unread"]], [COURSE])
        self.assertFalse(stopped["sure"])
        self.assertEqual(self.everything(), self.before)
        self.assertEqual([path.name for path in self.folder.glob("list.diff*")], [])
        seen = self.verify(INCOMPLETE, "--diff", "list.diff")
        self.assertEqual(seen["calls"] + stopped["calls"], self.pages())
        self.check_found(seen, ids)
        self.assertEqual(self.query("SELECT command, exit_code FROM runs ORDER BY run_id DESC LIMIT 2"),
                         [("verify", INCOMPLETE), ("verify", TRY_LATER)])

    def test_a_run_in_between_makes_it_begin_anew(self):
        sandbox, ids, _ = self.interrupt(lambda process: process.kill())
        more = some_ids(50, "more")
        self.a_job(ids + more)
        self.run_job(OK)
        seen = self.verify(INCOMPLETE)
        self.assertEqual((seen["participants"], seen["absent"], seen["sure"]),
                         (self.MEMBERS + 50 - len(self.gone), len(self.gone), True))
        self.assertGreaterEqual(seen["calls"], self.pages() + 2)
        self.check_statuses(sandbox)

    def test_a_retry_in_between_makes_it_begin_anew_too(self):
        sandbox, ids, _ = self.interrupt(lambda process: process.kill())
        self.expect(OK, "retry", "list")
        self.assertEqual(self.verify(INCOMPLETE)["calls"], self.pages())


class ListsThatMove(VerifyWorld):
    def test_one_that_moves_once_is_read_again_and_then_it_is_sure(self):
        lists, _, ids = self.listed(1000)
        newcomers = some_ids(5, "new")

        def page(entries, number, size, asked):
            if 3 <= asked < 8:  # at the head, so that all that follow are a place further on
                new = newcomers[asked - 3]
                lists.courses[COURSE] = {new: participant(new), **lists.courses[COURSE]}
            return page_of(list(lists.courses[COURSE].values()), number, size)
        lists.page = page
        seen = self.verify(OK)
        self.assertEqual((seen["sure"], seen["absent"], seen["as_known"], seen["extra"]), (True, 0, 1000, 5))
        self.assertEqual(seen["courses"][0]["passes"], 2)

    def test_one_that_never_rests_is_not_sure_and_the_union_of_what_was_read(self):
        """From the head some are taken away while it is read, so that others are on no page."""
        lists, server, ids = self.listed(1000)
        others = some_ids(2000, "other")
        lists.courses[COURSE] = {**{other: participant(other) for other in others}, **lists.courses[COURSE]}

        def page(entries, number, size, asked):
            del lists.courses[COURSE][others.pop(0)]
            return page_of(list(lists.courses[COURSE].values()), number, size)
        lists.page = page
        before = self.everything()
        seen = self.verify(OK)
        (course,) = seen["courses"]
        self.assertEqual((seen["sure"], course["passes"], seen["absent"], seen["as_known"]), (False, 3, 0, 1000))
        self.assertEqual(self.everything(), before)
        lists.page = None
        self.assertTrue(self.verify(OK)["sure"])

    def test_one_that_never_rests_is_said_to_be_so_in_words(self):
        lists, _, _ = self.listed(300)

        def page(entries, number, size, asked):
            lists.put(some_ids(1, f"new{asked}"))
            return page_of(list(lists.courses[COURSE].values()), number, size)
        lists.page = page
        result = self.expect(OK, *self.words("list"))
        self.assertIn("not sure", result.out)
        self.assertIn("read 3 times", result.out)


class OddLists(VerifyWorld):
    def test_a_server_that_ignores_the_page_is_not_asked_for_ever(self):
        lists, server, ids = self.listed(300)
        lists.page = lambda entries, number, size, asked: page_of(entries, 0, size)
        before = self.everything()
        seen = self.verify(INCOMPLETE, "--diff", "list.diff")
        self.assertEqual((seen["sure"], seen["as_known"], seen["absent"], seen["courses"][0]["total"]), (False, 100, 200, 300))
        self.assertLess(len(server.calls), 3 + 3 * 4 + 1)
        self.assertEqual(self.everything(), before)
        self.assertIn("not sure: the API counts 300", self.expect(INCOMPLETE, *self.words("list")).out)

    def test_a_list_without_a_total_is_read_to_its_end_and_is_not_sure(self):
        lists, server, ids = self.listed(350)
        for total in (None, "350", -1, 1.5, 1e300, [350], {}):
            with self.subTest(total=total):
                lists.page = lambda entries, number, size, asked: page_of(entries, number, size, total=total)
                seen = self.verify(OK)
                self.assertEqual((seen["sure"], seen["as_known"], seen["absent"], seen["courses"][0]["total"]),
                                 (False, 350, 0, None))
        self.assertIn("the API does not say how many there are", self.expect(OK, *self.words("list")).out)

    def test_a_total_that_is_wrong_is_not_believed(self):
        lists, _, ids = self.listed(350)
        before = self.everything()
        for total in (349, 351, 10_000, 2**61, 2**62, 2**63 - 1):
            with self.subTest(total=total):
                lists.page = lambda entries, number, size, asked: page_of(entries, number, size, total=total)
                seen = self.verify(OK)
                self.assertEqual((seen["sure"], seen["as_known"], seen["absent"]), (False, 350, 0))
                self.assertEqual(self.everything(), before)

    def test_totals_that_add_up_to_more_than_a_number_holds_are_no_negative_number(self):
        lists = Lists()
        self.server(lists)
        self.write_list([f"{member},{course}" for course in "abc" for member in some_ids(3, course)],
                        header="spotMemberId,course")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "spotMemberId"\ncourse_column = "course"')
        self.run_job(OK)
        lists.page = lambda entries, number, size, asked: page_of(entries, number, size, total=2**62)
        self.assertNotRegex(self.expect(OK, *self.words("list")).out, r"-\d+,\d")

    def test_a_total_that_the_first_page_belies_alarms_nobody(self):
        lists, _, ids = self.listed(350)
        for total in (0, 1, 99):
            with self.subTest(total=total):
                lists.page = lambda entries, number, size, asked: page_of(entries, number, size, total=total)
                seen = self.verify(OK)
                self.assertEqual((seen["sure"], seen["as_known"], seen["absent"]), (False, 350, 0))

    def test_a_total_that_moves_while_it_is_read_is_not_sure(self):
        lists, _, ids = self.listed(350)
        lists.page = lambda entries, number, size, asked: page_of(entries, number, size, total=350 if number else 351)
        self.assertFalse(self.verify(OK)["sure"])

    def test_pages_of_which_some_are_empty_or_short_before_the_end_are_all_read(self):
        lists, _, ids = self.listed(350)
        lists.page = lambda entries, number, size, asked: page_of(entries, number, 1 + 0 * size)
        self.assertTrue(self.verify(OK)["sure"])

    def test_a_list_that_always_has_new_people_ends(self):
        """The total is always a little more than what was shown."""
        lists, server, ids = self.listed(100)
        def page(entries, number, size, asked):
            new = ",".join(f'{{"spotMemberId":"{asked:08x}-0000-4000-8000-{n:012x}","status":"Invited"}}' for n in range(1000))
            return 200, f'{{"items":[{new}],"total":{(number + 3) * 1000}}}'
        lists.page = page
        before = self.everything()
        seen = self.verify(INCOMPLETE)
        self.assertEqual((seen["sure"], seen["absent"]), (False, 100))
        self.assertLess(len(server.calls), 400)
        self.assertEqual(self.everything(), before)

    def test_a_list_of_two_pages_in_turn_and_no_total_ends(self):
        lists, server, ids = self.listed(200)
        lists.page = lambda entries, number, size, asked: (200, json.dumps({"items": entries[asked % 2 * 100:][:100]}))
        process = self.start(*self.words("list", "--json"))
        wait_for(lambda: not process.running or len(server.calls) > 300, "its end, or hundreds of pages")
        running = process.running
        process.kill()
        self.assertFalse(running, "hundreds of pages, on which nobody was new after the second")

    def test_an_answer_that_is_no_page_is_given_up_and_changes_nothing(self):
        lists, _, ids = self.listed(150)
        before = self.everything()
        entry = json.dumps(participant(ids[0]))
        for body in ("", "<html><body>busy</body></html>", "{}", "[]", "null", '{"items":null}', '{"items":{}}',
                     '{"items":[1]}', '{"items":[[]]}', f'{{"items":[{entry}', f'{{"items":[{entry}]}} x',
                     f'{{"items":[{entry},]}}', "[" * 5000, '{"items":' * 2000, f'[{entry}]', b"\xff\xfe\x00", "\x00" * 100):
            with self.subTest(body[:60]):
                lists.refuse = lambda call: (200, body)
                seen = self.verify(self.exit_of_no_page(body), settings=IMPATIENT)
                self.assertNotEqual(seen["stopped_by"], None)
                self.assertFalse(seen["sure"])
                self.assertEqual(seen["absent"], 0)
                self.assertEqual(self.everything(), before)
        lists.refuse = lambda call: None
        self.assertTrue(self.verify(OK)["sure"])

    def exit_of_no_page(self, body):
        """A page for people is what stands in the API's place, which only a change of config mends."""
        is_page = isinstance(body, str) and body.startswith("<")
        return BAD_CONFIG if is_page else UNAVAILABLE

    def test_a_204_and_other_statuses_are_no_page(self):
        lists, _, ids = self.listed(150)
        before = self.everything()
        for status in (201, 202, 204, 206, 207, 418, 500, 503, 599):
            with self.subTest(status):
                lists.refuse = lambda call: (status, "" if status == 204 else '{"items":[],"total":0}')
                result = self.convoke(*self.words("list", "--json", settings=IMPATIENT))
                self.assertIn(result.exit, (UNAVAILABLE, BAD_CONFIG), str(result))
                self.assertEqual(result.json["verifications"][0]["absent"], 0)
                self.assertEqual(self.everything(), before)

    def test_another_course_s_participants_are_nobody_s(self):
        lists, _, ids = self.listed(250)
        before = self.everything()
        entries = [participant(member, "Completed", "another") for member in ids]
        lists.page = lambda _, number, size, asked: page_of(entries, number, size)
        seen = self.verify(INCOMPLETE)
        self.assertEqual((seen["participants"], seen["absent"], seen["extra"], seen["changed"]), (0, 250, 0, 0))
        self.assertEqual(seen["courses"][0]["foreign"], 250)
        self.assertEqual(self.everything(), before)
        self.assertIn("of another course", self.expect(INCOMPLETE, *self.words("list")).out)

    def test_entries_that_name_nobody_are_counted_and_are_nobody(self):
        lists, _, ids = self.listed(250)
        before = self.everything()
        nobody = [{**participant(ids[0], "Completed"), "spotMemberId": odd}
                  for odd in (None, 7, "", "no-id", ids[0] + "0", ids[0][:-1], [ids[0]], {"id": ids[0]})]
        nobody += [{}, {"spotmemberid": ids[0], "status": "Completed"}]
        entries = list(lists.courses[COURSE].values()) + nobody
        lists.page = lambda _, number, size, asked: page_of(entries, number, size)
        seen = self.verify(OK)
        self.assertEqual((seen["as_known"], seen["absent"], seen["extra"], seen["changed"]), (250, 0, 0, 0))
        self.assertEqual(seen["courses"][0]["unreadable"], len(nobody))
        self.assertEqual(self.everything(), before)
        self.assertIn("unreadable", self.expect(OK, *self.words("list")).out)

    def test_pages_full_of_entries_that_name_nobody_do_not_hide_who_follows(self):
        lists, _, ids = self.listed(100)
        entries = [{"spotMemberId": None} for _ in range(300)] + list(lists.courses[COURSE].values())
        lists.page = lambda _, number, size, asked: page_of(entries, number, size)
        seen = self.verify(OK)
        self.assertEqual((seen["as_known"], seen["absent"]), (100, 0))
        self.assertGreaterEqual(seen["courses"][0]["unreadable"], 300, "(one such page is like another)")

    def test_who_stands_there_twice_is_one_and_it_is_not_sure(self):
        lists, _, ids = self.listed(250)
        entries = list(lists.courses[COURSE].values())
        lists.page = lambda _, number, size, asked: page_of(entries + entries[:3], number, size)
        seen = self.verify(OK)
        self.assertEqual((seen["participants"], seen["as_known"], seen["sure"]), (250, 250, False))

    def test_a_status_that_is_not_known_is_a_status(self):
        lists, _, ids = self.listed(150)
        lists.put(ids, "Graduated")
        seen = self.verify(OK)
        self.assertEqual((seen["changed"], seen["courses"][0]["statuses"]), (150, {"Graduated": 150}))

    def test_the_table_is_short_whatever_the_statuses_are(self):
        lists, _, ids = self.listed(1000)
        for n, member in enumerate(ids):
            lists.put([member], f"status {n}")
        result = self.expect(OK, *self.words("list"))
        self.assertLess(len(result.out.splitlines()), 60, result.out[:500])

    def test_statuses_that_look_like_json_are_what_they_are(self):
        lists, _, ids = self.listed(6)
        odd = dict(zip(ids, ['[1]', '["x"]', "null", '"', "\\", "{}"]))
        for member, status in odd.items():
            lists.put([member], status)
        self.assertEqual(self.verify(OK)["changed"], 6)
        self.assertEqual({member: status for (_, member), status in self.statuses().items()}, odd)
        self.assertEqual(self.verify(OK)["changed"], 0)
        for status in odd.values():
            lists.put(ids, status)
            self.verify(OK)
            self.assertEqual(set(self.statuses().values()), {status})

    def test_a_status_of_a_wrong_type_is_none(self):
        lists, _, ids = self.listed(150)
        for status in (7, None, ["x"], {"a": 1}):
            with self.subTest(status=status):
                lists.put(ids, "Started")
                self.verify(OK)
                lists.put(ids, status)
                seen = self.verify(OK)
                self.assertEqual((seen["as_known"] + seen["changed"], seen["absent"], seen["sure"]), (150, 0, True))
                self.assertEqual(self.tally(), {"invited": 150})

    def test_what_others_write_never_acts_on_a_terminal(self):
        evil = "\x1b]0;owned\x07\x1b[2J\u202e\u009b31m\r\nStarted\tx"
        lists = Lists()
        self.server(lists)
        ids = some_ids(4)
        # (A list may have a course that is no text for a terminal.)
        course = "c\x1b[31m\u202ed"
        self.write_list([f'{member},"{course if n % 2 else "fine"}"' for n, member in enumerate(ids)],
                        header="spotMemberId,course")
        self.write_job(course=None, source='csv = "../list.csv"\nmember_column = "spotMemberId"\ncourse_column = "course"')
        self.run_job(OK)
        self.assertEqual(lists.courses.keys(), {"fine", course})
        for its in list(lists.courses):
            lists.put(list(lists.courses[its]), evil, its)
        lists.put(some_ids(3, "more"), evil, "fine")
        results = [self.convoke(*self.words("list", *args)) for args in
                   (["--diff", "list.diff", "--extra"], ["-v"], ["--json", "--extra"])]
        self.assertIn(results[0].exit, (OK, INCOMPLETE), str(results[0]))
        lists.refuse = lambda call: (404, json.dumps({"message": evil}))
        results.append(self.convoke(*self.words("list", "-v")))
        lists.refuse = lambda call: (500, evil)
        results.append(self.convoke(*self.words("list", settings={"retry.patience": '"200ms"', "retry.attempts": 1})))
        results.append(self.convoke("status", "list"))
        results.append(self.convoke("why", "list", ids[0]))
        for text in [text for result in results for text in (result.out, result.err)] + [(self.folder / "list.diff").read_text()]:
            for character in text:
                self.assertTrue(character in "\n\t" or (character.isprintable() and character != "\u202e"),
                                f"{character!r} in {text!r}")
        for line in (self.folder / "list.diff").read_text().splitlines():
            self.assertIn(len(line.split("\t")), (3, 4), line)


class Secrets(VerifyWorld):
    def check_nowhere(self, *results):
        words = [word.lower().encode() for word in (NAME, SURNAME, MAILBOX)]
        files = [path for path in self.folder.iterdir() if path.name.startswith("convoke") or path.suffix == ".diff"]
        self.assertIn(self.ledger, files)
        for what, data in [(str(result.command), result.raw_out + result.raw_err) for result in results] + \
                          [(path.name, path.read_bytes()) for path in files]:
            for word in words:
                self.assertNotIn(word, data.lower(), f"{word} stands in {what}")

    def test_names_and_addresses_of_participants_stay_nowhere(self):
        lists, server, ids = self.listed(400, size=50)
        lists.put(some_ids(40, "more"))
        lists.put(ids, "Completed")
        # Neither in what is kept between pages,
        lists.refuse = lambda call: "stall" if "page=4" in call.path else None
        process = self.start(*self.words("list", "-v"))
        wait_for(lambda: any("page=4" in call.path for call in server.calls), "pages")
        self.check_nowhere()
        process.kill()
        self.check_nowhere()
        # nor in what comes of them.
        lists.refuse = lambda call: None
        results = [self.expect(OK, *self.words("list", *args)) for args in
                   (["-v", "--diff", "list.diff", "--extra"], ["--json", "--extra"])]
        results.append(self.convoke("why", "list", ids[0]))
        self.check_nowhere(*results)

    def test_with_keep_profile_they_are_in_the_ledger_and_in_no_output(self):
        lists, server, ids = self.listed(150)
        keep = {"ledger.keep_profile": "true"}
        results = [self.expect(OK, *self.words("list", *args, settings=keep)) for args in
                   (["-v", "--diff", "list.diff", "--extra"], ["--json", "--extra"])]
        profiles = {member: json.loads(profile) for member, profile in
                    self.query("SELECT spot_member_id, participant_profile FROM outcomes")}
        self.assertEqual(profiles, {member: {"spotMemberEmail": f"{MAILBOX}-{member[:8]}@example.org",
                                             "spotMemberFirstname": NAME, "spotMemberLastname": SURNAME} for member in ids})
        for result in results:
            self.assertNotIn(NAME, result.out + result.err)
        self.assertNotIn(NAME, (self.folder / "list.diff").read_text())

    def test_the_key_is_nowhere(self):
        lists, _, _ = self.listed(150)
        result = self.expect(OK, *self.words("list", "-v", "--diff", "list.diff"))
        lists.refuse = lambda call: (401, json.dumps({"message": f"no such key: {KEY}"}))
        refused = self.expect(KEY_REFUSED, *self.words("list", "-v"))
        for text in (result.out, result.err, refused.out, refused.err):
            self.assertNotIn(KEY, text)
        for path in self.folder.iterdir():
            if path.is_file():
                self.assertNotIn(KEY.encode(), path.read_bytes(), path.name)


class TheFile(VerifyWorld):
    def test_where_it_cannot_be_written_nothing_is_asked_and_the_ledger_is_as_before(self):
        sandbox, _ = self.invited(200)
        self.change(sandbox, "Started")
        before, requests = self.everything(), sandbox.requests
        result = self.expect(DISK, *self.words("list", "--diff", "no/such/folder/list.diff"))
        self.assertIn("no/such/folder", result.err)
        self.assertEqual((self.everything(), sandbox.requests), (before, requests))
        self.assertEqual(self.verify(OK)["changed"], 200)

    def test_a_folder_that_vanishes_meanwhile_changes_nothing_and_it_goes_on(self):
        lists, server, ids = self.listed(300)
        lists.put(ids, "Started")
        (self.folder / "out").mkdir()
        before = self.everything()

        def page(entries, number, size, asked):
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            return page_of(entries, number, size)
        lists.page = page
        result = self.expect(DISK, *self.words("list", "--diff", "out/list.diff"))
        self.assertIn("out/list.diff", result.err)
        self.assertEqual(self.everything(), before)
        calls = len(server.calls)
        self.assertEqual(self.verify(OK, "--diff", "list.diff")["changed"], 300)
        self.assertLessEqual(len(server.calls), calls + 4)
        self.assertEqual({mark for mark, _ in self.diff().values()}, {"!"})

    def test_what_was_read_before_that_is_not_said_to_be_so_now(self):
        """All was read, and could not be written; then some are removed."""
        lists, server, ids = self.listed(300)
        (self.folder / "out").mkdir()

        def page(entries, number, size, asked):
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            return page_of(entries, number, size)
        lists.page = page
        self.expect(DISK, *self.words("list", "--diff", "out/list.diff"))
        for member in ids[:50]:
            del lists.courses[COURSE][member]
        with contextlib.closing(sqlite3.connect(self.ledger)) as database:  # a quarter of an hour goes by
            database.execute("UPDATE paging SET read_at = read_at - 900000")
            database.commit()
        result = self.convoke(*self.words("list", "--json"))
        (seen,) = result.json["verifications"]
        self.assertFalse(seen["sure"] and seen["absent"] == 0, f"50 are gone, and it is sure that none is: {result}")

    def test_a_file_that_is_too_large_for_the_disk_changes_nothing(self):
        sandbox, ids = self.invited(5000)
        self.change(sandbox, "Started")
        self.verify(OK)
        self.change(sandbox, "Completed")
        before = self.everything()

        def small_files():
            # Larger than the ledger's files, and smaller than the lines: a disk that is full.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (128 << 10, 128 << 10))
        result = self.convoke(*self.words("list", "--diff", "list.diff"), preexec=small_files)
        self.assertEqual(result.exit, DISK, str(result))
        self.assertEqual(self.everything(), before)
        self.assertEqual([path.name for path in self.folder.glob("list.diff*")], [])
        self.assertEqual(self.verify(OK, "--diff", "list.diff")["changed"], 5000)

    def test_it_takes_the_place_of_nothing_but_a_list_of_differences(self):
        sandbox, ids = self.invited(20)
        requests = sandbox.requests
        (self.folder / "notes.txt").write_text("not ours\n")
        for name in ("list.csv", "jobs/list.toml", "config.toml", "convoke.db", "convoke.db-wal", "notes.txt"):
            with self.subTest(name):
                path = self.folder / name
                if name == "config.toml":
                    path.write_text("[api]\n")
                data = path.read_bytes() if path.exists() else None
                self.expect(BAD_CONFIG, *self.words("list", "--diff", name))
                if data is not None and not name.startswith("convoke"):
                    self.assertEqual(path.read_bytes(), data)
        self.expect(USAGE, *self.words("list", "--diff", "jobs"))
        self.expect(USAGE, *self.words("list", "--diff", "/dev/full"))
        self.assertEqual(sandbox.requests, requests)
        self.assertEqual(self.tally(), {"invited": 20})
        for _ in range(2):
            self.verify(OK, "--diff", "list.diff")
        self.assertEqual(self.marked("="), set(ids))


if __name__ == "__main__":
    unittest.main()
