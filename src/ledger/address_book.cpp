#include "ledger/address_book.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>

namespace convoke {
namespace {

constexpr std::size_t hash_size = 32;

Error no_hash() {
  return {Exit::defect, "OpenSSL has no HMAC-SHA-256", {}, "see that its default provider is there"};
}

}  // namespace

AddressBook::AddressBook(Database* database) {
  std::string key(hash_size, '\0');
  if (database != nullptr) {
    std::tie(key, batch_) = Statement(*database, "SELECT key, batch FROM address_key").the<std::string, int>();
    if (key.empty() || batch_ < 1 || batch_ > most_addresses)
      throw damaged_ledger(*database, "its address_key is none");
    find_.emplace(*database, "SELECT member FROM address WHERE key = ?");
    note_.emplace(*database, "INSERT OR REPLACE INTO address (key, member) VALUES (?, ?)");
  }
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  mac_.reset(mac != nullptr ? EVP_MAC_CTX_new(mac) : nullptr);
  EVP_MAC_free(mac);
  char digest[] = "SHA256";
  const std::array params = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                             OSSL_PARAM_construct_end()};
  const auto* bytes = reinterpret_cast<const unsigned char*>(key.data());
  if (!mac_ || EVP_MAC_init(mac_.get(), bytes, key.size(), params.data()) != 1) throw no_hash();
}

AddressKey AddressBook::key_of(std::string_view address) {
  std::array<unsigned char, hash_size> hash{};
  std::size_t size = 0;
  // With no key it begins anew, by the one that it has.
  if (EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) != 1 ||
      EVP_MAC_update(mac_.get(), reinterpret_cast<const unsigned char*>(address.data()), address.size()) != 1 ||
      EVP_MAC_final(mac_.get(), hash.data(), &size, hash.size()) != 1) {
    throw no_hash();
  }
  AddressKey key;
  std::copy_n(hash.begin(), key.bytes.size(), key.bytes.begin());
  return key;
}

std::optional<MemberId> AddressBook::find(const AddressKey& key) {
  if (!find_) return std::nullopt;
  return find_->row<MemberId>(key);
}

void AddressBook::note(Transaction&, const AddressKey& key, const MemberId& member) {
  note_->run(key, member);
}

void AddressBook::set_batch(Transaction& transaction, int batch) {
  if (batch >= batch_) return;
  batch_ = batch;
  Statement(transaction, "UPDATE address_key SET batch = min(batch, ?)").run(batch);
}

}  // namespace convoke
