#include "job/job.h"

#include <doctest/doctest.h>

#include "job/setting_table.h"
#include "source_rows.h"
#include "temp_folder.h"

using namespace convoke;
namespace fs = std::filesystem;

namespace {

const std::string least = "course = \"c1\"\n[source]\ncsv = \"list.csv\"\nmember_column = \"id\"\n";

struct JobFolder {
  TempFolder folder;
  Config config = [this] {
    Config made;
    made.folder = folder.path();
    return made;
  }();

  Job load(const std::string& toml, const std::vector<Override>& overrides = {}) const {
    return load_job(folder.write("jobs/j.toml", toml), config, overrides);
  }
  std::string error_of_file(const std::string& toml) const {
    return error_of([&] { load(toml); });
  }
};

}  // namespace

TEST_CASE("the least a job says is its course, its list and the column") {
  const JobFolder world;
  const Job job = world.load(least);
  CHECK(job.name == "j");
  CHECK(job.target.id == "c1");
  CHECK(job.file == world.folder.path() / "jobs/j.toml");
  const auto& csv = std::get<CsvSettings>(job.source);
  CHECK(csv.path == world.folder.file("jobs/list.csv"));
  CHECK(csv.header);
  CHECK_FALSE(csv.delimiter);
  CHECK(csv.member_column == "id");
  CHECK_FALSE(csv.target_column);
  CHECK(job.list_rules.min_rows == 0);
  CHECK_FALSE(job.list_rules.ignore_invalid);
  CHECK_FALSE(job.invite.invited_by);
  CHECK_FALSE(job.invite.email_notification);
  CHECK(job.invite.chunk_size == 100);
  CHECK(job.invite.on_doubt == OnDoubt::ask_again);
}

