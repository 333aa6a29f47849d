// What the sandbox answers, or does instead.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "sandbox/fault.h"

namespace convoke {

/// How much of the answer reaches the client.
enum class Delivery {
  whole,
  truncated,            ///< the head, and the first half of the body; then the connection closes
  reset_before_acting,  ///< the connection is reset; nothing was done
  reset_after_acting,   ///< the connection is reset; all was done
  stall                 ///< all was done, and nothing is ever sent
};

/// A part of the record that is sent in pieces, line by line.
enum class RecordLines { none, members, made };

struct SandboxReply {
  static constexpr std::string_view json_type = "application/json; charset=utf-8";

  int status = 0;  ///< what it is, or would have been, answered; 0 if reset before acting
  std::string body;
  std::string_view content_type;                    ///< empty: no body
  std::string_view allow;                           ///< of a 405
  std::string_view location;                        ///< of a redirect
  std::optional<std::chrono::seconds> retry_after;  ///< of a 429 for the limits
  Duration delay{};                                 ///< from the request's arrival to its answer
  Delivery delivery = Delivery::whole;
  RecordLines lines = RecordLines::none;  ///< if any, the body is all of Sandbox::append_lines

  void answer(int with_status, std::string_view json);
  /// An error as the frameworks of such APIs shape it.
  void refuse(int with_status, std::string_view message);
  /// The same of a payload that is not valid: there they list what is wrong.
  void refuse_payload(std::string_view message);
  void refuse_method(std::string_view allowed);
  /// Spoils the answer to a request that was served, or answers one that was not.
  void strike(const Fault& fault);

  bool reaches_client() const { return delivery == Delivery::whole || delivery == Delivery::truncated; }

 private:
  void answer_page(int with_status, std::string_view title, std::string_view page);
};

}  // namespace convoke
