#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <unordered_set>

namespace carat {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

struct Candidate {
  TokenId id;
  float logit;
  double probability;
};

uint64_t SplitMix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

void ApplyPenalty(std::span<float> logits, double penalty, std::span<const TokenId> history) {
  if (penalty == 1.0) return;
  const auto factor = static_cast<float>(penalty);
  std::unordered_set<TokenId> seen;
  for (const TokenId id : history) {
    if (id < 0 || static_cast<size_t>(id) >= logits.size() || !seen.insert(id).second) continue;
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / factor : logit * factor;
  }
}

Result<TokenId> ArgMax(std::span<const float> logits) {
  TokenId best = -1;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > (best < 0 ? kNever : logits[static_cast<size_t>(best)]))
      best = static_cast<TokenId>(i);
  }
  if (best >= 0) return best;
  return Fail({.what = "no token can be chosen: every logit is suppressed or not a number"});
}

// The k-th highest logit, or the lowest possible if there are fewer.
float KthHighest(std::span<const float> logits, size_t k) {
  std::vector<float> heap;  // the k highest so far, the lowest of them on top
  heap.reserve(k + 1);
  for (const float logit : logits) {
    if (!(logit > kNever)) continue;  // suppressed, or not a number
    if (heap.size() == k && logit <= heap.front()) continue;
    if (heap.size() == k) {
      std::pop_heap(heap.begin(), heap.end(), std::greater());
      heap.pop_back();
    }
    heap.push_back(logit);
    std::push_heap(heap.begin(), heap.end(), std::greater());
  }
  return heap.size() == k ? heap.front() : kNever;
}

// What temperature and top-k leave, most probable first, with probabilities that sum to one.
std::vector<Candidate> Candidates(std::span<const float> logits, const SamplingOptions& options) {
  const auto k = static_cast<size_t>(options.top_k);
  const float least = k > 0 && k < logits.size() ? KthHighest(logits, k) : kNever;
  std::vector<Candidate> all;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= least && logits[i] != kNever)
      all.push_back({static_cast<TokenId>(i), logits[i], 0});
  }
  std::ranges::sort(all, [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  double sum = 0;
  for (Candidate& c : all) {
    // Equal logits may both be infinite: their difference is no number.
    const bool top = c.logit == all[0].logit;
    c.probability =
        top ? 1.0 : std::exp((double{c.logit} - double{all[0].logit}) / options.temperature);
    sum += c.probability;
  }
  for (Candidate& c : all) c.probability /= sum;
  return all;
}

// Keeps the shortest beginning whose probabilities reach p; at least one (section 11).
void KeepTopP(std::vector<Candidate>& all, double p) {
  if (p >= 1.0) return;
  double before = 0;
  size_t keep = 0;
  while (keep < all.size() && (keep == 0 || before < p)) before += all[keep++].probability;
  all.resize(keep);
}

void KeepMinP(std::vector<Candidate>& all, double min_p) {
  if (min_p <= 0) return;
  const double least = all[0].probability * min_p;
  std::erase_if(all, [&](const Candidate& c) { return c.probability < least; });
}

Status Range(std::string_view name, double value, bool holds, std::string wanted) {
  if (holds) return {};
  return Fail({.what = "a sampling option is out of range",
               .where = std::string(name),
               .wanted = std::move(wanted),
               .found = std::to_string(value)});
}

}  // namespace

double UniformAt(uint64_t seed, Pos position) {
  const uint64_t bits = SplitMix64(
      SplitMix64(seed) ^ SplitMix64(static_cast<uint64_t>(position) + 0x632BE59BD9B4E019ULL));
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

Status ValidateSampling(const SamplingOptions& options, int64_t vocab) {
  // Not-a-number fails every comparison and so every range.
  CARAT_TRY(Range("temperature", options.temperature,
                  options.temperature >= 0 && options.temperature <= 100, "0 to 100"));
  CARAT_TRY(Range("top_k", static_cast<double>(options.top_k), options.top_k >= 0, "0 or more"));
  CARAT_TRY(
      Range("top_p", options.top_p, options.top_p > 0 && options.top_p <= 1, "above 0, at most 1"));
  CARAT_TRY(Range("min_p", options.min_p, options.min_p >= 0 && options.min_p <= 1, "0 to 1"));
  CARAT_TRY(Range("repetition_penalty", options.repetition_penalty,
                  options.repetition_penalty > 0 && options.repetition_penalty <= 100,
                  "above 0, at most 100"));
  const std::string ids = "ids from 0 to " + std::to_string(vocab - 1);
  for (const auto& [id, bias] : options.logit_bias) {
    CARAT_TRY(Range("logit_bias", id, id >= 0 && id < vocab, ids));
    CARAT_TRY(Range("logit_bias", bias, std::isfinite(bias), "a finite number"));
  }
  for (const TokenId id : options.suppressed) {
    CARAT_TRY(Range("suppress_tokens", id, id >= 0 && id < vocab, ids));
  }
  return {};
}

void ForbidOthers(std::span<float> logits, Constraint& constraint, const SamplingOptions& options,
                  std::vector<uint64_t>& mask) {
  const bool plain = options.logit_bias.empty() && options.repetition_penalty == 1.0;
  if (options.temperature == 0 && plain) {
    for (const TokenId id : options.suppressed) logits[static_cast<size_t>(id)] = kNever;
    if (const auto best = ArgMax(logits); best && constraint.Allows(*best)) return;
  }
  mask.resize((logits.size() + 63) / 64);
  constraint.FillMask(mask);
  for (size_t i = 0; i < logits.size(); i += 64) {
    const uint64_t bits = mask[i / 64];
    if (bits == ~uint64_t{0}) continue;
    const size_t end = std::min(logits.size(), i + 64);
    for (size_t j = i; j < end; ++j)
      if ((bits >> (j - i) & 1) == 0) logits[j] = kNever;
  }
}

Result<TokenId> Sample(std::span<float> logits, const SamplingOptions& options, Pos position,
                       std::span<const TokenId> history) {
  for (const auto& [id, bias] : options.logit_bias) logits[static_cast<size_t>(id)] += bias;
  ApplyPenalty(logits, options.repetition_penalty, history);
  for (const TokenId id : options.suppressed) logits[static_cast<size_t>(id)] = kNever;
  CARAT_ASSIGN(const TokenId best, ArgMax(logits));
  if (options.temperature == 0) return best;

  std::vector<Candidate> all = Candidates(logits, options);
  KeepTopP(all, options.top_p);
  KeepMinP(all, options.min_p);
  double sum = 0;
  for (const Candidate& c : all) sum += c.probability;
  double left = UniformAt(options.seed, position) * sum;
  for (const Candidate& c : all) {
    left -= c.probability;
    if (left < 0) return c.id;
  }
  return all.back().id;  // rounding left a remainder
}

}  // namespace carat
