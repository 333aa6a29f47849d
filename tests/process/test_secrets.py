"""The key is printed and kept nowhere."""
import base64
import unittest

from world import *


class TheKey(World):
    """The key appears in no output, no log and no file, whatever happens."""

    def check_nowhere(self, *results):
        for result in results:
            self.assertNotIn(KEY.encode(), result.raw_out + result.raw_err, str(result))
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.assertNotIn(KEY.encode(), path.read_bytes(), f"the key is in {path.name}")

    def test_in_a_run_that_goes_well(self):
        self.sandbox("--latency", "100ms")
        ids = self.a_job(500, "chunk_size = 10")
        process = self.start("run", "list", "-v", "--progress", "always", settings={"api.connections": 4})
        wait_for(self.loaded, "calls")
        self.check_nowhere()  # with the write-ahead log there too
        process.kill()
        self.check_nowhere()
        self.check_nowhere(self.expect(OK, "run", "list", "-v", "--json"), self.expect(OK, "status"),
                           self.expect(OK, "why", "list", ids[0]), self.expect(OK, "export", "list"))

    def test_in_failures(self):
        self.a_job(5)
        settings = {"retry.attempts": 2, "retry.patience": '"1s"'}
        self.check_nowhere(self.expect(UNAVAILABLE, "run", "list", "-v", settings=settings))
        server = self.server(lambda call: (401, "no"), at=self.url)
        self.check_nowhere(self.expect(KEY_REFUSED, "run", "list", "-v", settings=settings))
        self.server(lambda call: "reset", at=server)
        self.check_nowhere(self.expect(UNAVAILABLE, "run", "list", "-v", settings=settings))
        self.write_config(f'[api]\nkey = "{KEY}"\n')
        self.check_only_in_config(self.expect(BAD_CONFIG, "run", "list", "-v"))
        self.write_config(f'[api]\nkey_env = "{KEY}"\n')
        self.check_only_in_config(self.convoke("run", "list", "-v"))

    def check_only_in_config(self, result):
        self.write_config("")
        self.check_nowhere(result)

    def test_when_the_server_sends_it_back(self):
        for status in (400, 401, 404, 500):
            with self.subTest(status):
                self.remove_ledger()
                self.server(lambda call: (status, json.dumps({"message": f"the key {call.headers['Authorization']} is odd"})))
                ids = self.a_job(2)
                results = [self.convoke("run", "list", "-v", settings={"retry.attempts": 2, "retry.patience": '"1s"'}),
                           self.convoke("why", "list", ids[0]), self.convoke("export", "list")]
                self.check_nowhere(*results)

    def test_when_the_server_sends_it_back_in_other_letters(self):
        """Escaped as JSON may be, percent-encoded, in base64: nothing that is written down leads back to it."""
        key = "k+y/8d1f~0c3b5a7e"
        self.key = key
        forms = {"plain": key, "json": key.replace("/", "\\/"), "json, all": "".join(f"\\u{ord(c):04X}" for c in key),
                 "percent": urllib.parse.quote(key, safe=""), "base64": base64.b64encode(key.encode()).decode(),
                 "base64 inside": base64.b64encode(f"Authorization: {key}!".encode()).decode()}
        def decodings(text):
            yield text
            yield urllib.parse.unquote(text)
            yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text).replace("\\/", "/")
            for word in re.findall(r"[A-Za-z0-9+/]{16,}", text):
                yield base64.b64decode(word[:len(word) // 4 * 4]).decode("latin1")
        for name, form in forms.items():
            for status, body in ((400, f'{{"message":"the key {form} is odd"}}'), (500, f"<p>{form}</p>"),
                                 (201, None)):
                with self.subTest(name, status=status):
                    self.remove_ledger()
                    def answer(call):
                        if body is not None: return status, body
                        return 201, "[" + ",".join(f'{{"spotMemberId":"{i}","id":"{form}","courseId":"{COURSE}"}}' for i in call.ids) + "]"
                    self.server(answer)
                    ids = self.a_job(2)
                    said = [self.convoke("run", "list", "-v", settings={"retry.attempts": 2, "retry.patience": '"1s"'}),
                            self.convoke("why", "list", ids[0], "--json"), self.convoke("export", "list"),
                            self.convoke("status", "--json")]
                    texts = [result.out + result.err for result in said]
                    texts.append(" ".join(str(value) for row in self.query("SELECT * FROM outcomes") for value in row))
                    texts.append(" ".join(str(value) for row in self.query("SELECT * FROM calls") for value in row))
                    for text in texts:
                        for decoded in decodings(text):
                            self.assertNotIn(key, decoded)

    def test_when_a_participant_holds_it(self):
        self.server(lambda call: (201, participants(call.ids, status=call.headers["Authorization"])))
        self.a_job(2)
        self.check_nowhere(self.convoke("run", "list", "-v"), self.convoke("export", "list"))

    def test_a_key_with_blanks_is_refused_without_being_said(self):
        self.a_job(1)
        self.key = f"Bearer {KEY}"
        self.check_nowhere(self.expect(BAD_CONFIG, "run", "list"))


if __name__ == "__main__":
    unittest.main()
