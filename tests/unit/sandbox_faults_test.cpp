// What the sandbox does wrong on purpose, and the record that tells of it.
#include <doctest/doctest.h>

#include "base/error.h"
#include "sandbox_desk.h"

using namespace convoke;
using namespace std::chrono_literals;

namespace {

SandboxSettings with_faults(std::string_view faults) {
  SandboxSettings settings;
  settings.faults = parse_faults(faults);
  return settings;
}

std::string usage_error(std::string_view faults) {
  try {
    parse_faults(faults);
  } catch (const Error& error) {
    CHECK(error.exit() == Exit::usage);
    return std::string(error.what()) + error.hint();
  }
  return "";
}

}  // namespace

TEST_CASE("of every fault the record tells whether the call took effect") {
  struct Row {
    std::string_view fault;
    bool acts;
    Delivery delivery;
    int status;
  };
  for (const Row& row :
       {Row{"500", false, Delivery::whole, 500}, Row{"503", false, Delivery::whole, 503},
        Row{"302", false, Delivery::whole, 302}, Row{"304", false, Delivery::whole, 304},
        Row{"login", false, Delivery::whole, 200}, Row{"429", false, Delivery::whole, 429},
        Row{"408", false, Delivery::whole, 408}, Row{"reset", false, Delivery::reset_before_acting, 0},
        Row{"reset-after", true, Delivery::reset_after_acting, 201}, Row{"stall", true, Delivery::stall, 201},
        Row{"truncate", true, Delivery::truncated, 201}, Row{"garbage", true, Delivery::whole, 201},
        Row{"slow", true, Delivery::whole, 201}, Row{"lost", true, Delivery::whole, 201}}) {
    CAPTURE(row.fault);
    Desk desk(with_faults(fmt::format("{}:1", row.fault)));
    const auto reply = desk.post(body_of({1, 2, 3}));
    CHECK(reply.status == row.status);
    CHECK(reply.delivery == row.delivery);
    CHECK(desk.invited(1) == row.acts);
    CHECK(desk.sandbox.members().size() == (row.acts ? 3 : 0));
    CHECK(desk.sandbox.stats().faults.at(std::string(row.fault)) == 1);
    CHECK(reply.delay == (row.fault == "slow" ? 1s : 0s));
    CHECK(count(reply.body, "\"Invited\"") == (row.fault == "lost" ? 2 : row.acts && row.fault != "garbage" ? 3 : 0));
    const bool answered = row.delivery == Delivery::whole || row.delivery == Delivery::truncated;
    CHECK(desk.sandbox.stats().unanswered == (answered ? 0 : 1));
    CHECK(desk.sandbox.stats().statuses.count(row.status) == (answered ? 1 : 0));
  }
  Desk desk(with_faults("truncate:1"));
  desk.post(body_of({1}));
  CHECK(desk.post(body_of({1})).delivery == Delivery::reset_after_acting);  // a 200 has no body to cut
}

TEST_CASE("a redirect leads elsewhere, and a login page is a page for people") {
  Desk redirects(with_faults("307:1"));
  const auto redirect = redirects.post(body_of({1}));
  CHECK(redirect.location == "https://elsewhere.invalid/");
  CHECK(redirect.content_type == "text/html");
  Desk refuses(with_faults("400:1"));
  CHECK(refuses.post(body_of({1})).location.empty());
  Desk unchanged(with_faults("304:1"));
  CHECK(unchanged.post(body_of({1})).body.empty());
  Desk logs_in(with_faults("login:1"));
  const auto page = logs_in.post(body_of({1}));
  CHECK(page.content_type == "text/html");
  CHECK(page.body.starts_with("<html>"));
  CHECK(page.body.find("<title>Log in</title>") != std::string::npos);
}

TEST_CASE("faults and latency are repeated by the seed, and come as often as they should") {
  const auto story = [](std::uint64_t seed) {
    auto settings = with_faults("500:0.1,reset-after:0.05,lost:0.2");
    settings.seed = seed;
    settings.latency_low = 20ms;
    settings.latency_high = 80ms;
    Desk desk(settings);
    std::string text;
    for (int i = 0; i < 2000; ++i) {
      const auto reply = desk.post(body_of({2 * i, 2 * i + 1}));
      CHECK(reply.delay >= 20ms);
      CHECK(reply.delay <= 80ms);
      text +=
          fmt::format("{} {} {} {}\n", reply.status, static_cast<int>(reply.delivery), reply.delay.count(), reply.body);
    }
    const auto& faults = desk.sandbox.stats().faults;
    CHECK(faults.at("500") > 140);
    CHECK(faults.at("500") < 260);
    CHECK(faults.at("lost") > 300);
    CHECK(faults.at("lost") < 500);
    return text;
  };
  CHECK(story(7) == story(7));
  CHECK(story(7) != story(8));
}

