#include "cli/run_loop.h"

#include <spdlog/spdlog.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <random>
#include <thread>

namespace convoke {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// The thread that owns the ledger while a run sends. It goes before the run does: what it was still asked to do is
// done.
class RunLoop::LedgerThread {
 public:
  explicit LedgerThread(asio::io_context& context)
      : work_(asio::make_work_guard(context)), thread_([&context] { context.run(); }) {}
  ~LedgerThread() {
    work_.reset();
    thread_.join();
  }
  LedgerThread(const LedgerThread&) = delete;
  LedgerThread& operator=(const LedgerThread&) = delete;

 private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

// A line that says how the run stands, now and then.
class RunLoop::Ticker {
 public:
  Ticker(asio::io_context& loop, ShowProgress how, std::function<std::string()> line)
      : line_(std::move(line)), how_(how), timer_(loop) {
    if (how_ == ShowProgress::line || how_ == ShowProgress::log) wait();
  }
  void stop() {
    timer_.cancel();
    if (how_ == ShowProgress::line) std::fputs("\r\x1b[2K", stderr);
  }

 private:
  void wait() {
    timer_.expires_after(how_ == ShowProgress::line ? 200ms : 30'000ms);
    timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      show();
      wait();
    });
  }

  void show() {
    const std::string line = line_();
    if (how_ == ShowProgress::line) {
      std::fputs(("\r\x1b[2K" + line).c_str(), stderr);  // never throws, unlike fmt::print
      std::fflush(stderr);
    } else {
      spdlog::log(spdlog::level::warn, "{}", line);
    }
  }

  std::function<std::string()> line_;
  ShowProgress how_;
  asio::steady_timer timer_;
};

RunLoop::RunLoop(ApiSettings api, const Interruption& interruption)
    : transport_(network_.context().get_executor(), system_, std::move(api)),
      alarms_(system_),
      outside_{transport_,
               system_,
               alarms_,
               network_.context().get_executor(),
               ledger_loop_.get_executor(),
               std::random_device{}(),
               [](const std::string& text) { spdlog::warn("{}", text); },
               interruption.token(),
               [&interruption] { return interruption.reason(); }} {}

RunLoop::Working::Working(RunLoop& loop, ShowProgress how, std::function<std::string()> line)
    : loop_(loop),
      ticker_(std::make_unique<Ticker>(loop.network_.context(), how, std::move(line))),
      ledger_(std::make_unique<LedgerThread>(loop.ledger_loop_)) {}

RunLoop::Working::~Working() = default;

void RunLoop::Working::stop() const {
  ticker_->stop();
  loop_.network_.context().stop();  // no name that is still being looked up, say, is waited for
}

}  // namespace convoke
