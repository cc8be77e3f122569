// Session::SyncTo: what it keeps of a timeline, and that keeping it never changes a bit of the
// logits.
#include "engine/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

using Ids = std::vector<TokenId>;

Engine& Tiny() {  // vocabulary 512, window 16, context 1024
  static const auto engine = Engine::Open({.model = Golden("models/tiny6"), .threads = 1}).value();
  return *engine;
}

size_t WindowBytes(DType dtype) {
  return KvCache::Create(Tiny().config(), {.dtype = dtype, .max_positions = 1024})->WindowBytes();
}

Ids Text(std::mt19937_64& random, size_t n) {
  Ids ids(n);
  for (TokenId& id : ids) id = static_cast<TokenId>(random() % 490);
  return ids;
}

Ids operator+(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Ids First(const Ids& ids, size_t n) {
  return {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n)};
}

std::vector<float> FreshLogits(const Ids& ids, DType cache) {
  Session session = Session::Create(Tiny(), {.cache = cache}).value();
  EXPECT_TRUE(session.SyncTo({.ids = ids}).has_value());
  return {session.logits().begin(), session.logits().end()};
}

// A session, and beside it a small account of what it must be able to keep: the ring of the sliding
// layers reaches back window + 1 + margin, and boundaries are kept in `windows` places.
class Watched {
 public:
  Watched(const SessionOptions& options, size_t windows)
      : options_(options),
        windows_(windows),
        margin_(std::max<Pos>(options.chunk, 64)),
        session_(Session::Create(Tiny(), WithPool(options, windows)).value()) {}

  Session& session() { return session_; }

  // Runs SyncTo, checks its report against the account, and the logits against a fresh session's.
  SyncReport Sync(const Prompt& prompt, const std::string& what) {
    const auto total = static_cast<Pos>(prompt.ids.size());
    const Pos resume = Resume(prompt.ids);
    const auto report = session_.SyncTo(prompt);
    EXPECT_TRUE(report.has_value()) << what;
    if (!report) return {};
    EXPECT_EQ(report->reused, static_cast<size_t>(resume)) << what;
    EXPECT_EQ(report->prefilled, static_cast<size_t>(total - resume)) << what;
    Advance(prompt, resume, total);
    CheckTimeline(prompt.ids, what);
    const auto logits = session_.logits();
    EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()),
              FreshLogits(prompt.ids, options_.cache))
        << what;
    return *report;
  }

  // Begins SyncTo and cancels it at the first step that reaches `stop` positions.
  void Cancel(const Prompt& prompt, size_t stop, const std::string& what) {
    const Pos resume = Resume(prompt.ids);
    size_t reached = 0;
    const auto report = session_.SyncTo(prompt, [&](size_t done, size_t to_do) {
      EXPECT_EQ(to_do, prompt.ids.size() - static_cast<size_t>(resume)) << what;
      reached = done;
      return done < stop;
    });
    const size_t end = static_cast<size_t>(resume) + reached;
    if (end < prompt.ids.size()) {
      ASSERT_FALSE(report.has_value()) << what;
      EXPECT_EQ(report.error().code, ErrorCode::kCancelled) << what;
    }
    Advance(prompt, resume, static_cast<Pos>(end));
    CheckTimeline(First(prompt.ids, end), what);
  }

  void Append(const Ids& ids) {
    for (const TokenId id : ids) {
      ASSERT_OK(session_.Append(id));
      ids_.push_back(id);
      AdvanceRing();
    }
  }

  void CheckTimeline(const Ids& ids, const std::string& what) {
    EXPECT_TRUE(std::ranges::equal(session_.ids(), ids)) << what;
    EXPECT_EQ(session_.size(), static_cast<Pos>(ids.size())) << what;
  }
  const Ids& ids() const { return ids_; }

 private:
  static SessionOptions WithPool(SessionOptions options, size_t windows) {
    options.window_pool_bytes = windows * WindowBytes(options.cache);
    options.max_picture = 0;  // so that the margin is the chunk's
    return options;
  }

  // Cuts the account's timeline to where it can go on from.
  Pos Resume(const Ids& prompt) {
    const auto parting = std::ranges::mismatch(ids_, prompt);
    const Pos limit =
        std::min<Pos>(parting.in1 - ids_.begin(), static_cast<Pos>(prompt.size()) - 1);
    Pos resume = 0;
    if (std::max<Pos>(0, limit - kWindow) >= ring_begin_ || limit == 0) {
      resume = limit;
    } else {
      for (const auto& [position, used] : kept_) {
        if (position <= limit) resume = position;
      }
      ring_begin_ = std::max<Pos>(0, resume - kWindow);
      if (resume > 0) kept_[resume] = ++clock_;
    }
    if (resume == 0) ring_begin_ = 0;
    ids_.resize(static_cast<size_t>(resume));
    kept_.erase(kept_.upper_bound(resume), kept_.end());
    return resume;
  }

  void Advance(const Prompt& prompt, Pos begin, Pos end) {
    for (const Pos boundary : prompt.boundaries) {
      if (kept_.contains(boundary)) kept_[boundary] = ++clock_;
    }
    for (Pos p = begin; p < end; ++p) {
      ids_.push_back(prompt.ids[static_cast<size_t>(p)]);
      AdvanceRing();
      if (std::ranges::find(prompt.boundaries, p + 1) == prompt.boundaries.end()) continue;
      if (windows_ == 0) continue;
      if (!kept_.contains(p + 1) && kept_.size() == windows_) {
        kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& k) { return k.second; }));
      }
      kept_[p + 1] = ++clock_;
    }
  }
  void AdvanceRing() {
    const Pos ring = std::min(kWindow + 1 + margin_, session_.context());
    ring_begin_ = std::max(ring_begin_, static_cast<Pos>(ids_.size()) - ring);
  }

  static constexpr Pos kWindow = 16;
  SessionOptions options_;
  size_t windows_;
  Pos margin_;
  Session session_;
  Ids ids_;
  Pos ring_begin_ = 0;
  std::map<Pos, uint64_t> kept_;  // position to when it was used last
  uint64_t clock_ = 0;
};

