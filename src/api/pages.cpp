#include "api/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "api/endpoint.h"
#include "api/error_body.h"
#include "api/read_page.h"
#include "api/verdicts.h"
#include "base/text.h"

namespace convoke {
namespace {

namespace ondemand = simdjson::ondemand;

// An id is a text, or somebody's number; as is a status.
std::string text_or_number(ondemand::value value) {
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) return std::string(text);
  if (value.type() != ondemand::json_type::number) return {};
  text = value.raw_json_token();
  return std::string(text.substr(0, text.find_first_not_of("-+.eE0123456789")));
}

std::optional<Page> read_courses_page(std::string& body) {
  return read_page(body, [](Page& page, ondemand::object object) {
    ListedCourse course;
    for (ondemand::field field : object) {
      const std::string_view key = key_of(field);
      if (key == "id") course.id = text_or_number(field.value());
      if (key == "status") course.status = text_or_number(field.value());
    }
    page.mark += mark_of_text(course.id);
    constexpr std::size_t longest_id = 1'000;
    if (course.id.empty() || course.id.size() > longest_id) {
      ++page.unreadable;
    } else {
      page.courses.push_back(std::move(course));
    }
  });
}

}  // namespace

Request page_request(const Target& target, const PageAsked& page) {
  Request request;
  request.method = "GET";
  const Endpoint& endpoint = endpoint_of(target.kind, target.step);
  request.target = endpoint.before;
  if (target.step == Step::verify) request.target += boost::urls::encode(target.id, boost::urls::unreserved_chars);
  request.target += endpoint.after;
  char before = '?';
  const auto add = [&](std::string_view name, int value) {
    if (value == 0) return;
    request.target += fmt::format("{}{}={}", std::exchange(before, '&'), name, value);
  };
  add("page", page.number);
  add("limit", page.size);
  return request;
}

namespace verdicts {
namespace {

// The list goes on, or is at its end: its Paging says which.
Verdict with_page(Page page, const Chunk& chunk, const Judgement& how) {
  Verdict verdict = whole(Fate::due({chunk.attempts + 1, 0, 0, false, false}, how.now));
  verdict.accepted = page.kind == Page::Kind::entries;
  verdict.page = std::move(page);
  return verdict;
}

// It is about this call alone: neither the key, the way nor the moment.
bool is_about_the_call(int status) {
  constexpr std::array of_other_things = {401, 402, 403, 407, 408, 425, 429};
  if (std::find(of_other_things.begin(), of_other_things.end(), status) != of_other_things.end()) return false;
  return status < 300 || (status >= 400 && status < 500) || status == 501;
}

Verdict without_page(Page::Kind kind, const Chunk& chunk, const Judgement& how, Reason reason = Reason::none,
                     const std::string& words = {}) {
  Page page;
  page.kind = kind;
  page.words = words;
  Verdict verdict = with_page(std::move(page), chunk, how);
  verdict.reason = reason;
  verdict.call_error = words;
  return verdict;
}

}  // namespace

Verdict judge_page(Answer& answer, const Chunk& chunk, const Judgement& how) {
  auto page = how.step == Step::look
                  ? read_courses_page(answer.body)
                  : read_participants_page(answer.body, how.keep_profile,
                                           {endpoint_of(how.target_kind, how.step).target_key, how.target_id});
  if (page) return with_page(std::move(*page), chunk, how);
  if (is_page(answer.body)) return judge_strange(answer, chunk, how);
  const std::string words = is_nothing(answer.body) ? std::string("a page that holds no list")
                            : how.step == Step::verify
                                ? std::string("a 200 with a body that is no list of participants")  // it may name them
                                : words_of_strange(answer, how);
  // A look is a precaution. Whatever answers so in place of the API answers the first invitation, too.
  if (how.step == Step::look) return without_page(Page::Kind::odd, chunk, how, Reason::odd_answer, words);
  return odd_answer(chunk, how, answer.status, words);
}

std::optional<Verdict> judge_no_page(int status, const Chunk& chunk, const Judgement& how, const std::string& message) {
  const bool is_missing = status == 404 || status == 410;
  const bool is_refused = status == 400 || status == 413 || status == 414 || status == 416 || status == 422;
  // Of a list that was there a page before.
  if (how.page.number > 0 && (is_missing || (is_refused && how.page.is_size_taken)))
    return without_page(Page::Kind::none, chunk, how);
  if (is_refused && how.page.size > 0) return without_page(Page::Kind::too_large, chunk, how);
  const bool is_not_offered = is_missing || status == 405 || status == 501;
  if (how.step == Step::look && is_about_the_call(status)) {
    return without_page(is_not_offered ? Page::Kind::not_offered : Page::Kind::odd, chunk, how, Reason::odd_status,
                        message);
  }
  // Of no use to ask for again; that the course is not there is another matter.
  if (status >= 400 && is_about_the_call(status) && !is_missing)
    return put_off(chunk, how, Effect::stop, status, Reason::odd_status, message);
  return std::nullopt;
}

}  // namespace verdicts
}  // namespace convoke
