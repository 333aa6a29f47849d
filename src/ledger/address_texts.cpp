#include "ledger/address_texts.h"

#include <algorithm>
#include <array>

#include "base/address.h"

namespace convoke {
namespace {

constexpr std::size_t texts_in_memory = 1 << 18;
constexpr std::size_t places_in_memory = 1 << 15;
constexpr const char* no_room = "the ledger's folder must have room for the list's addresses while they are looked up";

}  // namespace

AddressTexts::AddressTexts(const std::filesystem::path& folder) : texts_(folder, no_room), places_(folder, no_room) {}

void AddressTexts::add(std::uint64_t line, std::string_view address) {
  while (lines_ < line) {
    new_places_.push_back(0);
    ++lines_;
    if (new_places_.size() >= places_in_memory) end_adding();
  }
  new_places_.push_back(size_ + 1);
  ++lines_;
  new_texts_ += static_cast<char>(static_cast<unsigned char>(address.size()));
  new_texts_ += address;
  size_ += 1 + address.size();
  if (new_texts_.size() >= texts_in_memory || new_places_.size() >= places_in_memory) end_adding();
}

void AddressTexts::end_adding() {
  texts_.append(new_texts_.data(), new_texts_.size());
  places_.append(new_places_.data(), new_places_.size() * sizeof(std::uint64_t));
  new_texts_.clear();
  new_places_.clear();
}

std::optional<std::string> AddressTexts::at(std::uint64_t line) {
  if (line >= lines_) return std::nullopt;
  std::uint64_t place = 0;
  places_.read(&place, sizeof place, line * sizeof place);
  if (place == 0) return std::nullopt;
  std::array<char, 1 + longest_address> text{};
  const std::uint64_t left = size_ - (place - 1);
  texts_.read(text.data(), std::min<std::uint64_t>(text.size(), left), place - 1);
  return std::string(text.data() + 1, static_cast<unsigned char>(text[0]));
}

}  // namespace convoke
