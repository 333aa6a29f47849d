#include "report/outlook_text.h"

#include <algorithm>

#include "base/numbers.h"

namespace convoke {
namespace {

WallTime known_again(const LimitUse& use, WallTime at) {
  return at + std::chrono::ceil<std::chrono::milliseconds>(use.unknown_for);
}

}  // namespace

std::string forecast_text(const Forecast& forecast) {
  if (forecast.by_day.empty()) return "nothing to send";
  std::string text = fmt::format("about {} under the limits at {} a call", describe_duration(forecast.duration),
                                 describe_duration(forecast.latency));
  if (forecast.by_day.size() > 1) {
    text += ": ";
    for (std::size_t day = 0; day < forecast.by_day.size() && day < 7; ++day) {
      text += fmt::format("{}{} calls on day {}", day > 0 ? ", " : "", grouped(forecast.by_day[day]), day + 1);
    }
    if (forecast.by_day.size() > 7) text += ", and so on";
  }
  return text;
}

JsonObject forecast_json(const Forecast& forecast) {
  return JsonObject()
      .add("seconds", std::chrono::duration<double>(forecast.duration).count())
      .add_list("calls_by_day", forecast.by_day, [](std::int64_t calls) { return std::to_string(calls); });
}

std::string limits_text(const LimitsNow& limits) {
  std::string text;
  for (const LimitUse& use : limits.use) {
    if (use.unknown_for > Duration::zero()) {
      text += fmt::format("  limit {:<12} what is used is not known until {}\n", format_limit(use.limit),
                          format_time(known_again(use, limits.at)));
    } else {
      text += fmt::format("  limit {:<12}{:>14} used, {} left\n", format_limit(use.limit), grouped(use.taken),
                          grouped(use.left));
    }
  }
  if (limits.use.empty()) text += "  no limits are set\n";
  if (limits.is_any_unknown()) {
    text +=
        "  the ledger was copied, or moved without its -calls file; if you know how many calls of the longest limit "
        "are used, say so, once: convoke run JOB --assume-used N\n";
  }
  if (limits.next_call) text += fmt::format("  the next call may go at {}\n", format_time(*limits.next_call));
  return text;
}

JsonObject limits_json(const LimitsNow& limits) {
  std::optional<WallTime> unknown_until;
  for (const LimitUse& use : limits.use) {
    if (use.unknown_for > Duration::zero())
      unknown_until = std::max(unknown_until.value_or(WallTime{}), known_again(use, limits.at));
  }
  return JsonObject()
      .add_list("limits", limits.use,
                [](const LimitUse& use) {
                  return JsonObject()
                      .add("limit", format_limit(use.limit))
                      .add("used", use.taken)
                      .add("left", use.left)
                      .text();
                })
      .add("next_call", or_null(limits.next_call))
      .add("unknown_until", or_null(unknown_until));
}

}  // namespace convoke
