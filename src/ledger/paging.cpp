#include "ledger/paging.h"

namespace convoke {
namespace {

// Fewer entries a page, where so many are refused; 0: it is left to the API.
constexpr int smaller = 100;

// A list that goes on for ever is not read for ever: it ends at twice what it said it was, or here.
constexpr std::int64_t some = 100'000;
constexpr std::int64_t most_of_unknown = 100'000'000;

}  // namespace

bool Paging::take(const Page& page) {
  if (page.kind == Page::Kind::too_large) {
    asked.size = asked.size > smaller ? smaller : 0;
    begin_again();
    --pass;
    return false;
  }
  if (page.kind == Page::Kind::not_offered) is_offered = false;
  if (page.total) total = page.total;
  if (asked.number == 0) total_before = total;
  const bool is_again = asked.number > 0 && page.entries > 0 && page.mark == latest_mark;
  if (page.kind != Page::Kind::entries || page.entries == 0 || (is_again && asked.number > 1)) {
    is_read = true;
    return false;
  }
  asked.is_size_taken = true;
  ++asked.number;
  if (is_again) return false;
  latest_mark = page.mark;
  read += page.entries;
  unreadable += page.unreadable;
  foreign += page.foreign;
  is_read = (total && read >= *total) || read > (total_before ? 2 * *total_before + some : most_of_unknown);
  return true;
}

void Paging::begin_again() {
  asked.number = 0;
  asked.is_size_taken = false;
  ++pass;
  total_before = total = std::nullopt;
  read = unreadable = foreign = 0;
  latest_mark = 0;
  is_read = false;
}

bool Paging::is_sure(std::int64_t different) const {
  return is_read && is_offered && total && total_before == total && read == *total &&
         different + unreadable + foreign == *total;
}

}  // namespace convoke
