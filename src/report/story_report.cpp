#include "report/story_report.h"

#include <fmt/format.h>

#include "base/numbers.h"
#include "report/json.h"
#include "report/numbers.h"

namespace convoke {
namespace {

std::string call_text(const StoryCall& call) {
  std::string answer = call.http_status ? fmt::format("HTTP {}", *call.http_status)
                       : call.open      ? "no answer yet"
                                        : "no answer";
  if (call.latency_ms) answer += fmt::format(" after {} ms", *call.latency_ms);
  const std::string whom = call.step == Step::invite    ? "for " + counted(call.members, "member")
                           : call.step == Step::look_up ? "to look up " + plural(call.members, "address", "addresses")
                                                        : "to make " + counted(call.members, "member");
  return fmt::format("  {}  run {}, call {} {}: {}{}\n", call.sent_at, call.run, call.call, whom, answer,
                     call.error.empty() ? "" : " (" + excerpt(call.error, 300) + ")");
}

std::string call_json(const StoryCall& call) {
  return JsonObject()
      .add("call_id", call.call)
      .add("run_id", call.run)
      .add("sent_at", call.sent_at)
      .add("latency_ms", call.latency_ms)
      .add("http_status", call.http_status)
      .add("error", or_null(call.error))
      .add("members", call.members)
      .add("step", name_of(call.step))
      .add("open", call.open)
      .text();
}

std::string target_json(const Story& story) {
  return JsonObject()
      .add("course_id", story.target.id)
      .add("target", name_of(story.target.kind))
      .add("outcome", story.outcome)
      .add("http_status", story.http_status)
      .add("error", or_null(story.error))
      .add("attempts", story.attempts)
      .add("source_line", story.source_line)
      .add("chunk_id", story.chunk)
      .add("chunk_size", story.chunk_size)
      .add("participant_id", or_null(story.participant_id))
      .add("participant_status", or_null(story.participant_status))
      .add("updated_at", or_null(story.updated_at))
      .add_list("calls", story.calls, call_json)
      .text();
}

}  // namespace

std::string story_text(const std::string& job, const Whom& whom, const std::vector<Story>& stories) {
  std::string text;
  for (const Story& story : stories) {
    text += fmt::format("{} of job {}, {} {}\n", whom.member ? "member " + whom.member->text() : "an address",
                        excerpt(job), words_of(story.target.kind), excerpt(story.target.id));
    text += fmt::format("  source line {}, chunk {} of {}\n", story.source_line, story.chunk,
                        counted(story.chunk_size, "member"));
    for (const StoryCall& call : story.calls) text += call_text(call);
    text += fmt::format("  outcome {}, asked {}", excerpt(story.outcome), counted(story.attempts, "time"));
    if (!story.updated_at.empty()) text += ", since " + story.updated_at;
    text += '\n';
    if (!story.error.empty()) text += fmt::format("  because: {}\n", excerpt(story.error, 300));
    if (!story.participant_id.empty()) {
      text += fmt::format("  participant {}, {}\n", excerpt(story.participant_id), excerpt(story.participant_status));
    }
  }
  return text;
}

std::string story_json(const std::string& job, const Whom& whom, const std::vector<Story>& stories) {
  return JsonObject()
             .add("job", job)
             .add("spot_member_id", whom.member ? std::optional(whom.member->text()) : std::nullopt)
             .add_list("courses", stories, target_json)
             .text() +
         "\n";
}

}  // namespace convoke
