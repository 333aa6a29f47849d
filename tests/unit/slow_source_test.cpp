// Sources that take their time: rows come as they are written, and a reading that waits can be stopped.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "source/input_file.h"
#include "source/row_check.h"
#include "source_rows.h"
#include "temp_folder.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

struct NamedPipe {
  TempFolder folder;
  std::string path = folder.file("pipe");

  NamedPipe() { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
  CsvSettings settings() const { return {.path = path, .member_column = "id"}; }
};

/// The end of a pipe into which somebody writes, who waits until it is read.
class Writer {
 public:
  explicit Writer(const NamedPipe& pipe) : descriptor_(::open(pipe.path.c_str(), O_WRONLY)) {}
  ~Writer() { close(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(std::string_view text) const {
    REQUIRE(::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

std::unique_ptr<MemberSource> open_while_written(const NamedPipe& pipe, std::optional<Writer>& writer,
                                                 std::string_view text, std::stop_token stop = {}) {
  auto opening = std::async(std::launch::async, [&] { return open_source(pipe.settings(), std::move(stop)); });
  writer.emplace(pipe);
  writer->write(text);
  return opening.get();
}

std::string next_of(MemberSource& source) {
  const auto row = source.next();
  return row ? std::to_string(row->line) + " " + std::string(row->member) : "the end";
}

}  // namespace

TEST_CASE("the rows of a pipe come as they are written") {
  const NamedPipe pipe;
  std::optional<Writer> writer;
  const auto source = open_while_written(pipe, writer, "id\n");
  CHECK_FALSE(source->share_read());
  writer->write("a\nb\r\n");
  CHECK(next_of(*source) == "2 a");
  CHECK(next_of(*source) == "3 b");
  writer->write("\"c");
  writer->write("\"\nd");
  CHECK(next_of(*source) == "4 c");
  writer->close();
  CHECK(next_of(*source) == "5 d");
  CHECK(next_of(*source) == "the end");
  CHECK(source->remarks().size() == 1);
}

TEST_CASE("a first line that comes in parts is told by the whole of it") {
  const NamedPipe pipe;
  std::optional<Writer> writer;
  auto opening = std::async(std::launch::async, [&] { return open_source(pipe.settings()); });
  writer.emplace(pipe);
  for (const std::string_view part : {"\xEF", "\xBB\xBF", "se", "p=|\r", "\nx", "|i", "d\r\n"}) writer->write(part);
  const auto source = opening.get();
  writer->write("a,;|b\n");
  CHECK(next_of(*source) == "3 b");
}

TEST_CASE("a named pipe into which nobody writes yet is waited for, and is not empty") {
  const NamedPipe pipe;
  InputFile file(pipe.path);
  char byte = 0;
  auto reading = std::async(std::launch::async, [&] { return file.read(&byte, 1); });
  CHECK(reading.wait_for(50ms) == std::future_status::timeout);  // what came earlier would be an end that is none
  Writer(pipe).write("x");
  CHECK(reading.get() == 1);
  CHECK(byte == 'x');
  CHECK(file.read(&byte, 1) == 0);
}

TEST_CASE("a reading that waits can be stopped") {
  const NamedPipe pipe;
  std::stop_source stop;
  SUBCASE("for somebody to write into a named pipe") {
    auto opening = std::async(std::launch::async, [&] { return open_source(pipe.settings(), stop.get_token()); });
    CHECK(opening.wait_for(20ms) == std::future_status::timeout);
    stop.request_stop();
    CHECK_THROWS_AS(opening.get(), ReadingStopped);
  }
  SUBCASE("for the next row") {
    std::optional<Writer> writer;
    const auto source = open_while_written(pipe, writer, "id\na\n", stop.get_token());
    MemberList list(*source, {TargetKind::course, "course"}, stop.get_token());
    CHECK(list.next()->value == "a");
    auto reading = std::async(std::launch::async, [&] { return list.next().has_value(); });
    CHECK(reading.wait_for(20ms) == std::future_status::timeout);
    stop.request_stop();
    CHECK_FALSE(reading.get());
    CHECK(list.was_stopped());
  }
  SUBCASE("for a query that finds nothing and does not end") {
    const std::string path = pipe.folder.write("crm.db", "");
    const std::string query =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n WHERE i < 0";
    const auto source = open_source(SqliteSettings{path, query, "id"}, stop.get_token());
    CHECK_FALSE(source->share_read());
    MemberList list(*source, {TargetKind::course, "course"}, stop.get_token());
    auto reading = std::async(std::launch::async, [&] { return list.next().has_value(); });
    CHECK(reading.wait_for(20ms) == std::future_status::timeout);
    stop.request_stop();
    CHECK_FALSE(reading.get());
    CHECK(list.was_stopped());
  }
}

TEST_CASE("a database that is a pipe is refused and not waited for") {
  const NamedPipe pipe;
  CHECK(contains(error_of([&] {
                   open_source(SqliteSettings{pipe.path, "SELECT 1 AS id", "id"});
                 }),
                 "65 " + pipe.path + ": is not a SQLite database"));
}

TEST_CASE("how much of a file is read is known") {
  const TempFolder folder;
  std::string text = "id\n";
  for (int i = 0; i < 200'000; ++i) text += "abc\n";
  const auto source = open_source(CsvSettings{.path = folder.write("list.csv", text), .member_column = "id"});
  CHECK(source->share_read() < 0.01);
  for (int i = 0; i < 100'000; ++i) source->next();
  CHECK(*source->share_read() == doctest::Approx(0.5).epsilon(0.001));
  while (source->next()) {
  }
  CHECK(source->share_read() == 1.0);
  CHECK(open_source(CsvSettings{folder.write("empty.csv", ""), false, {}, "1", {}})->share_read() == 1.0);
}

TEST_CASE("a regular file is read in full blocks") {
  const TempFolder folder;
  InputFile file(folder.write("x", std::string(1000, 'x')));
  std::string block(600, '\0');
  CHECK(file.size() == 1000);
  CHECK(file.read(block.data(), block.size()) == 600);
  CHECK(file.read(block.data(), block.size()) == 400);
  CHECK(file.read(block.data(), block.size()) == 0);
}
