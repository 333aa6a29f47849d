#include "job/job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "job/setting_table.h"

namespace convoke {
namespace {

namespace fs = std::filesystem;

/// A column as the source wants it: a name, or without a header row a number.
std::optional<std::string> read_column(const SettingTable& table, std::string_view key, bool by_number) {
  if (!table.has(key)) return std::nullopt;
  constexpr std::int64_t most = 100'000;
  if (by_number && table.is_integer(key)) return std::to_string(*table.integer(key, 1, most));
  std::string text = *table.text(key);
  const bool is_number = text.size() <= 6 && text[0] != '0' &&
                         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (by_number && !is_number) {
    table.fail(key, fmt::format("must be a number from 1 to {}, not \"{}\"", most, excerpt(text, 40)),
               "without a header row there are no names, and columns go by number");
  }
  return text;
}

// What says where people are invited to: one of these keys.
struct TargetKeys {
  TargetKind kind;
  std::string_view id;
  std::string_view column;
};
constexpr std::array<TargetKeys, 3> target_keys = {{
    {TargetKind::course, "course", "source.course_column"},
    {TargetKind::learning_path, "learning_path", "source.learning_path_column"},
    {TargetKind::channel, "channel", "source.channel_column"},
}};

std::optional<std::string> read_target_column(const SettingTable& table, bool by_number) {
  for (const TargetKeys& keys : target_keys) {
    if (table.has(keys.column)) return read_column(table, keys.column, by_number);
  }
  return std::nullopt;
}

/// A list of addresses has no column of ids, unless it says which.
void read_columns(const SettingTable& table, bool by_number, auto& list) {
  const auto member = read_column(table, "source.member_column", by_number);
  list.email_column = read_column(table, "source.email_column", by_number);
  if (member || list.email_column) list.member_column = member;
  if (member && member == list.email_column) {
    table.fail("source.email_column", fmt::format("is the column that {} says", table.where("source.member_column")),
               "a column holds ids or addresses: leave out member_column if there are only addresses");
  }
  list.target_column = read_target_column(table, by_number);
}

std::optional<char> read_delimiter(const SettingTable& table) {
  constexpr std::string_view key = "source.delimiter";
  if (!table.has(key)) return std::nullopt;
  const std::string text = *table.text(key);
  if (text == "tab" || text == "\\t") return '\t';  // as it is written where a shell passes it on
  if (text.size() != 1 || text == "\"" || text == "\r" || text == "\n") {
    table.fail(key, "must be one character (of one byte), and no quote or line break", R"(such as ";" or "\t")");
  }
  return text[0];
}

/// One of `names`, which are in the order of `Enum`.
template <class Enum>
std::optional<Enum> read_word(const SettingTable& table, std::string_view key, const auto& names) {
  const auto word = table.word(key, names);
  if (!word) return std::nullopt;
  return static_cast<Enum>(std::find(names.begin(), names.end(), *word) - names.begin());
}

/// Of a list with rows, and perhaps a header among them: a CSV file, a sheet.
template <class Settings>
void read_header(const SettingTable& table, Settings& list) {
  list.header = table.flag("source.header").value_or(true);
  list.header_row = table.integer("source.header_row", 1, most_rows_of_a_sheet);
  if (!list.header && list.header_row) {
    table.fail("source.header_row", "stands beside header = false, and a list has a header row or it has none",
               "remove one of them");
  }
  if (!list.header && !table.has("source.member_column") && !table.has("source.email_column")) {
    table.fail(
        "source.member_column", "is missing",
        "without a header row, columns go by number: member_column = 1 (without a job file: --member-column 1) if the "
        "ids stand first, email_column = 1 (--email-column 1) if addresses do");
  }
  read_columns(table, !list.header, list);
}

CsvSettings read_csv(const SettingTable& table) {
  CsvSettings csv;
  csv.path = *table.text("source.csv");
  if (csv.path != "-") csv.path = table.path("source.csv")->string();
  csv.delimiter = read_delimiter(table);
  csv.encoding = read_word<Encoding>(table, "source.encoding", encoding_names);
  read_header(table, csv);
  return csv;
}

XlsxSettings read_xlsx(const SettingTable& table) {
  XlsxSettings xlsx;
  xlsx.path = table.path("source.xlsx")->string();
  xlsx.sheet = table.text("source.sheet");
  read_header(table, xlsx);
  return xlsx;
}

SqliteSettings read_sqlite(const SettingTable& table) {
  if (!table.has("source.query")) {
    table.fail("source.query", "is missing", "the SELECT that finds the members: query = \"SELECT … FROM …\"");
  }
  SqliteSettings sqlite;
  sqlite.path = table.path("source.sqlite")->string();
  sqlite.query = *table.text("source.query");
  read_columns(table, false, sqlite);
  return sqlite;
}

/// Keys that go with some kinds of sources only, in the order of `kinds`.
struct Companion {
  std::string_view key;
  std::array<bool, 3> goes_with;
};

constexpr std::array<std::string_view, 3> kinds = {"source.csv", "source.xlsx", "source.sqlite"};
constexpr std::array<Companion, 6> companions = {{
    {"source.query", {false, false, true}},
    {"source.sheet", {false, true, false}},
    {"source.delimiter", {true, false, false}},
    {"source.encoding", {true, false, false}},
    {"source.header", {true, true, false}},
    {"source.header_row", {true, true, false}},
}};

void refuse_companions_of_others(const SettingTable& table, std::size_t kind) {
  for (const Companion& companion : companions) {
    if (companion.goes_with[kind] || !table.has(companion.key)) continue;
    std::vector<std::string_view> others;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (companion.goes_with[i]) others.push_back(kinds[i]);
    }
    table.fail(companion.key, fmt::format("goes with {}, not with {}", fmt::join(others, " or "), kinds[kind]));
  }
}

SourceSettings read_source(const SettingTable& table) {
  std::size_t kind = kinds.size();
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (!table.has(kinds[i])) continue;
    if (kind < kinds.size()) {
      table.fail(kinds[i], fmt::format("stands beside {}, and a job has one source", kinds[kind]),
                 "remove one of them");
    }
    kind = i;
  }
  if (kind == kinds.size()) {
    table.fail("source", "is missing: a job needs the list of its members",
               "[source] with csv = \"…\", xlsx = \"…\" or sqlite = \"…\"");
  }
  refuse_companions_of_others(table, kind);
  if (kind == 0) return read_csv(table);
  if (kind == 1) return read_xlsx(table);
  return read_sqlite(table);
}

