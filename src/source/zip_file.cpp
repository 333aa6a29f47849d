#include "source/zip_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "source/foreign_file.h"
#include "source/input_file.h"
#include "source/member_source.h"
#include "source/unpacking.h"

namespace convoke {
namespace {

using namespace std::literals;

/// Of the directory of parts, which libzip holds in memory, five times as large: some 20,000 parts. A workbook has ten.
constexpr std::uint64_t largest_directory = 1UL << 20;
constexpr std::uint64_t largest_comment = 64UL * 1024;  // behind the directory

constexpr auto damaged_hint = "get the file again, or open it in a spreadsheet program, and save it anew";

std::string key_of(std::string_view name) {
  std::string key = lower_case(name);
  std::replace(key.begin(), key.end(), '\\', '/');
  return key.starts_with('/') ? key.substr(1) : key;
}

/// Whether the end of a zip file says of more parts than fit a record that is not of the 64-bit kind. libzip makes room
/// for as many as are said, if the file is that large, with holes in it or without.
bool claims_many_parts(std::string_view bytes) {
  constexpr std::size_t count_at = 32;
  for (std::size_t at = 0; (at = bytes.find("PK\x06\x06"sv, at)) != std::string_view::npos; ++at) {
    if (at + count_at + sizeof(std::uint64_t) > bytes.size()) return false;
    for (std::size_t byte = 2; byte < sizeof(std::uint64_t); ++byte) {
      if (bytes[at + count_at + byte] != '\0') return true;
    }
  }
  return false;
}

}  // namespace

/// libzip's way to the file: what is thrown on it is kept, and nothing goes through code that is C.
struct ZipFile::Bytes {
  Bytes(const std::string& path, std::stop_token stop_asked) : file(path, stop_asked), stop(std::move(stop_asked)) {
    zip_error_init(&error);
  }
  ~Bytes() { zip_error_fini(&error); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  std::uint64_t size() const { return file.size().value_or(0); }

  zip_int64_t read(void* out, zip_uint64_t count) noexcept {
    try {
      if (stop.stop_requested()) throw ReadingStopped{};
      const std::size_t got = file.read_at(static_cast<char*>(out), count, at);
      at += got;
      taken += got;
      if (is_opening) check_count({static_cast<const char*>(out), got});
      return static_cast<zip_int64_t>(got);
    } catch (...) {
      return fail(ZIP_ER_READ);
    }
  }

  /// Of the end of the file. The record stands before its locator, or where that says, and is read after it.
  void check_count(std::string_view bytes) {
    has_locator = has_locator || bytes.find("PK\x06\x07"sv) != std::string_view::npos;
    if (has_locator && claims_many_parts(bytes)) throw too_many_parts();
  }

  Error too_many_parts() const {
    return {Exit::bad_source, "has too many parts for a spreadsheet", file.name(), damaged_hint};
  }

  zip_int64_t seek(void* data, zip_uint64_t count) noexcept {
    const zip_int64_t to = zip_source_seek_compute_offset(at, size(), data, count, &error);
    if (to < 0) return -1;
    at = static_cast<std::uint64_t>(to);
    // Where the directory begins, which is no longer than it may be.
    if (is_opening && at + largest_directory + largest_comment < size()) {
      zip_error_set(&error, ZIP_ER_SEEK, 0);
      if (at > 0) failure = std::make_exception_ptr(too_many_parts());
      return -1;
    }
    return 0;
  }

  zip_int64_t stat(void* data) const noexcept {
    auto* status = static_cast<zip_stat_t*>(data);
    zip_stat_init(status);
    status->valid = ZIP_STAT_SIZE;
    status->size = size();
    return sizeof(zip_stat_t);
  }

  zip_int64_t fail(int code) noexcept {
    failure = std::current_exception();
    zip_error_set(&error, code, 0);
    return -1;
  }

  static zip_int64_t answer(void* self, void* data, zip_uint64_t count, zip_source_cmd_t command) {
    auto& bytes = *static_cast<Bytes*>(self);
    switch (command) {
      case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                              ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
                                              ZIP_SOURCE_SUPPORTS, -1);
      case ZIP_SOURCE_OPEN:
        bytes.at = 0;
        return 0;
      case ZIP_SOURCE_READ:
        return bytes.read(data, count);
      case ZIP_SOURCE_SEEK:
        return bytes.seek(data, count);
      case ZIP_SOURCE_TELL:
        return static_cast<zip_int64_t>(bytes.at);
      case ZIP_SOURCE_STAT:
        return bytes.stat(data);
      case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&bytes.error, data, count);
      case ZIP_SOURCE_CLOSE:
      case ZIP_SOURCE_FREE:
        return 0;
      default:
        zip_error_set(&bytes.error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
  }

  InputFile file;
  std::stop_token stop;
  std::uint64_t at = 0;
  std::uint64_t taken = 0;  ///< bytes of the file, some of them twice
  bool is_opening = true;
  bool has_locator = false;    ///< the file's end says where more than 65,535 parts could be
  std::exception_ptr failure;  ///< what was thrown where libzip reads
  zip_error_t error;
};

ZipFile::ZipFile(const std::string& path, std::stop_token stop)
    : bytes_(std::make_unique<Bytes>(path, std::move(stop))) {
  if (!bytes_->file.size()) {
    throw Error(Exit::bad_source, "is no regular file, which a spreadsheet must be", name(),
                "store it, and name the file");
  }
  refuse_no_workbook(bytes_->file);
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_function_create(Bytes::answer, bytes_.get(), &error);
  if (source == nullptr) throw std::bad_alloc();
  file_.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (!file_) {
    zip_source_free(source);
    fail(&error, "is damaged or cut off");
  }
  bytes_->is_opening = false;
  list_parts();
}

ZipFile::~ZipFile() = default;

void ZipFile::list_parts() {
  const zip_int64_t count = zip_get_num_entries(file_.get(), 0);
  for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(std::max<zip_int64_t>(count, 0)); ++i) {
    const char* part = zip_get_name(file_.get(), i, ZIP_FL_ENC_RAW);
    if (part == nullptr) fail(zip_get_error(file_.get()), "is damaged");
    // Programs differ in which of the two they take.
    if (!parts_.emplace(key_of(part), i).second) {
      throw Error(Exit::bad_source, fmt::format("is damaged: it has the part \"{}\" twice", excerpt(part)), name(),
                  damaged_hint);
    }
  }
}

bool ZipFile::has(std::string_view part) const {
  return parts_.contains(key_of(part));
}

std::unique_ptr<ZipPart> ZipFile::open(std::string_view part) {
  const auto found = parts_.find(key_of(part));
  const std::string about = fmt::format("its part {}", excerpt(part));
  if (found == parts_.end()) {
    throw Error(Exit::bad_source, fmt::format("is damaged: {} is missing", about), name(), damaged_hint);
  }
  zip_stat_t status;
  zip_stat_init(&status);
  if (zip_stat_index(file_.get(), found->second, 0, &status) != 0)
    fail(zip_get_error(file_.get()), "is damaged: " + about);
  if (status.encryption_method != ZIP_EM_NONE) throw protected_by_password(name());
  // Others take more memory to unpack than a list is given.
  if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
    throw Error(Exit::bad_source, fmt::format("{} is packed as no spreadsheet is", about), name(), damaged_hint);
  }
  std::unique_ptr<zip_file_t, ZipPart::Close> opened(zip_fopen_index(file_.get(), found->second, 0));
  if (!opened) fail(zip_get_error(file_.get()), "is damaged: " + about);
  // NOLINTNEXTLINE(modernize-make-unique): its constructor is for this class alone
  return std::unique_ptr<ZipPart>(new ZipPart(*this, std::move(opened), std::string(part), status.size));
}

