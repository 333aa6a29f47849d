// The wire over TLS: whose certificate is believed, and what is said of one that is not.
#include <doctest/doctest.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "source_rows.h"
#include "temp_folder.h"
#include "tls_server.h"

using namespace convoke;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using Reached = Answer::Reached;

namespace {

// A socket whose writes can be kept back and then sent at once.
class Corked {
 public:
  using lowest_layer_type = asio::ip::tcp::socket::lowest_layer_type;
  using executor_type = asio::ip::tcp::socket::executor_type;
  explicit Corked(asio::ip::tcp::socket& socket) : socket_(socket) {}
  lowest_layer_type& lowest_layer() { return socket_.lowest_layer(); }
  executor_type get_executor() { return socket_.get_executor(); }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& error) {
    return socket_.read_some(buffers, error);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& error) {
    if (!is_corked_) return socket_.write_some(buffers, error);
    const auto begin = asio::buffers_begin(buffers);
    kept_.append(begin, asio::buffers_end(buffers));
    return asio::buffer_size(buffers);
  }
  void cork() { is_corked_ = true; }
  void uncork() {
    is_corked_ = false;
    boost::system::error_code ignored;
    asio::write(socket_, asio::buffer(std::exchange(kept_, {})), ignored);
  }

 private:
  asio::ip::tcp::socket& socket_;
  bool is_corked_ = false;
  std::string kept_;
};

std::string day(std::chrono::hours from_now) {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::now() + from_now));
}

}  // namespace

TEST_CASE("a certificate that verifies, for a name or an address, is spoken to") {
  const TempFolder folder;
  const Certificate certificate = make_certificate({.names = "IP:127.0.0.1,DNS:localhost"});
  const std::string file = folder.write("server.pem", certificate.pem());
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    CAPTURE(host);
    CHECK(describe(call_tls(over_tls(certificate), file, host).answer) == "201 []");
  }
  const Certificate authority = make_certificate({.names = "", .common_name = "An Authority", .is_authority = true});
  const Certificate signed_one = make_certificate({}, &authority);
  const std::string authority_file = folder.write("authority.pem", authority.pem());
  CHECK(describe(call_tls(over_tls(signed_one), authority_file).answer) == "201 []");
}

TEST_CASE("what comes over TLS after an answer, in the same breath, is not the next call's answer") {
  const Certificate certificate = make_certificate({});
  const auto context = tls_context(certificate);
  // The answer and one that nobody asked for, as two records in one segment: the second stays in TLS's own buffers.
  const Script twice = [context](Peer& peer) {
    asio::ssl::stream<Corked> stream(peer.socket(), *context);
    boost::system::error_code error;
    stream.handshake(asio::ssl::stream_base::server, error);
    for (int request = 1; !error; ++request) {
      std::string text;
      asio::read_until(stream, asio::dynamic_buffer(text), "{}", error);
      if (error) break;
      peer.note(text);
      stream.next_layer().cork();
      asio::write(stream, asio::buffer(created("asked")), error);
      asio::write(stream, asio::buffer(created("unasked")), error);
      stream.next_layer().uncork();
    }
  };
  TempFolder folder;
  ScriptedServer server({twice});
  Client client(server.url("https"), 5s, folder.write("ca.pem", certificate.pem()));
  for (int call = 0; call < 5; ++call) CHECK(describe(client.call()) == "201 asked");
  CHECK(server.connections() == 5);
}

