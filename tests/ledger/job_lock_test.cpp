// One process runs a job at a time.
#include "ledger/job_lock.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "ledger_world.h"

using namespace convoke;

TEST_CASE("one holder of a job's lock at a time, within a process and between two") {
  LedgerWorld world;
  const LedgerFile& ours = world.database.file();
  const LedgerFile other(world.path, LedgerFile::Access::write);
  CHECK_FALSE(JobLock::is_held(ours, 1));
  {
    const auto lock = JobLock::take(other, 1);
    REQUIRE(lock);
    CHECK_FALSE(JobLock::take(ours, 1));
    CHECK(JobLock::is_held(ours, 1));
    CHECK(JobLock::is_any_held(ours));
    CHECK_FALSE(JobLock::is_held(ours, 2));
    CHECK(JobLock::take(ours, 2));  // another job
  }
  CHECK_FALSE(JobLock::is_held(ours, 1));
  CHECK_FALSE(JobLock::is_any_held(ours));

  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const LedgerFile file(world.path, LedgerFile::Access::write);
    const auto lock = JobLock::take(file, 1);
    const char held = lock ? 'y' : 'n';
    if (::write(ready[1], &held, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char held = 0;
  REQUIRE(::read(ready[0], &held, 1) == 1);
  CHECK(held == 'y');
  CHECK_FALSE(JobLock::take(ours, 1));
  CHECK(JobLock::is_held(ours, 1));
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_FALSE(JobLock::is_held(ours, 1));
  CHECK(JobLock::take(ours, 1));  // it died with its holder
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("the lock of an older convoke, on a file beside the ledger, is kept to while there is such a file") {
  LedgerWorld world;
  const std::string old_path = world.path + "-locks";
  CHECK(JobLock::take(world.database.file(), 1));
  CHECK_FALSE(std::filesystem::exists(old_path));
  const int old_file = ::open(old_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(old_file >= 0);
  struct flock byte {};
  byte.l_type = F_WRLCK;
  byte.l_start = 1;
  byte.l_len = 1;
  {
    const auto lock = JobLock::take(world.database.file(), 1);
    CHECK(lock);
    CHECK(::fcntl(old_file, F_OFD_SETLK, &byte) != 0);  // the older one does not get it
  }
  REQUIRE(::fcntl(old_file, F_OFD_SETLK, &byte) == 0);
  CHECK_FALSE(JobLock::take(world.database.file(), 1));
  CHECK(JobLock::is_held(world.database.file(), 1));
  CHECK(JobLock::take(world.database.file(), 2));
  ::close(old_file);
}
