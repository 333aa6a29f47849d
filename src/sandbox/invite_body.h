// The bodies of bulkInvite calls, of members and of addresses, read as strictly as api.md gives them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/member_id.h"

namespace convoke {

struct InviteBody {
  std::vector<MemberId> ids;  ///< as sent: in order, duplicates and all; not empty
  bool with_mail = false;
  bool has_options = false;  ///< fields beside the ids, which a channel's call does not have
};

struct AddressBody {
  std::vector<std::string> addresses;  ///< as sent, in order; not empty, and none twice
  bool with_mail = false;
};

class InviteBodyReader {
 public:
  InviteBodyReader();
  ~InviteBodyReader();
  InviteBodyReader(const InviteBodyReader&) = delete;
  InviteBodyReader& operator=(const InviteBodyReader&) = delete;

  /// Reads `text` into `body`, whose memory is used again. Returns what is wrong with it, or nothing; then `body` is
  /// whole. Refused are: what is not one JSON object, fields that api.md does not name, fields given twice, null or
  /// another wrong type, no ids, and ids that are no UUIDs.
  std::optional<std::string> read(std::string_view text, InviteBody& body);
  /// The same of a call that makes members. What the addresses look like is not judged here, but that none is there
  /// twice, in whatever case.
  std::optional<std::string> read(std::string_view text, AddressBody& body);

 private:
  struct Parser;  // simdjson's header is large; only the source file sees it
  std::unique_ptr<Parser> parser_;
};

}  // namespace convoke
