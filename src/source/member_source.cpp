#include "source/member_source.h"

#include "source/csv_source.h"
#include "source/sqlite_source.h"
#include "source/xlsx_source.h"

namespace convoke {

std::unique_ptr<MemberSource> open_source(const SourceSettings& settings, std::stop_token stop) {
  if (const auto* csv = std::get_if<CsvSettings>(&settings)) return std::make_unique<CsvSource>(*csv, std::move(stop));
  if (const auto* xlsx = std::get_if<XlsxSettings>(&settings))
    return std::make_unique<XlsxSource>(*xlsx, std::move(stop));
  return std::make_unique<SqliteSource>(std::get<SqliteSettings>(settings), std::move(stop));
}

std::string describe_source(const SourceSettings& settings) {
  if (const auto* csv = std::get_if<CsvSettings>(&settings); csv != nullptr && csv->path == "-")
    return "standard input";
  return std::visit([](const auto& source) { return source.path; }, settings);
}

}  // namespace convoke
