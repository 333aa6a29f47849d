// Lists of the API's that are read page by page, of api.md: what is asked, and what an answer means.
#pragma once

#include <optional>

#include "api/transport.h"
#include "api/verdict.h"
#include "base/target.h"
#include "ledger/paging.h"

namespace convoke {

/// Asks for a page of those who take part in the target, or of the courses there are (Target::step).
Request page_request(const Target& target, const PageAsked& page);

namespace verdicts {

/// A 200.
Verdict judge_page(Answer& answer, const Chunk& chunk, const Judgement& how);

/// A status that says something of the page, or of the list: that it ends before it, say. Empty: it does not.
std::optional<Verdict> judge_no_page(int status, const Chunk& chunk, const Judgement& how, const std::string& message);

}  // namespace verdicts
}  // namespace convoke
