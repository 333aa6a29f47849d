// A job's file: it is read, or refused with a message.
#include "job/job.h"

#include "base/error.h"
#include "fuzz.h"

using namespace convoke;
using namespace convoke::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file({reinterpret_cast<const char*>(data), size});
  try {
    const Job job = load_job(file.path(), {}, {});
    require(!job.name.empty() && is_printable(job.name), "a job's name is printable");
    require(job.invite.chunk_size >= 1 && job.invite.chunk_size <= 10'000, "a chunk is of 1 to 10,000");
  } catch (const Error& error) {
    require(error.exit() == Exit::bad_config, "a job that is wrong is a bad config");
    require(is_printable(error.what()) && is_printable(error.hint()), "a message is printable");
  }
  return 0;
}
