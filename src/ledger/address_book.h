// Who has an address, as far as the ledger knows: for all its jobs, and without the addresses themselves.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <string_view>

#include "base/member_id.h"
#include "ledger/statement.h"

namespace convoke {

/// By which the ledger knows an address: a hash of it, of the form of a member's id.
using AddressKey = MemberId;

/// The most addresses of one call, whatever it takes (api.md).
inline constexpr int most_addresses = 100;

class AddressBook {
 public:
  /// No `database`: a book in which nobody stands. It must outlive this.
  explicit AddressBook(Database* database);

  /// The key of a folded address (base/address.h): HMAC-SHA-256 (RFC 2104) by the ledger's own key, the first 16 bytes.
  AddressKey key_of(std::string_view address);
  /// The member that has it; empty: not known.
  std::optional<MemberId> find(const AddressKey& key);
  void note(Transaction& transaction, const AddressKey& key, const MemberId& member);

  /// The most addresses of one look-up that the API takes, as far as is known: 1 or more. It only ever becomes smaller.
  int batch() const { return batch_; }
  void set_batch(Transaction& transaction, int batch);

 private:
  struct Free {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  };
  std::unique_ptr<EVP_MAC_CTX, Free> mac_;
  std::optional<Statement> find_;
  std::optional<Statement> note_;
  int batch_ = most_addresses;
};

}  // namespace convoke
