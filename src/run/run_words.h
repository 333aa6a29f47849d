// What a run says: each message, once, in one place.
#pragma once

#include <string>
#include <vector>

#include "ledger/pages.h"
#include "ledger/verification.h"
#include "run/call.h"
#include "run/run_end.h"

namespace convoke {

// Why it stops.
std::string words_of_stop(const Verdict& verdict);
std::string words_of_strange_answers(Reason reason, Step step, int in_a_row, const std::string& latest);
std::string words_of_retry_budget(const RunCounts& counts);
/// `when` is words_of_next_call().
std::string words_of_quota(const Limit& limit, bool is_use_unknown, const std::string& when);
std::string words_of_next_call(WallTime next, Duration wait);
std::string words_of_failures(std::int64_t failures, std::int64_t allowed);
std::string words_of_canary(std::int64_t handled);
std::string words_of_refused_targets(const std::vector<RefusedTarget>& refused);

/// Of courses that are missing or Drafts; empty: none is.
std::string words_of_bad_courses(const std::vector<CourseState>& courses, bool may_be_sent_all_the_same);
/// `trouble`: what was answered in its place.
std::string words_of_no_list(const std::string& trouble);
/// `trouble`: what the API said of the page, if anything.
std::string words_of_unread(const CourseListing& listing, const std::string& trouble);

// What an operator should know while it goes on.
/// Of a list that an earlier verification had begun to read.
std::string words_of_going_on(const CourseListing& listing);
/// Of courses of which it is not known whether they are there; empty: there are none. `trouble` may be.
std::string words_of_unknown_courses(const std::vector<CourseState>& courses, const std::string& trouble);
std::string words_of_outage(const std::string& seen, Duration patience_left);
std::string words_of_recovery(Duration after);
std::string words_of_alarm(CallId call, const std::string& alarm);
std::string words_of_refused_target(const Target& target, const std::string& words);
std::string words_of_size(std::size_t too_large, int from_here_on);
/// `use`: what this ledger itself had used when the 429 came.
std::string words_of_foreign_use(const std::vector<LimitUse>& use, Duration wait);
std::string words_of_long_wait(Duration asked, Duration taken);

// What a verification came to, in one line.
std::string words_of_verified(const std::vector<CourseSeen>& courses);

}  // namespace convoke
