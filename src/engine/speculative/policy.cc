#include "engine/speculative/policy.h"

#include <algorithm>
#include <cmath>

namespace carat {
namespace {

// Of these numbers none is delicate; policy_test.cc holds what they are for.
constexpr double kKeepRound = 0.82;   // of what rounds told, per round: about five of them count
constexpr double kKeepDraft = 0.98;   // of what probabilities told, per draft
constexpr double kPrior = 0.6;        // that a first draft stands, before any was seen
constexpr double kDeeper = 0.95;      // that over the draft before it, before any was seen
constexpr double kPriorWeight = 1.0;  // in rounds
constexpr double kLearnOwn = 0.2, kLearnOthers = 0.15;  // of a surprise in a pass's seconds
constexpr double kWorthIt = 1.02;                       // times the plain rate, or it is left
constexpr double kShare = 0.008;  // of plain seconds that may be lost to learning
constexpr double kAhead = 0.5;    // plain tokens that may be lost before any is won
constexpr double kSavings = 4.0, kSavingsSeconds = 0.4;  // that earlier luck may pay for, at most
// Plain tokens that bad luck may leave to be paid back; so much of them before it is tried again.
constexpr double kDebt = 1.0, kRelief = 0.1;
constexpr double kInterrupted = 1.5;   // times the usual seconds of a pass that are the pass's own
constexpr size_t kPlainEvery = 48;     // passes between two of one token, to know their seconds
constexpr size_t kManyEvery = 48;      // passes between two of several tokens, for the same
constexpr size_t kHopelessAfter = 64;  // drafts
constexpr double kHopeless = 0.03;
constexpr size_t kHopelessEvery = 32;  // tokens between two drafts to learn from

}  // namespace

void DraftPolicy::Share::Add(bool hit, double keep) {
  hits = hits * keep + (hit ? 1.0 : 0.0);
  tries = tries * keep + 1.0;
}

double DraftPolicy::Share::Of(double prior, double weight) const {
  return (hits + prior * weight) / (tries + weight);
}

DraftPolicy::DraftPolicy(const DraftCosts& costs) {
  for (size_t n = 1; n < log_pass_.size(); ++n) log_pass_[n] = std::log(costs.pass[n]);
  log_draft_ = std::log(costs.draft);
  balance_ = std::min(kAhead * costs.pass[1], kSavingsSeconds);
}

double DraftPolicy::PassSeconds(size_t rows) const {
  return std::exp(log_pass_[std::clamp<size_t>(rows, 1, log_pass_.size() - 1)]);
}

double DraftPolicy::PlainSeconds() const {
  return PassSeconds(beside_ + 1) / static_cast<double>(beside_ + 1);
}

double DraftPolicy::DraftSeconds() const { return std::exp(log_draft_); }

// That the draft at a position stands if those before it do. What was not seen lately is guessed
// from the position before.
double DraftPolicy::Stands(const Kind& kind, size_t position) const {
  const double usual = lately_.Of(kPrior, kPriorWeight);
  double share = usual;
  for (size_t i = 0; i <= position; ++i)
    share = kind.by_position[i].Of(i == 0 ? usual : kDeeper * share, kPriorWeight);
  return share;
}

size_t DraftPolicy::Bucket(double probability) {
  return static_cast<size_t>(std::clamp(probability, 0.0, 0.999) * static_cast<double>(kBuckets));
}

double DraftPolicy::StandsBy(const Kind& kind, double probability) const {
  return kind.by_probability[Bucket(probability)].Of(probability, 2 * kPriorWeight);
}

double DraftPolicy::Rate(TextKind kind, size_t depth) const {
  const Kind& k = kinds_[static_cast<size_t>(kind)];
  double tokens = static_cast<double>(beside_ + 1), chance = 1;
  for (size_t i = 0; i < depth; ++i) {
    chance *= Stands(k, i);
    tokens += chance;
  }
  return tokens / (PassSeconds(beside_ + depth + 1) + static_cast<double>(depth) * DraftSeconds());
}

double DraftPolicy::Acceptance() const { return lately_.Of(0, 0.001); }

bool DraftPolicy::MayLearn() const { return balance_ > 0; }
bool DraftPolicy::MayDraft() const { return balance_ > -(kDebt - kRelief) * PlainSeconds(); }

DraftPolicy::Plan DraftPolicy::Choose(TextKind kind, size_t most, size_t beside) {
  Kind& k = kinds_[static_cast<size_t>(kind)];
  drafted_ = 0;
  beside_ = beside;
  const Plan plain{.depth = 0};
  most = std::min({most, kMaxDraftDepth, seen_ + 1});  // step by step while nothing is known
  if (most == 0) return plain;
  size_t best = 0;
  double rate = kWorthIt * Rate(kind, 0);
  for (size_t depth = 1; depth <= most; ++depth) {
    if (const double r = Rate(kind, depth); r > rate) {
      rate = r;
      best = depth;
    }
  }
  // Now and then a pass of one token, or nobody would know what drafting is measured against.
  if (best > 0 && MayDraft()) {
    if (since_plain_ < kPlainEvery) {
      k.since_draft = 0;
      return {.depth = best};
    }
    return plain;
  }
  // Nor would anybody know that passes of several tokens have become cheaper.
  if (best == 0 && Stands(k, 0) > 0.5 && since_many_ >= kManyEvery && MayLearn()) {
    k.since_draft = 0;
    return {.depth = 1};
  }
  // A draft that is not run by the target costs little and tells as much about the first position.
  ++k.since_draft;
  const bool hopeless = seen_ >= kHopelessAfter && Acceptance() < kHopeless;
  const size_t pause = hopeless ? kHopelessEvery : k.promising ? 1 : 2;
  if (MayLearn() && k.since_draft >= pause) {
    k.since_draft = 0;
    return {.depth = 1, .verify = false};
  }
  return plain;
}

double DraftPolicy::BestRate(TextKind kind) const {
  double best = 0;
  for (size_t depth = 0; depth <= kMaxDraftDepth; ++depth) best = std::max(best, Rate(kind, depth));
  return best;
}

// A step costs what else could be decoded meanwhile.
bool DraftPolicy::GoesOn(TextKind kind, double probability) {
  const Kind& k = kinds_[static_cast<size_t>(kind)];
  if (drafted_ == kMaxDraftDepth) return false;
  const double chance = chances_[drafted_] * StandsBy(k, probability);
  chances_[++drafted_] = chance;
  return drafted_ < kMaxDraftDepth &&
         chance * Stands(k, drafted_) > DraftSeconds() * BestRate(kind);
}

size_t DraftPolicy::WorthChecking(TextKind kind) const {
  const double rate = BestRate(kind);
  size_t best = 0;
  double tokens = 0, most = 0;
  for (size_t n = 1; n <= drafted_; ++n) {
    tokens += chances_[n];
    const double more = PassSeconds(beside_ + n + 1) - PassSeconds(beside_ + 1);
    const double won = tokens - more * rate;
    if (won > most) {
      most = won;
      best = n;
    }
  }
  return best;
}

void DraftPolicy::SawDraft(TextKind kind, size_t position, double probability, bool right) {
  Kind& k = kinds_[static_cast<size_t>(kind)];
  if (position == 0) {
    for (Share& share : k.by_position) {
      share.hits *= kKeepRound;
      share.tries *= kKeepRound;
    }
    lately_.Add(right, kKeepDraft);
    ++seen_;
    k.promising = right;
  }
  if (position < kMaxDraftDepth) k.by_position[position].Add(right, 1.0);
  k.by_probability[Bucket(probability)].Add(right, kKeepDraft);
}

void DraftPolicy::SawDraftSteps(size_t steps, double seconds) {
  if (steps == 0 || seconds <= 0) return;
  const double surprise =
      std::clamp(std::log(seconds / static_cast<double>(steps)) - log_draft_, -0.7, 0.7);
  const double usual = DraftSeconds() * static_cast<double>(steps);
  log_draft_ += kLearnOwn * surprise;
  Earn(-std::min(seconds, kInterrupted * usual));
}

// A surprise is the machine's for the most, which all passes share, and a little this pass's own. A
// pass of one token is plain decoding, however long it took; what interrupts a longer one would
// have interrupted that too.
void DraftPolicy::SawPass(size_t rows, double seconds, size_t beside) {
  const size_t all = rows + beside;
  if (rows == 0 || all >= log_pass_.size() || seconds <= 0) return;
  beside_ = beside;
  const double surprise = std::clamp(std::log(seconds) - log_pass_[all], -0.7, 0.7);
  const double usual = PassSeconds(all);
  for (size_t n = 1; n < log_pass_.size(); ++n)
    log_pass_[n] += (n == all ? kLearnOwn : kLearnOthers) * surprise;
  since_plain_ = rows == 1 ? 0 : since_plain_ + 1;
  since_many_ = rows > 1 ? 0 : since_many_ + 1;
  const double won =
      rows == 1 ? 0 : PassSeconds(beside + 1) - std::min(seconds, kInterrupted * usual);
  Earn(won + kShare * PlainSeconds());
}

void DraftPolicy::SawAccepted() { Earn((1 + kShare) * PlainSeconds()); }

void DraftPolicy::Earn(double seconds) {
  const double plain = PlainSeconds();
  balance_ =
      std::clamp(balance_ + seconds, -kDebt * plain, std::min(kSavings * plain, kSavingsSeconds));
}

}  // namespace carat