ListRules read_rules(const SettingTable& table) {
  ListRules rules;
  rules.min_rows =
      table.integer("source.min_rows", 1, std::numeric_limits<std::int64_t>::max()).value_or(rules.min_rows);
  constexpr std::array<std::string_view, 2> words = {"fail", "ignore"};
  rules.ignore_invalid = table.word("source.invalid_rows", words) == "ignore";
  return rules;
}

InviteSettings read_invite(const SettingTable& table) {
  InviteSettings invite;
  invite.invited_by = table.text("invite.invited_by");
  invite.email_notification = table.flag("invite.email_notification");
  invite.check = table.flag("invite.check").value_or(invite.check);
  invite.create_missing = table.flag("invite.create_missing").value_or(invite.create_missing);
  if (invite.create_missing && !table.has("source.email_column")) {
    table.fail("invite.create_missing", "goes with source.email_column: members are made of addresses",
               "email_column = \"…\" in [source] names the column that holds them");
  }
  invite.member_email_notification =
      table.flag("invite.member_email_notification").value_or(invite.member_email_notification);
  if (invite.member_email_notification && !invite.create_missing) {
    table.fail("invite.member_email_notification",
               "goes with invite.create_missing = true: it is for those of whom a member is made",
               "for whoever is invited: email_notification = true");
  }
  invite.chunk_size = static_cast<int>(table.integer("invite.chunk_size", 1, 10'000).value_or(invite.chunk_size));
  invite.on_doubt = read_word<OnDoubt>(table, "invite.on_doubt", on_doubt_names).value_or(invite.on_doubt);
  return invite;
}

/// "members" of lists/members.csv.gz.
std::string stem_of(const fs::path& list) {
  const bool is_packed = list.extension() == ".gz" || list.extension() == ".zst";
  return (is_packed ? list.stem() : list).stem().string();
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; });
}

