#include "cli/interruption.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "job/key_command.h"

namespace convoke {
namespace {

bool is_ignored(int signal_number) {
  struct sigaction now {};
  return ::sigaction(signal_number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

Interruption::Interruption(std::optional<Duration> max_duration)
    : work_(context_.get_executor()), signals_(context_), deadline_(context_) {
  for (const int number : {SIGINT, SIGTERM}) signals_.add(number);
  if (!is_ignored(SIGHUP)) signals_.add(SIGHUP);
  wait_for_signal();
  if (max_duration) {
    ends_at_ = std::chrono::steady_clock::now() + *max_duration;
    deadline_.expires_at(*ends_at_);
    deadline_.async_wait([this](boost::system::error_code error) {
      if (!error) ask(StoppedBy::max_duration, 0);
    });
  }
  // Its thread alone hears them: no other, nor one that is made from here on, is interrupted in what it waits for. Nor
  // is anybody once this is gone: what is left is to say how it ended.
  sigset_t heard;
  sigemptyset(&heard);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&heard, number);
  sigset_t heard_before;
  ::pthread_sigmask(SIG_BLOCK, &heard, &heard_before);
  thread_ = std::thread([this, heard_before] {
    ::pthread_sigmask(SIG_SETMASK, &heard_before, nullptr);
    context_.run();
  });
}

Interruption::~Interruption() {
  context_.stop();
  thread_.join();
}

void Interruption::wait_for_signal() {
  signals_.async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    constexpr auto same_wish = std::chrono::milliseconds(100);
    const auto now = std::chrono::steady_clock::now();
    if (signal_ != 0 && now - signalled_at_ >= same_wish) {
      kill_key_command();
      ::_exit(static_cast<int>(Exit::try_later));
    }
    if (signal_ == 0) {
      signalled_at_ = now;
      ask(StoppedBy::signal, number);
    }
    wait_for_signal();
  });
}

void Interruption::ask(StoppedBy by, int signal_number) {
  if (signal_number != 0) {
    signal_ = signal_number;
    spdlog::warn("stopping; once more to stop at once");
  }
  if (stop_.stop_requested()) return;
  by_ = by;
  stop_.request_stop();
}

RunEnd Interruption::reason() const {
  RunEnd end;
  end.by = by_;
  end.message = end.by == StoppedBy::max_duration ? "the time given with --max-duration is over"
                : signal_ == SIGINT               ? "interrupted"
                : signal_ == SIGHUP               ? "the terminal went away"
                                                  : "terminated";
  return end;
}

std::optional<Duration> Interruption::left() const {
  if (!ends_at_) return std::nullopt;
  const auto left = std::chrono::duration_cast<Duration>(*ends_at_ - std::chrono::steady_clock::now());
  return std::max(left, Duration(1));
}

}  // namespace convoke
