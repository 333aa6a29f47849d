// The whole story of one member, in words and as JSON.
#pragma once

#include <string>
#include <vector>

#include "ledger/story.h"

namespace convoke {

std::string story_text(const std::string& job, const Whom& whom, const std::vector<Story>& stories);
std::string story_json(const std::string& job, const Whom& whom, const std::vector<Story>& stories);

}  // namespace convoke
