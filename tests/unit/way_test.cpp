// The way to the API: which host a URL means, by which proxy it is reached, and what of our secrets comes back.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <random>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "net/blot.h"
#include "net/proxy.h"
#include "net/url.h"
#include "source_rows.h"

using namespace convoke;

namespace {

Url url_of(const std::string& text) {
  std::string_view why;
  const auto url = parse_url(text, why);
  REQUIRE_MESSAGE(url, text << ": " << why);
  return *url;
}

std::string way(const std::string& api, const std::map<std::string, std::string>& environment,
                const std::optional<std::string>& configured = std::nullopt) {
  const auto variable = [&](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  const auto proxy = proxy_for(url_of(api), configured, variable);
  return proxy ? fmt::format("{} {}", proxy->text, proxy->chosen_by) : "straight";
}

}  // namespace

TEST_CASE("a URL is the host that is written, or none") {
  const Url api = url_of("https://api.example.org:8443/base/v2/");
  CHECK(api.tls);
  CHECK(api.host == "api.example.org");
  CHECK(api.port == "8443");
  CHECK(api.path == "/base/v2");
  CHECK(api.host_header == "api.example.org:8443");
  CHECK(api.text() == "https://api.example.org:8443");
  CHECK(url_of("http://[::1]:8080").host == "::1");
  CHECK(url_of("http://[::1]:8080").text() == "http://[::1]:8080");
  CHECK(url_of("http://127.0.0.1").port == "80");
  CHECK(url_of("https://x").port == "443");
  // Whatever the parser makes of it: an address that goes on is a name, or is refused.
  for (const std::string text : {"http://127.0.0.1.example.test:9", "http://127.0.0.1.example.test", "http://1.2.3.4x/",
                                 "http://127.0.0.1@example.test", "http://10.0.0.1.:9"}) {
    CAPTURE(text);
    std::string_view why;
    const auto url = parse_url(text, why);
    if (url)
      CHECK(url->host ==
            text.substr(text.find_first_of("/@", 7) == text.find('@') && text.find('@') != std::string::npos
                            ? text.find('@') + 1
                            : 7,
                        url->host.size()));
    if (url) CHECK(url->host != "127.0.0.1");
  }
  for (const std::string text :
       {"", "x", "//x", "http:/x", "http://", "http:///x", "ftp://x", "http://x?q", "http://x#f", "http://x:0",
        "http://x:65536", "http://x:y", "http://%61pi.example", "http://a b/", "http://x\n", "http://x\\@y/"}) {
    CAPTURE(text);
    std::string_view why;
    CHECK_FALSE(parse_url(text, why));
    CHECK_FALSE(why.empty());
  }
}

TEST_CASE("what stays on this machine is told from what only looks like it") {
  for (const char* text : {"http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]", "http://localhost:8080",
                           "http://LOCALHOST:9", "http://localhost.:9", "http://LocalHost."})
    CHECK_MESSAGE(is_loopback(url_of(text).host), text);
  for (const char* text : {"http://128.0.0.1", "http://localhost.example", "http://localhost..", "http://local",
                           "http://mylocalhost", "http://[::2]", "http://0.0.0.0"})
    CHECK_MESSAGE(!is_loopback(url_of(text).host), text);
}

TEST_CASE("a proxy is chosen as curl chooses it") {
  const std::string api = "https://api.example.org";
  CHECK(way(api, {}) == "straight");
  CHECK(way(api, {{"HTTPS_PROXY", "http://p:3128"}}) == "http://p:3128 $HTTPS_PROXY");
  CHECK(way(api, {{"https_proxy", "q"}, {"HTTPS_PROXY", "http://p:3128"}}) == "http://q:1080 $https_proxy");
  CHECK(way(api, {{"http_proxy", "http://p"}}) == "straight");
  CHECK(way(api, {{"ALL_PROXY", "http://p:1"}}) == "http://p:1 $ALL_PROXY");
  CHECK(way(api, {{"https_proxy", ""}, {"ALL_PROXY", "http://p:1"}}) == "http://p:1 $ALL_PROXY");
  CHECK(way("http://api.example.org", {{"http_proxy", "http://p:1"}}) == "http://p:1 $http_proxy");
  CHECK(way("http://api.example.org", {{"HTTP_PROXY", "http://p:1"}}) == "straight");  // CVE-2016-5385
  CHECK(way(api, {{"HTTPS_PROXY", "http://p:3128"}}, "http://own:8080") == "http://own:8080 api.proxy");
  CHECK(way(api, {{"HTTPS_PROXY", "http://p:3128"}}, "none") == "straight");

  const auto by = [&](const std::string& host, const std::string& exceptions) {
    return way("https://" + host, {{"HTTPS_PROXY", "http://p:1"}, {"NO_PROXY", exceptions}}) != "straight";
  };
  CHECK_FALSE(by("api.example.org", "*"));
  CHECK_FALSE(by("api.example.org", "localhost,example.org"));
  CHECK_FALSE(by("api.example.org", ".example.org"));
  CHECK_FALSE(by("API.example.ORG", "x, api.Example.org."));
  CHECK_FALSE(by("10.1.2.3", "10.0.0.0/8"));
  CHECK_FALSE(by("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(by("[fd00::1]", "fd00::/8"));
  CHECK(by("api.example.org", "ample.org,org.example,api.example.org.evil"));
  CHECK(by("api.example.org", ""));
  CHECK(by("11.1.2.3", "10.0.0.0/8"));
  CHECK(by("110.1.2.3", "10.1.2.3"));
  CHECK(way(api, {{"HTTPS_PROXY", "http://p:1"}, {"no_proxy", ""}, {"NO_PROXY", "*"}}) == "straight");
}

TEST_CASE("a proxy's credentials are used and never shown; what is no http proxy is refused") {
  const auto none = [](const std::string&) { return std::optional<std::string>(); };
  const auto proxy = proxy_for(url_of("https://x"), "http://ann:p%40ss@proxy.example:3128", none);
  REQUIRE(proxy);
  CHECK(proxy->authorization == "Basic YW5uOnBAc3M=");
  CHECK(proxy->secret == "ann:p@ss");
  CHECK(proxy->text == "http://proxy.example:3128");
  for (const std::string text :
       {"https://p", "socks5://p", "socks5h://a:s3cret@p", "http://", "http://a:s3cret@p:x", "http://a:s3%0Acret@p"}) {
    CAPTURE(text);
    const std::string error = error_of([&] { proxy_for(url_of("https://x"), text, none); });
    CHECK(error.starts_with("78 api.proxy: "));
    CHECK(contains(error, "only http:// proxies are spoken to") == !text.starts_with("http:"));
    CHECK_FALSE(contains(error, "s3"));
  }
}

TEST_CASE("a secret is blotted out however a server writes it, and nothing else is") {
  const std::string secret = "k+y/1234~abc";
  Blot blot;
  blot.add(secret);
  const auto blotted = [&](std::string text) {
    const std::size_t size = text.size();
    blot(text);
    CHECK(text.size() == size);
    return text;
  };
  for (const std::string& written :
       {secret, std::string(R"(k+y\/1234~abc)"), std::string(R"(k\u002By\u002f1234~abc)"),
        std::string("k%2By%2F1234~abc"), std::string("%6B+y/1234%7eabc"),
        std::string(R"(\u006b\u002b\u0079/1234\u007Eabc)"), std::string("k&#43;y&#x2F;1234~abc"),
        std::string("k%252By%252f1234~abc"), std::string(R"(k+y\\\/1234~abc)"), std::string(R"(k\u00252By%2F1234~abc)"),
        std::string(R"(k&amp;#43;y\\u002f1234~abc)")}) {
    CAPTURE(written);
    CHECK(blotted("{\"message\":\"" + written + "\"}") == "{\"message\":\"" + std::string(written.size(), '*') + "\"}");
  }
  CHECK(blotted(secret + secret + "x" + secret) == std::string(24, '*') + "x" + std::string(12, '*'));
  // base64 of it, alone and inside of other text: what is left of it tells at most the letter at each end.
  for (const std::string encoded : {"aytZLzEyMzR+YWJj", "ayt5LzEyMzR-YWJj",
                                    "QmVhcmVyIGsreS8xMjM0fmFiYyE=", "eGsreS8xMjM0fmFiYw==", "eHhrK3kvMTIzNH5hYmN4",
                                    R"(QmVhcmVyIGsreS8xMjM0fmFiYyE=)", R"(eHhrK3kvMTIzNH5hYmN4)",
                                    R"(eHhrK3kv\u004dTIzNH5hYmN4)", "eHhrK3kv%4dTIzNH5hYmN4"}) {
    CAPTURE(encoded);
    const std::string left = blotted("<" + encoded + ">");
    if (encoded != "aytZLzEyMzR+YWJj")  // another secret's: of k+Y
      CHECK(std::count(left.begin(), left.end(), '*') >= 14);
  }
  // A letter before it, or of its own, that looks like an escape is none.
  Blot hexadecimal;
  hexadecimal.add("4f3c%41b+cd/EFGH");
  for (const std::string written : {"4f3c%41b+cd/EFGH", "4f3c%41b+cd\\/EFGH", "4f3c%2541b+cd%2FEFGH",
                                    "4f3c%41b&#43;cd/EFGH", "4f3c%41b&#0000000043;cd/EFGH", "4f3c%41b\\x2bcd/EFGH"}) {
    CAPTURE(written);
    std::string text = "100%" + written;
    hexadecimal(text);
    CHECK(text == "100%" + std::string(written.size(), '*'));
  }
  for (const std::string other :
       {"k+y/1234~ab", "K+y/1234~abc", R"({"a":"\u00e9\n","b":"100%"})", "%", "\\", "%2", "\\u00", "k+y\\"})
    CHECK(blotted(other) == other);
  // Where it stands in a long text does not matter.
  for (const std::size_t before : {15'990U, 16'000U, 16'380U, 16'390U, 17'000U, 40'000U}) {
    CAPTURE(before);
    const std::string text = "\\/" + std::string(before, 'x');
    CHECK(blotted(text + R"(k\u002By\u002f1234~abc)" + text) == text + std::string(22, '*') + text);
  }
  Blot short_one;
  short_one.add("members");
  std::string text = "members";
  short_one(text);
  CHECK(text == "members");
}

TEST_CASE("a secret is found under layers of escapes") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto one_of = [&](std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
  };
  // (Not `\`, `%` and `&`: where such a letter stands as it is under other escapes, whoever takes those off takes it
  // for one.)
  const std::string letters = "abcXYZ0189+/=-_.~\"<;:@ ";
  const auto escaped = [&](const std::string& text, std::size_t kind) {
    std::string out;
    for (const char c : text) {
      const unsigned code = static_cast<unsigned char>(c);
      const bool must = (kind == 0 && (c == '"' || c == '\\')) || (kind == 1 && c == '%') || (kind >= 2 && c == '&');
      if (!must && one_of(3) > 0) {
        out += c;
      } else if (kind == 0) {
        out += c == '/' || c == '"' || c == '\\' ? std::string{'\\', c} : fmt::format("\\u{:04x}", code);
      } else if (kind == 1) {
        out += fmt::format("%{:02X}", code);
      } else {
        out += kind == 2 ? fmt::format("&#{};", code) : fmt::format("&#x{:x};", code);
      }
    }
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    std::string secret;
    for (std::size_t size = 8 + one_of(40); secret.size() < size;) secret += letters[one_of(letters.size())];
    Blot blot;
    blot.add(secret);
    std::string written = secret;
    // JSON in JSON in JSON, or each way once.
    std::vector<std::size_t> kinds(one_of(4), 0);
    if (one_of(2) == 0) kinds = {0, 1, 2 + one_of(2)};
    std::shuffle(kinds.begin(), kinds.end(), random);
    for (const std::size_t kind : kinds) written = escaped(written, kind);
    // What stands before it may look like the beginning of an escape that goes on in it. (Of one layer: under more,
    // what takes them off takes that for one.)
    const std::string before = std::array{"x ", "%", "100%", "\\", "&", "%4"}[kinds.size() > 1 ? 0 : one_of(6)];
    std::string text = before + written + " y";
    blot(text);
    CAPTURE(secret);
    CAPTURE(written);
    CAPTURE(before);
    // (Or it does go on there, and then more than the secret is made unreadable. What is written before a secret that
    // stands there plain, the `\` of `\/`, may stay.)
    const std::string left = written.ends_with(secret) ? written.substr(0, written.size() - secret.size()) : "";
    CHECK(text.substr(before.size()) == left + std::string(written.size() - left.size(), '*') + " y");
  }
}
