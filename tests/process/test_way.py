"""The way to the API: through a real proxy (tinyproxy) and a real TLS front (nginx), and never around them."""
import base64
import unittest

from test_tls import TlsWorld
from world import *


class Daemon:
    """A program that serves in the foreground until it is stopped."""

    def __init__(self, command, port):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.02)
        raise AssertionError(f"{command} does not listen on {port}")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipUnless(shutil.which("tinyproxy") and shutil.which("openssl"), "no tinyproxy or openssl")
class ByAProxy(TlsWorld):
    PASSWORD = "hush-hush-7391"

    def proxy(self, *lines):
        self.port, self.log = free_port(), self.folder / "proxy.log"
        config = self.folder / "tinyproxy.conf"
        config.write_text("".join(f"{line}\n" for line in (
            f"Port {self.port}", "Listen 127.0.0.1", f'LogFile "{self.log}"', "LogLevel Connect", "MaxClients 100", *lines)))
        daemon = Daemon(["tinyproxy", "-d", "-c", config], self.port)
        self.addCleanup(daemon.stop)
        return daemon

    def test_https_goes_through_its_tunnel_and_the_summary_says_so(self):
        self.proxy()
        sandbox = self.tls_sandbox("DNS:localhost,IP:127.0.0.1")
        ids = self.a_job(500)
        settings = {"api.ca_file": f'"{self.trusted}"', "api.proxy": f'"http://127.0.0.1:{self.port}"'}
        for command in ("plan", "run"):
            self.assertIn(f"by the proxy http://127.0.0.1:{self.port} (api.proxy)",
                          self.expect(OK, command, "list", settings=settings).out)
        self.check_all_invited(sandbox, ids)
        self.assertIn("CONNECT 127.0.0.1", self.log.read_text())

    def test_the_environment_chooses_it_and_no_proxy_excepts(self):
        self.proxy()
        self.tls_sandbox()
        self.a_job(20)
        env = {"HTTPS_PROXY": f"http://127.0.0.1:{self.port}", "NO_PROXY": "example.org"}
        settings = {"api.ca_file": f'"{self.trusted}"'}
        self.assertIn("($HTTPS_PROXY)", self.expect(OK, "plan", "list", settings=settings, env=env).out)
        self.expect(OK, "run", "list", settings=settings, env=env)
        self.assertIn("CONNECT 127.0.0.1", self.log.read_text())
        env["NO_PROXY"] = "127.0.0.0/8"
        self.assertNotIn("proxy", self.expect(OK, "plan", "list", settings=settings, env=env).out)

    def test_the_log_says_at_the_start_which_way_calls_go(self):
        self.a_job(3)
        self.settings["retry.patience"] = '"0ms"'
        env = {"http_proxy": f"http://ann:{self.PASSWORD}@127.0.0.1:{unused_port()}"}
        port = env["http_proxy"].rpartition(":")[2]
        result = self.expect(UNAVAILABLE, "run", "list", "-v", env=env)
        self.assertRegex(result.err.splitlines()[0], re.escape(
            f"info: calls go to {self.url}, by the proxy http://127.0.0.1:{port} ($http_proxy)"))
        self.assertNotIn(self.PASSWORD, result.err)

    def test_http_goes_by_it_too(self):
        self.proxy()
        sandbox = self.sandbox()
        ids = self.a_job(200)
        self.run_job(OK, env={"http_proxy": f"127.0.0.1:{self.port}"})
        self.check_all_invited(sandbox, ids)
        self.assertIn("POST http://127.0.0.1", self.log.read_text())

    def test_credentials_open_it_and_show_nowhere(self):
        self.proxy(f"BasicAuth ann {self.PASSWORD}")
        sandbox = self.tls_sandbox()
        ids = self.a_job(20)
        settings = {"api.ca_file": f'"{self.trusted}"', "api.proxy": f'"http://127.0.0.1:{self.port}"'}
        result = self.expect(BAD_CONFIG, "run", "list", settings=settings)
        self.assertIn("407", result.out)
        self.assertEqual(self.query("SELECT reason FROM calls"), [("proxy_refused",)])
        self.assertEqual(sandbox.requests, 0)
        (self.folder / "config.toml").write_text(f'[api]\nproxy = "http://ann:{self.PASSWORD}@127.0.0.1:{self.port}"\n')
        said = self.expect(OK, "run", "list", settings={"api.ca_file": f'"{self.trusted}"'})
        self.check_all_invited(sandbox, ids)
        secret = base64.b64encode(f"ann:{self.PASSWORD}".encode()).decode()
        for text in (said.out, said.err, self.ledger.read_bytes().decode("latin1")):
            self.assertNotIn(self.PASSWORD, text)
            self.assertNotIn(secret, text)

    def test_its_password_alone_is_blotted_out_of_what_it_says(self):
        proxy = self.server(lambda call: (403, json.dumps({"message": f"ann with {self.PASSWORD} may not"}).encode()))
        self.a_job(20)
        self.url = f"http://127.0.0.1:{free_port()}"
        address = proxy.url.removeprefix("http://")
        said = self.expect(KEY_REFUSED, "run", "list", settings={"api.proxy": f'"http://ann:{self.PASSWORD}@{address}"'})
        self.assertEqual(len(proxy.calls), 1)
        self.assertIn("ann with ***", said.out)
        self.assertIn(f"by the proxy http://{address}", said.out)
        self.assertNotIn(self.PASSWORD, said.out + said.err + self.ledger.read_bytes().decode("latin1"))

    def test_its_password_is_not_in_the_command_that_is_proposed(self):
        self.a_job(20)
        setting = f"http://ann:{self.PASSWORD}@127.0.0.1:{free_port()}"
        for flag in ((), ("--json",)):
            result = self.expect(UNAVAILABLE, "run", "list", *flag,
                                 settings={"api.proxy": f'"{setting}"', "retry.patience": '"1s"'})
            self.assertIn("api.proxy", result.out)
            self.assertNotIn(self.PASSWORD, result.out + result.err)

    def test_none_on_another_machine_gets_what_is_sent_in_the_clear(self):
        self.sandbox()
        self.a_job(20)
        for way in ({"settings": {"api.proxy": '"http://192.0.2.1:3128"'}}, {"env": {"http_proxy": "http://192.0.2.1:3128"}}):
            result = self.expect(BAD_CONFIG, "run", "list", **way)
            self.assertIn("reads the key", result.err)

    def test_one_that_is_down_is_not_gone_around(self):
        sandbox = self.tls_sandbox()
        self.a_job(20)
        result = self.expect(UNAVAILABLE, "run", "list",
                             settings={"api.ca_file": f'"{self.trusted}"', "api.proxy": f'"http://127.0.0.1:{free_port()}"',
                                       "retry.patience": '"1s"'})
        self.assertIn("the proxy", result.out)
        self.assertEqual(sandbox.requests, 0)
        self.assertEqual(self.tally(), {"pending": 20})

    def test_a_rehearsal_goes_by_none(self):
        self.a_job(20)
        env = {"http_proxy": "127.0.0.1:1", "HTTPS_PROXY": "127.0.0.1:1", "ALL_PROXY": "127.0.0.1:1"}
        self.expect(OK, "run", "list", "--rehearse", env=env)


