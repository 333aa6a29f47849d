"""Where the key comes from, and where it never shows."""
from world import *


class Key(World):
    def no_key(self):
        return {"MELTINGSPOT_API_KEY": None}

    def script(self, text, name="key-tool"):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def test_the_key_may_come_from_a_command_a_file_or_a_credential(self):
        sandbox = self.sandbox()
        (self.folder / "key").write_text(KEY + "\n")
        (self.folder / "key").chmod(0o400)
        tool = self.script(f'cat; [ "$1 $2" = "show a b" ] && echo {KEY}; echo login: me')
        for name, text, env in (("command", f'api.key_command = ["{tool}", "show", "a b"]', {}),
                                ("file", 'api.key_file = "key"', {}),
                                ("credential", 'api.key_credential = "key"', {"CREDENTIALS_DIRECTORY": str(self.folder)})):
            with self.subTest(name):
                self.write_config(text)
                self.a_job(some_ids(3, seed=name), name=name)
                self.run_job(OK, job=name, env={**self.no_key(), **env})
                self.assertEqual(self.tally(name), {"invited": 3})
        self.assertEqual(sandbox.stats["statuses"], {"201": 3})

    def test_a_command_that_fails_is_told_with_what_it_says(self):
        sandbox = self.sandbox()
        self.a_job(3)
        tool = self.script("echo 'gpg: no secret \033[31mkey' >&2; exit 2")
        result = self.expect(BAD_CONFIG, "run", "list", env=self.no_key(), settings={"api.key_command": f'["{tool}"]'})
        self.assertIn("--set api.key_command", result.err)
        self.assertIn("key-tool ended with 2: gpg: no secret ?[31mkey", result.err)
        self.assertRegex(result.err, "(?m)^try: by hand: ")
        self.assertEqual(sandbox.requests, 0)

    def test_a_command_is_started_with_the_signals_that_any_program_has(self):
        """What a pipe breaks off ends it, as it does everywhere, though we ourselves ignore SIGPIPE."""
        self.sandbox()
        self.a_job(3)
        tool = self.script(f"(yes; echo survived $? > {self.folder}/survived) | head -n 1 > /dev/null; echo {KEY}")
        self.run_job(OK, env=self.no_key(), settings={"api.key_command": f'["{tool}"]'})
        self.assertIn((self.folder / "survived").read_text().split()[-1], ("141",))

    def test_a_command_works_where_the_caller_ignores_its_children(self):
        self.sandbox()
        self.a_job(3)
        tool = self.script(f"echo {KEY}")
        self.run_job(OK, env=self.no_key(), settings={"api.key_command": f'["{tool}"]'},
                     preexec=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    def test_a_key_file_that_everybody_can_read_is_refused_with_the_chmod_that_mends_it(self):
        self.sandbox()
        self.a_job(3)
        path = self.folder / "my key"
        path.write_text(KEY)
        path.chmod(0o644)
        how = {"env": self.no_key(), "settings": {"api.key_file": f'"{path}"'}}
        result = self.expect(BAD_CONFIG, "run", "list", **how)
        command = re.search("(?m)^try: (chmod .*)$", result.err)[1]
        self.shell(command, OK)
        self.run_job(OK, **how)

    def is_alive(self, pid):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return False

    def waiting_for(self, command):
        """A run that waits for a key from this command, and the command's process."""
        self.a_job(3)
        pid = self.folder / "pid"
        tool = self.script(f"{command}; echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 1000")
        process = self.start("run", "list", env=self.no_key(), settings={"api.key_command": f'["{tool}"]'})
        wait_for(pid.exists, "the command to run")
        return process, int(pid.read_text())

    def test_a_signal_ends_the_command_that_is_waited_for(self):
        process, tool = self.waiting_for(":")
        process.signal(signal.SIGTERM)
        result = process.finish(10)
        self.assertEqual(result.exit, TRY_LATER, str(result))
        self.assertIn("terminated while the API key was fetched", result.err)
        self.assertNotIn("what was sent", result.err)
        wait_for(lambda: not self.is_alive(tool), "the command to end")

    def test_a_second_signal_leaves_no_command_behind(self):
        process, tool = self.waiting_for("trap '' TERM")
        while process.running:
            process.signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(0.15)  # two wishes to stop are a tenth of a second apart
        self.assertEqual(process.finish().exit, TRY_LATER)
        wait_for(lambda: not self.is_alive(tool), "the command to end")

    def test_a_signal_ends_the_wait_for_a_pipe_that_nobody_writes_into(self):
        self.a_job(3)
        os.mkfifo(self.folder / "pipe", 0o600)
        process = self.start("run", "list", "-v", env=self.no_key(), settings={"api.key_file": '"pipe"'})
        # It has caught the signal once it is not its default any more.
        caught = lambda: int(re.search(r"SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1], 16)
        wait_for(lambda: caught() >> (signal.SIGTERM - 1) & 1, "the run to hear signals")
        process.signal(signal.SIGTERM)
        result = process.finish(10)
        self.assertEqual(result.exit, TRY_LATER, str(result))

    def test_the_key_may_come_through_a_descriptor(self):
        self.sandbox()
        self.a_job(3)
        result = self.convoke("run", "list", "--json", env=self.no_key(), stdin=KEY.encode() + b"\n",
                              settings={"api.key_file": '"/dev/stdin"'})
        self.assertEqual(result.exit, OK, str(result))

    def test_a_fetched_key_is_in_no_argument_file_or_output(self):
        sandbox = self.sandbox("--latency", "50ms")
        self.a_job(200, "chunk_size = 10")
        tool = self.script(f"echo {KEY}")
        process = self.start("run", "list", "-v", env=self.no_key(), settings={"api.key_command": f'["{tool}"]'})
        wait_for(lambda: sandbox.requests > 2, "calls")
        self.assertNotIn(KEY.encode(), pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes())
        result = process.finish()
        self.assertEqual(result.exit, OK, str(result))
        for path in self.folder.rglob("*"):
            if path.is_file() and path != tool:
                self.assertNotIn(KEY.encode(), path.read_bytes(), path)
        self.assertNotIn(KEY, result.out + result.err)


if __name__ == "__main__":
    unittest.main()
