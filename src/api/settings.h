// How to invite, and to ask again; filled from the `[invite]` table of a job and `[retry]` of the config.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/duration.h"

namespace convoke {

/// What to do after a call that may have taken effect and was not answered for.
enum class OnDoubt {
  ask_again,    ///< send it again as it was
  ask_quietly,  ///< send it again without e-mail
  hold          ///< leave its members in_doubt
};

/// The words of job files, in the order of OnDoubt.
inline constexpr std::array<std::string_view, 3> on_doubt_names = {"ask-again", "ask-quietly", "hold"};
constexpr std::string_view name_of(OnDoubt on_doubt) {
  return on_doubt_names[static_cast<std::size_t>(on_doubt)];
}

struct InviteSettings {
  std::optional<std::string> invited_by;   ///< the member on whose initiative the invitation goes out
  std::optional<bool> email_notification;  ///< absent: left out of the body (api.md)
  int chunk_size = 100;                    ///< the most members of one call, 1 to 10,000
  OnDoubt on_doubt = OnDoubt::ask_again;
  bool create_missing = false;             ///< addresses that nobody has: members are made of them first,
  bool member_email_notification = false;  ///< with an e-mail to each
  bool check = true;                       ///< look whether the course is there before the first mail

  bool sends_mail() const {
    return email_notification.value_or(false) || (create_missing && member_email_notification);
  }
};

/// How calls are made: for the wire, and for whoever sends over it.
struct CallSettings {
  Duration timeout = std::chrono::seconds(30);  ///< of one call, connect to last byte; 1s to 1h
  int connections = 8;                          ///< the most calls that are out at once, 1 to 1,000
};

struct RetrySettings {
  int attempts = 6;                                 ///< of one chunk, 1 to 100
  Duration first = std::chrono::milliseconds(500);  ///< the longest first wait; doubles, full jitter
  Duration longest = std::chrono::seconds(60);      ///< no wait is longer
  Duration patience = std::chrono::minutes(5);      ///< how long an API that answers nothing is waited for
};

}  // namespace convoke
