// A scripted server that speaks TLS, or does not.
#pragma once

#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>

#include "certificates.h"
#include "scripted_server.h"

namespace convoke {

inline std::shared_ptr<boost::asio::ssl::context> tls_context(const Certificate& certificate,
                                                              const std::string& chain = "") {
  const auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  context->use_certificate_chain(boost::asio::buffer(certificate.pem() + chain));
  context->use_private_key(boost::asio::buffer(certificate.key_pem()), boost::asio::ssl::context::pem);
  return context;
}

// Speaks TLS with this certificate (and those that follow it in `chain`), and answers each request with a 201.
inline Script over_tls(const Certificate& certificate, const std::string& chain = "") {
  const auto context = tls_context(certificate, chain);
  return [context](Peer& peer) {
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket&> stream(peer.socket(), *context);
    boost::system::error_code error;
    stream.handshake(boost::asio::ssl::stream_base::server, error);
    while (!error) {
      std::string request;
      boost::asio::read_until(stream, boost::asio::dynamic_buffer(request), "{}", error);
      if (error) break;
      peer.note(request);
      boost::asio::write(stream, boost::asio::buffer(created("[]")), error);
    }
  };
}

inline Script says(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    char some[1024];
    boost::system::error_code ignored;
    peer.socket().read_some(boost::asio::buffer(some), ignored);
    peer.send(bytes);
  };
}

inline void hears_and_resets(Peer& peer) {
  says("")(peer);
  peer.reset();
}

struct Refused {
  Answer answer;
  std::string url;
};

// One call over https to a server with this certificate, with this api.ca_file.
inline Refused call_tls(const Script& script, std::optional<std::string> ca_file,
                        const std::string& host = "127.0.0.1") {
  ScriptedServer server({script});
  std::string url = server.url("https");
  url.replace(url.find("127.0.0.1"), 9, host);
  Refused refused{Client(url, std::chrono::seconds(5), std::move(ca_file)).call(), url};
  if (refused.answer.reached != Answer::Reached::answered) CHECK(server.requests().empty());
  return refused;
}

}  // namespace convoke
