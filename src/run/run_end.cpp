#include "run/run_end.h"

#include <array>

namespace convoke {

std::string_view name_of(StoppedBy by) {
  // In the order of StoppedBy.
  constexpr std::array<std::string_view, 14> names = {"",
                                                      "signal",
                                                      "max_duration",
                                                      "max_members",
                                                      "quota",
                                                      "rate_limited",
                                                      "api_unavailable",
                                                      "retry_budget",
                                                      "key_refused",
                                                      "account_refused",
                                                      "misconfigured",
                                                      "course_refused",
                                                      "max_failures",
                                                      "refused_alike"};
  return names.at(static_cast<std::size_t>(by));
}

}  // namespace convoke