// The prompts of a chat with a thinking model: thoughts stand in the timeline while they are
// generated, and are gone from the next prompt.
struct Chat {
  std::mt19937_64 random{1};
  Ids history;                    // everything before the open turn
  Ids opening = {500, 501, 502};  // the generation prompt
  std::vector<Pos> boundaries;

  Prompt Ask(size_t question) {
    history = history + Text(random, question);
    boundaries.push_back(static_cast<Pos>(history.size()));
    return {.ids = history + opening, .boundaries = boundaries};
  }
  void Answered(const Ids& answer) { history = history + Ids{503} + answer; }
};

TEST(SessionSync, ALongChatReadsOnlyWhatIsNew) {
  for (const size_t windows : {1, 4}) {
    Watched watched({.cache = DType::kBF16, .chunk = 32}, windows);
    Chat chat;
    size_t asked = 0;
    for (int turn = 0; turn < 12; ++turn) {
      const std::string what = "turn " + std::to_string(turn);
      const size_t before = chat.history.size();
      const Prompt prompt = chat.Ask(9);
      const SyncReport report = watched.Sync(prompt, what);
      // Whatever the answer's length, reading starts again at the boundary of the turn before.
      EXPECT_EQ(report.reused, asked) << what;
      EXPECT_EQ(report.prefilled, prompt.ids.size() - asked) << what;
      EXPECT_GE(before + 12, report.prefilled) << what;
      asked = chat.history.size();
      const Ids answer = Text(chat.random, 11);
      watched.Append(Text(chat.random, turn % 3 == 2 ? 5 : 90) + answer);
      chat.Answered(answer);
    }
  }
}

TEST(SessionSync, WithoutWindowsItReadsAllAgain) {
  Watched watched({.cache = DType::kF32, .chunk = 32}, 0);
  Chat chat;
  watched.Sync(chat.Ask(30), "first");
  watched.Append(Text(chat.random, 90));
  chat.Answered(Text(chat.random, 5));
  const SyncReport report = watched.Sync(chat.Ask(10), "second");
  EXPECT_EQ(report.reused, 0u);
  EXPECT_FALSE(report.restored);
}

TEST(SessionSync, AnEditGoesBackToTheNearestBoundary) {
  Watched watched({.cache = DType::kF32, .chunk = 32}, 8);
  Chat chat;
  std::vector<Prompt> prompts;
  for (int turn = 0; turn < 5; ++turn) {
    prompts.push_back(chat.Ask(40));
    watched.Sync(prompts.back(), "turn");
    const Ids answer = Text(chat.random, 10);
    watched.Append(Text(chat.random, 80) + answer);
    chat.Answered(answer);
  }
  // The question of turn 3 is asked in other words: its prompt parts in the middle of the question.
  Prompt edited = prompts[3];
  edited.ids[edited.ids.size() - 20] = 489;
  const SyncReport report = watched.Sync(edited, "edit");
  EXPECT_TRUE(report.restored);
  EXPECT_EQ(report.reused, static_cast<size_t>(prompts[2].boundaries[2]));
  // The very first question changes: nothing is left to keep.
  edited = prompts[1];
  edited.ids[3] = 488;
  EXPECT_EQ(watched.Sync(edited, "first edit").reused, 0u);
}

