"""kill -9 at random moments, loading and sending: the next run settles the rest without repair, no answer that was
recorded is lost, and nobody is asked again but those of a call that was open at a kill. Of a list of addresses, nobody is
made a member twice either.

As a program (scripts/kill-test) it does the same with more kills and members, and prints what happened:
    test_kill.py [--addresses] KILLS MEMBERS [SEED]
CONVOKE_KILLS is how many the test suite does."""
import sys
import unittest

from addresses import *

KILLS = int(os.environ.get("CONVOKE_KILLS", "10"))
SEED = int(os.environ.get("CONVOKE_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
EARLY_TABLES = ("no such table", "unable to open database file")


class KillTest(AddressWorld):
    def settled(self):
        """{(course, member): outcome} of those that the ledger calls settled; nothing if it is not even made yet."""
        try:
            rows = self.query("SELECT course_id, spot_member_id, outcome FROM outcomes "
                              "WHERE outcome <> 'pending' AND spot_member_id IS NOT NULL")
        except sqlite3.OperationalError as error:
            if not any(words in str(error) for words in EARLY_TABLES):
                raise
            return {}
        return {(course, member): outcome for course, member, outcome in rows}

    def open_at_kill(self):
        """The members of open invitations, and how many creations were open."""
        try:
            creations = self.query("SELECT count(*) FROM call WHERE open = 1 AND step = 'create'")[0][0]
            return self.open_calls(), creations
        except sqlite3.OperationalError as error:
            if not any(words in str(error) for words in EARLY_TABLES):
                raise
            return set(), 0

    def check_all_made_and_listed(self, sandbox, addresses):
        """Of a list of addresses, all of which come to be members: each row is one, and who was missing was made once."""
        made, stats = sandbox.made, sandbox.stats
        self.assertLess(set(made), set(addresses))
        self.assertEqual({(member["made"], member["asked"], member["mails"]) for member in made.values()}, {(1, 1, 1)})
        self.assertEqual((stats["made_again"], stats["mails_to_made"]), (0, len(made)))
        self.assertEqual(self.lines_of("invited") | self.lines_of("already_invited"), set(range(len(addresses))))
        ids = self.outcomes()
        self.assertEqual(len(ids), len(addresses))
        self.assertLess({member["spotMemberId"] for member in made.values()}, {member for _, member in ids})
        self.assertEqual(sandbox.members.keys(), ids.keys())

    def kill_and_resume(self, kills, members, seed, say=lambda text: None, addresses=None):
        """Kills a run over and over, each a little further on, then lets one finish; checks everything. `addresses`: the
        list is of these, and half of them are to be made members of."""
        chance = random.Random(seed)
        settings = {"api.connections": 4, "retry.first": '"1ms"'}
        sandbox = self.sandbox("--latency", "1ms..6ms", "--seed", seed, *(("--addresses-known", 0.5) if addresses else ()))
        chunk = 20
        invite = f"chunk_size = {chunk}"
        calls = members / chunk
        if addresses:
            calls += 1.5 * members / 100
            self.a_list_of(addresses, f"{invite}\ncreate_missing = true\nmember_email_notification = true")
        else:
            ids = self.a_job(some_ids(members, seed), invite)
        figures = {"kills": 0, "while loading": 0, "while sending": 0, "after the end": 0, "open calls at a kill": 0}
        if addresses:
            figures["open creations at a kill"] = 0
        exposed = {}     # how often each member was in an open call at a kill
        settled = {}     # all that was ever seen settled
        begun = time.monotonic()
        first_signs = 0
        while figures["kills"] < kills:
            before = sandbox.requests
            process = self.start("run", "list", "--json", settings=settings)
            loading = chance.random() < 0.2 or not self.ledger.exists()
            if loading:
                # Somewhere between the start and the first call.
                pause = chance.uniform(0, 0.25)
                deadline = time.monotonic() + pause
                wait_for(lambda: time.monotonic() > deadline or not process.running, "a moment")
            else:
                goal = before + chance.uniform(0, 1.6 * calls / kills)
                wait_for(lambda: sandbox.requests > goal or not process.running, "calls")
                deadline = time.monotonic() + chance.uniform(0, 0.005)
                wait_for(lambda: time.monotonic() > deadline, "a moment")
            ended = not process.running
            process.kill()
            after = sandbox.requests
            figures["kills"] += 1
            figures["after the end" if ended else "while sending" if after > before else "while loading"] += 1
            # What the ledger says right after the kill, as any SQLite client sees it.
            now = self.settled()
            for key, outcome in settled.items():
                self.assertEqual(now.get(key), outcome, f"{key} was settled, and a kill took it back (seed {seed})")
            settled = now
            opened, creations = self.open_at_kill()
            if addresses:
                figures["open creations at a kill"] += creations
            figures["open calls at a kill"] += -(-len(opened) // chunk)
            self.assertFalse(opened & settled.keys(), "settled, and in an open call")
            for key in opened:
                exposed[key] = exposed.get(key, 0) + 1
            if figures["kills"] % 10 == 0:
                say(f"{figures['kills']} kills, {len(settled)} of {members} settled")
        asked = sandbox.asked
        asked_when_settled = {key: asked.get(key, 0) for key in settled}

        result = self.expect(OK, "run", "list", "--json", settings={**settings, "api.connections": 8}, patience=20 * PATIENCE)
        figures["settled by the last run"] = result.last_run["invited"] + result.last_run["already_invited"]
        self.check_record(sandbox)
        outcomes = self.outcomes()
        if addresses:
            self.check_all_made_and_listed(sandbox, addresses)
            self.check_no_address(result)
            figures["members made"] = len(sandbox.made)
        else:
            self.assertEqual(set(outcomes), {(COURSE, member) for member in ids})
        self.assertLessEqual(set(outcomes.values()), {"invited", "already_invited"})
        record = sandbox.members
        for key, member in record.items():
            self.assertEqual(member["invitations"], 1)
            self.assertLessEqual(member["asked"], 1 + exposed.get(key, 0),
                                 f"{key} was asked {member['asked']} times, in an open call at {exposed.get(key, 0)} kills "
                                 f"(seed {seed})")
            if key in asked_when_settled:
                self.assertEqual(member["asked"], asked_when_settled[key], f"{key} was settled and asked for again")
        figures["members asked twice or more"] = sum(member["asked"] > 1 for member in record.values())
        figures["members in an open call at a kill"] = len(exposed)
        figures["calls"] = self.query("SELECT count(*) FROM calls")[0][0]
        figures["runs"] = self.query("SELECT count(*) FROM runs")[0][0]
        figures["seconds"] = round(time.monotonic() - begun, 1)
        requests = sandbox.requests
        self.assertEqual(self.run_job(OK)["calls"], 0)
        self.assertEqual(sandbox.requests, requests)
        return figures

    def test_killed_at_random_moments_nothing_is_lost_and_nobody_settled_is_asked_again(self):
        figures = self.kill_and_resume(KILLS, 20_000, SEED)
        self.assertGreater(figures["while sending"], 0, figures)

    def test_of_a_list_of_addresses_nobody_is_lost_nor_made_twice_nor_asked_again_once_settled(self):
        figures = self.kill_and_resume(KILLS, 10_000, SEED, addresses=some_addresses(10_000))
        self.assertGreater(figures["while sending"], 0, figures)

    def test_a_run_killed_while_loading_begins_the_list_anew_and_doubles_nobody(self):
        """Again and again, at moments from the first to the last of a load."""
        sandbox = self.sandbox()
        ids = self.a_job(200_000)
        chance = random.Random(SEED)
        seen = set()
        for _ in range(max(5, KILLS // 2)):
            process = self.start("run", "list", "--max-members", 1)
            deadline = time.monotonic() + chance.uniform(0.01, 0.4)
            wait_for(lambda: time.monotonic() > deadline or not process.running, "a moment")
            process.kill()
            with contextlib.suppress(sqlite3.Error):
                seen.add(self.query("SELECT count(*) FROM chunk")[0][0])
        self.run_job(OK)
        self.assertEqual(len(self.outcomes()), len(ids))
        self.check_record(sandbox)
        self.assertEqual(self.tally().keys() - {"invited", "already_invited"}, set())

    def test_a_changed_list_after_a_kill_is_read_and_the_open_call_is_resolved(self):
        sandbox = self.sandbox("--latency", "20ms")
        ids = self.a_job(2000, "chunk_size = 20")
        process = self.start("run", "list", settings={"api.connections": 4})
        wait_for(lambda: sandbox.requests > 30, "calls")
        process.kill()
        opened = {member for _, member in self.open_calls()}
        self.assertTrue(opened)
        gone = set(list(opened)[:10]) | self.of_outcome("pending") - opened
        self.write_list([member for member in ids if member not in gone] + some_ids(100, "more"))
        # Most of those who were due are gone: the list has shrunk, and nothing happens before somebody says that it may.
        before = self.outcomes()
        self.expect(BAD_SOURCE, "run", "list")
        self.assertEqual(self.outcomes(), before)
        self.run_job(OK, "--accept-shrunk")
        record = {member: theirs["invited"] for (_, member), theirs in sandbox.members.items()}
        for (_, member), outcome in self.outcomes().items():
            if record.get(member):
                self.assertIn(outcome, ("invited", "already_invited", "withdrawn", "in_doubt") if member in gone & opened else
                              ("invited", "already_invited"), member)
        self.check_books()

    def test_a_job_on_hold_keeps_what_was_in_flight_at_a_kill_in_doubt(self):
        sandbox = self.sandbox("--latency", "50ms")
        ids = self.a_job(1000, 'chunk_size = 20\non_doubt = "hold"')
        process = self.start("run", "list", settings={"api.connections": 4})
        wait_for(lambda: sandbox.requests > 12, "calls")
        process.kill()
        opened = {member for _, member in self.open_calls()}
        self.run_job(INCOMPLETE)
        self.assertEqual(self.of_outcome("in_doubt"), opened)
        self.assertEqual(self.of_outcome("invited"), set(ids) - opened)
        self.assertEqual({theirs["asked"] for theirs in sandbox.members.values()}, {1})


def main(kills, members, seed=SEED, addresses=None):
    test = KillTest("kill_and_resume")
    test.setUp()
    try:
        print(f"{kills} kills over a list of {members} {'addresses' if addresses else 'members'}, seed {seed}", flush=True)
        say = lambda text: print("  " + text, flush=True)
        for name, number in test.kill_and_resume(kills, members, seed, say, addresses).items():
            print(f"{name:>36}: {number}")
        print("ledger and record agree member by member; nobody settled was asked again" +
              (", and nobody was made twice" if addresses else ""))
    finally:
        test.doCleanups()


if __name__ == "__main__":
    words = sys.argv[1:]
    of_addresses = "--addresses" in words
    numbers = [int(word) for word in words if word.isdigit()]
    if len(numbers) > 1:
        main(*numbers, addresses=some_addresses(numbers[1]) if of_addresses else None)
    else:
        unittest.main()
