#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "api/carat/models.h"
#include "api/carat/status.h"
#include "api/carat/tokens.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/small_tokenizer.h"

namespace carat {
namespace {

TEST(Tokens, GoThereAndBack) {
  const Tokenizer tokenizer = SmallTokenizer();
  ASSERT_VALUE(const Json tokens, TokenizeWith(tokenizer, MustParse(R"({"content": "ab"})")));
  ASSERT_VALUE(const Json text, DetokenizeWith(tokenizer, tokens));
  EXPECT_EQ(text.Dump(), R"({"content": "ab"})");
  // What a client wrote is text, unless it says otherwise.
  ASSERT_VALUE(const Json plain, TokenizeWith(tokenizer, MustParse(R"({"content": "<bos>"})")));
  EXPECT_GT(plain.Find("tokens")->array().size(), 1);
  ASSERT_VALUE(const Json control, TokenizeWith(tokenizer, MustParse(R"({"content": "<bos>",
      "parse_special": true, "with_pieces": true, "add_special": true})")));
  ASSERT_EQ(control.Find("tokens")->array().size(), 2);
  EXPECT_EQ(control.Find("tokens")->array()[0].Find("piece")->string(), "<bos>");
}

TEST(Tokens, AreCheckedAtTheEdge) {
  const Tokenizer tokenizer = SmallTokenizer();
  for (const char* const id : {"-1", "9999999", "99999999999999999999", "1.5", "\"1\"", "null"}) {
    ExpectError(DetokenizeWith(tokenizer, MustParse(R"({"tokens": [0, )" + std::string(id) + "]}")),
                "tokens[1]");
  }
  ExpectError(DetokenizeWith(tokenizer, MustParse(R"({"tokens": 5})")), "tokens");
  ExpectError(TokenizeWith(tokenizer, MustParse(R"({"content": 5})")), "content");
  ExpectError(TokenizeWith(tokenizer, MustParse(R"({"content": "", "x": 1})")), "x");
}

// Every sample has its HELP and TYPE before it, and counters end in _total.
TEST(Metrics, AreWellFormed) {
  ServiceStatus status;
  status.slots = {{.state = "free"}, {.state = "answering"}, {.state = "free"}};
  status.generated_tokens = 12345678901;
  const net::Server::Counts counts{.requests = 3};
  std::istringstream lines(MetricsText("1", &status, &counts));
  std::set<std::string> helped, typed;
  std::string line, type;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string first, second, name;
    words >> first >> second;
    if (first == "#") {
      words >> name;
      EXPECT_TRUE((second == "HELP" ? helped : typed).insert(name).second) << line;
      if (second == "TYPE") words >> type;
      continue;
    }
    name = first.substr(0, first.find('{'));
    EXPECT_TRUE(helped.contains(name) && typed.contains(name)) << line;
    EXPECT_TRUE(name.starts_with("carat_")) << line;
    EXPECT_EQ(type == "counter", name.ends_with("_total")) << line;
  }
  const std::string text = MetricsText("1", &status, &counts);
  EXPECT_NE(text.find("carat_cache_slots{state=\"free\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("carat_generated_tokens_total 12345678901\n"), std::string::npos) << text;
  EXPECT_NE(text.find("carat_http_requests_total 3\n"), std::string::npos);
}

TEST(Status, TellsNoPaths) {
  ServiceStatus status;
  status.drafting = "not used: /home/me/drafter.gguf: wrong size";
  EXPECT_EQ(StatusJson(status, true).Dump().find("/home"), std::string::npos);
  status.drafting = "drafts 3 tokens for a pass";
  EXPECT_NE(StatusJson(status, true).Dump().find("drafts 3 tokens"), std::string::npos);
}

TEST(Models, HavePlainNames) {
  for (const char* const name : {"point", "gemma-4-12b", "a:b", "A.1_x:q4"}) {
    EXPECT_TRUE(IsPlainModelName(name)) << name;
  }
  for (const char* const name : {"", ":", "a:", ":b", "a/b", "../a", ".a", "-a", "a:b:c", "a b"}) {
    EXPECT_FALSE(IsPlainModelName(name)) << name;
  }
}

}  // namespace
}  // namespace carat
