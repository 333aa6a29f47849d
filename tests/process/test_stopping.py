"""Exit 75: work is left, and the message and --json say why. Whatever stops a run, the next one goes on from there."""
import datetime
import unittest

from world import *


class Signals(World):
    def in_flight(self, sandbox, invite="chunk_size = 10", connections=4):
        """A run with calls in flight."""
        self.settings["api.connections"] = connections
        process = self.start("run", "list", "--json")
        wait_for(lambda: sandbox.requests >= 2 * connections, "calls in flight")
        return process

    def check_stopped_by_signal(self, number):
        sandbox = self.sandbox("--latency", "300ms")
        ids = self.a_job(2000, "chunk_size = 10")
        process = self.in_flight(sandbox)
        process.signal(number)
        result = process.finish()
        self.assertEqual(result.exit, TRY_LATER, str(result))
        self.assertEqual(result.last_run["stopped_by"], "signal")
        # What was sent was waited for and is recorded: the server invited nobody of whom the ledger does not know.
        self.assertEqual(self.open_calls(), set())
        self.assertEqual(self.query("SELECT count(*) FROM calls WHERE http_status IS NULL"), [(0,)])
        invited = {member for (_, member), theirs in sandbox.members.items() if theirs["invited"]}
        self.assertEqual(self.of_outcome("invited"), invited)
        self.assertEqual(result.last_run["invited"], len(invited))
        self.assertTrue(0 < len(invited) < len(ids))
        self.assertEqual(self.query("SELECT exit_code, stopped_by FROM runs"), [(75, "signal")])
        self.run_job(OK, settings={"api.connections": 64})
        self.check_all_invited(sandbox, ids)
        self.assertEqual(set(sandbox.asked.values()), {1})

    def test_sigint_lets_calls_in_flight_finish_and_records_them(self):
        self.check_stopped_by_signal(signal.SIGINT)

    def test_sighup_lets_calls_in_flight_finish_and_records_them(self):
        self.check_stopped_by_signal(signal.SIGHUP)

    def test_sighup_ends_nothing_under_nohup(self):
        sandbox = self.sandbox("--latency", "300ms")
        ids = self.a_job(200, "chunk_size = 10")
        process = self.start("run", "list", "--json", settings={"api.connections": 4},
                             preexec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        wait_for(lambda: sandbox.requests >= 4, "calls in flight")
        process.signal(signal.SIGHUP)
        result = process.finish()
        self.assertEqual(result.exit, OK, str(result))
        self.check_all_invited(sandbox, ids)

    def test_sigterm_lets_calls_in_flight_finish_and_records_them(self):
        self.check_stopped_by_signal(signal.SIGTERM)

    def test_a_second_signal_stops_at_once_and_loses_nothing_that_was_recorded(self):
        server = self.server(lambda call: (201, participants(call.ids)) if call.number <= 20 else "stall")
        ids = self.a_job(100_000)
        process = self.start("run", "list", settings={"api.connections": 2, "api.timeout": '"10m"'})
        wait_for(lambda: len(server.calls) >= 22, "calls that stall")
        wait_for(lambda: self.tally().get("invited", 0) == 2000, "what was answered to be recorded")
        process.signal(signal.SIGINT)
        time.sleep(0.2)  # not for a condition: that it goes on waiting is what is to be seen
        self.assertTrue(process.running)
        started = time.monotonic()
        process.signal(signal.SIGINT)
        result = process.finish(10)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(result.exit, TRY_LATER, str(result))
        self.assertEqual(self.tally(), {"invited": 2000, "pending": 98_000})
        self.assertEqual(len(self.open_calls()), 200)
        sandbox = self.sandbox(at=server)
        self.run_job(OK)
        self.assertEqual(self.of_outcome("invited"), set(ids))
        self.assertEqual(sandbox.stats["members_asked"], 98_000)

    def test_a_signal_while_loading_stops_with_75(self):
        self.sandbox()
        process = self.start("run", "--csv", "-", "--course", COURSE, "--json", stdin=b"")
        process.popen.stdin.write(b"spotMemberId\n" + "".join(f"{i}\n" for i in some_ids(5000)).encode())
        process.popen.stdin.flush()
        wait_for(lambda: self.ledger.exists() and self.running(), "the run to begin")
        process.signal(signal.SIGINT)
        with contextlib.suppress(OSError):
            process.popen.stdin.close()
        process.popen.stdin = None
        result = process.finish()
        self.assertEqual(result.exit, TRY_LATER, str(result))

    def running(self):
        with contextlib.suppress(sqlite3.Error):
            return self.query("SELECT count(*) FROM runs WHERE ended_at IS NULL")[0][0] > 0
        return False

    def test_a_signal_while_waiting_for_the_limits_stops_at_once(self):
        sandbox = self.sandbox()
        self.a_job(500)
        process = self.start("run", "list", "--json", settings={"limits.calls": '["1000/1s", "2/2m"]'})
        wait_for(lambda: self.tally().get("invited") == 200 if self.loaded() else False, "the limit to be used")
        started = time.monotonic()
        process.signal(signal.SIGTERM)
        self.assertEqual(process.finish().exit, TRY_LATER)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(sandbox.requests, 2)


class LimitsOfARun(World):
    def test_max_members_settles_exactly_so_many(self):
        for most in (1, 99, 100, 250, 2000):
            with self.subTest(most):
                self.remove_ledger()
                sandbox = self.sandbox()
                ids = self.a_job(3000)
                run = self.run_job(TRY_LATER, "--max-members", most)
                self.assertEqual(run["stopped_by"], "max_members")
                self.assertEqual(run["invited"], most)
                self.assertEqual(self.tally(), {"invited": most, "pending": 3000 - most})
                self.assertEqual(sandbox.stats["members_asked"], most)
                self.run_job(OK)
                self.check_all_invited(sandbox, ids)

    def test_max_members_counts_those_that_were_refused_too(self):
        sandbox = self.sandbox("--poison", "ee", "--invited", "ef")
        self.a_job(some_ids(1000) + some_ids(20, prefix="ee") + some_ids(100, prefix="ef"))
        self.run_job(TRY_LATER, "--max-members", 700)
        tally = self.tally()
        self.assertEqual(sum(tally.values()) - tally["pending"], 700)
        self.check_record(sandbox)

    def test_max_members_of_a_smaller_list_ends_it(self):
        self.sandbox()
        self.a_job(50)
        self.run_job(OK, "--max-members", 51)

    def test_max_duration_stops_and_the_next_run_goes_on(self):
        sandbox = self.sandbox("--latency", "100ms")
        ids = self.a_job(4000, "chunk_size = 10")
        started = time.monotonic()
        run = self.run_job(TRY_LATER, "--max-duration", "1s", settings={"api.connections": 4})
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(run["stopped_by"], "max_duration")
        self.assertTrue(0 < run["invited"] < 4000)
        self.assertEqual(self.open_calls(), set())
        self.run_job(OK, settings={"api.connections": 100})
        self.check_all_invited(sandbox, ids)
        self.assertEqual(set(sandbox.asked.values()), {1})

    def test_the_days_quota_stops_with_when_it_goes_on(self):
        self.check_quota('["1000/1s", "5/24h"]')

    def test_a_days_quota_alone_is_used_up_and_then_stops(self):
        self.check_quota('["5/24h"]')

    def check_quota(self, limits):
        sandbox = self.sandbox()
        self.a_job(2000)
        settings = {"limits.calls": limits}
        run = self.run_job(TRY_LATER, settings=settings)
        self.assertEqual((run["stopped_by"], run["calls"], run["invited"]), ("quota", 5, 500))
        self.assertRegex(run["next_call"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        result = self.expect(TRY_LATER, "run", "list", settings=settings)
        self.assertIn("5/24h", result.out)
        said = datetime.datetime.fromisoformat(re.search(r"may go again at (\S+)", result.out)[1])
        # Said while calls were in flight it may be late by as long as an unanswered call is counted, 3 timeouts; never early.
        first_said = datetime.datetime.fromisoformat(run["next_call"])
        # (Each is rounded up to the millisecond, on a wall clock that is steered.)
        self.assertTrue(datetime.timedelta(milliseconds=-2) <= first_said - said <= datetime.timedelta(seconds=31), f"{first_said} {said}")
        first_read = self.query("SELECT min(sent_at) FROM calls")[0][0]
        self.assertGreaterEqual(said - datetime.datetime.fromisoformat(first_read), datetime.timedelta(hours=24))
        self.assertEqual(sandbox.requests, 5, "the quota was forgotten between runs")
        status = self.expect(OK, "status", "--json", settings=settings).json
        self.assertIn({"limit": "5/24h", "used": 5, "left": 0}, status["quota"]["limits"])
        self.assertEqual(status["quota"]["next_call"][:19], said.isoformat()[:19])

    def test_a_reserve_is_left_to_others(self):
        sandbox = self.sandbox()
        self.a_job(2000)
        self.run_job(TRY_LATER, settings={"limits.calls": '["1000/1s", "10/24h"]', "limits.reserve": 3})
        self.assertEqual(sandbox.requests, 7)


class OneProcessPerJob(World):
    def test_a_second_process_says_who_runs_the_job_and_how_far_it_is(self):
        sandbox = self.sandbox("--latency", "200ms")
        ids = self.a_job(1000, "chunk_size = 10")
        first = self.start("run", "list", "--json", settings={"api.connections": 2})
        wait_for(lambda: self.loaded() and self.tally().get("invited", 0) >= 10, "progress")
        result = self.expect(TRY_LATER, "run", "list")
        self.assertRegex(result.out, rf"process {first.pid} is running this job since .*: [1-9]\d* members settled in \d+ calls")
        second = self.expect(TRY_LATER, "run", "list", "--json").last_run
        self.assertEqual(second["stopped_by"], "busy")
        self.assertEqual(second["calls"], 0)
        self.assertTrue(self.expect(OK, "status", "list", "--json").json["jobs"][0]["last_run"]["running"])
        first.kill()  # the lock dies with its holder
        self.run_job(OK, settings={"api.connections": 64})
        self.check_record(sandbox)
        self.assertEqual(len(self.of_outcome("invited") | self.of_outcome("already_invited")), len(ids))

    def test_other_jobs_run_side_by_side(self):
        sandbox = self.sandbox("--latency", "50ms")
        lists = {name: self.a_job(some_ids(2000, name), "chunk_size = 50", name) for name in ("one", "two", "three")}
        processes = [self.start("run", name, "--json") for name in lists]
        for process in processes:
            result = process.finish()
            self.assertEqual(result.exit, OK, str(result))
        for name, ids in lists.items():
            self.assertEqual(self.outcomes(name), {(COURSE, member): "invited" for member in ids})
        self.check_record(sandbox, jobs=list(lists))
        self.assertEqual(set(sandbox.asked.values()), {1})

    def test_jobs_that_begin_at_once_on_a_new_ledger_all_run(self):
        self.sandbox()
        names = ["one", "two", "three", "four"]
        for name in names:
            self.a_job(some_ids(20, name), name=name)
        for _ in range(30):
            self.remove_ledger()
            for result in [process.finish() for process in [self.start("run", name) for name in names]]:
                self.assertEqual(result.exit, OK, str(result))

    def test_a_query_that_computes_for_ever_and_one_that_waits_for_a_lock_are_stopped(self):
        sandbox = self.sandbox()
        crm = self.folder / "crm.db"
        with contextlib.closing(sqlite3.connect(crm, isolation_level=None)) as db:
            db.execute("CREATE TABLE people (id)")
            endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n WHERE i < 0"
            for name, query in (("endless", endless), ("locked", "SELECT id FROM people")):
                with self.subTest(name):
                    self.write_job(name, source=f'sqlite = "../crm.db"\nquery = "{query}"\nmember_column = "id"')
                    if name == "locked":
                        db.execute("BEGIN EXCLUSIVE")
                    process = self.start("run", name, "--json")
                    wait_for(lambda: self.ledger.exists() and self.has_begun(name), "the run")
                    begin = time.monotonic()
                    process.signal(signal.SIGTERM)
                    result = process.finish()
                    self.assertEqual((result.exit, result.last_run["stopped_by"]), (TRY_LATER, "signal"), str(result))
                    self.assertLess(time.monotonic() - begin, 5)  # a lock is waited for for 10 s
        self.assertEqual(sandbox.requests, 0)

    def test_another_programs_write_lock_is_spoken_of_and_holds_no_stop_up(self):
        sandbox = self.sandbox()
        self.a_job(20)
        self.run_job(TRY_LATER, "--max-members", 1)
        before = sandbox.requests
        with contextlib.closing(sqlite3.connect(self.ledger, isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            process = self.start("run", "list", stderr=subprocess.PIPE)
            line = process.popen.stderr.readline().decode()
            self.assertIn("holds the ledger's write lock: waiting for it", line)
            begin = time.monotonic()
            process.signal(signal.SIGTERM)
            result = process.finish()
            self.assertEqual(result.exit, TRY_LATER, str(result))
            self.assertLess(time.monotonic() - begin, 20)  # else it goes on for a minute
            self.assertIn("convoke.db: another program holds the ledger's write lock", result.err)
        self.assertEqual(sandbox.requests, before)
        self.run_job(OK)

    def has_begun(self, job):
        with contextlib.suppress(sqlite3.Error):
            return self.query("SELECT count(*) FROM runs WHERE job = ?", job)[0][0] > 0
        return False


if __name__ == "__main__":
    unittest.main()
