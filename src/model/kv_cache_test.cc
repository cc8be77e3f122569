// The cache as a property: whatever was appended, cut, saved and put back before, the next logits
// are those of a fresh run over the same ids, bit for bit.
#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "model/decoder.h"
#include "tests/support/files.h"
#include "tests/support/random_model.h"

namespace carat {
namespace {

constexpr int64_t kVocab = 64;

struct Model {
  RandomModel random;
  Decoder decoder;
  explicit Model(const RandomModelOptions& options)
      : random(MakeRandomModel(options)), decoder(random.config, std::move(random.weights)) {}
};

struct SavedWindow {
  std::vector<TokenId> ids;
  std::vector<std::byte> bytes;
};

class Timeline {
 public:
  Timeline(const Decoder& decoder, const KvCache::Options& options)
      : decoder_(decoder),
        pool_(1),
        context_(pool_, kernels::ReferenceTable()),
        options_(options),
        cache_(KvCache::Create(decoder.config(), options).value()) {}

  KvCache& cache() { return cache_; }
  const std::vector<TokenId>& ids() const { return ids_; }

  void Append(const std::vector<TokenId>& ids) {
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    const auto logits = Forward(cache_, ids, LogitRows::kAll);
    const auto expected = FreshLogits();
    ASSERT_TRUE(std::equal(logits.begin(), logits.end(),
                           expected.end() - static_cast<std::ptrdiff_t>(logits.size())))
        << "after " << ids_.size() << " ids, the last " << ids.size() << " of them new";
  }
  void Truncate(Pos n) {
    cache_.Truncate(n);
    ids_.resize(static_cast<size_t>(n));
  }
  SavedWindow Save() const {
    SavedWindow saved{ids_, std::vector<std::byte>(cache_.WindowBytes())};
    cache_.SaveWindow(saved.bytes);
    return saved;
  }
  bool CanRestore(const SavedWindow& saved) const {
    return saved.ids.size() <= ids_.size() &&
           std::equal(saved.ids.begin(), saved.ids.end(), ids_.begin());
  }
  void Restore(const SavedWindow& saved) {
    cache_.RestoreWindow(saved.bytes, static_cast<Pos>(saved.ids.size()));
    ids_ = saved.ids;
  }

 private:
  std::vector<float> Forward(KvCache& cache, std::span<const TokenId> ids, LogitRows rows) {
    std::vector<float> logits(ids.size() * kVocab);
    EXPECT_TRUE(
        decoder_.Forward(context_, activations_, cache, {.ids = ids}, rows, logits).has_value());
    return logits;
  }
  // Logits of all ids, from an empty cache whose margin takes them in one pass.
  std::vector<float> FreshLogits() {
    KvCache::Options options = options_;
    options.margin = options.max_positions;
    KvCache cache = KvCache::Create(decoder_.config(), options).value();
    return Forward(cache, ids_, LogitRows::kAll);
  }

