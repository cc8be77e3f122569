#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/files.h"

namespace carat {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

SamplingOptions Plain() { return {.temperature = 1.0, .top_k = 0, .top_p = 1.0, .min_p = 0.0}; }

TokenId MustSample(std::vector<float> logits, const SamplingOptions& options, Pos position = 0,
                   const std::vector<TokenId>& history = {}) {
  const auto id = Sample(logits, options, position, history);
  EXPECT_TRUE(id.has_value()) << (id ? "" : id.error().Message());
  return id.value_or(-1);
}

// Which ids ever come out in `draws` draws.
std::set<TokenId> Drawn(const std::vector<float>& logits, const SamplingOptions& options,
                        int draws = 3000) {
  std::set<TokenId> ids;
  for (Pos p = 0; p < draws; ++p) ids.insert(MustSample(logits, options, p));
  return ids;
}

// What transformers keeps, as the specification's section 11 words it: suppress, temperature, top-k
// with ties, top-p in ascending order dropping while the cumulative probability is at most 1 - p,
// min-p.
std::vector<double> NaiveProbabilities(std::vector<double> scores, const SamplingOptions& options) {
  const auto softmax = [](const std::vector<double>& s) {
    const double top = *std::ranges::max_element(s);
    std::vector<double> p;
    for (const double x : s) p.push_back(std::exp(x - top));
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p) x /= sum;
    return p;
  };
  for (const TokenId id : options.suppressed) scores[static_cast<size_t>(id)] = kNever;
  for (double& s : scores) s /= options.temperature;
  if (options.top_k > 0 && static_cast<size_t>(options.top_k) < scores.size()) {
    std::vector<double> sorted = scores;
    std::ranges::sort(sorted, std::greater());
    const double least = sorted[static_cast<size_t>(options.top_k) - 1];
    for (double& s : scores) s = s < least ? kNever : s;
  }
  if (options.top_p < 1) {
    const auto p = softmax(scores);
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::sort(order, {}, [&](size_t i) { return std::pair(p[i], i); });
    double cumulative = 0;
    for (size_t i = 0; i + 1 < order.size(); ++i) {
      cumulative += p[order[i]];
      if (cumulative <= 1 - options.top_p) scores[order[i]] = kNever;
    }
  }
  if (options.min_p > 0) {
    const auto p = softmax(scores);
    const double least = *std::ranges::max_element(p) * options.min_p;
    for (size_t i = 0; i < p.size(); ++i) scores[i] = p[i] < least ? kNever : scores[i];
  }
  return softmax(scores);
}

TEST(Sample, GreedyTakesTheHighestAndOnTiesTheLowestId) {
  SamplingOptions options;
  options.temperature = 0;
  EXPECT_EQ(MustSample({1, 5, 5, 2, 5}, options), 1);
  EXPECT_EQ(MustSample({-3, -2, -2}, options), 1);
  EXPECT_EQ(MustSample({0.0f, -0.0f}, options), 0);
  options.suppressed = {1};
  EXPECT_EQ(MustSample({1, 5, 5, 2, 5}, options), 2);
  options.logit_bias = {{3, 4.0f}};
  EXPECT_EQ(MustSample({1, 5, 5, 2, 5}, options), 3);
}

TEST(Sample, TopKKeepsTies) {
  SamplingOptions options = Plain();
  options.top_k = 2;
  EXPECT_EQ(Drawn({1, 3, 2, 2, 1.9f, 2}, options), (std::set<TokenId>{1, 2, 3, 5}));
  options.top_k = 1;
  EXPECT_EQ(Drawn({1, 3, 2, 2}, options), (std::set<TokenId>{1}));
  options.top_k = 100;
  EXPECT_EQ(Drawn({1, 1, 1}, options), (std::set<TokenId>{0, 1, 2}));
}

TEST(Sample, TopPKeepsTheShortestBeginningThatReachesP) {
  SamplingOptions options = Plain();
  std::vector<float> logits;
  for (const double p : {0.1, 0.5, 0.15, 0.25}) logits.push_back(static_cast<float>(std::log(p)));
  options.top_p = 0.45;
  EXPECT_EQ(Drawn(logits, options), (std::set<TokenId>{1}));
  options.top_p = 0.55;
  EXPECT_EQ(Drawn(logits, options), (std::set<TokenId>{1, 3}));
  options.top_p = 0.8;
  EXPECT_EQ(Drawn(logits, options), (std::set<TokenId>{1, 2, 3}));
  options.top_p = 0.95;
  EXPECT_EQ(Drawn(logits, options), (std::set<TokenId>{0, 1, 2, 3}));
  options.top_p = 1e-9;  // at least one
  EXPECT_EQ(Drawn(logits, options), (std::set<TokenId>{1}));
}

