#include "api/answer_registry.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

std::shared_ptr<Answer> MakeAnswer(bool ended, size_t tokens = 0) {
  auto answer = std::make_shared<Answer>(1, 2, std::vector<std::string>());
  answer->SetUsage({.generated = tokens});
  if (ended) answer->Add({.kind = AnswerEvent::Kind::kEnd});
  return answer;
}

TEST(AnswerRegistry, ForgetsWhatEndedLongAgo) {
  AnswerRegistry registry({.keep = std::chrono::seconds(-1)});
  registry.Add({.id = "ended", .owner = "me", .answer = MakeAnswer(true)});
  registry.Add({.id = "runs", .owner = "me", .answer = MakeAnswer(false)});
  EXPECT_EQ(registry.Ids("me"), std::vector<std::string>{"runs"});
  EXPECT_FALSE(registry.Find("me", "ended"));
}

TEST(AnswerRegistry, KeepsAFewOfThoseThatEnded) {
  AnswerRegistry registry({.answers = 2});
  for (const char* const id : {"a", "b", "c"}) {
    registry.Add({.id = id, .owner = "me", .answer = MakeAnswer(true)});
  }
  EXPECT_EQ(registry.Ids("me"), (std::vector<std::string>{"b", "c"}));
}

TEST(AnswerRegistry, BoundsWhatTheyHold) {
  AnswerRegistry registry({.tokens = 1000});
  for (const char* const id : {"a", "b", "c"}) {
    registry.Add({.id = id, .owner = "me", .answer = MakeAnswer(true, 400)});
  }
  EXPECT_EQ(registry.Ids("me"), (std::vector<std::string>{"b", "c"}));
}

TEST(AnswerRegistry, IsOfTheOwnerAlone) {
  AnswerRegistry registry({});
  registry.Add({.id = "a", .owner = "me", .answer = MakeAnswer(false)});
  EXPECT_TRUE(registry.Find("me", "a"));
  EXPECT_FALSE(registry.Find("you", "a"));
  EXPECT_TRUE(registry.Ids("you").empty());
}

}  // namespace
}  // namespace carat
