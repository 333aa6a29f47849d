"""https: the certificate is verified, against the system's authorities or the one that api.ca_file names."""
import ssl
import unittest

from world import *


@unittest.skipUnless(shutil.which("openssl"), "no openssl to make a certificate with")
class Tls(World):
    def certificate(self, name, names):
        """A self-signed one, with its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=convoke test",
                        "-addext", f"subjectAltName={names}"], check=True, capture_output=True)
        return certificate, key

    def tls_sandbox(self, names="IP:127.0.0.1,DNS:localhost", *flags):
        self.trusted, key = self.certificate("server", names)
        sandbox = Sandbox(["--tls-cert", self.trusted, "--tls-key", key, *flags])
        self.addCleanup(sandbox.stop)
        self.url = sandbox.url
        # Its record is asked for over TLS too.
        def get(path):
            context = ssl.create_default_context(cafile=self.trusted)
            context.check_hostname = False
            connection = http.client.HTTPSConnection("127.0.0.1", sandbox.address.port, context=context, timeout=PATIENCE)
            with contextlib.closing(connection):
                connection.request("GET", path)
                return connection.getresponse().read()
        sandbox._get = get
        return sandbox

    def test_a_certificate_that_ca_file_names_is_trusted(self):
        sandbox = self.tls_sandbox()
        ids = self.a_job(2000)
        self.run_job(OK, settings={"api.ca_file": f'"{self.trusted}"'})
        self.check_all_invited(sandbox, ids)
        self.assertLessEqual(sandbox.stats["connections"], 20, "connections are not used again")

    def test_an_unknown_certificate_is_refused_with_words_that_help(self):
        sandbox = self.tls_sandbox()
        self.a_job(20)
        result = self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
        self.assertEqual(self.tally(), {"pending": 20})
        self.assertEqual(sandbox.requests, 0)
        self.assertIn("certificate", result.out + result.err)

    def test_the_ledger_says_what_was_wrong_with_the_certificate(self):
        self.tls_sandbox()
        self.a_job(20)
        self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
        self.assertIn("certificate", self.query("SELECT error FROM calls")[0][0])

    def test_a_certificate_of_another_host_is_refused(self):
        sandbox = self.tls_sandbox("DNS:elsewhere.example")
        self.a_job(20)
        self.expect(BAD_CONFIG, "run", "list",
                    settings={"retry.attempts": 2, "api.ca_file": f'"{self.trusted}"'})
        self.assertEqual(self.tally(), {"pending": 20})
        self.assertEqual(sandbox.requests, 0)

    def test_a_host_name_is_verified_as_such(self):
        try:
            socket.getaddrinfo("localhost", 0, socket.AF_INET)
        except OSError:
            self.skipTest("localhost has no address here")
        sandbox = self.tls_sandbox("DNS:localhost")
        ids = self.a_job(20)
        self.url = f"https://localhost:{sandbox.address.port}"
        self.run_job(OK, settings={"api.ca_file": f'"{self.trusted}"'})
        self.check_all_invited(sandbox, ids)

    def test_a_server_that_speaks_no_tls_gets_no_key(self):
        server = self.server(lambda call: (201, participants(call.ids)))
        self.a_job(20)
        self.url = server.url.replace("http:", "https:")
        self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
        self.assertEqual(len(server.calls), 0)
        self.assertEqual(self.tally(), {"pending": 20})

    def test_78_when_ca_file_is_not_there_or_no_certificate(self):
        self.a_job(1)
        (self.folder / "nonsense.pem").write_text("nonsense")
        self.url = "https://localhost:1"
        for path in ("missing.pem", "nonsense.pem"):
            with self.subTest(path):
                result = self.expect(BAD_CONFIG, "run", "list", settings={"api.ca_file": f'"{self.folder / path}"'})
                self.assertIn(path, result.err)


if __name__ == "__main__":
    unittest.main()