ListTarget read_target(const SettingTable& table) {
  std::optional<ListTarget> target;
  std::string_view by;
  for (const TargetKeys& keys : target_keys) {
    for (const std::string_view key : {keys.id, keys.column}) {
      if (!table.has(key)) continue;
      if (target)
        table.fail(by, fmt::format("stands beside {}, and one of them must say where members are invited to", key),
                   "remove one of them");
      target = {keys.kind, key == keys.id ? table.text(key) : std::nullopt};
      by = key;
    }
  }
  if (!target) {
    table.fail("course", "is missing",
               "course = \"…\" (or learning_path, or channel) above all [tables], or source.course_column for many "
               "courses");
  }
  if (target->id && !is_printable(*target->id)) table.fail(by, "must not hold control characters");
  if (target->kind != TargetKind::channel) return *target;
  for (const std::string_view key : {"invite.email_notification", "invite.invited_by"}) {
    if (table.has(key))
      table.fail(key, "does not go with a channel: the API's call for channels takes the members alone", "remove it");
  }
  return *target;
}

Job read_job(const SettingTable& table) {
  Job job;
  job.source = read_source(table);
  job.list_rules = read_rules(table);
  job.target = read_target(table);
  job.invite = read_invite(table);
  if (auto name = table.text("name")) {
    if (!is_printable(*name)) table.fail("name", "must not hold control characters");
    job.name = std::move(*name);
  }
  return job;
}

std::vector<std::string> jobs_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".toml") names.push_back(at->path().stem().string());
  }
  return names;
}

[[noreturn]] void fail_not_found(const std::string& argument, std::vector<std::string> names,
                                 const std::string& places) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::string near = nearest(fs::path(argument).stem().string(), names);
  std::string hint = near.empty() ? "" : fmt::format("did you mean {}? ", near);
  hint += names.empty() ? fmt::format("there is no job in {}", places)
                        : fmt::format("the jobs in {} are {}", places, fmt::join(names, ", "));
  throw Error(Exit::no_input, "there is no such job", excerpt(argument), hint);
}

fs::path find_job(const std::string& argument, const Config& config) {
  std::error_code error;
  if (argument.find('/') != std::string::npos || argument.ends_with(".toml")) {
    if (fs::exists(argument, error) || error) return argument;
    const fs::path folder = fs::path(argument).has_parent_path() ? fs::path(argument).parent_path() : fs::path(".");
    fail_not_found(argument, jobs_in(folder), folder.string());
  }
  std::vector<fs::path> folders = {resolve(config.folder, "jobs")};
  if (!fs::equivalent(config.folder, ".", error)) folders.emplace_back("jobs");
  std::vector<std::string> names;
  std::string places;
  for (const fs::path& folder : folders) {
    fs::path file = folder / (argument + ".toml");
    if (!argument.empty() && fs::exists(file, error)) return file;
    const auto here = jobs_in(folder);
    names.insert(names.end(), here.begin(), here.end());
    places += (places.empty() ? "" : " and ") + folder.string();
  }
  fail_not_found(argument, std::move(names), places);
}

}  // namespace

Job load_job(const std::string& argument, const Config& config, const std::vector<Override>& overrides) {
  check_overrides(overrides);
  const fs::path file = find_job(argument, config);
  SettingTable table(job_keys);
  table.add_file(file);
  table.add_overrides(overrides);
  Job job = read_job(table);
  job.file = file;
  if (job.name.empty()) job.name = file.stem().string();
  return job;
}

Job job_from_options(const JobOptions& options, const std::vector<Override>& overrides) {
  check_overrides(overrides);
  SettingTable table(job_keys);
  table.add_option("source.csv", "--csv", options.csv);
  const auto add = [&table](std::string_view key, std::string_view option, const std::optional<std::string>& value) {
    if (value) table.add_option(key, option, *value);
  };
  add("name", "--name", options.name);
  add("course", "--course", options.course);
  add("source.course_column", "--course-column", options.course_column);
  add("source.member_column", "--member-column", options.member_column);
  add("source.email_column", "--email-column", options.email_column);
  add("source.delimiter", "--delimiter", options.delimiter);
  if (options.no_header) table.add_flag("source.header", "--no-header", false);
  if (options.email_notification) table.add_flag("invite.email_notification", "--email-notification", true);
  table.add_overrides(overrides);
  Job job = read_job(table);
  if (job.name.empty()) {
    const auto* csv = std::get_if<CsvSettings>(&job.source);
    job.name = csv != nullptr && csv->path != "-" ? stem_of(csv->path) : "stdin";
    if (job.target.id) {
      const bool is_course = job.target.kind == TargetKind::course;
      job.name += is_course ? "@" + *job.target.id : fmt::format("@{}:{}", name_of(job.target.kind), *job.target.id);
    }
  }
  return job;
}

}  // namespace convoke
