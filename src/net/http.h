// HTTP/1.1 over one connection: what goes out, and what comes in within bounds. All of these throw system_error where
// it goes wrong, and say in the connection's progress how far it came.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "api/transport.h"
#include "net/answer_memory.h"
#include "net/connection.h"

namespace convoke {

/// Asks the proxy for a tunnel to the API. What goes through it is TLS, which the proxy cannot read.
boost::asio::awaitable<void> open_tunnel(Connection& connection, const Url& api, const Proxy& proxy);

boost::asio::awaitable<void> write_request(Connection& connection, const Request& request, const Url& api,
                                           const ApiSettings& settings);

/// Reads the answer and takes its memory. Returns whether the connection is fit for another call. Without `answered`
/// when it returns, the server has said that it wants TLS.
boost::asio::awaitable<bool> read_answer(Connection& connection, const std::shared_ptr<AnswerMemory>& memory,
                                         ServerHabits& server, Answer& answer);

}  // namespace convoke
