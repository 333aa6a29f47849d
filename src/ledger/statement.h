// SQL with types: a statement is run with arguments of ours, and gives rows of ours.
//
// It holds the ledger (a snapshot, the write lock's end) only while it is run or its rows are read: it is reset by
// destructors, also where an exception goes through or the rows are left early.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <concepts>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ledger_time.h"
#include "base/member_id.h"
#include "base/outcome.h"
#include "base/reason.h"
#include "base/target.h"
#include "ledger/database.h"

namespace convoke {

/// As an argument: SQL NULL where it is empty or 0. (A column that is NULL is read as that.)
template <class Value>
struct OrNull {
  explicit OrNull(const Value& of) : value(of) {}
  const Value& value;
};

/// Arguments and columns, each in its own form: whole numbers, bool (1 or 0), double, text, Outcome, Reason,
/// TargetKind and Step (their word; Reason::none: NULL), Duration and LedgerTime (µs), WallTime (ms), MemberId (16
/// bytes), std::vector<MemberId> (those of each), std::optional (empty: NULL). What SQLite refuses is thrown as
/// SQLite::Exception; Database::write and read make an Error of it.
class Statement {
 public:
  Statement(SQLite::Database& database, const std::string& sql) : database_(database), statement_(database, sql) {}
  Statement(Database& ledger, const std::string& sql) : Statement(ledger.handle(), sql) { ledger_ = &ledger; }
  Statement(const Transaction& transaction, const std::string& sql) : Statement(transaction.database(), sql) {}

  /// A row's columns; of one column, that alone.
  template <class... Columns>
  struct RowOf {
    using type = std::tuple<Columns...>;
  };
  template <class Column>
  struct RowOf<Column> {
    using type = Column;
  };
  template <class... Columns>
  using Row = typename RowOf<Columns...>::type;

  /// Does it, and returns how many rows it changed.
  template <class... Arguments>
  int run(const Arguments&... arguments) {
    const Reset reset{statement_};
    bind_all(arguments...);
    return statement_.exec();
  }

  /// Inserts a row, and returns its number.
  template <class... Arguments>
  std::int64_t insert(const Arguments&... arguments) {
    run(arguments...);
    return database_.getLastInsertRowid();
  }

  /// The first row, if there is one.
  template <class... Columns, class... Arguments>
  std::optional<Row<Columns...>> row(const Arguments&... arguments) {
    const Reset reset{statement_};
    bind_all(arguments...);
    if (!statement_.executeStep()) return std::nullopt;
    return read_row<Columns...>();
  }

  /// The first row where one is sure to be there.
  template <class... Columns, class... Arguments>
  Row<Columns...> the(const Arguments&... arguments) {
    auto found = row<Columns...>(arguments...);
    if (!found) throw_damaged("a row is missing in it");
    return std::move(*found);
  }

  /// Rows as they are asked for: read by one loop or reader at a time, and once.
  template <class... Columns>
  class Rows {
   public:
    Rows(Rows&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
    Rows& operator=(Rows&&) = delete;
    ~Rows() { end_reading(); }

    /// The next one; empty: that was the last.
    std::optional<Row<Columns...>> next() {
      if (statement_ == nullptr) return std::nullopt;
      if (statement_->statement_.executeStep()) return statement_->read_row<Columns...>();
      end_reading();
      return std::nullopt;
    }

    class Iterator {
     public:
      explicit Iterator(Rows& rows) : rows_(rows), row_(rows.next()) {}
      Row<Columns...>& operator*() { return *row_; }
      Iterator& operator++() {
        row_ = rows_.next();
        return *this;
      }
      bool operator==(std::default_sentinel_t) const { return !row_; }

     private:
      Rows& rows_;
      std::optional<Row<Columns...>> row_;
    };
    Iterator begin() { return Iterator(*this); }
    std::default_sentinel_t end() const { return {}; }

   private:
    friend class Statement;
    explicit Rows(Statement& statement) : statement_(&statement) {}
    void end_reading() {
      if (statement_ != nullptr) std::exchange(statement_, nullptr)->statement_.tryReset();
    }
    Statement* statement_;  // empty: all were read
  };

  /// All rows. The statement must outlive them; the arguments need not.
  template <class... Columns, class... Arguments>
  Rows<Columns...> rows(const Arguments&... arguments) {
    bind_all(kept(arguments)...);
    return Rows<Columns...>(*this);
  }

 private:
  struct Reset {
    SQLite::Statement& statement;
    ~Reset() { statement.tryReset(); }
  };

  template <class... Arguments>
  void bind_all(const Arguments&... arguments) {
    if (statement_.getBindParameterCount() != static_cast<int>(sizeof...(arguments)))
      throw Error(Exit::defect, "a statement has other parameters than arguments", statement_.getQuery());
    [[maybe_unused]] int at = 0;
    (bind(++at, arguments), ...);
  }

