// What drafting is worth with a model on this machine.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/bench.h"
#include "base/result.h"
#include "engine/speculative/speculator.h"
#include "io/json.h"

namespace carat {

struct DraftBenchOptions {
  EngineOptions engine = {};
  std::string model = {};
  DType cache = DType::kBF16;
  int rounds = 5;
  std::string conversations = {};  // a file; empty: some that carat-point knows
  // That the first, second, … draft and all before it stand, for rounds whose outcome is drawn.
  std::vector<double> acceptance = {};
  double text_seconds = 60;  // of answers
};

inline constexpr std::array kAcceptances = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95};

// Answers to the conversations at one depth.
struct DraftedText {
  int drafts = 0;  // as SessionOptions::drafts
  size_t tokens = 0;
  double seconds = 0;
  DraftCounts counts = {};
  double tokens_per_second() const { return static_cast<double>(tokens) / seconds; }
};

struct DraftBenchReport {
  Json machine, settings;
  DraftCosts costs;  // medians at position 512
  // Rounds of real passes and draft steps, how many of which stand being drawn: by depth.
  std::array<double, kMaxDraftDepth + 1> drawn_tokens_per_second = {};
  std::vector<DraftedText> texts;  // plain, auto, and depths 1 to 8 where there was time for them
};

// Tokens per pass, and speed by that of plain decoding, where each draft stands with the same
// probability if those before it do.
double ExpectedTokens(double acceptance, size_t depth);
double PredictedSpeedUp(const DraftCosts& costs, double acceptance, size_t depth);

// `begin` is called with the name of what is measured next; false cancels. Error: nothing drafts.
Result<DraftBenchReport> RunDraftBench(const DraftBenchOptions& options,
                                       const std::function<bool(std::string_view)>& begin);

Json ToJson(const DraftBenchReport& report);
void PrintDraftTable(const DraftBenchReport& report);
void PrintDraftCsv(const DraftBenchReport& report);
// Speed by depth, predicted and as texts had it, and acceptance by position. SVG.
std::string DraftChart(const DraftBenchReport& report);

}  // namespace carat
