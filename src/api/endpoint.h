// The calls, in one table (api.md): those that invite, one for each kind of target, those that tell whom addresses
// belong to, and the lists that are read page by page.
#pragma once

#include <array>
#include <string_view>

#include "base/target.h"

namespace convoke {

enum class AnswerForm {
  participants,        ///< 201: an array of participants; 200, 204 without a body: all were invited already
  added_and_failed,    ///< 200: the ids that were added, and those that were not
  spot_members,        ///< 200: a page of members, and how many there are
  created_and_failed,  ///< 200, 201: the members that were made, and the addresses that none was made of
  page                 ///< 200: a page of a list, and how many there are in all of it
};

struct Endpoint {
  std::string_view before;      ///< the path, up to the target's id, and
  std::string_view after;       ///< from there on
  bool takes_options;           ///< the body may say who invites, and whether with e-mail
  AnswerForm answer;            ///< if all goes well
  std::string_view target_key;  ///< of a participant: what names its target
};

/// In the order of TargetKind, then in the order of Step: whatever the kind of target, they are the same.
inline constexpr std::array<Endpoint, 7> endpoints = {{
    {"/v1/courses/", "/participants~bulkInvite", true, AnswerForm::participants, "courseId"},
    {"/v1/learningPaths/", "/participants~bulkInvite", true, AnswerForm::participants, "learningPathId"},
    {"/v1/channels/", "/spotMembers~bulkAdd", false, AnswerForm::added_and_failed, ""},
    {"/v1/spotMembers", "", false, AnswerForm::spot_members, ""},
    {"/v1/spotMembers~bulkInvite", "", false, AnswerForm::created_and_failed, ""},
    {"/v1/courses/", "/participants", false, AnswerForm::page, "courseId"},
    {"/v1/courses", "", false, AnswerForm::page, ""},
}};

constexpr const Endpoint& endpoint_of(TargetKind kind, Step step = Step::invite) {
  return endpoints[step == Step::invite ? static_cast<std::size_t>(kind)
                                        : target_kinds.size() - 1 + static_cast<std::size_t>(step)];
}

}  // namespace convoke