TEST(Sample, MinPDropsWhatIsMuchLessProbable) {
  SamplingOptions options = Plain();
  const std::vector<float> logits = {0, static_cast<float>(std::log(0.3)),
                                     static_cast<float>(std::log(0.1))};
  options.min_p = 0.2;
  EXPECT_EQ(Drawn(logits, options), (std::set<TokenId>{0, 1}));
  options.min_p = 1.0;
  EXPECT_EQ(Drawn({1, 1, 0.9f}, options), (std::set<TokenId>{0, 1}));
}

// A frequency of N draws lies within 6 standard deviations of its probability but once in 5e8; at
// most 20 ids times 60 cases are looked at, and the seeds are fixed.
TEST(Sample, DrawsWithTheProbabilitiesOfTransformers) {
  std::mt19937_64 random(1);
  constexpr int kDraws = 200000;
  const auto pick = [&](auto... values) {
    const double list[] = {static_cast<double>(values)...};
    return list[random() % std::size(list)];
  };
  for (int test_case = 0; test_case < 12; ++test_case) {
    std::vector<float> logits(20);
    for (float& l : logits) l = static_cast<float>(static_cast<int>(random() % 100)) / 20.0f;
    SamplingOptions options;
    options.temperature = pick(0.5, 1, 1.7);
    options.top_k = static_cast<int64_t>(pick(0, 3, 10, 64));
    options.top_p = pick(0.35, 0.777, 0.95, 1);
    options.min_p = pick(0, 0.05);
    options.seed = random();
    options.suppressed = {static_cast<TokenId>(random() % 20)};
    const auto expected = NaiveProbabilities({logits.begin(), logits.end()}, options);
    std::vector<int> counts(20, 0);
    std::vector<float> scratch;
    for (Pos p = 0; p < kDraws; ++p) {
      scratch = logits;
      ++counts[static_cast<size_t>(Sample(scratch, options, p, {}).value())];
    }
    EXPECT_EQ(counts[static_cast<size_t>(options.suppressed[0])], 0);
    for (size_t i = 0; i < 20; ++i) {
      const double p = expected[i];
      EXPECT_NEAR(counts[i], p * kDraws, 6 * std::sqrt(p * (1 - p) * kDraws) + 1e-6)
          << "case " << test_case << " id " << i;
    }
  }
}

TEST(Sample, KeepsExactlyWhatTransformersKeeps) {
  std::mt19937_64 random(2);
  for (int test_case = 0; test_case < 300; ++test_case) {
    // No two alike, since ties at top-p's border are cut in an order that transformers leaves open.
    std::vector<float> logits(12);
    for (float& l : logits) l = static_cast<float>(random() >> 40) * 0x1p-22f;
    SamplingOptions options;
    options.temperature = 3;
    options.top_k = static_cast<int64_t>(random() % 14);
    options.top_p = 0.3 + 0.07 * static_cast<double>(random() % 10);
    options.min_p = 0.1 * static_cast<double>(random() % 5);
    const auto expected = NaiveProbabilities({logits.begin(), logits.end()}, options);
    std::set<TokenId> kept;
    for (size_t i = 0; i < 12; ++i) {
      if (expected[i] > 0) kept.insert(static_cast<TokenId>(i));
    }
    // The least probable id that is kept has more than 1/300 here; 6000 draws miss it once in 5e8.
    EXPECT_EQ(Drawn(logits, options, 6000), kept) << test_case;
  }
}

TEST(Sample, PenaltyDividesPositiveAndMultipliesNegativeLogitsOnce) {
  SamplingOptions options = Plain();
  options.temperature = 0;
  options.repetition_penalty = 2.0;
  std::vector<float> logits = {4, 3, -1, -3, 0};
  ASSERT_EQ(Sample(logits, options, 0, std::vector<TokenId>{0, 2, 0, 4, 2}).value(), 1);
  EXPECT_EQ(logits, (std::vector<float>{2, 3, -2, -3, 0}));
  // Ids of another vocabulary are no reason to write elsewhere.
  EXPECT_EQ(MustSample({4, 3}, options, 0, {-1, 2, INT32_MAX, INT32_MIN}), 0);
}

TEST(Sample, BiasComesBeforePenaltyAndSuppressionIsLast) {
  SamplingOptions options = Plain();
  options.temperature = 0;
  options.repetition_penalty = 2.0;
  options.logit_bias = {{0, 1.0f}, {1, 1000.0f}};
  options.suppressed = {1};
  std::vector<float> logits = {4, 3};
  ASSERT_EQ(Sample(logits, options, 0, std::vector<TokenId>{0}).value(), 0);
  EXPECT_EQ(logits, (std::vector<float>{2.5f, kNever}));
}

TEST(Sample, IsAFunctionOfSeedAndPosition) {
  const std::vector<float> logits(1000, 0.0f);
  SamplingOptions options = Plain();
  std::vector<TokenId> text, again, other;
  for (Pos p = 0; p < 50; ++p) text.push_back(MustSample(logits, options, p));
  for (Pos p = 49; p >= 0; --p) again.insert(again.begin(), MustSample(logits, options, p));
  options.seed = 1;
  for (Pos p = 0; p < 50; ++p) other.push_back(MustSample(logits, options, p));
  EXPECT_EQ(text, again);
  EXPECT_NE(text, other);
  EXPECT_GT(std::set<TokenId>(text.begin(), text.end()).size(), 40u);
}