TEST_CASE("through a proxy's tunnel TLS is the API's own, and a proxy that refuses says which it is") {
  const Certificate certificate = make_certificate({.names = "DNS:api.example.test"});
  const Script tls = over_tls(certificate);
  ScriptedServer proxy({[&](Peer& peer) {
    std::string head;
    boost::system::error_code error;
    asio::read_until(peer.socket(), asio::dynamic_buffer(head), "\r\n\r\n", error);
    peer.note(head);
    peer.send("HTTP/1.1 200 Connection established\r\n\r\n");
    tls(peer);
  }});
  TempFolder folder;
  const auto none = [](const std::string&) { return std::optional<std::string>(); };
  ApiSettings settings = Client::settings("https://api.example.test", 5s, folder.write("ca.pem", certificate.pem()));
  std::string_view why;
  const auto by = [&](const ScriptedServer& way) {
    settings.proxy = proxy_for(*parse_url(settings.base_url, why), "http://ann:hush-hush@" + way.url().substr(7), none);
    return Client(settings).call();
  };
  CHECK(describe(by(proxy)) == "201 []");
  const auto seen = proxy.requests();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].starts_with("CONNECT api.example.test:443 HTTP/1.1\r\nHost: api.example.test:443\r\n"));
  CHECK(contains(seen[0], "Proxy-Authorization: Basic YW5uOmh1c2gtaHVzaA==\r\n"));
  CHECK_FALSE(contains(seen[0], "secret-key"));
  CHECK_FALSE(contains(seen[1], "Proxy-Authorization"));

  struct Row {
    std::string bytes;
    Reason reason;
  };
  for (const Row& row : std::vector<Row>{
           {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", Reason::proxy_refused},
           {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", Reason::proxy_refused},
           {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", Reason::not_connected},
           {"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 201 Created\r\n", Reason::not_connected},
           {"SSH-2.0\r\n", Reason::not_connected},
           {"", Reason::not_connected}}) {
    CAPTURE(row.bytes);
    ScriptedServer refusing({says(row.bytes)});
    const Answer answer = by(refusing);
    CHECK(answer.reached == Reached::no);
    CHECK(answer.reason == row.reason);
    CHECK(contains(answer.error, "the proxy http://127.0.0.1:"));
    CHECK_FALSE(contains(answer.error, "hush"));
  }
}

TEST_CASE("a TLS session is taken up again, HTTP/1.1 is what is offered, and a front that asks gets our certificate") {
  const Certificate certificate = make_certificate({});
  const Certificate ours = make_certificate({.names = "DNS:client.example"});
  const auto context = tls_context(certificate);
  context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  context->add_certificate_authority(asio::buffer(ours.pem()));
  SSL_CTX_set_session_id_context(context->native_handle(), reinterpret_cast<const unsigned char*>("x"), 1);
  SSL_CTX_set_alpn_select_cb(
      context->native_handle(),
      [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned offered_size,
         void*) {
        if (std::string_view(reinterpret_cast<const char*>(offered), offered_size) != "\x08http/1.1")
          return SSL_TLSEXT_ERR_ALERT_FATAL;
        *out = offered + 1;
        *size = 8;
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  ScriptedServer server({[context](Peer& peer) {
    asio::ssl::stream<asio::ip::tcp::socket&> stream(peer.socket(), *context);
    boost::system::error_code error;
    stream.handshake(asio::ssl::stream_base::server, error);
    std::string request;
    if (!error) asio::read_until(stream, asio::dynamic_buffer(request), "{}", error);
    if (error) return;
    peer.note(SSL_session_reused(stream.native_handle()) == 1 ? "resumed" : "new");
    asio::write(stream, asio::buffer(created("[]", "Connection: close\r\n")), error);
  }});
  TempFolder folder;
  ApiSettings settings = Client::settings(server.url("https"), 5s, folder.write("ca.pem", certificate.pem()));
  // TLS 1.3 turns a client without one away only when the request is on its way; it was not read.
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    SSL_CTX_set_max_proto_version(context->native_handle(), version);
    const Answer answer = Client(settings).call();
    CHECK(answer.reached == Reached::no);
    CHECK(answer.reason == Reason::certificate);
    CHECK(contains(answer.error, "asks for a certificate of ours: name it in api.client_cert"));
  }
  settings.client_cert = folder.write("stranger.pem", certificate.pem());
  settings.client_key = folder.write("stranger.key", certificate.key_pem());
  CHECK(contains(Client(settings).call().error, "does not take the certificate that api.client_cert names"));
  settings.client_cert = folder.write("client.pem", ours.pem());
  settings.client_key = folder.write("client.key", ours.key_pem());
  Client client(settings);
  for (int call = 0; call < 3; ++call) CHECK(describe(client.call()) == "201 []");
  CHECK(server.requests() == std::vector<std::string>{"new", "resumed", "resumed"});

  settings.client_key = folder.write("other.key", certificate.key_pem());
  CHECK(error_of([&] { Client other(settings); }).starts_with("78 " + *settings.client_key + ": "));
  settings.client_cert = folder.write("none.pem", "");
  CHECK(error_of([&] { Client other(settings); }).starts_with("78 " + *settings.client_cert + ": "));
}

TEST_CASE("a certificate that does not verify says why, and which it is") {
  const TempFolder folder;
  const auto check = [](const Refused& refused, const std::string& words) {
    CHECK(refused.answer.reached == Reached::no);
    CHECK(refused.answer.reason == Reason::certificate);
    CHECK(refused.answer.error == fmt::format("the certificate of {} does not verify: {}", refused.url, words));
  };
  // Trusted, were it not for one thing.
  const auto trusted = [&](const CertificateOptions& options, const std::string& host = "127.0.0.1") {
    const Certificate certificate = make_certificate(options);
    return call_tls(over_tls(certificate), folder.write("server.pem", certificate.pem()), host);
  };

  SUBCASE("of somebody who has seen the key, and says it there") {
    const Certificate certificate = make_certificate({.names = "DNS:secret-key.example"});
    const auto refused = call_tls(over_tls(certificate), folder.write("server.pem", certificate.pem()));
    CHECK(contains(refused.answer.error, "**********.example"));
    CHECK_FALSE(contains(refused.answer.error, "secret-key"));
  }
  SUBCASE("over") {
    check(trusted({.names = "IP:127.0.0.1,DNS:*.api.example", .until = -24h}),
          fmt::format("certificate has expired (valid until {}, and here it is {}; it is for IP:127.0.0.1, "
                      "DNS:*.api.example)",
                      day(-24h), day(0h)));
  }
  SUBCASE("to come") {
    check(trusted({.from = 24h}),
          fmt::format("certificate is not yet valid (valid from {}, and here it is {}; it is for IP:127.0.0.1)",
                      day(24h), day(0h)));
  }
  SUBCASE("its authority's is over") {
    const Certificate authority =
        make_certificate({.names = "", .common_name = "An Authority", .until = -24h, .is_authority = true});
    const Certificate certificate = make_certificate({}, &authority);
    check(call_tls(over_tls(certificate), folder.write("authority.pem", authority.pem())),
          fmt::format("certificate has expired (that of its authority CN=An Authority, valid until {}, and here it is "
                      "{}; it is for IP:127.0.0.1)",
                      day(-24h), day(0h)));
  }
  SUBCASE("for another host") {
    check(trusted({.names = "DNS:elsewhere.example"}), "it is for DNS:elsewhere.example, not for 127.0.0.1");
    check(trusted({.names = "IP:127.0.0.2,IP:::1"}), "it is for IP:127.0.0.2, IP:::1, not for 127.0.0.1");
    check(trusted({.names = "DNS:127.0.0.1"}), "it is for DNS:127.0.0.1, not for 127.0.0.1");
    check(trusted({.names = "", .common_name = "127.0.0.1"}), "it is for CN=127.0.0.1, not for 127.0.0.1");
    check(trusted({.names = "IP:127.0.0.1"}, "localhost"), "it is for IP:127.0.0.1, not for localhost");
    check(trusted({.names = "DNS:elsewhere.example", .common_name = "localhost"}, "localhost"),
          "it is for DNS:elsewhere.example (CN=localhost), not for localhost");
    check(trusted({.names = "DNS:*.localhost,DNS:local"}, "localhost"),
          "it is for DNS:*.localhost, DNS:local, not for localhost");
    check(trusted({.names = ""}), "it is for nobody, not for 127.0.0.1");
  }
  SUBCASE("nobody vouches for it") {
    const std::string hint =
        "; this machine does not know its authority: api.ca_file can name a PEM file that holds it";
    const Certificate own = make_certificate({.common_name = "convoke test"});
    check(call_tls(over_tls(own), std::nullopt),
          "self-signed certificate (it is for IP:127.0.0.1 (CN=convoke test))" + hint);
    const Certificate authority = make_certificate({.names = "", .common_name = "Unknown", .is_authority = true});
    const Certificate certificate = make_certificate({}, &authority);
    check(call_tls(over_tls(certificate), std::nullopt),
          "unable to get local issuer certificate (it is for IP:127.0.0.1)" + hint);
    check(call_tls(over_tls(certificate, authority.pem()), std::nullopt),
          "self-signed certificate in certificate chain (it is for IP:127.0.0.1)" + hint);
    const std::string other = folder.write("other.pem", make_certificate({.common_name = "other"}).pem());
    check(call_tls(over_tls(own), other),
          "self-signed certificate (it is for IP:127.0.0.1 (CN=convoke test)); its "
          "authority is not in api.ca_file (" +
              other + ")");
  }
  SUBCASE("with a hundred names, and names that would move a terminal") {
    std::string names;
    for (int i = 0; i < 100; ++i)
      names += fmt::format("{}DNS:{}{}.example", i == 0 ? "" : ",", std::string(200, 'x'), i);
    const Refused refused = trusted({.names = names, .common_name = "a\x1b[2Jb\nc"});
    CHECK(contains(refused.answer.error, " and 94 more (CN=a?[2Jb c), not for 127.0.0.1"));
    CHECK(refused.answer.error.size() < 1000);
  }
}
