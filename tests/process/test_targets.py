"""Learning paths and channels: people are invited there as they are to courses."""
import json
import unittest

from world import *


class Targets(World):
    def a_list_for(self, target, ids=20, invite="", columns=""):
        ids = some_ids(ids) if isinstance(ids, int) else ids
        self.write_list(ids)
        (self.folder / "jobs/list.toml").write_text(f'{target}\n[source]\ncsv = "../list.csv"\n{columns}\n[invite]\n{invite}\n')
        return ids

    def targets(self):
        return dict(self.query("SELECT target, count(*) FROM outcomes GROUP BY 1"))

    def test_a_learning_path_is_invited_to_and_its_times_are_kept_as_those_of_a_course(self):
        sandbox = self.sandbox("--learning-paths", "onboarding")
        ids = self.a_list_for('learning_path = "onboarding"')
        self.run_job(OK)
        self.check_all_invited(sandbox, ids, course="onboarding")
        self.assertEqual(self.targets(), {"learning_path": 20})
        self.assertEqual({member["target"] for member in sandbox.members.values()}, {"learning_path"})
        for (invited_at,) in self.query("SELECT invited_at FROM outcomes"):
            self.assertRegex(invited_at, r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        # Asked again, the API says 204.
        self.remove_ledger()
        self.run_job(OK)
        self.assertEqual(self.tally(), {"already_invited": 20})

    def test_a_channel_names_whom_it_adds_and_whom_it_fails_to(self):
        ids = some_ids(30)
        bad = ids[3]
        sandbox = self.sandbox("--channels", "news", "--poison", bad)
        self.a_list_for('channel = "news"', ids)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.of_outcome("rejected"), {bad})
        self.assertEqual(self.tally(), {"invited": 29, "rejected": 1})
        self.check_record(sandbox)
        self.assertEqual(self.targets(), {"channel": 30})
        why = self.expect(OK, "why", "list", bad)
        self.assertIn("channel news", why.out)
        self.assertIn("the API names the member as failed", why.out)

    def test_whom_a_lost_answer_may_have_added_stays_in_doubt_where_the_channel_calls_it_failed(self):
        ids = some_ids(1)
        sandbox = self.sandbox("--known-fail", "--faults", "reset-after:1")
        self.a_list_for('channel = "news"', ids)
        self.run_job(UNAVAILABLE, settings={"retry.patience": '"1s"'})
        self.assertEqual(self.tally(), {"pending": 1})
        self.assertEqual([member["invited"] for member in sandbox.members.values()], [True])
        sandbox.stop()
        self.sandbox("--known-fail", "--invited", ids[0], at=sandbox.url)
        self.run_job(INCOMPLETE)
        self.assertEqual(self.tally(), {"in_doubt": 1})

    def test_a_column_names_the_channel_of_each_row(self):
        sandbox = self.sandbox()
        ids = some_ids(20)
        self.write_list([f"{member},{'ab'[n % 2]}" for n, member in enumerate(ids)], header="spotMemberId,where")
        (self.folder / "jobs/list.toml").write_text('[source]\ncsv = "../list.csv"\nchannel_column = "where"\n')
        self.run_job(OK)
        self.check_record(sandbox)
        self.assertEqual(self.query("SELECT DISTINCT target, course_id FROM outcomes ORDER BY 2"), [("channel", "a"), ("channel", "b")])

    def test_a_learning_path_that_is_not_there_is_said_as_one(self):
        self.sandbox("--learning-paths", "other")
        self.a_list_for('learning_path = "typo"')
        result = self.expect(BAD_CONFIG, "run", "list")
        self.assertIn("the API refuses the learning path typo", result.out)
        self.assertRegex(result.out, r"next \(once the learning path is right\)")
        self.assertEqual(self.tally(), {"pending": 20})

    def test_a_job_that_names_another_kind_of_target_is_read_anew_and_invites_there(self):
        sandbox = self.sandbox()
        ids = self.a_list_for('course = "42"')
        self.run_job(OK)
        self.a_list_for('channel = "42"', ids)
        self.run_job(OK)
        self.assertEqual(self.query("SELECT target, in_list, outcome, count(*) FROM outcomes GROUP BY 1, 2, 3 ORDER BY 1"),
                         [("channel", 1, "invited", 20), ("course", 0, "invited", 20)])
        self.assertEqual(sandbox.stats["invitations"], 40)

    def test_an_e_mail_does_not_go_with_a_channel_nor_do_two_targets_with_one_list(self):
        for invite in ("email_notification = false", 'invited_by = "x"'):
            with self.subTest(invite):
                self.a_list_for('channel = "news"', invite=invite)
                result = self.expect(BAD_CONFIG, "plan", "list")
                self.assertIn(f"invite.{invite.split()[0]}: does not go with a channel", result.err)
        self.a_list_for('course = "1"\nchannel = "news"')
        result = self.expect(BAD_CONFIG, "plan", "list")
        self.assertIn("course: stands beside channel, and one of them must say where members are invited to", result.err)
        self.a_list_for('course = "1"', columns='learning_path_column = "path"')
        self.assertIn("stands beside source.learning_path_column", self.expect(BAD_CONFIG, "plan", "list").err)

    def test_plan_says_where(self):
        self.a_list_for('channel = "news"')
        self.assertRegex(self.expect(OK, "plan", "list").out, r"(?m)^  channel +news$")
        plan = self.expect(OK, "plan", "list", "--json").json["plans"][0]
        self.assertEqual((plan["target"], plan["course"]), ("channel", "news"))


if __name__ == "__main__":
    unittest.main()
