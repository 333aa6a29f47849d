// Rules of the run that only show between two things that happen at once, each stated alone.
#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>

#include "../members.h"
#include "base/error.h"
#include "world.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

// Answers when it is told to.
class HeldTransport final : public Transport {
 public:
  explicit HeldTransport(boost::asio::any_io_executor loop) : loop_(std::move(loop)) {}

  boost::asio::awaitable<Answer> send(Request) override {
    ++sent;
    const auto call = std::make_shared<Held>(loop_);
    held_.push_back(call);
    boost::system::error_code ignored;
    co_await call->timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    if (call->status == 429) sent_at_429 = sent;
    Answer answer;
    answer.reached = Answer::Reached::answered;
    answer.status = call->status;
    co_return answer;
  }

  /// Answers the call that has waited longest; false: none waits.
  bool answer_one(int status) {
    if (held_.empty()) return false;
    held_.front()->status = status;
    held_.front()->timer.cancel();
    held_.pop_front();
    return true;
  }

  int sent = 0;
  int sent_at_429 = 0;  ///< how many were sent when the 429 was read

 private:
  struct Held {
    explicit Held(const boost::asio::any_io_executor& loop)
        : timer(loop, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer timer;
    int status = 0;
  };
  boost::asio::any_io_executor loop_;
  std::deque<std::shared_ptr<Held>> held_;
};

}  // namespace

TEST_CASE("every call says until when it may be sent: its slots do not cover it for longer") {
  World world(1, {});
  const auto settings = settings_of(10);
  world.on_send = [&](const Request& request) {
    REQUIRE(request.not_after <= world.clock.now() + 2 * settings.send.calls.timeout);
  };
  const WorldJob job = job_of(world.ids(200));
  CHECK(world.run(job, settings).exit == Exit::ok);
}

// Loop and ledger do one thing at a time here, in an order by chance: what is one moment in the world takes time on a
// disk.
TEST_CASE("once a 429 is read nothing goes out, not even what was being claimed meanwhile") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const TempFolder folder;
    VirtualClock clock;
    boost::asio::io_context loop;
    boost::asio::io_context ledger;
    HeldTransport transport(loop.get_executor());
    Database database = Database::open(folder.path() / "ledger.db", Durability::process);
    auto settings = settings_of(1);
    settings.base_url = "http://api";
    MadeRows source([](std::uint64_t number) {
      return number < 500 ? std::optional(MadeRow{number + 2, member(number + 1).text()}) : std::nullopt;
    });
    MemberList list(source, std::nullopt);
    JobRun run(database, job_id(database, "list"), list, settings,
               {transport, clock, clock, loop.get_executor(), ledger.get_executor(), seed, [](const std::string&) {}});
    boost::asio::co_spawn(loop, run.run(), [](std::exception_ptr error, const Finished&) { REQUIRE_FALSE(error); });
    const auto step = [](boost::asio::io_context& context) {
      context.restart();
      return context.poll_one();
    };
    const int before = std::uniform_int_distribution(20, 120)(random);
    for (int answers = 0; answers < before;) {
      const int what = std::uniform_int_distribution(0, 2)(random);
      if (what == 0) step(loop);
      if (what == 1) step(ledger);
      if (what == 2 && transport.answer_one(200)) ++answers;
    }
    while (!transport.answer_one(429)) {
      step(ledger);
      step(loop);
    }
    while (step(loop) + step(ledger) > 0) {
    }
    REQUIRE(transport.sent_at_429 > 0);
    CHECK(transport.sent == transport.sent_at_429);
  }
}

TEST_CASE("a job of many courses that was never accepted sends its first call alone") {
  SandboxSettings server;
  server.faults = {{FaultKind::status, 401, 1.0}};
  World world(3, server);
  WorldJob job = job_of(world.ids(100));
  job.more_courses = {"b", "c", "d", "e", "f"};
  CHECK(world.run(job, settings_of(10)).exit == Exit::key_refused);
  CHECK(world.sandbox.stats().requests == 1);
}

TEST_CASE("books that do not balance at the end of a run are a defect, whatever the calls came to") {
  World world(1, {});
  world.on_send = [&](const Request&) {
    Database other = Database::open(world.ledger(), Durability::process);
    other.handle().exec("UPDATE job SET duplicates = 1");
  };
  const WorldJob job = job_of(world.ids(1));
  CHECK_THROWS_WITH_AS(
      world.run(job, settings_of(10)),
      doctest::Contains("the books do not balance: 1 rows read, but 1 members in the list + 1 duplicates"), Error);
}
