#include "sandbox/fault.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "base/numbers.h"
#include "base/text.h"

namespace convoke {
namespace {

constexpr std::array<std::string_view, 9> kind_names = {"status",  "reset", "reset-after", "stall", "truncate",
                                                        "garbage", "slow",  "lost",        "login"};

Fault parse_kind(std::string_view text) {
  if (const auto status = parse_number<int>(text)) {
    if (*status >= 300 && *status <= 599) return {FaultKind::status, *status, 0};
    throw Error(Exit::usage, fmt::format("a fault's status is 300 to 599, not {}", *status), "--faults");
  }
  for (std::size_t i = 1; i < kind_names.size(); ++i) {
    if (kind_names[i] == text) return {static_cast<FaultKind>(i), 0, 0};
  }
  const std::string near = nearest(text, kind_names);
  throw Error(Exit::usage, fmt::format("no such fault: {}", json_string(excerpt(text))), "--faults",
              near.empty() || near == "status"
                  ? "a status from 300 to 599, reset, reset-after, stall, truncate, garbage, slow, lost or login"
                  : fmt::format("did you mean {}?", near));
}

}  // namespace

std::vector<Fault> parse_faults(std::string_view text) {
  std::vector<Fault> faults;
  double sum = 0;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const auto colon = part.find(':');
    Fault fault = parse_kind(part.substr(0, colon));
    const std::string_view number = colon == std::string_view::npos ? std::string_view{} : part.substr(colon + 1);
    const auto probability = parse_number<double>(number);
    if (!probability || !(*probability >= 0 && *probability <= 1)) {
      throw Error(Exit::usage,
                  fmt::format("the probability of {} is 0 to 1, not {}", name_of(fault), json_string(excerpt(number))),
                  "--faults", fmt::format("for one request in a hundred: {}:0.01", name_of(fault)));
    }
    fault.probability = *probability;
    sum += *probability;
    faults.push_back(fault);
  }
  // A little more than 1, because 0.7 + 0.2 + 0.1 is.
  if (sum > 1 + 1e-9) {
    throw Error(Exit::usage, fmt::format("the probabilities add up to {:g}, more than 1", sum), "--faults");
  }
  return faults;
}

std::string name_of(const Fault& fault) {
  if (fault.kind == FaultKind::status) return fmt::to_string(fault.status);
  return std::string(kind_names[static_cast<std::size_t>(fault.kind)]);
}

}  // namespace convoke