TEST(Sample, ColdIsGreedyAndNothingOverflows) {
  SamplingOptions options = Plain();
  for (const double temperature : {1e-300, 1e-10, 1e-3}) {
    options.temperature = temperature;
    EXPECT_EQ(Drawn({1, 30, 2, -30}, options, 200), (std::set<TokenId>{1}));
  }
  options.temperature = 100;
  EXPECT_EQ(Drawn({3e38f, -3e38f}, options, 200), (std::set<TokenId>{0}));
}

// Biases add up, and two of the largest make infinity: that token is then the only one.
TEST(Sample, AnInfiniteLogitWins) {
  SamplingOptions options = Plain();
  options.logit_bias = {{2, 3e38f}, {2, 3e38f}};
  EXPECT_EQ(Drawn({1, 30, 2, 5}, options, 50), (std::set<TokenId>{2}));
}

TEST(Sample, FailsWhenNothingIsLeft) {
  SamplingOptions options;
  options.suppressed = {0, 1, 2};
  for (const double temperature : {0.0, 1.0}) {
    options.temperature = temperature;
    std::vector<float> logits = {1, 2, 3};
    EXPECT_FALSE(Sample(logits, options, 0, {}).has_value());
    logits.assign(5, kNaN);
    EXPECT_FALSE(Sample(logits, options, 0, {}).has_value());
    logits.assign(5, kNever);
    EXPECT_FALSE(Sample(logits, options, 0, {}).has_value());
  }
}

TEST(Sample, NeverChoosesWhatIsNotANumber) {
  SamplingOptions options;
  for (const int64_t top_k : {0, 1, 2, 3}) {
    options.top_k = top_k;
    for (const TokenId id : Drawn({kNaN, 1, kNaN, 2, kNever, 1.5f, kNaN}, options, 500)) {
      EXPECT_TRUE(id == 1 || id == 3 || id == 5) << id << " with top_k " << top_k;
    }
  }
}

TEST(UniformAt, LooksUniform) {
  constexpr int kDraws = 200000;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, UINT64_MAX}) {
    double sum = 0, squares = 0, product = 0, last = 0.5;
    for (Pos p = 0; p < kDraws; ++p) {
      const double x = UniformAt(seed, p);
      ASSERT_TRUE(x >= 0 && x < 1);
      sum += x;
      squares += (x - 0.5) * (x - 0.5);
      product += (x - 0.5) * (last - 0.5);
      last = x;
    }
    // Standard deviations of one draw: sqrt(1/12) = 0.289, sqrt(1/180) = 0.0745, 1/12 = 0.0833.
    const double root = std::sqrt(static_cast<double>(kDraws));
    EXPECT_NEAR(sum / kDraws, 0.5, 6 * 0.289 / root);
    EXPECT_NEAR(squares / kDraws, 1.0 / 12, 6 * 0.0745 / root);
    EXPECT_NEAR(product / kDraws, 0, 6 * 0.0833 / root);
  }
  EXPECT_NE(UniformAt(0, 1), UniformAt(1, 0));
}

void ExpectRefused(const SamplingOptions& options, const std::string& name) {
  const auto result = ValidateSampling(options, 100);
  ASSERT_FALSE(result.has_value()) << name;
  EXPECT_EQ(result.error().where, name);
  EXPECT_FALSE(result.error().wanted.empty());
}

TEST(ValidateSampling, NamesTheOptionThatIsOutOfRange) {
  ASSERT_OK(ValidateSampling({}, 100));
  ASSERT_OK(ValidateSampling({.temperature = 0, .top_k = 0, .top_p = 1, .min_p = 1}, 100));
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {-0.1, 100.5, infinity, double{kNaN}}) {
    ExpectRefused({.temperature = bad}, "temperature");
    ExpectRefused({.top_p = bad}, "top_p");
    ExpectRefused({.min_p = bad}, "min_p");
    ExpectRefused({.repetition_penalty = bad}, "repetition_penalty");
  }
  ExpectRefused({.top_k = -1}, "top_k");
  ExpectRefused({.top_p = 0}, "top_p");
  ExpectRefused({.top_p = 1.01}, "top_p");
  ExpectRefused({.repetition_penalty = 0}, "repetition_penalty");
  for (const TokenId bad : {-1, 100, INT32_MAX}) {
    ExpectRefused({.logit_bias = {{bad, 1.0f}}}, "logit_bias");
    ExpectRefused({.suppressed = {3, bad}}, "suppress_tokens");
  }
  ExpectRefused({.logit_bias = {{1, kNaN}}}, "logit_bias");
  ExpectRefused({.logit_bias = {{1, -kNever}}}, "logit_bias");
  ASSERT_OK(ValidateSampling({.logit_bias = {{99, -100.0f}}, .suppressed = {0, 99}}, 100));
}

}  // namespace
}  // namespace carat