TEST_CASE("every key of a job can be set, in the file and by --set") {
  const JobFolder world;
  const std::string toml = R"(
name = "spring"
course = "4711"
[source]
csv = "../lists/list.csv"
header = false
delimiter = "\t"
member_column = 3
min_rows = 1000
invalid_rows = "ignore"
[invite]
invited_by = "12"
email_notification = false
chunk_size = 10000
on_doubt = "ask-quietly"
)";
  const std::vector<Override> overrides = {{"name", "spring"},
                                           {"course", "4711"},
                                           {"source.csv", world.folder.file("lists/list.csv")},
                                           {"source.header", "false"},
                                           {"source.delimiter", "\"\\t\""},
                                           {"source.member_column", "3"},
                                           {"source.min_rows", "1000"},
                                           {"source.invalid_rows", "ignore"},
                                           {"invite.invited_by", "12"},
                                           {"invite.email_notification", "false"},
                                           {"invite.chunk_size", "10000"},
                                           {"invite.on_doubt", "ask-quietly"}};
  for (const Job& job : {world.load(toml), world.load(least, overrides)}) {
    CHECK(job.name == "spring");
    CHECK(job.target.id == "4711");
    const auto& csv = std::get<CsvSettings>(job.source);
    CHECK(csv.path == world.folder.file("lists/list.csv"));
    CHECK_FALSE(csv.header);
    CHECK(csv.delimiter == '\t');
    CHECK(csv.member_column == "3");
    CHECK(job.list_rules.min_rows == 1000);
    CHECK(job.list_rules.ignore_invalid);
    CHECK(job.invite.invited_by == "12");
    CHECK(job.invite.email_notification == false);
    CHECK(job.invite.chunk_size == 10'000);
    CHECK(job.invite.on_doubt == OnDoubt::ask_quietly);
  }
  const Job of_sheet = world.load(
      "[source]\nxlsx = \"list.xlsx\"\nsheet = \"Leads\"\nheader_row = 4\nmember_column = \"m\"\ncourse_column = "
      "\"c\"");
  const auto& xlsx = std::get<XlsxSettings>(of_sheet.source);
  CHECK(xlsx.path == world.folder.file("jobs/list.xlsx"));
  CHECK(xlsx.sheet == "Leads");
  CHECK(xlsx.header);
  CHECK(xlsx.header_row == 4);
  CHECK(xlsx.member_column == "m");
  CHECK(xlsx.target_column == "c");
  const Job numbers = world.load("course = \"c\"\n[source]\nxlsx = \"l\"\nheader = false\nmember_column = 2");
  CHECK_FALSE(std::get<XlsxSettings>(numbers.source).header);
  CHECK(std::get<XlsxSettings>(numbers.source).member_column == "2");
  CHECK_FALSE(std::get<XlsxSettings>(numbers.source).header_row);
  const Job windows = world.load(least, {{"source.header_row", "3"}, {"source.encoding", "windows-1252"}});
  CHECK(std::get<CsvSettings>(windows.source).header_row == 3);
  CHECK(std::get<CsvSettings>(windows.source).encoding == Encoding::windows_1252);
  for (std::size_t i = 0; i < encoding_names.size(); ++i) {
    const Job encoded = world.load(least, {{"source.encoding", std::string(encoding_names[i])}});
    CHECK(std::get<CsvSettings>(encoded.source).encoding == static_cast<Encoding>(i));
  }
  const Job crm =
      world.load("[source]\nsqlite = \"crm.db\"\nquery = \"SELECT 1\"\nmember_column = \"m\"\ncourse_column = \"c\"");
  const auto& sqlite = std::get<SqliteSettings>(crm.source);
  CHECK(sqlite.path == world.folder.file("jobs/crm.db"));
  CHECK(sqlite.query == "SELECT 1");
  CHECK(sqlite.member_column == "m");
  CHECK(sqlite.target_column == "c");
  CHECK_FALSE(crm.target.id);
  CHECK(world.load(least, {{"invite.on_doubt", "hold"}}).invite.on_doubt == OnDoubt::hold);
  CHECK(std::get<CsvSettings>(world.load(least, {{"source.csv", "-"}}).source).path == "-");
  CHECK(std::get<CsvSettings>(world.load(least, {{"source.delimiter", ";"}}).source).delimiter == ';');
  for (const std::string tab : {"tab", "\\t", "\t"}) {
    CHECK(std::get<CsvSettings>(world.load(least, {{"source.delimiter", tab}}).source).delimiter == '\t');
  }
  CHECK_FALSE(world.load(least, {{"source.invalid_rows", "fail"}}).list_rules.ignore_invalid);
  CHECK(world.load(least, {{"course", "2024-01-01"}}).target.id == "2024-01-01");
  CHECK(std::get<CsvSettings>(world.load(least, {{"source.csv", "here.csv"}}).source).path == "here.csv");
}

TEST_CASE("the ids stand in the column spotMemberId unless the job says otherwise") {
  const JobFolder world;
  const Job csv = world.load("course = \"c\"\n[source]\ncsv = \"l\"");
  CHECK(std::get<CsvSettings>(csv.source).member_column == "spotMemberId");
  const Job sqlite = world.load("course = \"c\"\n[source]\nsqlite = \"d\"\nquery = \"SELECT 1\"");
  CHECK(std::get<SqliteSettings>(sqlite.source).member_column == "spotMemberId");
}

TEST_CASE("a list of addresses has no column of ids unless the job names it, too") {
  const JobFolder world;
  const std::string of_csv = "course = \"c\"\n[source]\ncsv = \"l\"\n";
  const auto columns = [](const auto& list) {
    return list.member_column.value_or("none") + ' ' + list.email_column.value_or("none");
  };
  const auto csv = [&](const std::string& more) {
    return columns(std::get<CsvSettings>(world.load(of_csv + more).source));
  };
  CHECK(csv("") == "spotMemberId none");
  CHECK(csv("email_column = \"mail\"") == "none mail");
  CHECK(csv("email_column = \"mail\"\nmember_column = \"id\"") == "id mail");
  CHECK(csv("header = false\nemail_column = 2") == "none 2");
  CHECK(csv("header = false\nemail_column = 2\nmember_column = 1") == "1 2");
  const Job sheet = world.load("course = \"c\"\n[source]\nxlsx = \"l\"\nemail_column = \"mail\"");
  CHECK(columns(std::get<XlsxSettings>(sheet.source)) == "none mail");
  const Job query = world.load("course = \"c\"\n[source]\nsqlite = \"d\"\nquery = \"S\"\nemail_column = \"mail\"");
  CHECK(columns(std::get<SqliteSettings>(query.source)) == "none mail");
  CHECK(columns(std::get<CsvSettings>(world.load(least, {{"source.email_column", "mail"}}).source)) == "id mail");
  const Job given = job_from_options({.csv = "l", .course = "c", .email_column = "mail"}, {});
  CHECK(columns(std::get<CsvSettings>(given.source)) == "none mail");
}

