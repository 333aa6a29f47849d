"""Why it is so: how often, with an example, and with a command that lists them."""
import unittest

from world import *


class Reasons(World):
    def badly(self):
        """A job with members rejected for two reasons, failed, in doubt, withdrawn, and invalid rows."""
        def script(call):
            if any(i.startswith("ee") for i in call.ids):
                return 400, json.dumps({"message": f"spot member {next(i for i in call.ids if i.startswith('ee'))} not found"}
                                       if len(call.ids) == 1 else {"message": "Bad Request"})
            if any(i.startswith("ed") for i in call.ids):
                return 500, '{"message":"boom"}'
            return 201, participants([i for i in call.ids if not i.startswith("ef")])
        server = self.server(script)
        good = some_ids(400)
        self.a_job(good + some_ids(3, prefix="ee") + some_ids(2, prefix="ef") + some_ids(1, prefix="ed") +
                   ["nobody", "no one", "ann@example.org"], "chunk_size = 10")
        self.run_job(INCOMPLETE, settings={"retry.attempts": 2})
        return server

    def test_run_and_status_say_how_often_why_with_an_example_and_a_command_that_lists_them(self):
        self.badly()
        run = self.expect(INCOMPLETE, "run", "list", settings={"run.retry_failed": "false"})
        status = self.expect(OK, "status", "list")
        for result in (run, status):
            out = result.out
            self.assertRegex(out, r"3 × the API refuses this member: .*not found \(for example line 40\d\)")
            self.assertRegex(out, r"2 × not in the API's answers")
            self.assertRegex(out, r"\d+ × the API says that it cannot answer now: .*boom")
            self.assertRegex(out, r"2 × not a member id \(a UUID\): \"nobody\" \(for example line 408\)")
            self.assertRegex(out, r"1 × an e-mail address, not a member id: \"ann@example.org\" \(line 410\)")
            commands = re.findall(r"all of them: (.+)", out)
            self.assertEqual(len(commands), 3, out)
            for command in commands:
                listed = self.shell(command, OK)
                ids = set(UUID.findall(listed.out)) - {COURSE}
                if "outcome" in command:
                    outcome = re.search(r"--outcome (\w+)", command)[1]
                    rows = list(csv.DictReader(listed.out.splitlines()))
                    self.assertEqual({row["spot_member_id"] for row in rows}, self.of_outcome(outcome), command)
                    self.assertTrue(ids)
                else:
                    self.assertEqual(sum(word in listed.out for word in ("nobody", "no one", "ann@example.org")), 3)

    def test_the_commands_work_from_another_folder_and_for_odd_names(self):
        self.sandbox("--poison", "ee")
        name = "it's; a $(list)"
        self.write_list(some_ids(3) + some_ids(1, prefix="ee") + ["nobody"])
        (self.folder / "else where").mkdir()
        ledger = self.folder / "else where" / "the ledger.db"
        result = self.expect(INCOMPLETE, "run", "--csv", "list.csv", "--course", COURSE, "--name", name, "--ledger", ledger)
        commands = re.findall(r"all of them: (.+)", result.out)
        self.assertEqual(len(commands), 2, result.out)
        for command in commands:
            listed = self.shell("cd / && " + command, OK).out
            self.assertRegex(listed, r"ee[0-9a-f]{6}-|nobody")

    def test_the_listing_commands_name_the_ledger_wherever_they_are_typed(self):
        """The default ledger too, whose path is relative."""
        self.sandbox("--poison", "ee")
        self.a_job(some_ids(3) + some_ids(1, prefix="ee"))
        self.write_config('[ledger]\npath = "books.db"\n')
        result = self.expect(INCOMPLETE, "run", "list")
        command, = re.findall(r"all of them: (.+)", result.out)
        self.assertRegex(self.shell(f"cd / && {command}", OK).out, "ee[0-9a-f]{6}-")

    def test_withdrawn_members_are_explained_too(self):
        self.sandbox()
        ids = self.a_job(50)
        self.run_job(TRY_LATER, "--max-members", 40)
        self.write_list([member for member in ids if member not in self.of_outcome("pending")])
        out = self.expect(OK, "run", "list").out
        self.assertRegex(out, r"withdrawn +10\b")
        self.assertRegex(out, r"10 × no longer in the list for this target")
        command, = re.findall(r"all of them: (.+)", out)
        self.assertEqual({row["spot_member_id"] for row in csv.DictReader(self.shell(command, OK).out.splitlines())},
                         self.of_outcome("withdrawn"))

    def test_messages_that_differ_in_ids_and_numbers_are_one_and_the_three_most_frequent_are_shown(self):
        words = {"e0": "member {} is not of this spot", "e1": "member {} is blocked since {} days", "e2": "{} has no licence",
                 "e3": "the e-mail of {} bounced"}

        def script(call):
            bad = [member for member in call.ids if member[:2] in words]
            if not bad:
                return 201, participants(call.ids)
            return 400, json.dumps({"message": words[bad[0][:2]].format(bad[0], call.number)})
        self.server(script)
        counts = {"e0": 9, "e1": 7, "e2": 5, "e3": 2}
        self.a_job(some_ids(400) + sum((some_ids(count, prefix=prefix) for prefix, count in counts.items()), []), "chunk_size = 5")
        out = self.expect(INCOMPLETE, "run", "list").out
        shown = re.findall(r"(?m)^ +(\d+) × (.+)$", out)
        self.assertEqual([count for count, _ in shown], ["9", "7", "5"], out)
        for (_, text), said in zip(shown, ("not of this spot", "blocked since", "has no licence")):
            self.assertIn(said, text)

    def test_in_doubt_is_explained(self):
        self.server(lambda call: "reset" if call.number == 1 else (201, participants(call.ids)))
        self.a_job(150, 'on_doubt = "hold"')
        out = self.expect(INCOMPLETE, "run", "list", settings={"api.connections": 1}).out
        self.assertRegex(out, r"100 × the connection broke off; the call may have taken effect")

    def test_each_kind_of_trouble_has_its_word_in_the_views(self):
        self.badly()
        self.assertEqual(dict(self.query("SELECT reason, count(*) FROM outcomes WHERE outcome = 'rejected' GROUP BY 1")),
                         {"refused": 3, "not_in_answers": 2})
        self.assertEqual(self.query("SELECT DISTINCT reason FROM outcomes WHERE outcome = 'failed'"), [("unavailable",)])
        self.assertEqual(self.query("SELECT DISTINCT reason FROM outcomes WHERE outcome = 'invited'"), [(None,)])
        self.assertEqual(self.query("SELECT source_line, value, reason FROM invalid_rows ORDER BY 1"),
                         [(408, "nobody", "not_an_id"), (409, "no one", "not_an_id"), (410, "ann@example.org", "email_address")])
        words = {word for word, in self.query("SELECT DISTINCT reason FROM calls WHERE reason IS NOT NULL")}
        self.assertLessEqual({"refused", "unavailable"}, words)

    def test_json_has_the_reasons_of_run_and_status(self):
        self.badly()
        run = self.run_job(INCOMPLETE, settings={"run.retry_failed": "false"})
        status = self.expect(OK, "status", "--json").json["jobs"][0]
        for troubles in (run["troubles"], status["troubles"]):
            counts = {(trouble["outcome"], trouble["reason"]): trouble["count"] for trouble in troubles}
            self.assertEqual(counts["rejected", "refused"], 3)
            self.assertEqual(counts["rejected", "not_in_answers"], 2)
            self.assertEqual(counts["invalid", "not_an_id"], 2)
            for trouble in troubles:
                self.assertGreater(trouble["source_line"], 1)


if __name__ == "__main__":
    unittest.main()
