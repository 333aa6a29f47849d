// Where people are invited to.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace convoke {

enum class TargetKind { course, learning_path, channel };

struct TargetKindWords {
  TargetKind kind;
  std::string_view name;   ///< as in job files and in the view `outcomes`
  std::string_view words;  ///< for people
};

/// In the order of TargetKind.
inline constexpr std::array<TargetKindWords, 3> target_kinds = {{
    {TargetKind::course, "course", "course"},
    {TargetKind::learning_path, "learning_path", "learning path"},
    {TargetKind::channel, "channel", "channel"},
}};

constexpr std::string_view name_of(TargetKind kind) {
  return target_kinds[static_cast<std::size_t>(kind)].name;
}
constexpr std::string_view words_of(TargetKind kind) {
  return target_kinds[static_cast<std::size_t>(kind)].words;
}
constexpr std::optional<TargetKind> target_kind_named(std::string_view name) {
  for (const TargetKindWords& words : target_kinds) {
    if (words.name == name) return words.kind;
  }
  return std::nullopt;
}

/// What a call does. Of a target's members: they are invited once it is known who they are. Of a list of the API's: it
/// is read page by page.
enum class Step {
  invite,   ///< members
  look_up,  ///< addresses: which members have them
  create,   ///< addresses that nobody has: members are made of them
  verify,   ///< a page of those who take part in a course
  look      ///< a page of the courses there are
};

/// The words of the ledger, in the order of Step.
inline constexpr std::array<std::string_view, 5> step_names = {"invite", "look_up", "create", "verify", "look"};
constexpr std::string_view name_of(Step step) {
  return step_names[static_cast<std::size_t>(step)];
}
constexpr std::optional<Step> step_named(std::string_view name) {
  for (const Step step : {Step::invite, Step::look_up, Step::create, Step::verify, Step::look}) {
    if (name_of(step) == name) return step;
  }
  return std::nullopt;
}
constexpr bool is_of_addresses(Step step) {
  return step == Step::look_up || step == Step::create;
}
constexpr bool is_of_pages(Step step) {
  return step == Step::verify || step == Step::look;
}

struct Target {
  TargetKind kind = TargetKind::course;
  std::string id;  ///< as the API knows it
  Step step = Step::invite;
};

/// Where the members of a list are invited to.
struct ListTarget {
  TargetKind kind = TargetKind::course;
  std::optional<std::string> id;  ///< absent: each row names its own
};

}  // namespace convoke
