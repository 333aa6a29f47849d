// A process of the world, and its wire.
#include <fmt/format.h>
#include <sqlite3.h>

#include <boost/asio/co_spawn.hpp>

#include "world.h"

namespace convoke {
namespace {

MadeRows rows_of(const WorldJob& job) {
  if (job.make) return MadeRows(job.make);
  std::vector<MadeRow> rows;
  for (const std::string& text : job.rows) {
    const bool is_address = text.find('@') != std::string::npos;
    rows.push_back({rows.size() + 2, is_address ? "" : text, job.course_of(text), is_address ? text : ""});
  }
  return MadeRows(std::move(rows));
}

std::string fingerprint_of(const WorldJob& job) {
  std::string all = fmt::format("{} {} {}", name_of(job.kind), job.course, fmt::join(job.more_courses, " "));
  for (const std::string& row : job.rows) all += "\n" + row;
  return all;
}

}  // namespace

boost::asio::awaitable<Answer> WorldTransport::send(Request request) {
  struct Exchange {
    Exchange(const boost::asio::any_io_executor& loop, Alarms& alarms) : sleep(loop, alarms) {}
    Sleep sleep;
    Answer answer;
    bool done = false;
  };
  const auto exchange = std::make_shared<Exchange>(loop_, world_.clock);
  VirtualClock& clock = world_.clock;
  const NetworkSettings& network = world_.network;
  const Instant deadline = clock.now() + timeout_;
  const auto way = [this] { return Duration(world_.number(0, world_.network.slowest.count())); };

  if (world_.chance(network.refused)) {
    co_await exchange->sleep.until(clock.now() + way());
    exchange->answer.error = "connect: refused";
    exchange->answer.reason = Reason::not_connected;
    co_return exchange->answer;
  }
  const bool invites = request.target.find("/v1/spotMembers") == std::string::npos;
  for (std::size_t at = invites ? request.body.find('[') : std::string::npos;
       at + 38 < request.body.size() && request.body[at + 1] == '"'; at += 39) {
    ++world_.sent[request.target + ' ' + request.body.substr(at + 2, MemberId::text_size)];
  }
  if (world_.on_send) world_.on_send(request);
  exchange->answer.reached = Answer::Reached::maybe;
  exchange->answer.error = "no answer within the timeout";
  exchange->answer.reason = Reason::timed_out;
  const bool lost = world_.chance(network.lost_request);
  const bool late = world_.chance(network.late_request);
  const bool answer_lost = world_.chance(network.lost_answer);
  const Duration latest = std::max<Duration>(timeout_, std::chrono::minutes(1));
  const Instant arrives = late ? deadline + Duration(world_.number(0, latest.count() * 9 / 10)) : clock.now() + way();
  World& world = world_;
  if (!lost) {
    const World::Arrival arrival{clock.elsewhere(), {}, world.keeps_arrivals ? limits_.calls : std::vector<Limit>{}};
    const auto act = [&world, arrival, request, answer_lost, back = way(), waiting = std::weak_ptr(exchange)] {
      if (world.keeps_arrivals) {
        world.arrivals.push_back(arrival);
        world.arrivals.back().arrived = world.clock.elsewhere();
      }
      const SandboxReply reply = world.answer(request);
      if (answer_lost || reply.delivery == Delivery::stall) return;
      world.clock.at(world.clock.now() + reply.delay + back, [&world, reply, waiting] {
        const auto waited_for = waiting.lock();
        if (!waited_for || waited_for->done) return;
        waited_for->done = true;
        if (reply.delivery == Delivery::whole) {
          waited_for->answer.reached = Answer::Reached::answered;
          waited_for->answer.status = reply.status;
          waited_for->answer.body = reply.body;
          waited_for->answer.error.clear();
          waited_for->answer.reason = Reason::none;
          if (reply.status == 503 && world.retry_after)
            waited_for->answer.retry_after = std::to_string(world.retry_after->count());
          if (reply.retry_after) waited_for->answer.retry_after = std::to_string(reply.retry_after->count());
        } else {
          waited_for->answer.error = "wait for the answer: the connection was closed";
          waited_for->answer.reason = Reason::connection_lost;
        }
        waited_for->sleep.wake();
      });
    };
    // What was sent arrives whatever becomes of the process that sent it.
    clock.at(arrives, [&world, act, late] {
      const Duration wait = late ? Duration::zero() : world.acts_at() - world.clock.elsewhere();
      wait == Duration::zero() ? act() : world.clock.at(world.clock.now() + wait, act);
    });
  }
  while (!exchange->done && clock.now() < deadline) co_await exchange->sleep.until(deadline);
  if (world_.chance(network.lost_inside))
    throw LostInside{std::make_exception_ptr(Error(Exit::disk, "no memory for the answer"))};
  if (world_.on_answer) world_.on_answer(exchange->answer);
  co_return exchange->answer;
}

Process::Process(World& world, const WorldJob& job, JobRunSettings settings)
    : world_(world),
      job_(job),
      settings_(std::move(settings)),
      source_(rows_of(job)),
      list_(source_, {job.kind, {}}, stop_.get_token()) {
  if (job_.limits) settings_.send.limits = *job_.limits;
  settings_.base_url = settings_.url = "http://world";
  settings_.fingerprint = job_.make ? job_.fingerprint : fingerprint_of(job_);
}

Process::~Process() = default;

void Process::arm_killer() {
  sqlite3_commit_hook(
      database_->handle().getHandle(),
      [](void* self) {
        auto* process = static_cast<Process*>(self);
        const World& world = process->world_;
        const bool kill = world.crash_per_commit > 0 && process->world_.chance(world.crash_per_commit);
        process->was_killed_in_commit_ = process->was_killed_in_commit_ || kill;
        return process->was_killed_in_commit_ ? 1 : 0;  // and of what it would do after that
      },
      this);
}

// What the program would end with, the process ends with; but a commit that was killed is a kill.
void Process::guard(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    if (was_killed_in_commit_) throw Killed{};
    if (error.exit() == Exit::defect) throw;
    finished_ = Finished{{}, error.exit(), {}};
  }
}

