"""https: the certificate is verified, against the system's authorities or the one that api.ca_file names."""
import ssl
import unittest

from world import *


class TlsWorld(World):
    def certificate(self, name, names, *valid):
        """A self-signed one, with its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", certificate, *(valid or ("-days", "2")), "-subj", "/CN=convoke test",
                        "-addext", f"subjectAltName={names}"], check=True, capture_output=True)
        return certificate, key

    def expired_certificate(self, names):
        """One of the last century: signed by `openssl ca`, which takes dates."""
        key, request, certificate = (self.folder / f"expired.{kind}" for kind in ("key", "csr", "pem"))
        (self.folder / "ca.txt").write_text("")
        (self.folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.folder}/ca.txt\nnew_certs_dir={self.folder}\nrand_serial=yes\n"
            f"default_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nsubjectAltName={names}\n")
        for command in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                         "-out", request, "-subj", "/CN=convoke test"],
                        ["ca", "-batch", "-selfsign", "-config", self.folder / "ca.cnf", "-keyfile", key, "-in", request,
                         "-out", certificate, "-notext", "-startdate", "20200101000000Z", "-enddate", "20210101000000Z"]):
            subprocess.run(["openssl", *command], check=True, capture_output=True)
        return certificate, key

    def tls_sandbox(self, names="IP:127.0.0.1,DNS:localhost", *flags, certificate=None):
        self.trusted, key = certificate or self.certificate("server", names)
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


@unittest.skipUnless(shutil.which("openssl"), "no openssl to make a certificate with")
class Tls(TlsWorld):
    def test_a_certificate_that_ca_file_names_is_trusted(self):
        sandbox = self.tls_sandbox()
        ids = self.a_job(2000)
        self.run_job(OK, settings={"api.ca_file": f'"{self.trusted}"'})
        self.check_all_invited(sandbox, ids)
        self.assertLessEqual(sandbox.stats["connections"], 20, "connections are not used again")

    def test_certificates_that_cannot_be_read_are_told_by_check_and_plan_too(self):
        self.a_job(3)
        self.url = f"https://127.0.0.1:{unused_port()}"
        certificate, key = self.certificate("ours", "DNS:client.example")
        nonsense = self.folder / "nonsense.pem"
        nonsense.write_text("no certificate\n")
        for settings, words in (({"api.ca_file": '"none.pem"'}, "api.ca_file names a PEM file"),
                                ({"api.ca_file": '"nonsense.pem"'}, "api.ca_file names a PEM file"),
                                ({"api.client_cert": '"nonsense.pem"'}, "api.client_cert names a PEM file"),
                                ({"api.client_cert": f'"{certificate}"', "api.client_key": '"none.key"'},
                                 "api.client_key names a PEM file")):
            for command in ("check", "plan", "run"):
                with self.subTest(command=command, settings=settings):
                    result = self.expect(BAD_CONFIG, command, "list", settings=settings)
                    self.assertIn(words, result.out + result.err)
        self.expect(OK, "check", "list", settings={"api.client_cert": f'"{certificate}"', "api.client_key": f'"{key}"'})

    def test_an_unknown_certificate_is_refused_with_words_that_help(self):
        sandbox = self.tls_sandbox()
        self.a_job(20)
        result = self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
        self.assertEqual(self.tally(), {"pending": 20})
        self.assertEqual(sandbox.requests, 0)
        for words in ("certificate", self.url, "self-signed", "convoke test", "ca_file"):
            self.assertIn(words, result.out)
        self.assertEqual(self.query("SELECT count(*) FROM calls"), [(1,)])
        run = self.run_job(BAD_CONFIG)
        self.assertEqual((run["stopped_by"], run["reason"]), ("misconfigured", "certificate"))
        self.run_job(OK, settings={"api.ca_file": f'"{self.trusted}"'})

    def test_an_expired_certificate_is_told_apart(self):
        try:
            certificate = self.expired_certificate("IP:127.0.0.1")
        except subprocess.CalledProcessError as error:
            self.skipTest(f"this openssl makes no expired certificates: {error.stderr.decode()}")
        self.tls_sandbox(certificate=certificate)
        self.a_job(20)
        result = self.expect(BAD_CONFIG, "run", "list", settings={"api.ca_file": f'"{self.trusted}"'})
        self.assertEqual(self.tally(), {"pending": 20})
        for words in ("expired", self.url):
            self.assertIn(words, result.out)
        self.assertEqual(self.query("SELECT reason FROM calls"), [("certificate",)])

    def test_a_port_that_speaks_tls_is_told_apart_where_base_url_says_http(self):
        self.tls_sandbox()
        self.a_job(20)
        self.url = self.url.replace("https:", "http:")
        result = self.expect(BAD_CONFIG, "run", "list")
        for words in (self.url, "TLS", "https"):
            self.assertIn(words, result.out)
        self.assertEqual(self.query("SELECT reason FROM calls"), [("tls_expected",)])
        self.assertEqual(self.tally(), {"pending": 20})

    def test_the_ledger_says_what_was_wrong_with_the_certificate(self):
        self.tls_sandbox()
        self.a_job(20)
        self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
        self.assertIn("certificate", self.query("SELECT error FROM calls")[0][0])

    def test_a_certificate_of_another_host_is_refused(self):
        sandbox = self.tls_sandbox("DNS:elsewhere.example")
        self.a_job(20)
        result = self.expect(BAD_CONFIG, "run", "list",
                             settings={"retry.attempts": 2, "api.ca_file": f'"{self.trusted}"'})
        for words in ("elsewhere.example", "127.0.0.1"):
            self.assertIn(words, result.out)
        self.assertEqual(self.query("SELECT reason FROM calls"), [("certificate",)])
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
        result = self.expect(BAD_CONFIG, "run", "list", settings={"retry.attempts": 2})
        for words in (self.url, "TLS", "http"):
            self.assertIn(words, result.out)
        self.assertEqual(self.query("SELECT reason FROM calls"), [("not_tls",)])
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
