// What goes out and what comes back, whatever carries it: HTTP in the program, the sandbox's handler in simulations.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <exception>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/reason.h"

namespace convoke {

/// One HTTP request; the authorization is the transport's.
struct Request {
  std::string method;
  std::string target;                  ///< path below the API's base URL, percent-encoded
  std::string body;                    ///< JSON; empty: none
  Instant not_after = Instant::max();  ///< not a byte is sent later than this
};

/// What came back: an answer, or what is known instead.
struct Answer {
  enum class Reached {
    no,       ///< not a byte of the request can have reached the server
    maybe,    ///< it may have, and no whole answer came back
    answered  ///< a whole answer was read
  };
  Reached reached = Reached::no;
  int status = 0;
  std::string body;      ///< with room for simdjson's padding behind it (capacity)
  std::string location;  ///< of a redirect, as it came
  std::string retry_after, ratelimit, ratelimit_remaining, ratelimit_reset;  ///< headers, as they came; empty: absent
  std::string error;                                                         ///< not answered: why, in words of ours
  Reason reason = Reason::none;                                              ///< not answered: the kind of trouble
  std::shared_ptr<void> hold;  ///< lives as long as the body is needed: its share of the memory for all answers
};

/// Went wrong in this process (memory, say) when the request may have left: it is in doubt, as if the process had
/// ended.
struct LostInside {
  std::exception_ptr cause;
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Sends at most once, whatever happens; never throws for what the network does. Takes no longer than the timeout of
  /// a call. Throws where this machine has no file, thread or memory left for it: LostInside if something may have been
  /// sent by then, else anything else.
  virtual boost::asio::awaitable<Answer> send(Request request) = 0;
};

}  // namespace convoke