@unittest.skipUnless(shutil.which("nginx") and shutil.which("openssl"), "no nginx or openssl")
class BehindAFront(TlsWorld):
    def front(self, api, extra=""):
        certificate, key = self.certificate("front", "IP:127.0.0.1")
        port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(f"""
            daemon off; master_process off; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx.log;
            events {{}}
            http {{
              access_log off; client_body_temp_path {self.folder}/b; proxy_temp_path {self.folder}/p;
              fastcgi_temp_path {self.folder}/f; uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
              server {{
                listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
                ssl_session_cache shared:s:1m; {extra}
                location / {{ proxy_pass {api}; proxy_http_version 1.1; proxy_set_header Connection ""; }}
              }}
            }}""")
        daemon = Daemon(["nginx", "-c", config], port)
        self.addCleanup(daemon.stop)
        self.url = f"https://127.0.0.1:{port}"
        return certificate

    def test_a_real_tls_front_is_spoken_to(self):
        sandbox = self.sandbox()
        certificate = self.front(sandbox.url)
        ids = self.a_job(2000)
        self.run_job(OK, settings={"api.ca_file": f'"{certificate}"'})
        self.check_all_invited(sandbox, ids)

    def test_a_front_that_asks_for_a_certificate_gets_ours(self):
        sandbox = self.sandbox()
        ours, key = self.certificate("ours", "DNS:client.example")
        certificate = self.front(sandbox.url, f"ssl_verify_client on; ssl_client_certificate {ours};")
        ids = self.a_job(20)
        settings = {"api.ca_file": f'"{certificate}"'}
        result = self.expect(BAD_CONFIG, "run", "list", settings=settings)
        self.assertIn("certificate", result.out)
        self.assertEqual(self.tally(), {"pending": 20})  # nobody is blamed for what the front says
        self.assertEqual(sandbox.requests, 0)
        self.run_job(OK, settings=settings | {"api.client_cert": f'"{ours}"', "api.client_key": f'"{key}"'})
        self.check_all_invited(sandbox, ids)


class InTheClear(World):
    def test_http_to_another_machine_is_refused_unless_it_is_allowed(self):
        self.a_job(3)
        self.url = "http://convoke.invalid:8080"
        result = self.expect(BAD_CONFIG, "run", "list")
        self.assertIn("api.base_url", result.err)
        self.assertIn("allow_http", result.err)
        self.assertFalse(self.ledger.exists())
        result = self.expect(BAD_CONFIG, "run", "list", settings={"api.allow_http": "true"})
        self.assertIn("there is no host", result.out)

    def test_an_address_that_goes_on_is_not_cut_off(self):
        sandbox = self.sandbox()
        self.a_job(3)
        self.url = f"http://127.0.0.1.example.invalid:{sandbox.address.port}"
        self.expect(BAD_CONFIG, "run", "list", settings={"api.allow_http": "true"})
        self.assertEqual(sandbox.requests, 0)
