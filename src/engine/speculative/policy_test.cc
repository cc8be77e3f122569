// What the policy makes of text and machines that are simulated: seconds are counted, not measured.
#include "engine/speculative/policy.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

namespace carat {
namespace {

// Costs of a pass of n tokens over those of one, as measured on real machines.
DraftCosts Costs(double second_row, double per_row, double draft, double one = 0.2) {
  DraftCosts costs;
  for (size_t n = 1; n < costs.pass.size(); ++n) {
    costs.pass[n] = one * (n == 1 ? 1.0 : 1.0 + second_row + per_row * static_cast<double>(n - 2));
  }
  costs.draft = one * draft;
  return costs;
}

DraftCosts Amx() { return Costs(0.08, 0.04, 0.045); }
DraftCosts Dear() { return Costs(0.9, 0.15, 0.07); }  // where drafting can't pay but on easy text

// A stream of tokens. Whether a draft is right is drawn by a probability that depends on the place;
// the drafter knows more or less how sure it is.
struct Simulation {
  explicit Simulation(const DraftCosts& assumed) : policy(assumed) {}

  DraftPolicy policy;
  std::mt19937_64 random{7};
  double seconds = 0, plain_seconds = 0;
  std::vector<double> depths;  // at each token

  // `right(token)`: that a draft of this token is right. `truth`: real costs.
  void Run(size_t tokens, const DraftCosts& truth, const std::function<double(size_t)>& right,
           TextKind kind = TextKind::kAnswer, double noise = 0) {
    std::uniform_real_distribution<double> uniform;
    std::lognormal_distribution<double> factor(0, noise);
    for (size_t token = 0; token < tokens;) {
      const DraftPolicy::Plan plan = policy.Choose(kind, 100);
      std::vector<bool> stands;
      std::vector<double> sure;
      bool goes_on = true;
      while (goes_on && stands.size() < plan.depth) {
        const double p = right(token + stands.size());
        stands.push_back(uniform(random) < p);
        sure.push_back(std::min(0.99, std::max(0.01, p + 0.2 * (uniform(random) - 0.5))));
        goes_on = policy.GoesOn(kind, sure.back());
      }
      const size_t run = plan.verify ? policy.WorthChecking(kind) : 0;
      // What the policy sees is noisy; what counts is what there is to expect.
      const double drafting = static_cast<double>(stands.size()) * truth.draft;
      const double pass = truth.pass[run + 1];
      policy.SawDraftSteps(stands.size(), drafting * factor(random));
      policy.SawPass(run + 1, pass * factor(random));
      seconds += drafting + pass;
      size_t stood = 0;
      for (size_t i = 0; i < stands.size(); ++i) {
        policy.SawDraft(kind, i, sure[i], stands[i]);
        if (!stands[i]) break;
        if (i < run) {
          ++stood;
          policy.SawAccepted();
        }
      }
      for (size_t i = 0; i <= stood; ++i)
        depths.push_back(static_cast<double>(plan.verify ? plan.depth : 0));
      token += stood + 1;
      plain_seconds += static_cast<double>(stood + 1) * truth.pass[1];
    }
  }
  double speed() const { return plain_seconds / seconds; }
  // The speed of so many more tokens alone.
  double SpeedOf(size_t tokens, const DraftCosts& truth,
                 const std::function<double(size_t)>& right) {
    const double before = seconds, plain_before = plain_seconds;
    Run(tokens, truth, right);
    return (plain_seconds - plain_before) / (seconds - before);
  }
  double MeanDepth(size_t begin, size_t end) const {
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += depths[i];
    return sum / static_cast<double>(end - begin);
  }
};

std::function<double(size_t)> Always(double p) {
  return [p](size_t) { return p; };
}

// The best that a fixed depth reaches at an acceptance.
double BestFixed(const DraftCosts& costs, double p) {
  double best = 1;
  for (size_t depth = 1; depth <= kMaxDraftDepth; ++depth) {
    double tokens = 1, chance = 1;
    for (size_t i = 0; i < depth; ++i) tokens += chance *= p;
    best = std::max(best, tokens * costs.pass[1] /
                              (costs.pass[depth + 1] + static_cast<double>(depth) * costs.draft));
  }
  return best;
}

TEST(DraftPolicy, ReachesNearlyWhatTheBestFixedDepthDoes) {
  for (const double p : {0.3, 0.5, 0.7, 0.85, 0.95}) {
    for (const DraftCosts& costs : {Amx(), Costs(0.2, 0.12, 0.05)}) {
      Simulation s(costs);
      s.Run(2000, costs, Always(p));
      EXPECT_GT(s.speed(), 0.92 * BestFixed(costs, p)) << p;
    }
    // Where the second row costs nearly another pass, only long runs pay, and they are met less.
    Simulation s(Dear());
    s.Run(2000, Dear(), Always(p));
    EXPECT_GT(s.speed(), 0.7 * BestFixed(Dear(), p)) << p;
  }
}

TEST(DraftPolicy, IsNeverMuchSlowerThanPlain) {
  for (const DraftCosts& costs : {Amx(), Costs(0.2, 0.12, 0.05), Dear(), Costs(2, 1, 0.3)}) {
    for (const double p : {0.0, 0.02, 0.1, 0.2, 0.4}) {
      for (const size_t tokens : {240, 2000}) {  // a minute, and more
        for (const double noise : {0.0, 0.2}) {
          double sum = 0;
          constexpr int kRuns = 8;
          for (int run = 0; run < kRuns; ++run) {
            Simulation s(costs);
            s.random.seed(static_cast<uint64_t>(run));
            s.Run(tokens, costs, Always(p), TextKind::kAnswer, noise);
            EXPECT_GT(s.speed(), noise == 0 ? 0.98 : 0.95) << p << " of " << tokens;
            sum += s.speed();
          }
          EXPECT_GT(sum / kRuns, 0.98) << p << " of " << tokens << ", noise " << noise;
        }
      }
    }
  }
}

// The luck of easy text is not lost on hard text that comes after it.
TEST(DraftPolicy, LosesLittleInAMinuteAfterEasyText) {
  for (const DraftCosts& costs : {Amx(), Costs(0.2, 0.12, 0.05)}) {
    for (const double p : {0.0, 0.05, 0.2}) {
      for (const double one : {0.2, 0.8}) {  // seconds of a token
        DraftCosts scaled = costs;
        for (double& seconds : scaled.pass) seconds *= one / 0.2;
        scaled.draft *= one / 0.2;
        double sum = 0;
        constexpr int kRuns = 8;
        for (int run = 0; run < kRuns; ++run) {
          Simulation s(scaled);
          s.random.seed(static_cast<uint64_t>(run));
          s.Run(300, scaled, Always(0.95));
          sum += s.SpeedOf(static_cast<size_t>(60 / one), scaled, Always(p));
        }
        EXPECT_GT(sum / kRuns, 0.97) << p << " at " << one;
      }
    }
  }
}

// A machine that recovers while drafting goes on: what plain decoding would take is not overrated.
TEST(DraftPolicy, NoticesThatTheMachineHasRecovered) {
  const DraftCosts slow = Costs(0.2, 0.12, 0.05, 0.6), fast = Costs(0.2, 0.12, 0.05);
  double sum = 0;
  constexpr int kRuns = 8;
  for (int run = 0; run < kRuns; ++run) {
    Simulation s(fast);
    s.random.seed(static_cast<uint64_t>(run));
    s.Run(150, slow, Always(0.95));
    s.Run(30, fast, Always(0.95));
    sum += s.SpeedOf(300, fast, Always(0.2));
  }
  EXPECT_GT(sum / kRuns, 0.96);
}

TEST(DraftPolicy, AStallIsForgotten) {
  Simulation s(Amx());
  s.Run(300, Amx(), Always(0.95));
  s.policy.SawDraftSteps(1, 5.0);
  s.policy.SawPass(4, 5.0);
  EXPECT_GT(s.SpeedOf(200, Amx(), Always(0.95)), 2);
}

TEST(DraftPolicy, FollowsTextThatFlips) {
  const DraftCosts costs = Amx();
  Simulation s(costs);
  constexpr size_t kPhase = 100;
  s.Run(2000, costs, [](size_t token) { return token / kPhase % 2 == 0 ? 0.95 : 0.02; });
  for (size_t phase = 2; phase < 19; ++phase) {
    const double depth = s.MeanDepth(phase * kPhase + 20, (phase + 1) * kPhase);
    if (phase % 2 == 0) {
      EXPECT_GT(depth, 3) << phase;
    } else {
      EXPECT_LT(depth, 1) << phase;
    }
  }
  EXPECT_GT(s.speed(), 1.2);
}

TEST(DraftPolicy, NeverLosesOnTextThatFlipsQuickly) {
  for (const size_t phase : {3, 10, 30}) {
    Simulation s(Costs(0.2, 0.12, 0.05));
    s.Run(2000, Costs(0.2, 0.12, 0.05),
          [phase](size_t token) { return token / phase % 2 == 0 ? 0.9 : 0.0; });
    EXPECT_GT(s.speed(), 0.98) << phase;
  }
}

TEST(DraftPolicy, KindsOfTextHaveDepthsOfTheirOwn) {
  const DraftCosts costs = Amx();
  Simulation s(costs);
  for (int turn = 0; turn < 10; ++turn) {
    s.Run(40, costs, Always(0.05), TextKind::kThinking);
    s.Run(40, costs, Always(0.95), TextKind::kToolCall);
  }
  EXPECT_LT(s.policy.Choose(TextKind::kThinking, 8).depth, 2u);
  EXPECT_GT(s.policy.Choose(TextKind::kToolCall, 8).depth, 3u);
}

TEST(DraftPolicy, LearnsWhatPassesCost) {
  // It was told that rows are cheap; they are dear.
  Simulation s(Amx());
  const DraftCosts truth = Costs(1.0, 0.5, 0.2);
  s.Run(3000, truth, Always(0.6));
  EXPECT_GT(s.speed(), 0.97);
  // And the other way round.
  Simulation t(Costs(1.0, 0.5, 0.2));
  t.Run(3000, Amx(), Always(0.9));
  EXPECT_GT(t.speed(), 1.5);
}

TEST(DraftPolicy, AMachineThatSlowsDownIsNoReasonToStop) {
  Simulation s(Amx());
  s.Run(300, Amx(), Always(0.9));
  s.Run(300, Costs(0.08, 0.04, 0.045, 0.6), Always(0.9));
  EXPECT_GT(s.MeanDepth(400, 600), 3);
}

TEST(DraftPolicy, HeedsWhatIsWanted) {
  DraftPolicy policy(Amx());
  for (int i = 0; i < 50; ++i) policy.SawDraft(TextKind::kAnswer, 0, 0.9, true);
  EXPECT_EQ(policy.Choose(TextKind::kAnswer, 0).depth, 0u);
  EXPECT_LE(policy.Choose(TextKind::kAnswer, 2).depth, 2u);
}

TEST(DraftPolicy, UnsureDraftsAreNotRun) {
  DraftPolicy policy(Costs(0.2, 0.2, 0.05));
  for (int i = 0; i < 200; ++i) {
    policy.SawDraft(TextKind::kAnswer, 0, 0.95, true);
    policy.SawDraft(TextKind::kAnswer, 1, 0.05, false);
  }
  ASSERT_GT(policy.Choose(TextKind::kAnswer, 8).depth, 0u);
  EXPECT_FALSE(policy.GoesOn(TextKind::kAnswer, 0.05));
  EXPECT_EQ(policy.WorthChecking(TextKind::kAnswer), 0u);
  ASSERT_GT(policy.Choose(TextKind::kAnswer, 8).depth, 0u);
  policy.GoesOn(TextKind::kAnswer, 0.95);
  EXPECT_EQ(policy.WorthChecking(TextKind::kAnswer), 1u);
  EXPECT_FALSE(policy.GoesOn(TextKind::kAnswer, 0.05));
  EXPECT_EQ(policy.WorthChecking(TextKind::kAnswer), 1u);
}

TEST(DraftPolicy, ADrafterOfOtherWeightsIsSoonLeftAlone) {
  const DraftCosts costs = Amx();
  Simulation s(costs);
  s.Run(3000, costs, Always(0.0));
  EXPECT_LT(s.policy.Acceptance(), 0.03);
  EXPECT_LT(s.policy.num_seen(), 300u);
  EXPECT_EQ(s.MeanDepth(500, 3000), 0);
}

// Where a pass has others' tokens too, a draft pays by what it adds to the speed of all.
TEST(DraftPolicy, BesideOthersWhatCountsIsTheSpeedOfAll) {
  DraftCosts steps;  // eight rows cost about as much as one, nine as two
  for (size_t n = 1; n < steps.pass.size(); ++n)
    steps.pass[n] = (n <= 8 ? 0.2 : 0.4) + 0.001 * static_cast<double>(n);
  steps.draft = 0.002;
  const auto learned = [&](size_t beside) {
    DraftPolicy policy(steps);
    for (int i = 0; i < 200; ++i) {
      policy.Choose(TextKind::kAnswer, 8, beside);
      if (i % 20 == 0) policy.SawPass(1, steps.pass[beside + 1], beside);
      policy.SawPass(2, steps.pass[beside + 2], beside);
      policy.SawDraft(TextKind::kAnswer, 0, 0.9, true);
      policy.SawAccepted();
    }
    return policy.Choose(TextKind::kAnswer, kMaxPassRows - 1 - beside, beside);
  };
  EXPECT_GT(learned(0).depth, 3U);
  EXPECT_GT(learned(3).depth, 1U);
  EXPECT_LE(learned(3).depth, 4U);
  const DraftPolicy::Plan full = learned(7);
  EXPECT_TRUE(full.depth == 0 || !full.verify) << full.depth;
}

}  // namespace
}  // namespace carat
