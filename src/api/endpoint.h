// The calls that invite, one for each kind of target: all in which they differ, in one table (api.md).
#pragma once

#include <array>
#include <string_view>

#include "base/target.h"

namespace convoke {

enum class AnswerForm {
  participants,     ///< 201: an array of participants; 200, 204 without a body: all were invited already
  added_and_failed  ///< 200: the ids that were added, and those that were not
};

struct Endpoint {
  std::string_view before;      ///< the path, up to the target's id, and
  std::string_view after;       ///< from there on
  bool takes_options;           ///< the body may say who invites, and whether with e-mail
  AnswerForm answer;            ///< if all goes well
  std::string_view target_key;  ///< of a participant: what names its target
};

/// In the order of TargetKind.
inline constexpr std::array<Endpoint, 3> endpoints = {{
    {"/v1/courses/", "/participants~bulkInvite", true, AnswerForm::participants, "courseId"},
    {"/v1/learningPaths/", "/participants~bulkInvite", true, AnswerForm::participants, "learningPathId"},
    {"/v1/channels/", "/spotMembers~bulkAdd", false, AnswerForm::added_and_failed, ""},
}};

constexpr const Endpoint& endpoint_of(TargetKind kind) {
  return endpoints[static_cast<std::size_t>(kind)];
}

}  // namespace convoke
