// What a hub says about a file, and what it says instead.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hub/client.h"
#include "hub/url.h"
#include "tests/support/errors.h"
#include "tests/support/hub_fixture.h"

namespace carat {
namespace {

class Resolve : public HubFixture {
 protected:
  Result<RemoteFile> Ask(const std::string& scenario, const std::string& file = "big.gguf") {
    return Ask(scenario, file, Options());
  }
  Result<RemoteFile> Ask(const std::string& scenario, const std::string& file, HubOptions options) {
    hub_->Tell(scenario);
    return Client(std::move(options)).Resolve(kRepository, "main", file);
  }
};

TEST_F(Resolve, ReadsTheFirstAnswerAndGoesNoFurther) {
  ASSERT_VALUE(const RemoteFile big, Ask("{}"));
  EXPECT_EQ(big.repository, kRepository);
  EXPECT_EQ(big.file, "big.gguf");
  EXPECT_EQ(big.commit, "c0ffee" + std::string(34, '0'));
  EXPECT_EQ(big.size, big_.size());
  EXPECT_EQ(big.hash.kind, FileHash::Kind::kSha256);
  ASSERT_VALUE(const RemoteFile small, Ask("{}", "small.json"));
  EXPECT_EQ(small.size, small_.size());
  EXPECT_EQ(small.hash.kind, FileHash::Kind::kGitBlob);
  for (const auto& asked : hub_->Log()) {
    EXPECT_EQ(asked.server, "hub");
    EXPECT_EQ(asked.method, "HEAD");
    EXPECT_EQ(asked.authorization, "Bearer hf_secret");
  }
}

TEST_F(Resolve, FollowsARenamedRepositoryWithTheToken) {
  ASSERT_VALUE(const RemoteFile big,
               Ask(R"({"relative_redirects": 7, "needs_token": "hf_secret"})"));
  EXPECT_EQ(big.size, big_.size());
  EXPECT_EQ(hub_->Log().size(), 8u);
  ExpectError(Ask(R"({"relative_redirects": 8})"),
              {"big.gguf", "redirects without end", "at most 8"});
}

TEST_F(Resolve, AnEndpointMayHaveAPath) {
  HubOptions options = Options();
  options.endpoint += "/prefix/";
  ASSERT_VALUE(const RemoteFile big, Ask("{}", "big.gguf", options));
  EXPECT_EQ(big.size, big_.size());
  EXPECT_TRUE(hub_->Log().at(0).path.starts_with("/prefix/google/")) << hub_->Log().at(0).path;
}

TEST_F(Resolve, SaysWhoMayNot) {
  HubOptions without = Options();
  without.token.clear();
  ExpectError(Ask(R"({"needs_token": "other"})", "big.gguf", without),
              {"google/gemma-test/big.gguf", "accept the licence", "/google/gemma-test",
               "set HF_TOKEN", "status 401"});
  ExpectError(Ask(R"({"needs_token": "other"})"),
              {"refused the access token (HF_TOKEN)", "status 403"});
}

TEST_F(Resolve, SaysWhatIsNotThere) {
  ExpectError(Ask("{}", "none.gguf"), "no such file");
  EXPECT_EQ(Ask("{}", "none.gguf").error().code, ErrorCode::kNotFound);
  ExpectError(Client().Resolve(kRepository, "v2", "big.gguf"), "no such revision");
  ExpectError(Client().Resolve("google/none", "main", "big.gguf"), "no such repository");
  ExpectError(Ask(R"({"fail": {"server": "hub", "status": 404}})"), "the server has no such file");
}

TEST_F(Resolve, RefusesNamesBeforeItAsks) {
  for (const char* file : {"../x", "/etc/passwd", "a\\b", "a\nb", "%2e%2e/x", "a/b/c", ""})
    EXPECT_FALSE(Client().Resolve(kRepository, "main", file).has_value()) << file;
  EXPECT_FALSE(Client().Resolve("../..", "main", "x").has_value());
  EXPECT_FALSE(Client().Resolve(kRepository, "../main", "x").has_value());
  EXPECT_TRUE(hub_->Log().empty());
}

TEST_F(Resolve, RefusesFactsThatAreOfNoUse) {
  ExpectError(Ask(R"({"linked_etag": ""})"), {"big.gguf", "no usable hash", "found none"});
  ExpectError(Ask(R"({"linked_etag": "\"abc-2\""})"), {"no usable hash", "abc-2"});
  ExpectError(Ask(R"({"linked_etag": ""})", "small.json"), "no usable hash");
  ExpectError(Ask(R"({"repo_commit": ""})"), "no usable commit");
  ExpectError(Ask(R"({"repo_commit": "../../../../etc/passwd"})"), "no usable commit");
  EXPECT_EQ(Ask(R"({"repo_commit": ""})").error().code, ErrorCode::kUnsupported);
}

TEST_F(Resolve, RefusesToBeLedAstray) {
  for (const auto& [location, told] : {std::pair{"http://cdn.example/x", "not encrypted"},
                                       {"file:///etc/passwd", "not https"},
                                       {"ftp://127.0.0.1/x", "not https"},
                                       {"https://user@cdn.example/x", "user name"},
                                       {"https://cdn.example/a b", "no address may hold"}}) {
    ExpectError(Ask(std::string(R"({"redirect": ")") + location + "\"}"),
                {"big.gguf, redirect from http://127.0.0.1", told});
  }
}

TEST_F(Resolve, TriesAgainWhatMayPass) {
  HubOptions options = Options();
  std::vector<double> waits;
  options.on_retry = [&](const Error& failure, double seconds) {
    EXPECT_NE(failure.Message().find("status 503"), std::string::npos) << failure.Message();
    waits.push_back(seconds);
  };
  ASSERT_OK(Ask(R"({"fail": {"server": "hub", "status": 503, "times": 3}})", "big.gguf", options));
  ASSERT_EQ(waits.size(), 3u);
  for (size_t i = 0; i < waits.size(); ++i) {
    const double longest = options.first_wait_seconds * static_cast<double>(1 << i);
    EXPECT_GE(waits[i], longest / 2);
    EXPECT_LE(waits[i], longest);
  }
  EXPECT_EQ(hub_->Log().size(), 4u);
  ExpectError(Ask(R"({"fail": {"server": "hub", "status": 500}})"),
              {"big.gguf", "in trouble", "running the same command again", "status 500"});
  EXPECT_EQ(hub_->Log().size(), 8u);
}

TEST_F(Resolve, WaitsAsLongAsItIsAsked) {
  ASSERT_OK(Ask(
      R"({"fail": {"server": "hub", "status": 429, "times": 1, "headers": {"Retry-After": "1"}}})"));
  const auto log = hub_->Log();
  ASSERT_EQ(log.size(), 2u);
  EXPECT_GE(log[1].time - log[0].time, 0.99);
  ExpectError(
      Ask(R"({"fail": {"server": "hub", "status": 429, "headers": {"Retry-After": "86400"}}})"),
      {"asks to wait for 86400 seconds", "status 429"});
}

TEST_F(Resolve, EndsHeadersWithoutEnd) {
  ExpectError(Ask(R"({"endless_headers": true})"), {"big.gguf", "too long", "65536 bytes"});
}

TEST_F(Resolve, SaysThatNobodyAnswers) {
  HubOptions options = Options();
  options.endpoint = "http://127.0.0.1:1";
  options.retries = 1;
  const auto found = Client(options).Resolve(kRepository, "main", "big.gguf");
  ExpectError(found, {"big.gguf", "the connection to http://127.0.0.1:1 failed"});
  EXPECT_EQ(found.error().code, ErrorCode::kIo);
}

TEST_F(Resolve, IsCancelled) {
  HubOptions options = Options();
  options.first_wait_seconds = 30;
  int asked = 0;
  options.keep_going = [&] { return ++asked < 3; };
  const auto found =
      Ask(R"({"fail": {"server": "hub", "status": 500}})", "big.gguf", std::move(options));
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::kCancelled);
}

TEST(HubClient, RefusesBadOptions) {
  const auto with = [](auto change) {
    HubOptions options;
    change(options);
    return HubClient::Create(std::move(options));
  };
  EXPECT_TRUE(HubClient::Create({}).has_value());
  ExpectError(with([](HubOptions& o) { o.endpoint = "http://mirror.example"; }),
              {"hub address", "not encrypted"});
  ExpectError(with([](HubOptions& o) { o.endpoint = "file:///"; }), "not https");
  const auto bad = with([](HubOptions& o) { o.token = "hf_secret\r\nEvil: 1"; });
  ExpectError(bad, "this is no access token");
  EXPECT_EQ(bad.error().Message().find("hf_secret"), std::string::npos);
  ExpectError(with([](HubOptions& o) { o.user_agent = "a\nb"; }), "user agent");
  ExpectError(with([](HubOptions& o) { o.connections = 0; }), "1 to 16");
  ExpectError(with([](HubOptions& o) { o.retries = -1; }), "retries");
  ExpectError(with([](HubOptions& o) { o.stall_seconds = 0; }), "seconds");
  ExpectError(with([](HubOptions& o) { o.segment_bytes = 0; }), "segments");
}

}  // namespace
}  // namespace carat
