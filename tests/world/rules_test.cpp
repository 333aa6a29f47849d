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

// Has no memory left before anything is sent.
class BrokenTransport final : public Transport {
 public:
  explicit BrokenTransport(const boost::asio::any_io_executor&) {}

  boost::asio::awaitable<Answer> send(Request) override {
    ++asked;
    throw std::bad_alloc();
    co_return Answer{};
  }
  int asked = 0;
};

// A run over a list of 500, of which loop and ledger do one thing when they are told to.
template <class Wire>
struct ByHand {
  ByHand(JobRunSettings settings, std::uint64_t seed)
      : run(database, job_id(database, "list"), list, named(std::move(settings)),
            {transport, clock, clock, loop.get_executor(), ledger.get_executor(), seed, [](const std::string&) {}}) {
    boost::asio::co_spawn(loop, run.run(), [this](std::exception_ptr error, const Finished&) {
      failure = error;
      has_ended = true;
    });
  }
  static JobRunSettings named(JobRunSettings settings) {
    settings.base_url = "http://api";
    return settings;
  }
  static std::size_t step(boost::asio::io_context& context) {
    context.restart();
    return context.poll_one();
  }

  TempFolder folder;
  VirtualClock clock;
  boost::asio::io_context loop;
  boost::asio::io_context ledger;
  Wire transport{loop.get_executor()};
  Database database = Database::open(folder.path() / "ledger.db", Durability::process);
  MadeRows source{[](std::uint64_t number) {
    return number < 500 ? std::optional(MadeRow{number + 2, member(number + 1).text()}) : std::nullopt;
  }};
  MemberList list{source, {}};
  std::exception_ptr failure;
  bool has_ended = false;
  JobRun run;
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
    ByHand<HeldTransport> hand(settings_of(1), seed);
    HeldTransport& transport = hand.transport;
    const int before = std::uniform_int_distribution(20, 120)(random);
    for (int answers = 0; answers < before;) {
      const int what = std::uniform_int_distribution(0, 2)(random);
      if (what == 0) hand.step(hand.loop);
      if (what == 1) hand.step(hand.ledger);
      if (what == 2 && transport.answer_one(200)) ++answers;
    }
    while (!transport.answer_one(429)) {
      hand.step(hand.ledger);
      hand.step(hand.loop);
    }
    while (hand.step(hand.loop) + hand.step(hand.ledger) > 0) {
    }
    REQUIRE(transport.sent_at_429 > 0);
    CHECK(transport.sent == transport.sent_at_429);
  }
}

TEST_CASE("a canary asks for no more than it may, whatever is recorded while others are put back") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    auto settings = settings_of(1);
    settings.send.max_members = 20;
    settings.send.calls.connections = 2;
    ByHand<HeldTransport> hand(settings, seed);
    HeldTransport& transport = hand.transport;
    int invited = 0;
    int refused = 0;
    for (int idle = 0; !hand.has_ended;) {
      const int what = std::uniform_int_distribution(0, 7)(random);
      std::size_t done = 0;
      if (what < 4) done = hand.step(hand.loop);
      if (what == 4) done = hand.step(hand.ledger);
      if (what > 4 && refused < 3 && invited > 5 && what == 7) {
        done = transport.answer_one(429) ? 1 : 0;
        refused += static_cast<int>(done);
      } else if (what > 4) {
        done = transport.answer_one(200) ? 1 : 0;
        invited += static_cast<int>(done);
      }
      idle = done > 0 ? 0 : idle + 1;
      if (idle < 50) continue;
      if (hand.step(hand.loop) + hand.step(hand.ledger) == 0) REQUIRE(hand.clock.advance());
      idle = 0;
    }
    REQUIRE_FALSE(hand.failure);
    CHECK(invited == 20);
  }
}

TEST_CASE("what cannot be sent for want of memory is tried once, and ends the run") {
  ByHand<BrokenTransport> hand(settings_of(1), 1);
  while (!hand.has_ended && hand.step(hand.loop) + hand.step(hand.ledger) > 0) {
  }
  CHECK(hand.failure);
  CHECK(hand.transport.asked == 1);
  CHECK(hand.run.counts().calls == 0);
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