  const Decoder& decoder_;
  ThreadPool pool_;
  OpContext context_;
  Activations activations_;
  KvCache::Options options_;
  KvCache cache_;
  std::vector<TokenId> ids_;
};

// One random walk. Cuts favour the edge of what the cache allows, where mistakes live.
void Walk(const Decoder& decoder, const KvCache::Options& options, uint64_t seed, int steps) {
  std::mt19937_64 random(seed);
  Timeline timeline(decoder, options);
  std::vector<SavedWindow> saved;
  for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
    KvCache& cache = timeline.cache();
    switch (random() % 5) {
      case 0:
      case 1: {
        const auto room = static_cast<uint64_t>(options.max_positions - cache.size());
        const uint64_t most = std::min(room, static_cast<uint64_t>(options.margin));
        if (most > 0) timeline.Append(RandomIds(random(), 1 + random() % most, kVocab));
        break;
      }
      case 2: {
        std::vector<Pos> allowed;
        for (Pos n = 0; n <= cache.size(); ++n) {
          if (cache.CanTruncate(n)) allowed.push_back(n);
        }
        ASSERT_TRUE(!allowed.empty() && allowed[0] == 0 && allowed.back() == cache.size());
        const size_t edge = std::min<size_t>(allowed.size() - 1, random() % 4);
        timeline.Truncate(random() % 2 == 0 ? allowed[edge] : allowed[random() % allowed.size()]);
        break;
      }
      case 3:
        if (saved.size() == 6) saved.erase(saved.begin() + static_cast<int>(random() % 6));
        saved.push_back(timeline.Save());
        break;
      case 4: {
        // As the window pool does: what parted from the timeline is forgotten.
        std::erase_if(saved, [&](const SavedWindow& s) { return !timeline.CanRestore(s); });
        if (!saved.empty()) timeline.Restore(saved[random() % saved.size()]);
        break;
      }
    }
  }
}

TEST(KvCache, AnyHistoryGivesTheLogitsOfAFreshRun) {
  const Model model({.vocab = kVocab});
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const Pos margin : {1, 2, 5, 16}) {
      for (uint64_t seed = 0; seed < 4; ++seed) {
        SCOPED_TRACE(testing::Message() << "margin " << margin << ", seed " << seed);
        Walk(model.decoder, {.dtype = dtype, .max_positions = 60, .margin = margin}, seed, 200);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(KvCache, SmallWindowsAndShortContexts) {
  for (const Pos window : {1, 2, 3, 40}) {
    const Model model({.num_layers = 6, .window = window, .vocab = kVocab});
    for (const Pos most : {1, 5, 30}) {
      for (uint64_t seed = 0; seed < 6; ++seed) {
        SCOPED_TRACE(testing::Message() << "window " << window << ", at most " << most);
        Walk(model.decoder, {.dtype = DType::kF32, .max_positions = most, .margin = 3}, seed, 150);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The drafter sees one position more than the next query (specification, 10.4), so a window is
// whole when `window` positions before the end are there.
TEST(KvCache, CutsBackToItsMarginAndNoFurther) {
  const Model model({.window = 8, .vocab = kVocab});
  KvCache cache =
      KvCache::Create(model.decoder.config(), {.max_positions = 500, .margin = 10}).value();
  for (int i = 0; i < 10; ++i) cache.Advance(10);
  EXPECT_TRUE(cache.CanTruncate(0));
  EXPECT_TRUE(cache.CanTruncate(100));
  EXPECT_TRUE(cache.CanTruncate(89));  // 100 - margin - 1
  EXPECT_FALSE(cache.CanTruncate(88));
  EXPECT_FALSE(cache.CanTruncate(101));
  EXPECT_FALSE(cache.CanTruncate(-1));
  cache.Truncate(89);
  EXPECT_FALSE(cache.CanTruncate(88));
  cache.Advance(5);
  EXPECT_TRUE(cache.CanTruncate(89));
  cache.Truncate(0);
  cache.Advance(10);
  for (Pos n = 0; n <= 10; ++n) EXPECT_TRUE(cache.CanTruncate(n));
}

TEST(KvCache, ARestoredWindowAllowsNoCutBehindIt) {
  const Model model({.window = 8, .vocab = kVocab});
  KvCache cache =
      KvCache::Create(model.decoder.config(), {.max_positions = 500, .margin = 10}).value();
  for (int i = 0; i < 3; ++i) cache.Advance(10);
  std::vector<std::byte> window(cache.WindowBytes());
  cache.SaveWindow(window);
  for (int i = 0; i < 10; ++i) cache.Advance(10);
  cache.RestoreWindow(window, 30);
  EXPECT_EQ(cache.size(), 30);
  EXPECT_TRUE(cache.CanTruncate(30));
  EXPECT_FALSE(cache.CanTruncate(29));
  cache.Advance(10);
  EXPECT_TRUE(cache.CanTruncate(30));
}

// A window saved where the timeline was cut as far back as it can be, put back, and cut again as
// far as that allows: the oldest rows of it must be the true ones.
TEST(KvCache, AWindowSavedAtTheEdgeIsWhole) {
  const Model model({.vocab = kVocab});
  const auto cut_as_far_back_as_possible = [](Timeline& timeline) {
    Pos n = 1;
    while (!timeline.cache().CanTruncate(n)) ++n;
    timeline.Truncate(n);
  };
  for (const Pos margin : {1, 4, 10}) {
    Timeline timeline(model.decoder,
                      {.dtype = DType::kF32, .max_positions = 100, .margin = margin});
    const auto append = [&](size_t count) {
      for (size_t i = 0; i < count; ++i) timeline.Append(RandomIds(i, 1, kVocab));
    };
    append(40);
    cut_as_far_back_as_possible(timeline);
    const SavedWindow saved = timeline.Save();
    append(30);
    timeline.Restore(saved);
    cut_as_far_back_as_possible(timeline);
    append(1);
  }
}

TEST(KvCache, MemoryIsReservedForTheWholeContextButRingsAreShort) {
  const Model model({.window = 8, .vocab = kVocab});
  const KvCache cache =
      KvCache::Create(model.decoder.config(), {.max_positions = 500, .margin = 10}).value();
  EXPECT_EQ(cache.layer(0).capacity, 19u);  // window + the drafter's one + margin
  EXPECT_EQ(cache.layer(5).capacity, 500u);
  // Six sliding layers, keys and values, 8 positions of 2 heads of 32 in two bytes.
  EXPECT_EQ(cache.WindowBytes(), 6u * 2 * 8 * 2 * 32 * 2);
}

}  // namespace
}  // namespace carat
