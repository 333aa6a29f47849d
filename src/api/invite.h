// The calls that invite, of api.md: from a chunk to a request.
#pragma once

#include <span>
#include <string>

#include "api/settings.h"
#include "api/transport.h"
#include "base/member_id.h"
#include "base/target.h"

namespace convoke {

/// The target's id becomes one percent-encoded path segment (RFC 3986); optional fields that are not set are left out.
/// `quiet` sends withEmailNotification false whatever is set.
Request invite_request(const Target& target, std::span<const MemberId> members, const InviteSettings& settings,
                       bool quiet);

}  // namespace convoke
