#include "report/status_report.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "ledger/clock_bridge.h"
#include "ledger/identity.h"
#include "ledger/job_lock.h"
#include "ledger/slots.h"
#include "report/json.h"
#include "report/numbers.h"
#include "report/run_report.h"

namespace convoke {
namespace {

std::string how_it_ended(const JobStatus& job) {
  const LatestRun& run = *job.last_run;
  if (!run.ended_at) return job.is_running ? "is running" : "was killed";
  std::string text = run.exit_code ? fmt::format("ended {} with exit {}", format_time(*run.ended_at), *run.exit_code)
                     : run.stopped_by.empty() ? std::string("ended")
                                              : fmt::format("was {}", run.stopped_by);
  if (run.exit_code && !run.stopped_by.empty()) text += ", stopped by " + run.stopped_by;
  return text;
}

WallTime known_again(const LimitUse& use, WallTime at) {
  return at + std::chrono::ceil<std::chrono::milliseconds>(use.unknown_for);
}

void add_calls(MemorySlots& slots, Duration window, std::int64_t calls, LedgerTime free_at) {
  int number = slots.size(window);
  for (std::int64_t call = 0; call < calls; ++call) slots.set(window, {number++, free_at});
}

// What a run does for good (RunLedger), for a look.
void count_what_is_not_known(LimitsNow& state, LedgerSlots& slots, const CallsBegun& ledger,
                             const std::optional<CallsBegun>& file, const LimitSettings& limits, Duration unanswered) {
  const CallsKnown known = calls_known(ledger, file);
  if (known == CallsKnown::not_sure && slots.any_taken(state.now)) {
    Pace pace = state.slots.pace();
    pace.unknown_until = std::max(pace.unknown_until, state.now + unanswered);
    state.slots.set_pace(pace);
  }
  if (known != CallsKnown::fewer) return;
  const Duration ago = std::max<Duration>(state.at - file->latest, Duration::zero());
  const int most = RateLimiter(limits, state.slots).largest_limit().value_or(0);  // more would hold back nobody here
  std::set<Duration> counted;
  for (const Limit& limit : limits.calls) {
    if (!counted.insert(limit.window).second) continue;
    const LedgerTime free_at = state.now - ago + unanswered + limit.window;
    if (free_at <= state.now) continue;
    add_calls(state.slots, limit.window, std::min<std::int64_t>(file->calls - ledger.calls, most), free_at);
  }
}

}  // namespace

Duration usual_latency(Database& database) {
  SQLite::Statement query(database.handle(),
                          "SELECT avg(latency_ms) FROM (SELECT latency_ms FROM call WHERE http_status IS NOT NULL "
                          "ORDER BY call_id DESC LIMIT 100)");
  query.executeStep();
  if (query.getColumn(0).isNull()) return std::chrono::milliseconds(300);
  return Duration(static_cast<Duration::rep>(query.getColumn(0).getDouble() * 1000));
}

LimitsNow limits_now(Database& database, const std::optional<CallsBegun>& file, const LimitSettings& limits,
                     Duration call_timeout, const Clock& clock) {
  LimitsNow state;
  state.at = clock.wall();
  const auto bridge = bridge_clock(stored_bridge(database), clock.boot_id(), clock.now(), clock.wall());
  state.now = LedgerClock(clock, bridge.offset).now();
  LedgerSlots slots(database);
  state.slots = copy_slots(slots, limits);
  // A window that the ledger does not know yet: as the run will find it that makes it known.
  for (const Limit& limit : limits.calls) {
    // (Of two limits with one window, once.)
    if (slots.is_known(limit.window) || state.slots.size(limit.window) > 0) continue;
    for (const auto& earlier : slots.earlier_calls(limit.window, state.now, state.at, unanswered(call_timeout)))
      add_calls(state.slots, limit.window, earlier.calls, earlier.free_at);
  }
  count_what_is_not_known(state, slots, calls_begun(database), file, limits, unanswered(call_timeout));
  state.use = RateLimiter(limits, state.slots).use(state.now);
  MemorySlots trial = state.slots;
  const Admission admission = RateLimiter(limits, trial).take(state.now, state.now);
  if (!admission.slots)
    state.next_call = state.at + std::chrono::ceil<std::chrono::milliseconds>(admission.until - state.now);
  return state;
}

LedgerStatus status_of(Database& database, std::optional<JobId> only, const LimitSettings& limits, int connections,
                       Duration call_timeout, const Clock& clock) {
  LedgerStatus status;
  status.ledger = std::filesystem::absolute(database.path()).lexically_normal().string();
  const auto file = look_at_calls(database.file());
  database.read([&] {
    status.api = api_of(database);
    const LimitsNow state = limits_now(database, file, limits, call_timeout, clock);
    status.limits = state.use;
    status.next_call = state.next_call;
    status.at = state.at;
    const Duration latency = usual_latency(database);
    SQLite::Statement jobs(database.handle(),
                           "SELECT job_id, name, origin FROM job WHERE ?1 IS NULL OR job_id = ?1 ORDER BY name");
    if (only) jobs.bind(1, *only);
    while (jobs.executeStep()) {
      JobStatus job;
      const JobId id = jobs.getColumn(0).getInt64();
      job.name = jobs.getColumn(1).getString();
      job.origin = jobs.getColumn(2).getString();
      job.books = books_of(database, id);
      SQLite::Statement due(
          database.handle(),
          "SELECT count(*) FROM chunk INDEXED BY chunk_books WHERE job_id = ? AND outcome = 'pending'");
      due.bind(1, id);
      due.executeStep();
      job.calls_due = due.getColumn(0).getInt64();
      job.forecast = forecast(limits, state.slots, state.now, job.calls_due, latency, connections);
      job.last_run = latest_run(database, id);
      job.is_running = JobLock::is_held(database.file(), id);
      job.troubles = troubles_of(database, id);
      if (!job.is_running) job.without_answer = asked_without_answer(database, id);
      status.jobs.push_back(std::move(job));
    }
  });
  return status;
}

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

std::string forecast_json(const Forecast& forecast) {
  JsonObject json;
  json.add("seconds", std::chrono::duration<double>(forecast.duration).count());
  json.add_raw("calls_by_day", fmt::format("[{}]", fmt::join(forecast.by_day, ",")));
  return json.text();
}

std::string limits_text(const std::vector<LimitUse>& limits, std::optional<WallTime> next_call, WallTime at) {
  std::string text;
  bool all_known = true;
  for (const LimitUse& use : limits) {
    if (use.unknown_for > Duration::zero()) {
      all_known = false;
      text += fmt::format("  limit {:<12} what is used is not known until {}\n", format_limit(use.limit),
                          format_time(known_again(use, at)));
      continue;
    }
    text += fmt::format("  limit {:<12}{:>14} used, {} left\n", format_limit(use.limit), grouped(use.taken),
                        grouped(use.left));
  }
  if (limits.empty()) text += "  no limits are set\n";
  if (!all_known) {
    text +=
        "  the ledger was copied, or moved without its -calls file; if you know how many calls of the longest limit "
        "are "
        "used, say so, once: convoke run JOB --assume-used N\n";
  }
  if (next_call) text += fmt::format("  the next call may go at {}\n", format_time(*next_call));
  return text;
}

std::string limits_json(const std::vector<LimitUse>& limits, std::optional<WallTime> next_call, WallTime at) {
  std::string list;
  std::optional<WallTime> unknown_until;
  for (const LimitUse& use : limits) {
    if (use.unknown_for > Duration::zero())
      unknown_until = std::max(unknown_until.value_or(WallTime{}), known_again(use, at));
    append_element(
        list, JsonObject().add("limit", format_limit(use.limit)).add("used", use.taken).add("left", use.left).text());
  }
  JsonObject json;
  json.add_raw("limits", "[" + list + "]");
  json.add("next_call", next_call ? std::optional(format_time(*next_call)) : std::nullopt);
  json.add("unknown_until", unknown_until ? std::optional(format_time(*unknown_until)) : std::nullopt);
  return json.text();
}

std::string status_text(const LedgerStatus& status) {
  std::string text;
  for (const JobStatus& job : status.jobs) {
    text += excerpt(job.name) + "\n";
    const auto line = [&text](auto&&... parts) { text += table_line(parts...); };
    const auto troubles = [&](std::string_view outcome) {
      const std::string lines = troubles_text(job.troubles, outcome);
      if (!lines.empty())
        text += lines + fmt::format("      all of them: {}\n", listing_command(job.name, status.ledger, outcome));
    };
    line("rows read", job.books.rows_read);
    line("  invalid", job.books.invalid);
    troubles("invalid");
    line("  duplicates", job.books.duplicates);
    if (job.books.mended > 0) line("  mended", job.books.mended);
    line("members", job.books.in_list());
    for (const Outcome outcome : all_outcomes) {
      if (job.books.in_list_of(outcome) == 0 && outcome != Outcome::invited) continue;
      std::string remark;
      if (outcome == Outcome::pending)
        remark = fmt::format("{}, {}", counted(job.calls_due, "call"), forecast_text(job.forecast));
      line(fmt::format("  {}", name_of(outcome)), job.books.in_list_of(outcome), remark);
      troubles(name_of(outcome));
    }
    if (job.books.all_gone() > 0) {
      line("left the list", job.books.all_gone(), "known from before, not in the list now");
      if (job.books.of(Outcome::withdrawn) > 0) line("  withdrawn", job.books.of(Outcome::withdrawn));
      troubles("withdrawn");
    }
    if (job.without_answer > 0)
      line("without answer", job.without_answer, "asked for in calls that convoke did not live to see answered");
    if (job.books.half_read) text += "  the list was not read to its end: the next run reads it again\n";
    if (job.last_run) {
      const LatestRun& run = *job.last_run;
      text += fmt::format("  run {} started {} {}: {}", run.run, format_time(run.started_at), how_it_ended(job),
                          counted(run.counts.calls, "call"));
      if (run.counts.retries > 0) text += fmt::format(", {} retried", grouped(run.counts.retries));
      text += '\n';
      if (!run.message.empty()) text += fmt::format("    {}\n", excerpt(run.message, 500));
    }
  }
  if (status.jobs.empty()) text += "no job was run on this ledger yet\n";
  text += fmt::format("ledger {}{}\n", excerpt(status.ledger, 500),
                      status.api.base_url ? fmt::format(", of {}", excerpt(*status.api.base_url)) : "");
  text += "limits\n" + limits_text(status.limits, status.next_call, status.at);
  for (const JobStatus& job : status.jobs) {
    const bool is_work_left = job.books.of(Outcome::pending) + job.books.in_list_of(Outcome::failed) > 0;
    if (!is_work_left || job.is_running || job.origin.empty() || status.api.is_rehearsal) continue;
    const auto exit = job.last_run ? job.last_run->exit_code : std::nullopt;
    const bool needs_mending = exit && *exit >= static_cast<int>(Exit::key_refused);
    if (!job.origin.ends_with(".toml")) {
      text +=
          fmt::format("next{}: run {} again, with the options it was run with: convoke run --csv {} … --ledger {}\n",
                      needs_mending ? " (once that is mended)" : "", excerpt(job.name), shell_word(job.origin),
                      shell_word(status.ledger));
      continue;
    }
    text += fmt::format(
        "next{}: convoke run {}{} --ledger {}\n", needs_mending ? " (once that is mended)" : "", shell_word(job.origin),
        status.config.empty() ? std::string() : " --config " + shell_word(status.config), shell_word(status.ledger));
  }
  return text;
}

std::string status_json(const LedgerStatus& status) {
  std::string jobs;
  for (const JobStatus& job : status.jobs) {
    JsonObject json;
    json.add("job", job.name).add("rows_read", job.books.rows_read).add("invalid", job.books.invalid);
    json.add("duplicates", job.books.duplicates).add("mended", job.books.mended);
    json.add("members", job.books.all_members()).add("gone", job.books.all_gone());
    JsonObject outcomes;
    JsonObject in_list;
    for (const Outcome outcome : all_outcomes) {
      outcomes.add(name_of(outcome), job.books.of(outcome));
      in_list.add(name_of(outcome), job.books.in_list_of(outcome));
    }
    json.add_raw("outcomes", outcomes.text())
        .add_raw("in_list", in_list.text())
        .add_raw("troubles", troubles_json(job.troubles))
        .add("asked_without_answer", job.without_answer)
        .add("calls_due", job.calls_due)
        .add_raw("forecast", forecast_json(job.forecast));
    if (job.last_run) {
      const LatestRun& last = *job.last_run;
      const auto text_or_null = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(text);
      };
      JsonObject run;
      run.add("run_id", last.run).add("started_at", format_time(last.started_at));
      run.add("ended_at", last.ended_at ? std::optional(format_time(*last.ended_at)) : std::nullopt);
      run.add("exit_code", last.exit_code);
      run.add("stopped_by", text_or_null(last.stopped_by)).add("message", text_or_null(last.message));
      run.add_raw("running", job.is_running && !last.ended_at ? "true" : "false");
      run.add("calls", last.counts.calls).add("retries", last.counts.retries);
      json.add_raw("last_run", run.text());
    } else {
      json.add_raw("last_run", "null");
    }
    append_element(jobs, json.text());
  }
  JsonObject all;
  all.add("ledger", status.ledger).add("base_url", status.api.base_url);
  all.add_raw("jobs", "[" + jobs + "]").add_raw("quota", limits_json(status.limits, status.next_call, status.at));
  return all.text() + "\n";
}