TEST_CASE("members are made of addresses that nobody has, if the job says so") {
  const JobFolder world;
  const std::string addresses = "course = \"c\"\n[source]\ncsv = \"l\"\nemail_column = \"mail\"\n[invite]\n";
  CHECK_FALSE(world.load(addresses).invite.create_missing);
  CHECK_FALSE(world.load(addresses).invite.member_email_notification);
  CHECK(world.load(addresses + "create_missing = true").invite.create_missing);
  const auto with_mail = world.load(addresses + "create_missing = true\nmember_email_notification = true").invite;
  CHECK(with_mail.create_missing);
  CHECK(with_mail.member_email_notification);
  CHECK(world.load(addresses, {{"invite.create_missing", "true"}}).invite.create_missing);
  // Said, and off: that goes with any list.
  CHECK_FALSE(
      world.load(least + "[invite]\ncreate_missing = false\nmember_email_notification = false").invite.create_missing);
}

TEST_CASE("what is wrong in a job is said with file, line, key and what to do") {
  struct Case {
    std::string toml;
    std::vector<std::string> parts;
  };
  const std::string source = "[source]\ncsv = \"l\"\nmember_column = \"id\"\n";
  const std::vector<Case> cases = {
      {"", {"j.toml: source: is missing", "[source]"}},
      {source, {"j.toml: course: is missing", "course_column"}},
      {"course = \"c\"\n[source]\ncsv = \"l\"\nheader = false",
       {"j.toml: source.member_column: is missing", "columns go by number: member_column = 1"}},
      {least + "min_rows = 0", {"j.toml:5: source.min_rows: must be from 1, not 0"}},
      {least + "min_rows = \"1\"", {"source.min_rows: must be a whole number from 1"}},
      {least + "invalid_rows = \"ignored\"",
       {"j.toml:5: source.invalid_rows: must be one of \"fail\", \"ignore\", not \"ignored\"",
        "did you mean \"ignore\"?"}},
      {"course = \"c\"\n[source]\ncsv = \"l\"\nsqlite = \"d\"", {"j.toml:4: source.sqlite: stands beside source.csv"}},
      {"course = \"c\"\n" + source + "course_column = \"k\"", {"j.toml:1: course: stands beside source.course_column"}},
      {"course = \"\"\n" + source, {"j.toml:1: course: must not be empty"}},
      {"course = 4711\n" + source, {"j.toml:1: course: must be a text in quotes, not a whole number"}},
      {"course = \"a\\nb\"\n" + source, {"course: must not hold control characters"}},
      {least + "colour = 1",
       {"j.toml:5: source.colour: unknown key", "[source] has csv, header, header_row, delimiter, encoding, xlsx"}},
      {least + "memberColumn = 1", {"source.memberColumn: unknown key", "did you mean source.member_column?"}},
      {"chunk_size = 5\n" + least, {"j.toml:1: chunk_size: unknown key", "chunk_size belongs into [invite]"}},
      {"[source]\ncourse = \"c\"", {"j.toml:2: source.course: unknown key", "course stands above all [tables]"}},
      {"[api]\ntimeout = \"3s\"", {"j.toml:2: api.timeout: unknown key", "that is a key of config.toml"}},
      {"hue = 1",
       {"hue: unknown key",
        "the keys are name, course, learning_path, channel, and the tables are [source], [invite]"}},
      {"colours = 1", {"colours: unknown key", "did you mean course?"}},
      {least + "query = \"SELECT\"", {"j.toml:5: source.query: goes with source.sqlite"}},
      {"course = \"c\"\n[source]\nsqlite = \"d\"\nmember_column = \"id\"", {"source.query: is missing", "SELECT"}},
      {"course = \"c\"\n[source]\nsqlite = \"d\"\nquery = \"\"\nmember_column = \"id\"",
       {"source.query: must not be empty"}},
      {"course = \"c\"\n[source]\nsqlite = \"d\"\nquery = \"S\"\nmember_column = \"id\"\nheader = true",
       {"source.header: goes with source.csv"}},
      {"course = \"c\"\n[source]\nsqlite = \"d\"\nquery = \"S\"\nheader_row = 2",
       {"j.toml:5: source.header_row: goes with source.csv or source.xlsx, not with source.sqlite"}},
      {"course = \"c\"\n[source]\nsqlite = \"d\"\nquery = \"S\"\nsheet = \"x\"",
       {"j.toml:5: source.sheet: goes with source.xlsx, not with source.sqlite"}},
      {least + "sheet = \"x\"", {"j.toml:5: source.sheet: goes with source.xlsx, not with source.csv"}},
      {least + "xlsx = \"l.xlsx\"", {"j.toml:5: source.xlsx: stands beside source.csv, and a job has one source"}},
      {"course = \"c\"\n[source]\nxlsx = \"l\"\nquery = \"S\"",
       {"j.toml:4: source.query: goes with source.sqlite, not with source.xlsx"}},
      {"course = \"c\"\n[source]\nxlsx = \"l\"\ndelimiter = \";\"",
       {"j.toml:4: source.delimiter: goes with source.csv, not with source.xlsx"}},
      {"course = \"c\"\n[source]\nxlsx = \"l\"\nencoding = \"utf-8\"",
       {"j.toml:4: source.encoding: goes with source.csv, not with source.xlsx"}},
      {"course = \"c\"\n[source]\nxlsx = \"l\"\nsheet = \"\"", {"j.toml:4: source.sheet: must not be empty"}},
      {"course = \"c\"\n[source]\nxlsx = \"l\"\nheader = false", {"source.member_column: is missing"}},
      {"course = \"c\"\n[source]\nxlsx = \"l\"\nheader = false\nheader_row = 2\nmember_column = 1",
       {"j.toml:5: source.header_row: stands beside header = false"}},
      {least + "header_row = 0", {"j.toml:5: source.header_row: must be from 1 to 1048576, not 0"}},
      {least + "header_row = \"4\"", {"source.header_row: must be a whole number"}},
      {least + "encoding = \"utf8\"",
       {"source.encoding: must be one of \"utf-8\", \"utf-16le\", \"utf-16be\", \"windows-1252\", not \"utf8\"",
        "did you mean \"utf-8\"?"}},
      {"course = \"c\"\n[source]\nsqlite = \"d\"\nquery = \"S\"\nmember_column = 1",
       {"source.member_column: must be a text"}},
      {least + "email_column = 2", {"j.toml:5: source.email_column: must be a text in quotes"}},
      {least + "email_column = \"\"", {"j.toml:5: source.email_column: must not be empty"}},
      {least + "email_column = \"id\"",
       {"j.toml:5: source.email_column: is the column that ", "j.toml:4: source.member_column"}},
      {least + "emailColumn = \"id\"", {"source.emailColumn: unknown key", "did you mean source.email_column?"}},
      {"course = \"c\"\n[source]\ncsv = \"l\"\nheader = false\nemail_column = \"mail\"",
       {"j.toml:5: source.email_column: must be a number from 1 to 100000, not \"mail\""}},
      {least + "[invite]\ncreate_missing = true",
       {"j.toml:6: invite.create_missing: goes with source.email_column", "email_column = "}},
      {least + "[invite]\ncreate_missing = 1", {"invite.create_missing: must be true or false"}},
      {least + "email_column = \"m\"\n[invite]\nmember_email_notification = true",
       {"j.toml:7: invite.member_email_notification: goes with invite.create_missing = true"}},
      {least + "email_column = \"m\"\n[invite]\ncreate_missing = false\nmember_email_notification = true",
       {"invite.member_email_notification: goes with invite.create_missing = true"}},
      {least + "[invite]\ncreate_mising = true", {"unknown key", "did you mean invite.create_missing?"}},
      {least + "delimiter = \"ab\"", {"j.toml:5: source.delimiter: must be one character"}},
      {least + "delimiter = \"\\\"\"", {"source.delimiter: must be one character"}},
      {least + "delimiter = \"§\"", {"source.delimiter: must be one character (of one byte)"}},
      {least + "delimiter = \"\\u0000\"", {"source.delimiter: must not hold a NUL"}},
      {least + "header = false", {"j.toml:4: source.member_column: must be a number from 1 to 100000, not \"id\""}},
      {"course = \"c\"\n[source]\ncsv = \"l\"\nheader = false\nmember_column = 0", {"must be from 1 to 100000, not 0"}},
      {"course = \"c\"\n[source]\ncsv = \"l\"\nmember_column = 1", {"source.member_column: must be a text in quotes"}},
      {least + "[invite]\nchunk_size = 10001", {"j.toml:6: invite.chunk_size: must be from 1 to 10000, not 10001"}},
      {least + "[invite]\nemail_notification = 0", {"invite.email_notification: must be true or false"}},
      {least + "[invite]\ninvited_by = \"\"", {"invite.invited_by: must not be empty"}},
      {least + "[invite]\non_doubt = \"ask_again\"",
       {"must be one of \"ask-again\", \"ask-quietly\", \"hold\", not \"ask_again\"", "did you mean \"ask-again\"?"}},
      {"name = \"\"\n" + least, {"j.toml:1: name: must not be empty"}},
      {least + "x", {"j.toml:5:"}},
  };
  const JobFolder world;
  for (const Case& one : cases) {
    CAPTURE(one.toml);
    const std::string error = world.error_of_file(one.toml);
    CAPTURE(error);
    CHECK(error.starts_with("78 "));
    for (const std::string& part : one.parts) CHECK(contains(error, part));
  }
  const auto error_of_set = [&](const std::string& key, const std::string& value) {
    return error_of([&] { world.load(least, {{key, value}}); });
  };
  CHECK(contains(error_of_set("invite.chunk_size", "many"), "78 --set invite.chunk_size: must be a whole number"));
  CHECK(contains(error_of_set("invite.chunksize", "5"), "78 --set invite.chunksize: unknown key"));
  CHECK(contains(error_of_set("source.course_column", "c"), "j.toml:1: course: stands beside source.course_column"));
}