const std::string& ZipFile::name() const {
  return bytes_->file.name();
}

void ZipFile::fail(zip_error_t* error, const std::string& about) const {
  if (bytes_->failure) std::rethrow_exception(std::exchange(bytes_->failure, nullptr));
  const int code = zip_error_code_zip(error);
  const std::string said = zip_error_strerror(error);
  zip_error_fini(error);
  if (code == ZIP_ER_MEMORY) throw std::bad_alloc();
  throw Error(Exit::bad_source, fmt::format("{} ({})", about, excerpt(said)), name(), damaged_hint);
}

std::size_t ZipPart::read(char* out, std::size_t size) {
  if (file_.bytes_->stop.stop_requested()) throw ReadingStopped{};
  const zip_int64_t got = zip_fread(part_.get(), out, size);
  if (got < 0) file_.fail(zip_file_get_error(part_.get()), fmt::format("is damaged: its part {}", excerpt(name_)));
  given_ += static_cast<std::uint64_t>(got);
  file_.unpacked_ += static_cast<std::uint64_t>(got);
  check_unpacked(file_.bytes_->taken, file_.unpacked_, file_.name());
  return static_cast<std::size_t>(got);
}

double ZipPart::share_read() const {
  return given_ >= size_ ? 1.0 : static_cast<double>(given_) / static_cast<double>(size_);
}

}  // namespace convoke
