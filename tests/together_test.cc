// Sessions that share passes, prefixes and a thread: each has what it would have had alone, bit for
// bit, whoever else is there and whatever was cached.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "engine/engine.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "tests/support/answers.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"

namespace carat {
namespace {

Ids Text(std::mt19937_64& random, size_t n) {
  Ids ids(n);
  for (TokenId& id : ids) id = static_cast<TokenId>(3 + random() % 480);
  return ids;
}

std::unique_ptr<Engine> Open(const std::string& table) {
  return Engine::Open({.model = Golden("models/tiny6"), .threads = 2, .kernels = table}).value();
}

std::vector<float> LogitsOf(Session& session) {
  return {session.logits().begin(), session.logits().end()};
}

GenerateOptions OptionsOf(Engine& engine, size_t i) {
  GenerateOptions options = Greedy(engine, 10 + 7 * i);
  options.sampling.temperature = i % 2 == 0 ? 0 : 1;
  options.sampling.seed = i;
  return options;
}

// All of them round by round, as a service does; who comes later joins those who write already.
std::vector<Ids> AnswerTogether(std::vector<Session>& sessions, const std::vector<Ids>& prompts) {
  struct One {
    std::optional<Generation> generation;
    Ids ids;
  };
  std::vector<One> all(sessions.size());
  for (size_t round = 0;; ++round) {
    std::vector<Appending> batch;
    std::vector<One*> writers;
    bool open = false;
    for (size_t i = 0; i < sessions.size(); ++i) {
      One& one = all[i];
      if (round < 3 * i) {
        open = true;
        continue;
      }
      if (!one.generation) {
        EXPECT_TRUE(sessions[i].SyncTo({.ids = prompts[i]}).has_value());
        one.generation.emplace(
            Generation::Create(sessions[i], OptionsOf(sessions[i].engine(), i)).value());
        one.ids.push_back(one.generation->Choose().value().id);
      }
      if (one.generation->done()) continue;
      open = true;
      if (auto appending = one.generation->Wants(TextKind::kAnswer)) {
        batch.push_back(*appending);
        writers.push_back(&one);
      }
    }
    if (!open) break;
    Session::AppendTogether(batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      EXPECT_TRUE(batch[i].status.has_value());
      writers[i]->ids.push_back(writers[i]->generation->Choose().value().id);
    }
  }
  std::vector<Ids> answers;
  for (One& one : all) answers.push_back(std::move(one.ids));
  return answers;
}

TEST(Together, AnAnswerDoesNotDependOnWhoElseIsThere) {
  for (const kernels::Table* table : DistinctTables()) {
    for (const int drafts : {SessionOptions::kNoDrafts, 3, SessionOptions::kAutoDrafts}) {
      for (const size_t count : {size_t{3}, kMaxPassRows}) {
        SCOPED_TRACE(std::string(table->name) + " drafts " + std::to_string(drafts) + " of " +
                     std::to_string(count));
        const auto engine = Open(table->name);
        const SessionOptions options{.context = 300, .drafts = drafts};
        ASSERT_VALUE(std::vector<Session> sessions,
                     Session::CreateTogether(*engine, options, count));
        std::mt19937_64 random(count);
        std::vector<Ids> prompts;
        for (size_t i = 0; i < count; ++i) prompts.push_back(Text(random, 5 + 11 * i % 60));
        const std::vector<Ids> together = AnswerTogether(sessions, prompts);
        ASSERT_VALUE(Session alone, Session::Create(*engine, {.context = 300, .drafts = 0}));
        for (size_t i = 0; i < count; ++i) {
          alone.Clear();
          ASSERT_OK(alone.SyncTo({.ids = prompts[i]}));
          EXPECT_EQ(Answer(alone, OptionsOf(*engine, i)), together[i]) << i;
          ASSERT_OK(alone.Append(7));
          ASSERT_OK(sessions[i].Append(7));
          EXPECT_EQ(LogitsOf(alone), LogitsOf(sessions[i])) << i;
        }
      }
    }
  }
}

TEST(Together, WhoCannotGoOnDoesNotStopOthers) {
  const auto engine = Open("");
  ASSERT_VALUE(std::vector<Session> sessions,
               Session::CreateTogether(*engine, {.context = 64, .drafts = 0}, 3));
  std::mt19937_64 random(1);
  const Ids full = Text(random, 64), some = Text(random, 20);
  ASSERT_OK(sessions[0].SyncTo({.ids = full}));
  ASSERT_OK(sessions[1].SyncTo({.ids = some}));
  ASSERT_OK(sessions[2].SyncTo({.ids = some}));
  std::vector<Appending> batch = {{.session = &sessions[0], .id = 5},
                                  {.session = &sessions[1], .id = 5},
                                  {.session = &sessions[2], .id = 1 << 20}};
  Session::AppendTogether(batch);
  ASSERT_FALSE(batch[0].status.has_value());
  EXPECT_EQ(batch[0].status.error().code, ErrorCode::kContextFull);
  EXPECT_TRUE(batch[1].status.has_value());
  EXPECT_EQ(batch[1].rows, 1U);
  ASSERT_FALSE(batch[2].status.has_value());
  EXPECT_EQ(batch[2].status.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(sessions[0].size(), 64);
  EXPECT_EQ(sessions[1].size(), 21);
  EXPECT_EQ(sessions[2].size(), 20);
  ASSERT_OK(sessions[2].Append(5));
  EXPECT_EQ(LogitsOf(sessions[1]), LogitsOf(sessions[2]));
}

TEST(Together, AReadingInSlicesIsTheWhole) {
  const auto engine = Open("");
  std::mt19937_64 random(2);
  for (int round = 0; round < 20; ++round) {
    ASSERT_VALUE(Session session, Session::Create(*engine, {.context = 400, .chunk = 64}));
    ASSERT_VALUE(Session whole, Session::Create(*engine, {.context = 400}));
    const Ids ids = Text(random, 1 + random() % 300);
    Prompt prompt{.ids = ids, .boundaries = {static_cast<Pos>(random() % ids.size()) + 1}};
    ASSERT_OK(whole.SyncTo(prompt));
    ASSERT_VALUE(Reading reading, session.Begin(prompt));
    bool done = false;
    while (!done) {
      EXPECT_EQ(reading.left(), ids.size() - static_cast<size_t>(session.size()));
      ASSERT_VALUE(done, session.ReadSome(reading, static_cast<Pos>(random() % 80)));
    }
    EXPECT_EQ(LogitsOf(session), LogitsOf(whole));
    EXPECT_EQ(reading.report.prefilled, ids.size());
  }
}

// Prompts that are read side by side, whatever slices they are cut into, pictures and sound among
// them (tests/serving_test.cc), are as if each had been alone.
TEST(Together, PromptsReadTogetherAreAsIfAlone) {
  for (const kernels::Table* table : DistinctTables()) {
    const auto engine = Open(table->name);
    std::mt19937_64 random(5);
    ASSERT_VALUE(std::vector<Session> sessions,
                 Session::CreateTogether(*engine, {.context = 400, .chunk = 64}, 5));
    std::vector<Ids> prompts;
    std::vector<Reading> readings;
    std::vector<bool> whole(sessions.size(), false);
    for (Session& session : sessions) {
      prompts.push_back(Text(random, 1 + random() % 200));
      ASSERT_VALUE(Reading reading, session.Begin({.ids = prompts.back()}));
      readings.push_back(std::move(reading));
    }
    while (std::ranges::find(whole, false) != whole.end()) {
      std::vector<Slice> slices;
      std::vector<size_t> which;
      for (size_t i = 0; i < sessions.size(); ++i) {
        if (whole[i] || random() % 3 == 0) continue;
        slices.push_back({.session = &sessions[i],
                          .reading = &readings[i],
                          .most = static_cast<Pos>(1 + random() % 70)});
        which.push_back(i);
      }
      if (slices.empty()) continue;
      Session::ReadTogether(slices);
      for (size_t i = 0; i < slices.size(); ++i) {
        ASSERT_TRUE(slices[i].status.has_value());
        whole[which[i]] = slices[i].whole;
      }
    }
    for (size_t i = 0; i < sessions.size(); ++i) {
      ASSERT_VALUE(Session alone, Session::Create(*engine, {.context = 400}));
      ASSERT_OK(alone.SyncTo({.ids = prompts[i]}));
      EXPECT_EQ(LogitsOf(sessions[i]), LogitsOf(alone)) << i;
      ASSERT_OK(alone.Append(9));
      ASSERT_OK(sessions[i].Append(9));
      EXPECT_EQ(LogitsOf(sessions[i]), LogitsOf(alone)) << i;
    }
  }
}

// A prefix that was copied is as good as one that was read: within the ring, and far behind it from
// a saved window.
TEST(Together, ACopiedPrefixIsTheReadOne) {
  const auto engine = Open("");
  std::mt19937_64 random(3);
  for (int round = 0; round < 24; ++round) {
    for (const DType cache : {DType::kBF16, DType::kQ8_0}) {
      ASSERT_VALUE(std::vector<Session> two,
                   Session::CreateTogether(
                       *engine, {.cache = cache, .context = 500, .reuse_generated = false}, 2));
      const Ids system = Text(random, 10 + random() % 150);
      Ids first = system, second = system;
      for (Ids* ids : {&first, &second}) {
        ids->push_back(ids == &first ? 5 : 6);  // here they part
        const Ids more = Text(random, random() % 200);
        ids->insert(ids->end(), more.begin(), more.end());
      }
      const auto border = static_cast<Pos>(system.size());
      ASSERT_OK(two[0].SyncTo({.ids = first, .boundaries = {border}}));
      for (int i = 0; i < round; ++i) ASSERT_OK(two[0].Append(9));
      if (round % 3 == 0) ASSERT_OK(two[1].SyncTo({.ids = Text(random, 90)}));
      const Prompt prompt{.ids = second, .boundaries = {border}};
      const Pos reusable = two[0].Reusable(prompt);
      EXPECT_EQ(reusable, border);
      const Ids before(two[0].ids().begin(), two[0].ids().end());
      two[1].TakePrefix(two[0], prompt);
      EXPECT_EQ(two[1].size(), reusable);
      ASSERT_VALUE(const SyncReport report, two[1].SyncTo(prompt));
      EXPECT_EQ(report.reused, system.size());
      EXPECT_TRUE(std::ranges::equal(two[0].ids(), before));
      ASSERT_VALUE(Session fresh, Session::Create(*engine, {.cache = cache, .context = 500}));
      ASSERT_OK(fresh.SyncTo(prompt));
      EXPECT_EQ(LogitsOf(two[1]), LogitsOf(fresh));
      ASSERT_OK(two[0].Append(11));
      ASSERT_OK(two[1].Append(11));
      ASSERT_OK(fresh.Append(11));
      EXPECT_EQ(LogitsOf(two[1]), LogitsOf(fresh));
    }
  }
}

// What a prompt gives must not depend on what was cached: rows that were generated are read again.
TEST(Together, WithoutGeneratedRowsAConversationIsAsIfFresh) {
  for (const kernels::Table* table : DistinctTables()) {
    const auto engine = Open(table->name);
    ASSERT_VALUE(Session session,
                 Session::Create(*engine, {.context = 600, .reuse_generated = false}));
    std::mt19937_64 random(4);
    Ids ids;
    for (int turn = 0; turn < 5; ++turn) {
      const Ids more = Text(random, 20);
      ids.insert(ids.end(), more.begin(), more.end());
      const size_t prompt = ids.size();
      ASSERT_VALUE(const SyncReport report,
                   session.SyncTo({.ids = ids, .boundaries = {static_cast<Pos>(prompt) - 1}}));
      EXPECT_LE(report.reused, prompt - 20);
      ASSERT_VALUE(Session fresh, Session::Create(*engine, {.context = 600, .drafts = 0}));
      ASSERT_OK(fresh.SyncTo({.ids = ids}));
      EXPECT_EQ(LogitsOf(session), LogitsOf(fresh)) << turn;
      const Ids answer = Answer(session, Greedy(*engine, 30));
      EXPECT_EQ(answer, Answer(fresh, Greedy(*engine, 30)));
      ids.insert(ids.end(), answer.begin(), answer.end());
    }
  }
}

}  // namespace
}  // namespace carat
