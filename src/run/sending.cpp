#include "run/sending.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/text.h"
#include "ledger/books.h"
#include "ledger/clock_bridge.h"

namespace convoke {
namespace {

// A canary waits for no more members than it is to settle.
std::size_t full_chunk(const SendSettings& settings) {
  const auto most = settings.max_members.value_or(settings.invite.chunk_size);
  return static_cast<std::size_t>(std::clamp<std::int64_t>(most, 1, settings.invite.chunk_size));
}

}  // namespace

Sending::Sending(Database& database, JobId job, const SendingSettings& settings, const Outside& outside,
                 Command command)
    : database_(database),
      job_(job),
      settings_(settings),
      outside_(outside),
      ledger_(database, job, settings.base_url, settings.send.limits, unanswered(settings.send.calls.timeout),
              settings.assume_used, full_chunk(settings.send),
              LedgerClock(outside.clock, bridge_clock(database, outside.clock).offset), outside.ledger, command),
      runner_(settings.send, ledger_, outside) {
  if (!ledger_.remark().empty()) outside_.warn(ledger_.remark());
}

boost::asio::awaitable<RunEnd> Sending::run() {
  on_stop_.emplace(outside_.stop, [this] { boost::asio::post(outside_.loop, [this] { stop(); }); });
  if (outside_.stop.stop_requested()) runner_.stop(outside_.why_stopped());  // before anything is claimed
  const Books books = books_of(database_, job_);
  const bool ever_accepted = books.of(Outcome::invited) + books.of(Outcome::already_invited) > 0;
  RunEnd end = co_await runner_.run(books.of(Outcome::pending), ever_accepted);
  on_stop_.reset();
  if (end.reason != Reason::none && end.message.find(settings_.url) == std::string::npos)
    end.message += fmt::format(" (api.base_url is {}{})", settings_.url, settings_.way);
  co_return end;
}

void Sending::stop() {
  if (progress().in_flight > 0) outside_.warn("what was sent is waited for");
  runner_.stop(outside_.why_stopped());
}

void Sending::end(Transaction& transaction, Exit exit, const RunEnd& end) {
  ledger_.log().end(transaction, static_cast<int>(exit), std::string(name_of(end.by)), end.message,
                    ledger_.clock().wall());
}

void Sending::fail(const Error& error) noexcept {
  try {
    database_.write([&](Transaction& transaction) {
      ledger_.log().end(transaction, static_cast<int>(error.exit()), std::string(name_of(StoppedBy::error)),
                        excerpt(error.what(), 500), ledger_.clock().wall());
    });
  } catch (const std::exception&) {
    // Then the ledger itself is what failed; `error` says so, and the next run closes this one.
    return;
  }
}

}  // namespace convoke
