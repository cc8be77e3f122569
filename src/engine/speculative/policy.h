// DraftPolicy: how many tokens to draft, from what drafts were worth lately and what passes cost.
// docs/drafting.md explains the method.
#pragma once

#include <array>
#include <cstddef>

namespace carat {

// Texts whose drafts fare differently; whoever reads the chat format names them.
enum class TextKind { kAnswer, kThinking, kToolCall };
inline constexpr size_t kNumTextKinds = 3;

inline constexpr size_t kMaxDraftDepth = 8;
inline constexpr size_t kMaxPassRows = 16;  // of generated tokens and drafts, of all timelines

// Seconds.
struct DraftCosts {
  std::array<double, kMaxPassRows + 1> pass = {};  // [n] of the target with n tokens; [0] unused
  double draft = 0;                                // one step of the drafter
};

// Pure: it knows neither clock nor model. One owner thread.
class DraftPolicy {
 public:
  explicit DraftPolicy(const DraftCosts& costs);

  struct Plan {
    size_t depth = 0;    // drafts to make
    bool verify = true;  // false: one draft to learn from, which is not run by the target
  };
  // For the next round, of at most `most` drafts. `beside`: tokens of other timelines that the pass
  // will run too. What counts then is the speed of all together.
  Plan Choose(TextKind kind, size_t most, size_t beside = 0);

  // The next draft of the round has this probability: whether to make another.
  bool GoesOn(TextKind kind, double probability);
  // How many of the round's drafts, the first ones, are worth a row in the pass.
  size_t WorthChecking(TextKind kind) const;

  // What came of it. A draft counts if all before it in its round were right.
  void SawDraft(TextKind kind, size_t position, double probability, bool right);
  void SawDraftSteps(size_t steps, double seconds);
  // Of so many own rows, and those of others.
  void SawPass(size_t rows, double seconds, size_t beside = 0);
  void SawAccepted();  // a draft was accepted: its token needs no pass of its own

  // Seconds that a pass of so many tokens takes now, about.
  double PassSeconds(size_t rows) const;
  double DraftSeconds() const;
  // Seconds of a token without drafts now: its share of a pass.
  double PlainSeconds() const;
  // Tokens per second that are expected of a depth, of all timelines in the pass.
  double Rate(TextKind kind, size_t depth) const;
  // The share of first drafts that stood lately, of any kind of text.
  double Acceptance() const;
  size_t num_seen() const { return seen_; }  // first drafts, all time

 private:
  // A share that forgets.
  struct Share {
    double hits = 0, tries = 0;
    void Add(bool hit, double keep);
    double Of(double prior, double weight) const;
  };
  static constexpr size_t kBuckets = 10;
  static size_t Bucket(double probability);
  struct Kind {
    std::array<Share, kMaxDraftDepth> by_position = {};
    std::array<Share, kBuckets> by_probability = {};
    size_t since_draft = 0;  // rounds without any
    bool promising = false;  // the last first draft was right
  };
  double Stands(const Kind& kind, size_t position) const;
  double StandsBy(const Kind& kind, double probability) const;
  double BestRate(TextKind kind) const;
  bool MayLearn() const;
  bool MayDraft() const;
  void Earn(double seconds);

  std::array<Kind, kNumTextKinds> kinds_;
  std::array<double, kMaxPassRows + 1> log_pass_ = {};
  size_t beside_ = 0;  // rows of others in the last pass
  double log_draft_ = 0;
  // Seconds won against plain decoding, about: what may be spent on learning and bad luck.
  double balance_ = 0;
  // That the round's first 0, 1, 2, … drafts stand.
  std::array<double, kMaxDraftDepth + 1> chances_ = {1};
  size_t drafted_ = 0;
  size_t since_plain_ = 0, since_many_ = 0;  // passes since one of a single token, of several
  Share lately_;
  size_t seen_ = 0;
};

}  // namespace carat