  // A string and a list of ids outlive the step and are not copied; a view is.
  void bind(int at, std::integral auto value) { statement_.bind(at, static_cast<std::int64_t>(value)); }
  void bind(int at, double value) { statement_.bind(at, value); }
  void bind(int at, const std::string& text) { statement_.bindNoCopy(at, text); }
  void bind(int at, std::string_view text) { statement_.bind(at, std::string(text)); }
  void bind(int at, const char* text) { statement_.bind(at, text); }
  void bind(int at, Duration duration) { bind(at, duration.count()); }
  void bind(int at, LedgerTime time) { bind(at, time.time_since_epoch().count()); }
  void bind(int at, WallTime time) { bind(at, time.time_since_epoch().count()); }
  void bind(int at, Outcome outcome) { statement_.bindNoCopy(at, name_of(outcome).data()); }
  void bind(int at, TargetKind kind) { statement_.bindNoCopy(at, name_of(kind).data()); }
  void bind(int at, Step step) { statement_.bindNoCopy(at, name_of(step).data()); }
  void bind(int at, Reason reason) {
    reason == Reason::none ? statement_.bind(at) : statement_.bindNoCopy(at, name_of(reason).data());
  }
  void bind(int at, const MemberId& id) { statement_.bind(at, id.bytes.data(), static_cast<int>(id.bytes.size())); }
  void bind(int at, const std::vector<MemberId>& ids) {
    statement_.bindNoCopy(at, ids.data(), static_cast<int>(ids.size() * sizeof(MemberId)));
  }
  template <class Value>
  void bind(int at, const std::optional<Value>& value) {
    value ? bind(at, *value) : statement_.bind(at);
  }
  template <class Value>
  void bind(int at, const OrNull<Value>& argument) {
    argument.value == Value{} ? statement_.bind(at) : bind(at, argument.value);
  }

  // Arguments that must outlive the call.
  static std::string_view kept(const std::string& text) { return text; }
  static const std::vector<MemberId>& kept(const std::vector<MemberId>&) = delete;
  template <class Value>
  static const Value& kept(const Value& value) {
    return value;
  }

  template <class... Columns>
  Row<Columns...> read_row() {
    return [this]<std::size_t... index>(std::index_sequence<index...>) {
      return Row<Columns...>{this->read(static_cast<int>(index), static_cast<Columns*>(nullptr))...};
    }
    (std::index_sequence_for<Columns...>());
  }

  // The type that is asked for is told by a pointer of it.
  template <std::integral Value>
  Value read(int column, Value*) {
    return static_cast<Value>(statement_.getColumn(column).getInt64());
  }
  bool read(int column, bool*) { return statement_.getColumn(column).getInt() != 0; }
  double read(int column, double*) { return statement_.getColumn(column).getDouble(); }
  std::string read(int column, std::string*) { return statement_.getColumn(column).getString(); }
  Duration read(int column, Duration*) { return Duration(statement_.getColumn(column).getInt64()); }
  LedgerTime read(int column, LedgerTime*) { return LedgerTime(read(column, static_cast<Duration*>(nullptr))); }
  WallTime read(int column, WallTime*) { return WallTime(WallTime::duration(statement_.getColumn(column).getInt64())); }
  Outcome read(int column, Outcome*) {
    if (const auto outcome = outcome_named(statement_.getColumn(column).getText())) return *outcome;
    throw_damaged("an outcome in it is none");
  }
  TargetKind read(int column, TargetKind*) {
    if (const auto kind = target_kind_named(statement_.getColumn(column).getText())) return *kind;
    throw_damaged("a kind of target in it is none");
  }
  Step read(int column, Step*) {
    if (const auto step = step_named(statement_.getColumn(column).getText())) return *step;
    throw_damaged("a step in it is none");
  }
  // A word that is not known, of a later convoke say, is no reason to refuse a ledger.
  Reason read(int column, Reason*) {
    return reason_named(statement_.getColumn(column).getText()).value_or(Reason::none);
  }
  MemberId read(int column, MemberId*) {
    const SQLite::Column blob = statement_.getColumn(column);
    MemberId id;
    if (blob.getBytes() != static_cast<int>(id.bytes.size())) throw_damaged("a member's id in it has not 16 bytes");
    std::memcpy(id.bytes.data(), blob.getBlob(), id.bytes.size());
    return id;
  }
  std::vector<MemberId> read(int column, std::vector<MemberId>*) {
    const SQLite::Column blob = statement_.getColumn(column);
    std::vector<MemberId> ids(static_cast<std::size_t>(blob.getBytes()) / sizeof(MemberId));
    if (!ids.empty()) std::memcpy(ids.data(), blob.getBlob(), ids.size() * sizeof(MemberId));
    return ids;
  }
  template <class Value>
  std::optional<Value> read(int column, std::optional<Value>*) {
    if (statement_.getColumn(column).isNull()) return std::nullopt;
    return read(column, static_cast<Value*>(nullptr));
  }

  [[noreturn]] void throw_damaged(const char* what) const {
    throw ledger_ != nullptr ? damaged_ledger(*ledger_, what) : Error(Exit::defect, what);
  }

  SQLite::Database& database_;
  SQLite::Statement statement_;
  const Database* ledger_ = nullptr;  // empty: a temporary file of ours
};

}  // namespace convoke
