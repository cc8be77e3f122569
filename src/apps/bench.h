// Measuring a model on this machine, each figure beside what the machine could do with the same
// bytes or products, measured in the same run.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "io/json.h"
#include "ops/profile.h"
#include "tensor/dtype.h"

namespace carat {

struct BenchOptions {
  EngineOptions engine = {};
  std::string model = {};  // as the command line names it
  DType cache = DType::kBF16;
  std::vector<std::string> names = {};  // of records; CheckBenchNames
  int rounds = 5;                       // passes of each record; the median counts
  bool profile = false;
};

// One measured kind of pass:
//   decode_N     one generated token at position N
//   verify_N     N generated tokens in one pass at position 512
//   prefill_N    a prompt of N tokens from the beginning, without drafts
//   load         from the file to a model that can run
//   first_token  from the file to the first token of an answer to three tokens
struct BenchRecord {
  std::string name;
  size_t rows = 1;           // tokens of a pass
  double seconds = 0;        // of a pass
  double bytes = 0;          // that a pass reads: weights, and what it sees of the cache
  double limit_seconds = 0;  // reading those bytes, or for prefill adding up its products
  std::optional<double> ratio_to_one_token = {};  // of verify: seconds by those of decode_512
  std::optional<std::array<double, kNumStages>> profile = {};  // seconds by stage of a pass
  std::string skipped = {};                                    // why it was not measured

  double tokens_per_second() const { return static_cast<double>(rows) / seconds; }
  double limit_tokens_per_second() const { return static_cast<double>(rows) / limit_seconds; }
  double fraction_of_limit() const { return limit_seconds / seconds; }
};

struct BenchReport {
  Json machine, settings;
  std::vector<BenchRecord> records;
};

// What is measured if no names are given.
std::vector<std::string> DefaultBenchNames();
// An error if a name is none of the above or its number is out of range.
Status CheckBenchNames(const std::vector<std::string>& names);

// `begin` is called with each name before it is measured; false cancels.
Result<BenchReport> RunBench(const BenchOptions& options,
                             const std::function<bool(std::string_view)>& begin);

// What was measured on, and how.
Json MachineOf(Engine& engine);
Json SettingsOf(const Engine& engine, DType cache, int rounds);

// {machine, settings, records}.
Json ToJson(const BenchReport& report);

}  // namespace carat