TEST_CASE("a script strikes the requests it names") {
  SandboxSettings settings;
  settings.script[2] = {FaultKind::reset_after};
  settings.script[3] = {FaultKind::status, 503};
  Desk desk(settings);
  CHECK(desk.post(body_of({1})).status == 201);
  CHECK(desk.post(body_of({2})).delivery == Delivery::reset_after_acting);
  CHECK(desk.post(body_of({3})).status == 503);
  CHECK(desk.post(body_of({2, 3})).status == 201);
}

TEST_CASE("faults that cannot be are a usage error that names them") {
  CHECK(parse_faults("").empty());
  CHECK(parse_faults("reset-after:0.25,599:1e-2") ==
        std::vector<Fault>{{FaultKind::reset_after, 0, 0.25}, {FaultKind::status, 599, 0.01}});
  CHECK(parse_faults("300:0.1,login:0.2") ==
        std::vector<Fault>{{FaultKind::status, 300, 0.1}, {FaultKind::login, 0, 0.2}});
  CHECK(usage_error("resett:0.1").find("resett") != std::string::npos);
  CHECK(usage_error("status:0.1").find("status") != std::string::npos);
  CHECK(usage_error("600:0.1").find("600") != std::string::npos);
  CHECK(usage_error("200:0.1").find("200") != std::string::npos);
  CHECK(usage_error("299:0.1").find("300 to 599") != std::string::npos);
  CHECK(usage_error("logn:0.1").find("login") != std::string::npos);
  CHECK(usage_error("stall").find("stall") != std::string::npos);
  CHECK(usage_error("stall:1.5").find("1.5") != std::string::npos);
  CHECK(usage_error("stall:nan").find("nan") != std::string::npos);
  CHECK(usage_error("stall:-0.1").find("-0.1") != std::string::npos);
  CHECK(usage_error("500:0.1,,").find("\"\"") != std::string::npos);
  CHECK(usage_error("500:0.6,502:0.6").find("1.2") != std::string::npos);
}

TEST_CASE("the record is told as JSON, one line a member") {
  Desk desk;
  desk.post(body_of({1, 2}, R"(,"withEmailNotification":true)"));
  desk.post(body_of({1}));
  CHECK(desk.get("/_sandbox/stats").body.starts_with(R"({"requests":2,"statuses":{"200":1,"201":1},"unanswered":0,)"));
  CHECK(desk.get("/_sandbox/members").lines == RecordLines::members);
  CHECK(desk.get("/_sandbox/other").status == 404);
  std::string lines;
  CHECK(desk.sandbox.append_lines(lines, RecordLines::members, 0, 1));
  CHECK(
      lines ==
      R"({"target":"course","courseId":"c1","spotMemberId":"00000000-0000-4000-8000-000000000001","asked":2,"invited":true,)"
      R"("invitations":1,"mails":1,"mails_again":0,"status":"Invited"})"
      "\n");
  CHECK(desk.sandbox.append_lines(lines, RecordLines::members, 1, 100));
  CHECK(count(lines, "\n") == 2);
  CHECK_FALSE(desk.sandbox.append_lines(lines, RecordLines::members, 2, 100));
}

TEST_CASE("the record holds many members") {
  MemberTable table;
  const std::uint32_t course = table.number_of(TargetKind::course, "c");
  for (int i = 0; i < 20'000; ++i) {
    table.reserve_more(1);
    CHECK(table.find_or_add(MemberTable::hash(course, id_of(i)), course, id_of(i)) == static_cast<std::uint32_t>(i));
  }
  CHECK(table.size() == 20'000);
  CHECK(sizeof(MemberRecord) <= 48);  // there are millions
  CHECK(table.find(TargetKind::course, "c", id_of(12'345)) == &table[12'345]);
  CHECK(table.find(TargetKind::course, "c", id_of(20'000)) == nullptr);
  CHECK(table.find(TargetKind::course, "d", id_of(1)) == nullptr);
}
