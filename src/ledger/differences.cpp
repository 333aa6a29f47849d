#include "ledger/differences.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "ledger/statement.h"

namespace convoke {
namespace {

constexpr std::size_t entries_in_memory = 1 << 20;  // 32 MiB

}  // namespace

Differences::Differences(const std::filesystem::path& folder, TargetNumbers& targets, AddressBook& book)
    : targets_(targets), book_(book), entries_(folder, entries_in_memory) {}

void Differences::add_known(Database& database, JobId job) {
  Statement known(database, R"sql(
    SELECT chunk_id, target_no, ids, gone = 0 AND outcome IN ('pending', 'failed', 'in_doubt') AND reason IS NOT 'no_member', gone,
           step, id
    FROM chunk JOIN target USING (target_no) WHERE chunk.job_id = ?
  )sql");
  for (const auto& [chunk, target_no, ids, is_unsettled, is_gone, step, target] :
       known.rows<std::uint64_t, std::int64_t, std::vector<MemberId>, bool, bool, Step, std::string>(job)) {
    std::uint32_t index = is_unsettled ? unsettled_bit : is_gone ? gone_bit : 0;
    if (step != Step::invite) index |= address_bit;
    // Of whom members are to be made, they are looked up first, by the next run (Resolution::begin()).
    const std::int64_t number = step == Step::create ? targets_.number_of(target, Step::look_up) : target_no;
    for (const MemberId& id : ids) add(number, id, index++, chunk);
  }
}

bool Differences::add(const CheckedRow& row) {
  ++reading_.rows;
  if (std::holds_alternative<Reason>(row.member)) {
    ++reading_.invalid;
    return false;
  }
  const std::uint64_t origin = row.line | Entry::row_bit;
  if (const auto* member = std::get_if<CheckedId>(&row.member)) {
    if (member->mended) ++reading_.mended;
    add(number_of(row.target, Step::invite), member->id, 0, origin);
    return false;
  }
  const auto& address = std::get<CheckedAddress>(row.member);
  if (address.mended) ++reading_.mended;
  ++reading_.addresses;
  const AddressKey key = book_.key_of(address.address);
  if (const auto member = book_.find(key)) {
    ++reading_.known;
    add(number_of(row.target, Step::invite), *member, 0, origin);
    return false;
  }
  unknown_size_ += size_in_query(address.address) + 1;
  add(number_of(row.target, Step::look_up), key, address_bit, origin);
  return true;
}

// A little less than would fit if all were of the mean size: what does not fit makes a call of its own.
int Differences::look_up_size() const {
  constexpr double room = longest_look_up - 64;
  const auto unknown = static_cast<double>(reading_.addresses - reading_.known);
  if (unknown == 0) return book_.batch();
  const double fit = room / (1.03 * static_cast<double>(unknown_size_) / unknown);
  return std::clamp(static_cast<int>(fit), 1, book_.batch());
}

std::int64_t Differences::number_of(std::string_view target, Step step) {
  if (target != target_) {
    target_ = target;
    target_nos_ = {};
  }
  std::int64_t& number = target_nos_[static_cast<std::size_t>(step)];
  if (number == 0) number = targets_.number_of(target, step);
  return number;
}

void Differences::add(std::int64_t target_no, const MemberId& id, std::uint32_t index, std::uint64_t origin) {
  entries_.add({id, target_no, index, origin});
}

void Differences::begin() {
  reading_.members = reading_.added = reading_.gone = reading_.duplicates = 0;
  entries_.begin_reading();
  next_ = entries_.next();
}

std::optional<Difference> Differences::next() {
  std::optional<Difference> found;
  if (next_ == nullptr) return found;
  const Entry first = *next_;
  std::uint64_t row = first.is_row() ? first.origin : 0;
  while ((next_ = entries_.next()) != nullptr && next_->same_member(first)) {
    if (!next_->is_row())
      throw Error(Exit::defect, fmt::format("member {} stands in two chunks of one job", first.id().text()));
    if (row != 0) ++reading_.duplicates;
    if (row == 0) row = next_->origin;
  }
  Difference& member = found.emplace();
  member.target_no = first.target_no;
  member.id = first.id();
  member.line = row & ~Entry::row_bit;
  member.is_address = (first.index & address_bit) != 0;
  if (row != 0) ++reading_.members;
  if (first.is_row()) {
    ++reading_.added;
    return found;
  }
  member.what = row != 0 ? Difference::What::listed : Difference::What::gone;
  if (row == 0) ++reading_.gone;
  member.chunk = static_cast<ChunkId>(first.origin);
  member.index = first.index & ~(unsettled_bit | gone_bit | address_bit);
  member.was_unsettled = (first.index & unsettled_bit) != 0;
  member.was_gone = (first.index & gone_bit) != 0;
  return found;
}

}  // namespace convoke