TEST_CASE("a job is found by its path, or by its name beside the config and here") {
  const JobFolder world;
  const TempFolder elsewhere;
  elsewhere.write("jobs/here.toml", least);
  world.folder.write("jobs/members.toml", least);
  world.folder.write("jobs/crm.toml", least);
  world.folder.write("jobs/note.txt", "");
  const fs::path before = fs::current_path();
  fs::current_path(elsewhere.path());
  const auto file_of = [&](const std::string& argument) { return load_job(argument, world.config, {}).file; };
  const auto error_at = [&](const std::string& argument) {
    return error_of([&] { load_job(argument, world.config, {}); });
  };
  CHECK(file_of("members") == world.folder.path() / "jobs/members.toml");
  CHECK(file_of("here") == "jobs/here.toml");
  CHECK(file_of("jobs/here.toml") == "jobs/here.toml");
  CHECK(file_of(world.folder.file("jobs/crm.toml")) == world.folder.file("jobs/crm.toml"));
  CHECK(contains(error_at("membres"), "66 membres: there is no such job | did you mean members? the jobs in "));
  CHECK(contains(error_at("membres"), "are crm, here, members"));
  CHECK(contains(error_at("jobs/her.toml"), "66 jobs/her.toml: there is no such job | did you mean here?"));
  CHECK(contains(error_at("here.toml"), "66 here.toml: there is no such job"));
  CHECK(contains(error_at(""), "66 "));
  fs::current_path(before);
}

