// What is the matter with a row, a member or a call: one stable word for each kind of trouble, the same in the ledger's
// views, in --json and in every report. docs/ledger.md explains each, with what to do.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace convoke {

enum class Reason {
  none,
  // rows that name no member
  no_id,
  not_an_id,
  email_address,
  not_an_address,
  no_course,
  // what the API says of members
  refused,
  not_in_answers,
  no_member,
  not_made,
  left_list,
  // what the API says of the call, the course, the key, the account
  too_large,
  course_refused,
  key_refused,
  account_refused,
  rate_limited,
  unavailable,
  gateway,
  odd_status,
  odd_answer,
  // the way there
  not_connected,
  timed_out,
  connection_lost,
  interrupted,
  // what only a change of the config mends
  unknown_host,
  certificate,
  not_tls,
  tls_expected,
  redirect,
  proxy_refused,
  login_page
};

struct ReasonWords {
  Reason reason;
  std::string_view word;     ///< as in the views
  std::string_view meaning;  ///< for people
};

inline constexpr std::array<ReasonWords, 31> reason_words = {{
    {Reason::none, "", ""},
    {Reason::no_id, "no_id", "no member id or address"},
    {Reason::not_an_id, "not_an_id", "not a member id (a UUID)"},
    {Reason::email_address, "email_address", "an e-mail address, not a member id"},
    {Reason::not_an_address, "not_an_address", "not an e-mail address"},
    {Reason::no_course, "no_course", "no course, learning path or channel"},
    {Reason::refused, "refused", "the API refuses this member"},
    {Reason::not_in_answers, "not_in_answers", "not in the API's answers, not even when asked alone"},
    {Reason::no_member, "no_member", "no spot member has this address"},
    {Reason::not_made, "not_made", "the API did not make a member of this address"},
    {Reason::left_list, "left_list", "no longer in the list for this target"},
    {Reason::too_large, "too_large", "the call is too large for the API"},
    {Reason::course_refused, "course_refused", "the API refuses the target"},
    {Reason::key_refused, "key_refused", "the API refuses the key"},
    {Reason::account_refused, "account_refused", "the API refuses the account"},
    {Reason::rate_limited, "rate_limited", "the API says that there were too many calls"},
    {Reason::unavailable, "unavailable", "the API says that it cannot answer now"},
    {Reason::gateway, "gateway", "a gateway got no answer from the API; the call may have taken effect"},
    {Reason::odd_status, "odd_status", "a status that the API is not known to answer with"},
    {Reason::odd_answer, "odd_answer", "an answer that cannot be understood; the call may have taken effect"},
    {Reason::not_connected, "not_connected", "no connection: nothing was sent"},
    {Reason::timed_out, "timed_out", "no answer in time; the call may have taken effect"},
    {Reason::connection_lost, "connection_lost", "the connection broke off; the call may have taken effect"},
    {Reason::interrupted, "interrupted", "convoke ended before the answer; the call may have taken effect"},
    {Reason::unknown_host, "unknown_host", "the host name does not exist"},
    {Reason::certificate, "certificate", "a certificate is not taken, the server's or ours"},
    {Reason::not_tls, "not_tls", "the server does not speak TLS"},
    {Reason::tls_expected, "tls_expected", "the server speaks TLS, and base_url says http"},
    {Reason::redirect, "redirect", "a redirect, which is not followed"},
    {Reason::proxy_refused, "proxy_refused", "a proxy refuses to pass the call on"},
    {Reason::login_page, "login_page", "a page for people in place of the API's answer"},
}};

constexpr const ReasonWords& words_of(Reason reason) {
  return reason_words[static_cast<std::size_t>(reason)];
}
/// The word; empty for `none`.
constexpr std::string_view name_of(Reason reason) {
  return words_of(reason).word;
}

constexpr std::optional<Reason> reason_named(std::string_view word) {
  for (const ReasonWords& words : reason_words) {
    if (words.word == word) return words.reason;
  }
  return std::nullopt;
}

/// What only the way there can say, and says whole, with the address.
constexpr bool is_told_by_the_wire(Reason reason) {
  return reason >= Reason::unknown_host && reason <= Reason::tls_expected;
}

/// Only a change of config, machine or network mends it: not worth another try.
constexpr bool is_permanent(Reason reason) {
  return reason >= Reason::unknown_host;
}

}  // namespace convoke