TEST(SessionSync, TheSamePromptAgainRunsItsLastId) {
  for (const DType cache : {DType::kF32, DType::kF16, DType::kBF16}) {
    Watched watched({.cache = cache, .chunk = 32}, 4);
    Chat chat;
    const Prompt prompt = chat.Ask(100);
    watched.Sync(prompt, "first");
    EXPECT_EQ(watched.Sync(prompt, "again").reused, prompt.ids.size() - 1);
    watched.Append(Text(chat.random, 20));
    EXPECT_EQ(watched.Sync(prompt, "after a short answer").reused, prompt.ids.size() - 1);
    watched.Append(Text(chat.random, 200));
    const SyncReport report = watched.Sync(prompt, "after a long answer");
    EXPECT_TRUE(report.restored);
    EXPECT_EQ(report.reused, static_cast<size_t>(prompt.boundaries[0]));
  }
}

TEST(SessionSync, ABoundaryAtTheVeryEnd) {
  Watched watched({.cache = DType::kF32, .chunk = 32}, 4);
  std::mt19937_64 random(5);
  const Ids ids = Text(random, 100);
  const Prompt prompt{.ids = ids, .boundaries = {40, 100}};
  watched.Sync(prompt, "first");
  watched.Append(Text(random, 200));
  EXPECT_EQ(watched.Sync(prompt, "again").reused, 40u);
  watched.Append(Text(random, 200));
  EXPECT_EQ(watched.Sync({.ids = ids + Text(random, 9)}, "longer").reused, 100u);
  watched.Append(Text(random, 200));
  EXPECT_EQ(watched.Sync({.ids = First(ids, 99)}, "shorter").reused, 40u);
}

TEST(SessionSync, ASharedSystemPrefixIsKept) {
  Watched watched({.cache = DType::kBF16, .chunk = 32}, 3);
  std::mt19937_64 random(6);
  const Ids system = Text(random, 150);
  for (int chat = 0; chat < 5; ++chat) {
    const Ids ids = system + Text(random, 40);
    const SyncReport report =
        watched.Sync({.ids = ids + Ids{500}, .boundaries = {150, 190}}, "chat");
    EXPECT_EQ(report.reused, chat == 0 ? 0u : 150u);
    watched.Append(Text(random, 100));
  }
}

// Beside a long chat's own boundaries: the system prefix is still there for the next chat.
TEST(SessionSync, ASharedSystemPrefixOutlivesManyTurns) {
  Watched watched({.cache = DType::kBF16, .chunk = 32}, 3);
  std::mt19937_64 random(7);
  const Ids system = Text(random, 150);
  Ids history = system;
  for (int turn = 0; turn < 8; ++turn) {
    history = history + Text(random, 30);
    const auto here = static_cast<Pos>(history.size());
    watched.Sync({.ids = history + Ids{500}, .boundaries = {150, here}},
                 "turn " + std::to_string(turn));
    watched.Append(Text(random, 90));
  }
  const SyncReport next =
      watched.Sync({.ids = system + Text(random, 20), .boundaries = {150}}, "a new chat");
  EXPECT_EQ(next.reused, 150u);
}

TEST(SessionSync, GoesOnAfterACancel) {
  for (const Pos chunk : {7, 64}) {
    Watched watched({.cache = DType::kF32, .chunk = chunk}, 4);
    Chat chat;
    const Prompt prompt = chat.Ask(200);
    watched.Cancel(prompt, 1, "at once");
    watched.Cancel(prompt, 70, "later");
    watched.Sync(prompt, "to the end");
    watched.Append(Text(chat.random, 100));
    chat.Answered(Text(chat.random, 10));
    const Prompt next = chat.Ask(90);
    watched.Cancel(next, 20, "second turn");
    // Another prompt instead, that parts before where the cancelled one stood.
    watched.Sync({.ids = First(next.ids, 210) + Text(chat.random, 30)}, "another");
    watched.Sync(next, "the first again");
  }
}

