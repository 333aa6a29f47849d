#include "cli/source_rows.h"

#include "source/member_source.h"
#include "source/row_check.h"

namespace convoke {

ReadSource rows_of(const Job& job, std::stop_token stop) {
  return [&job, stop = std::move(stop)](const TakeRow& take) {
    const auto source = open_source(job.source, stop);
    while (const auto row = source->next()) {
      IntakeRow taken;
      taken.line = row->line;
      taken.course = job.course ? std::string_view(*job.course) : row->course;
      const auto member = check_member(row->member);
      const auto* checked = std::get_if<CheckedId>(&member);
      if (!checked) {
        taken.value = row->member;
        taken.reason = name_of(std::get<Reason>(member));
      } else if (const auto reason = check_course(taken.course)) {
        taken.value = row->course.empty() ? row->member : row->course;
        taken.reason = name_of(*reason);
      } else {
        taken.member = checked->id;
      }
      take(taken);
    }
  };
}

}  // namespace convoke
