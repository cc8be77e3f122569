// What the command line of `carat run` says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/generate.h"
#include "tensor/dtype.h"

namespace carat {

struct RunOptions {
  std::string model;
  std::string prompt;
  std::string system;
  bool think = false;
  size_t max_tokens = SIZE_MAX;
  uint64_t seed = 0;
  double temperature = -1;  // below 0: the file's, and so for the next two
  int64_t top_k = -1;
  double top_p = -1;
  double min_p = 0;
  double repetition_penalty = 1;
  std::vector<std::string> logit_bias;  // "ID=BIAS"
  bool no_history = false;
  bool json = false;
  std::vector<std::string> stop;
  int64_t context = 0;
  int threads = 0;
  std::string kernels;
  std::string cache = "bf16";
};

// The options of an answer: the command line's, then the file's. Fails if a bias cannot be read.
Result<GenerateOptions> ToGenerateOptions(const RunOptions& options, const Engine& engine);

// f32, f16 or bf16; precondition: one of them.
DType CacheType(const std::string& name);

}  // namespace carat
