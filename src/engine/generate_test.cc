#include "engine/generate.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/files.h"

namespace carat {
namespace {

class GenerateTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto opened = Engine::Open({.model = Golden("models/tiny6"), .threads = 1});
    ASSERT_TRUE(opened.has_value());
    engine = opened->release();
  }
  static void TearDownTestSuite() { delete engine; }

  static Session Prompted(Pos context, size_t prompt) {
    Session session = Session::Create(*engine, {.context = context}).value();
    std::vector<TokenId> ids;
    for (size_t i = 0; i < prompt; ++i) ids.push_back(static_cast<TokenId>(3 + 7 * i % 400));
    EXPECT_TRUE(session.SyncTo({.ids = ids}).has_value());
    return session;
  }
  static GenerateOptions Greedy() {
    GenerateOptions options;
    options.sampling.temperature = 0;
    return options;
  }
  // The whole answer; the last step's id may be -1.
  static std::vector<GenerateStep> Run(Session& session, const GenerateOptions& options) {
    Generation answer = Generation::Create(session, options).value();
    std::vector<GenerateStep> steps;
    while (!answer.done()) steps.push_back(answer.Step().value());
    return steps;
  }
  static Engine* engine;
};
Engine* GenerateTest::engine = nullptr;

TEST_F(GenerateTest, NoTokensWhenNoneAreWanted) {
  Session session = Prompted(0, 5);
  GenerateOptions options = Greedy();
  options.max_tokens = 0;
  const auto steps = Run(session, options);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].id, -1);
  EXPECT_EQ(steps[0].reason, StopReason::kMaxTokens);
  EXPECT_EQ(session.size(), 5);
}

TEST_F(GenerateTest, OneTokenIsNotRun) {
  Session session = Prompted(0, 5);
  GenerateOptions options = Greedy();
  options.max_tokens = 1;
  const auto steps = Run(session, options);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_GE(steps[0].id, 0);
  EXPECT_EQ(steps[0].reason, StopReason::kMaxTokens);
  EXPECT_EQ(session.size(), 5);
}

TEST_F(GenerateTest, StopIdsEndTheAnswerUnlessIgnored) {
  GenerateOptions options = Greedy();
  options.max_tokens = 8;
  Session free = Prompted(0, 5);
  const auto plain = Run(free, options);
  ASSERT_EQ(plain.size(), 8u);
  size_t first = 0;  // where the third id of the answer occurs first
  while (plain[first].id != plain[2].id) ++first;

  options.stop = {511, plain[2].id};
  Session stopping = Prompted(0, 5);
  const auto stopped = Run(stopping, options);
  ASSERT_EQ(stopped.size(), first + 1);
  EXPECT_EQ(stopped.back().id, plain[2].id);
  EXPECT_EQ(stopped.back().reason, StopReason::kStopToken);
  EXPECT_EQ(stopping.size(), static_cast<Pos>(5 + first));  // the stop id itself is not run

  options.ignore_stop = true;
  Session ignoring = Prompted(0, 5);
  const auto ignored = Run(ignoring, options);
  ASSERT_EQ(ignored.size(), 8u);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(ignored[i].id, plain[i].id);
  EXPECT_EQ(ignored.back().reason, StopReason::kMaxTokens);
}

TEST_F(GenerateTest, AStopIdWinsOverTheLimit) {
  GenerateOptions options = Greedy();
  options.max_tokens = 1;
  Session session = Prompted(0, 5);
  const TokenId id = Run(session, options)[0].id;
  options.stop = {id};
  Session again = Prompted(0, 5);
  EXPECT_EQ(Run(again, options)[0].reason, StopReason::kStopToken);
}

// Every position is used, and the token after the last one can still be said.
TEST_F(GenerateTest, StopsWhenTheContextIsFull) {
  for (const size_t prompt : {1, 15, 19, 20}) {
    Session session = Prompted(20, prompt);
    GenerateOptions options = Greedy();
    options.ignore_stop = true;
    const auto steps = Run(session, options);
    ASSERT_EQ(steps.size(), 20 - prompt + 2);
    for (size_t i = 0; i + 1 < steps.size(); ++i) {
      EXPECT_GE(steps[i].id, 0);
      EXPECT_EQ(steps[i].reason, StopReason::kNone);
    }
    EXPECT_EQ(steps.back().id, -1);
    EXPECT_EQ(steps.back().reason, StopReason::kContextFull);
    EXPECT_EQ(session.size(), 20);
  }
}

TEST_F(GenerateTest, EndlessRepetitionIsEnded) {
  GenerateOptions options = Greedy();
  options.sampling.logit_bias = {{77, 1000.0f}};
  Session session = Prompted(0, 3);
  const auto steps = Run(session, options);
  ASSERT_EQ(steps.size(), RepetitionGuard::kMinTokens);
  EXPECT_EQ(steps.back().reason, StopReason::kRepetition);
  options.repetition_guard = false;
  options.max_tokens = 300;
  Session unguarded = Prompted(0, 3);
  EXPECT_EQ(Run(unguarded, options).size(), 300u);
}

TEST_F(GenerateTest, AnswersDependOnTheSeedAlone) {
  GenerateOptions options;
  options.max_tokens = 12;
  const auto answer = [&](uint64_t seed) {
    options.sampling.seed = seed;
    Session session = Prompted(0, 9);
    std::vector<TokenId> ids;
    for (const GenerateStep& step : Run(session, options)) ids.push_back(step.id);
    return ids;
  };
  EXPECT_EQ(answer(1), answer(1));
  EXPECT_NE(answer(1), answer(2));
}

TEST_F(GenerateTest, FailsIfEveryTokenIsSuppressed) {
  Session session = Prompted(0, 3);
  GenerateOptions options = Greedy();
  for (TokenId id = 0; id < 512; ++id) options.sampling.suppressed.push_back(id);
  Generation answer = Generation::Create(session, options).value();
  EXPECT_FALSE(answer.Step().has_value());
}

TEST(StopReasonName, NamesEveryReason) {
  EXPECT_EQ(StopReasonName(StopReason::kNone), "");
  EXPECT_EQ(StopReasonName(StopReason::kStopToken), "stop");
  EXPECT_EQ(StopReasonName(StopReason::kMaxTokens), "length");
  EXPECT_EQ(StopReasonName(StopReason::kContextFull), "context");
  EXPECT_EQ(StopReasonName(StopReason::kRepetition), "repetition");
}

}  // namespace
}  // namespace carat
