#include "cli/source_rows.h"

#include <spdlog/spdlog.h>

#include "base/text.h"
#include "cli/reading_watch.h"
#include "source/member_source.h"
#include "source/row_check.h"

namespace convoke {
namespace {

IntakeRow checked(const SourceRow& row, const Job& job) {
  IntakeRow taken;
  taken.line = row.line;
  taken.course = job.course ? std::string_view(*job.course) : row.course;
  const auto member = check_member(row.member);
  if (const auto* reason = std::get_if<Reason>(&member)) {
    taken.value = row.member;
    taken.reason = *reason;
  } else if (const auto wrong = check_course(taken.course)) {
    taken.value = row.member;
    taken.reason = *wrong;
  } else {
    taken.member = std::get<CheckedId>(member).id;
    taken.mended = std::get<CheckedId>(member).mended;
  }
  return taken;
}

}  // namespace

ReadSource rows_of(const Job& job, std::stop_token stop, ShowProgress progress, std::vector<std::string>& remarks) {
  return [&job, stop = std::move(stop), progress, &remarks](const TakeRow& take) {
    constexpr std::int64_t rows_a_look = 256;
    spdlog::info("reading {}", excerpt(describe_source(job.source)));
    ReadingWatch watch(describe_source(job.source), progress);
    const auto source = open_source(job.source, stop);
    std::int64_t rows = 0;
    while (const auto row = source->next()) {
      if (stop.stop_requested()) throw ReadingStopped{};
      take(checked(*row, job));
      ++rows;
      watch.at(rows, rows % rows_a_look == 0 ? source->share_read() : std::nullopt);
    }
    const auto said = source->remarks();
    remarks.insert(remarks.end(), said.begin(), said.end());
  };
}

}  // namespace convoke
