#include "ledger/identity.h"

#include "ledger/statement.h"

namespace convoke {

CallsBegun calls_begun(Database& database) {
  Statement query(database, R"sql(
    SELECT ledger_id, calls, (SELECT sent_at FROM call ORDER BY call_id DESC LIMIT 1) FROM identity
  )sql");
  CallsBegun begun;
  if (const auto row = query.row<std::string, std::int64_t, WallTime>())
    std::tie(begun.ledger_id, begun.calls, begun.latest) = *row;
  return begun;
}

void keep_calls_begun(Transaction& transaction, const CallsBegun& begun) {
  Statement(transaction, "UPDATE identity SET ledger_id = ?, calls = ?").run(begun.ledger_id, begun.calls);
}

std::int64_t count_calls_begun(Transaction& transaction, std::int64_t calls) {
  return Statement(transaction, "UPDATE identity SET calls = calls + ? RETURNING calls").the<std::int64_t>(calls);
}

}  // namespace convoke