// Turns, edits, repeats, cancels and answers in random order.
TEST(SessionSync, RandomHistories) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    std::mt19937_64 random(seed);
    const Pos chunk = std::vector<Pos>{1, 16, 64, 100}[seed];
    Watched watched({.cache = DType::kF32, .context = 400, .chunk = chunk}, 1 + seed);
    Prompt prompt{.ids = Text(random, 20), .boundaries = {11}};
    for (int step = 0; step < 40 && !testing::Test::HasFailure(); ++step) {
      const std::string what = "seed " + std::to_string(seed) + " step " + std::to_string(step);
      const size_t length = prompt.ids.size();
      switch (random() % 6) {
        case 0:  // a longer prompt
        case 1:
          if (length > 300) break;
          prompt.boundaries.push_back(static_cast<Pos>(length));
          prompt.ids = prompt.ids + Text(random, 1 + random() % 60);
          break;
        case 2:  // an edit
          prompt.ids[random() % length] = static_cast<TokenId>(random() % 490);
          break;
        case 3:  // cut short
          prompt.ids.resize(1 + random() % length);
          std::erase_if(prompt.boundaries,
                        [&](Pos b) { return b > static_cast<Pos>(prompt.ids.size()); });
          break;
        case 4:
          watched.Cancel(prompt, 1 + random() % 100, what);
          continue;
        case 5: {
          const auto room = static_cast<size_t>(400 - watched.session().size());
          watched.Append(Text(random, std::min<size_t>(room, random() % 120)));
          continue;
        }
      }
      watched.Sync(prompt, what);
    }
  }
}

// A window beyond the place where a cancelled read stopped belongs to ids that may never come.
TEST(SessionSync, AfterACancelNoWindowBeyondComesBack) {
  std::mt19937_64 random(8);
  Session session =
      Session::Create(Tiny(), {.cache = DType::kF32, .chunk = 32, .max_picture = 0}).value();
  const Prompt prompt{.ids = Text(random, 100), .boundaries = {100}};
  ASSERT_OK(session.SyncTo(prompt));
  for (const TokenId id : Text(random, 200)) ASSERT_OK(session.Append(id));
  EXPECT_FALSE(session.SyncTo(prompt, [](size_t, size_t) { return false; }).has_value());
  ASSERT_EQ(session.size(), 32);
  const Ids rest = Text(random, 300);
  for (const TokenId id : rest) ASSERT_OK(session.Append(id));
  const Ids parting = First(First(prompt.ids, 32) + rest, 120) + Text(random, 5);
  ASSERT_OK(session.SyncTo({.ids = parting}));
  EXPECT_EQ(std::vector<float>(session.logits().begin(), session.logits().end()),
            FreshLogits(parting, DType::kF32));
}

TEST(SessionSync, RefusesWhatCannotBeAndChangesNothing) {
  std::mt19937_64 random(9);
  Watched watched({.cache = DType::kF32, .context = 50, .chunk = 8}, 2);
  const Ids ids = Text(random, 40);
  watched.Sync({.ids = ids}, "first");
  Session& session = watched.session();
  const std::vector<float> logits(session.logits().begin(), session.logits().end());
  const auto unchanged = [&] {
    return std::ranges::equal(session.ids(), ids) && session.size() == 40 &&
           std::ranges::equal(session.logits(), logits);
  };
  ExpectError(session.SyncTo({}), "empty");
  EXPECT_TRUE(unchanged());
  const auto full = session.SyncTo({.ids = Text(random, 51)});
  ExpectError(full, {"50", "51"});
  EXPECT_EQ(full.error().code, ErrorCode::kContextFull);
  EXPECT_TRUE(unchanged());
  for (const TokenId bad : {-1, 512}) {
    Ids broken = Text(random, 45);
    broken[44] = bad;
    ExpectError(session.SyncTo({.ids = broken}), {"position 44", std::to_string(bad)});
    EXPECT_TRUE(unchanged());
  }
  EXPECT_EQ(watched.Sync({.ids = ids + Text(random, 10)}, "to the last position").reused, 40u);
  const Status beyond = session.Append(1);
  ASSERT_FALSE(beyond.has_value());
  EXPECT_EQ(beyond.error().code, ErrorCode::kContextFull);
  EXPECT_EQ(session.size(), 50);
}

TEST(SessionCreate, RefusesOptionsOutOfRange) {
  ExpectError(Session::Create(Tiny(), {.context = -1}), {"context", "1024"});
  ExpectError(Session::Create(Tiny(), {.context = 1025}), {"context", "1024", "1025"});
  ExpectError(Session::Create(Tiny(), {.chunk = 0}), "chunk");
  ExpectError(Session::Create(Tiny(), {.chunk = 4097}), {"chunk", "4096"});
  ASSERT_VALUE(const Session session, Session::Create(Tiny(), {}));
  EXPECT_EQ(session.context(), 1024);
}

}  // namespace
}  // namespace carat