TEST_CASE("a path in a file behind a symbolic link is relative to where the link leads") {
  const JobFolder world;
  const TempFolder target;
  target.write("deep/jobs/j.toml", "");
  fs::create_directory_symlink(target.path() / "deep/jobs", world.folder.path() / "jobs");
  CHECK(resolve(world.folder.path() / "jobs", "../list.csv") == world.folder.path() / "jobs/../list.csv");
  CHECK(resolve(world.folder.path(), "./x/../list.csv") == world.folder.path() / "list.csv");
  CHECK(resolve(world.folder.path(), "/list.csv") == "/list.csv");
}

TEST_CASE("a job may be given without a file") {
  const Job job = job_from_options({.csv = "lists/members.csv", .course = "c1", .course_column = {}}, {});
  CHECK(job.name == "members@c1");
  CHECK(job.target.id == "c1");
  CHECK(job.file.empty());
  CHECK(std::get<CsvSettings>(job.source).path == "lists/members.csv");
  CHECK(std::get<CsvSettings>(job.source).member_column == "spotMemberId");

  for (const std::string list : {"lists/members.csv.gz", "lists/members.csv.zst", "members.gz"})
    CHECK(job_from_options({.csv = list, .course = "c1"}, {}).name == "members@c1");

  const Job many = job_from_options({.csv = "-", .course = {}, .course_column = "c", .member_column = "m"}, {});
  CHECK(many.name == "stdin");
  CHECK(std::get<CsvSettings>(many.source).target_column == "c");

  const Job set = job_from_options({.csv = "m.csv", .course = "c1", .course_column = {}},
                                   {{"name", "n"}, {"invite.chunk_size", "5"}, {"api.timeout", "3s"}});
  CHECK(set.name == "n");
  CHECK(set.invite.chunk_size == 5);

  const JobOptions all{.csv = "m.csv",
                       .course = "c1",
                       .member_column = "2",
                       .name = "spring",
                       .delimiter = ";",
                       .no_header = true,
                       .email_notification = true};
  const Job full = job_from_options(all, {});
  CHECK(full.name == "spring");
  CHECK(full.invite.email_notification == true);
  const auto& csv = std::get<CsvSettings>(full.source);
  CHECK(csv.delimiter == ';');
  CHECK_FALSE(csv.header);
  CHECK(csv.member_column == "2");
  CHECK(std::get<CsvSettings>(job_from_options({.csv = "m", .course = "c", .delimiter = "\\t"}, {}).source).delimiter ==
        '\t');

  const Job over = job_from_options(all, {{"name", "n"},
                                          {"source.delimiter", ","},
                                          {"source.header", "true"},
                                          {"source.member_column", "id"},
                                          {"invite.email_notification", "false"}});
  CHECK(over.name == "n");
  CHECK(over.invite.email_notification == false);
  CHECK(std::get<CsvSettings>(over.source).delimiter == ',');
  CHECK(std::get<CsvSettings>(over.source).header);
  CHECK(std::get<CsvSettings>(over.source).member_column == "id");

  CHECK(contains(error_of([] { job_from_options({.csv = "m", .course = "c", .no_header = true}, {}); }),
                 "78 source.member_column: is missing"));
  CHECK(contains(
      error_of([] { job_from_options({.csv = "m", .course = "c", .member_column = "id", .no_header = true}, {}); }),
      "78 --member-column: must be a number"));
  CHECK(contains(error_of([] { job_from_options({.csv = "m", .course_column = "c", .name = ""}, {}); }),
                 "78 --name: must not be empty"));
  CHECK(contains(error_of([] { job_from_options({.csv = "m", .course = "c", .delimiter = "ab"}, {}); }),
                 "78 --delimiter: must be one character"));
  CHECK(contains(error_of([] { job_from_options({.csv = "m.csv", .course = {}, .course_column = {}}, {}); }),
                 "78 course: is missing"));
  CHECK(contains(error_of([] { job_from_options({.csv = "", .course = "c", .course_column = {}}, {}); }),
                 "78 --csv: must not be empty"));
  CHECK(contains(error_of([] {
                   job_from_options({.csv = "m.csv", .course = "c", .course_column = {}}, {{"curse", "x"}});
                 }),
                 "78 --set curse: unknown key | did you mean course?"));
}