bool Process::start() {
  bool is_busy = false;
  guard([&] {
    database_.emplace(Database::open(world_.ledger(), Durability::process));
    const JobId id = job_id(*database_, job_.name);
    auto lock = JobLock::take(database_->file(), id);
    is_busy = !lock;
    if (is_busy) return;
    lock_.emplace(std::move(*lock));
    arm_killer();
    transport_.emplace(world_, loop_.get_executor(), settings_.send.calls.timeout, settings_.send.limits);
    const Outside outside{*transport_,
                          world_.clock,
                          world_.clock,
                          loop_.get_executor(),
                          loop_.get_executor(),
                          static_cast<std::uint64_t>(world_.number(0, 1'000'000'000)),
                          [this](const std::string& text) { world_.warnings.push_back(text); },
                          stop_.get_token(),
                          [] {
                            return RunEnd{StoppedBy::signal, "terminated"};
                          }};
    begin(outside, id);
  });
  if (is_busy) return false;
  if (finished_) return true;
  if (world_.stop_per_run > 0 && world_.chance(world_.stop_per_run)) {
    const Instant when = world_.clock.now() + Duration(world_.number(0, 20'000'000));
    world_.clock.at(when, [stop = stop_]() mutable { stop.request_stop(); });
  }
  if (run_) {
    boost::asio::co_spawn(loop_, run_->run(), [this](std::exception_ptr error, Finished finished) {
      failure_ = error;
      finished_ = std::move(finished);
    });
  } else {
    boost::asio::co_spawn(loop_, verify_->run(), [this](std::exception_ptr error, Verified verified) {
      failure_ = error;
      finished_ = Finished{std::move(verified.end), verified.exit, {}};
    });
  }
  return true;
}

void Process::begin(const Outside& outside, JobId id) {
  if (!job_.verifies) {
    run_.emplace(*database_, id, list_, settings_, outside);
    return;
  }
  VerifySettings settings;
  static_cast<SendingSettings&>(settings) = settings_;
  settings.folder = world_.folder.path();
  world_.told.clear();
  settings.tell = [this](const Seen& seen) {
    const auto key = std::string(seen.course) + ' ' + seen.member.text();
    if (!world_.told.emplace(key, seen.is).second) throw Error(Exit::defect, "told twice of " + key);
  };
  verify_.emplace(*database_, id, std::move(settings), outside);
}

bool Process::step() {
  if (finished_) return false;
  loop_.restart();
  if (loop_.poll_one() == 0) return false;
  guard([&] {
    if (failure_) std::rethrow_exception(failure_);
  });
  return true;
}

}  // namespace convoke