std::string story_text(const std::string& job, const MemberId& member, const std::vector<Story>& stories) {
  std::string text;
  for (const Story& story : stories) {
    text += fmt::format("member {} of job {}, course {}\n", member.text(), excerpt(job), excerpt(story.course_id));
    text += fmt::format("  source line {}, chunk {} of {}\n", story.source_line, story.chunk,
                        counted(story.chunk_size, "member"));
    for (const StoryCall& call : story.calls) {
      std::string answer = call.http_status ? fmt::format("HTTP {}", *call.http_status)
                           : call.open      ? "no answer yet"
                                            : "no answer";
      if (call.latency_ms) answer += fmt::format(" after {} ms", *call.latency_ms);
      text += fmt::format("  {}  run {}, call {} for {}: {}{}\n", call.sent_at, call.run, call.call,
                          counted(call.members, "member"), answer,
                          call.error.empty() ? "" : " (" + excerpt(call.error, 300) + ")");
    }
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

std::string story_json(const std::string& job, const MemberId& member, const std::vector<Story>& stories) {
  std::string courses;
  const auto text_or_null = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
  for (const Story& story : stories) {
    std::string calls;
    for (const StoryCall& call : story.calls) {
      append_element(calls, JsonObject()
                                .add("call_id", call.call)
                                .add("run_id", call.run)
                                .add("sent_at", call.sent_at)
                                .add("latency_ms", call.latency_ms)
                                .add("http_status", call.http_status)
                                .add("error", text_or_null(call.error))
                                .add("members", call.members)
                                .add_raw("open", call.open ? "true" : "false")
                                .text());
    }
    append_element(courses, JsonObject()
                                .add("course_id", story.course_id)
                                .add("outcome", story.outcome)
                                .add("http_status", story.http_status)
                                .add("error", text_or_null(story.error))
                                .add("attempts", story.attempts)
                                .add("source_line", story.source_line)
                                .add("chunk_id", story.chunk)
                                .add("chunk_size", story.chunk_size)
                                .add("participant_id", text_or_null(story.participant_id))
                                .add("participant_status", text_or_null(story.participant_status))
                                .add("updated_at", text_or_null(story.updated_at))
                                .add_raw("calls", "[" + calls + "]")
                                .text());
  }
  JsonObject all;
  all.add("job", job).add("spot_member_id", member.text()).add_raw("courses", "[" + courses + "]");
  return all.text() + "\n";
}

}  // namespace convoke
