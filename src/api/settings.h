// How to invite; filled from the `[invite]` table of a job.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

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
};

}  // namespace convoke
