// What keeps a call from its answer, told apart: what only a change of the config mends, and what may heal by itself.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netdb.h>
#include <pthread.h>

#include <array>

#include "source_rows.h"
#include "tls_server.h"

using namespace convoke;
using Reached = Answer::Reached;

TEST_CASE("an http server under an https URL gets no key, and is told from one that fails") {
  for (const std::string bytes : {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "<html>Bad request</html>",
                                  "SSH-2.0-OpenSSH_9.2\r\n"}) {
    CAPTURE(bytes);
    const Refused refused = call_tls(says(bytes), std::nullopt);
    CHECK(refused.answer.reached == Reached::no);
    CHECK(refused.answer.reason == Reason::not_tls);
    CHECK(contains(refused.answer.error, refused.url + " does not speak TLS, and base_url says https"));
  }
  const std::array<Script, 4> failing = {says(""), hears_and_resets,
                                         says(std::string("\x15\x03\x03\x00\x02\x02\x28", 7)), says("\x16\x03\x03")};
  for (const Script& script : failing) {
    const Refused refused = call_tls(script, std::nullopt);
    CHECK(refused.answer.reached == Reached::no);
    CHECK(refused.answer.reason == Reason::not_connected);
    CHECK(contains(refused.answer.error, "cannot reach " + refused.url));
    CHECK(contains(refused.answer.error, "(TLS handshake)"));
  }
}

TEST_CASE("a host that does not exist is told from a name server that does not answer") {
  struct Row {
    const char* host;
    int error;
    Reason expected;
  };
  for (const Row& row :
       {Row{"api.exmaple", EAI_NONAME, Reason::unknown_host}, Row{"api.exmaple", EAI_NODATA, Reason::unknown_host},
        Row{"api.exmaple", EAI_AGAIN, Reason::not_connected}, Row{"api.exmaple", EAI_FAIL, Reason::not_connected},
        Row{"host.invalid", EAI_AGAIN, Reason::unknown_host}, Row{"Host.INVALID.", EAI_AGAIN, Reason::unknown_host},
        Row{"notinvalid", EAI_AGAIN, Reason::not_connected}}) {
    CAPTURE(row.host);
    CAPTURE(row.error);
    name_server_error = row.error;
    const Answer answer = Client(fmt::format("http://{}", row.host)).call();
    name_server_error = 0;
    CHECK(answer.reached == Reached::no);
    CHECK(answer.reason == row.expected);
    const std::string words = row.expected == Reason::unknown_host ? "there is no host {0} (http://{0}:80): "
                                                                   : "cannot reach http://{0}:80: ";
    CHECK(answer.error.starts_with(fmt::format(fmt::runtime(words), row.host)));
  }
}

TEST_CASE(
    "a resolver whose thread cannot be started is no word of the server's: it is thrown, and the next call finds it "
    "mended") {
  pthread_attr_t usual;
  pthread_attr_t impossible;
  pthread_getattr_default_np(&usual);
  pthread_attr_init(&impossible);
  pthread_attr_setstacksize(&impossible, std::size_t{1} << 47U);
  ScriptedServer server({always(created("[]"))});
  Client client(server.url());
  pthread_setattr_default_np(&impossible);
  std::exception_ptr failure;
  auto on_end = [&failure](std::exception_ptr error, const Answer&) { failure = error; };
  boost::asio::co_spawn(client.loop, client.transport.send({"POST", "/x", "{}"}), std::move(on_end));
  client.loop.run();
  pthread_setattr_default_np(&usual);
  CHECK(failure);
  CHECK(describe(client.call()) == "201 []");
  pthread_attr_destroy(&impossible);
  pthread_attr_destroy(&usual);
}

TEST_CASE("an https server under an http URL is recognised by what it says") {
  const std::string alert("\x15\x03\x01\x00\x02\x02\x28", 7);
  const auto bad = [](const std::string& body) {
    return fmt::format("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
  };
  for (const std::string& bytes :
       {alert, std::string("\x16\x03\x03\x00\x04\x0e\x00\x00\x00", 9),
        bad("<center>The plain HTTP request was sent to HTTPS port</center>"),
        bad("Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />"),
        std::string("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")}) {
    CAPTURE(bytes);
    ScriptedServer server({says(bytes)});
    const Answer answer = Client(server.url()).call();
    CHECK(answer.reached == Reached::no);
    CHECK(answer.reason == Reason::tls_expected);
    CHECK(answer.status == 0);
    CHECK(contains(answer.error, server.url() + " expects TLS, and base_url says http"));
    CHECK(server.connections() == 1);
  }
  // What only looks like it.
  for (const std::string& bytes :
       {bad("The plain truth"), std::string("HTTP/1.1 500 Oops\r\n\r\nThe plain HTTP request "
                                            "was sent to HTTPS port")}) {
    CAPTURE(bytes);
    ScriptedServer server({says(bytes)});
    CHECK(Client(server.url()).call().reached == Reached::answered);
  }
}
