// What the command line of `carat run` says.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/media_options.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "tensor/dtype.h"

namespace carat {

// --drafter and --draft-depth.
struct DraftFlags {
  std::string drafter;  // a path, "off", or empty: the one beside the model
  std::string depth = "auto";
};

struct RunOptions {
  std::string model;
  std::string mmproj;
  DraftFlags drafts;
  std::optional<std::string> prompt;
  GivenMedia media;
  std::string system;
  bool think = false;
  size_t max_tokens = SIZE_MAX;
  std::optional<uint64_t> seed;  // absent: another one for every answer
  // Absent: the file's.
  std::optional<double> temperature, top_p, min_p, repetition_penalty;
  std::optional<int64_t> top_k;
  std::vector<std::string> logit_bias;  // "ID=BIAS"
  bool no_repetition_guard = false;
  bool no_history = false;
  bool verify = false;
  bool json = false;
  bool own = false;  // in this program, whatever a server has
  std::vector<std::string> stop;
  int64_t context = 0;
  int threads = 0;
  std::string kernels;
  std::string cache = "bf16";
};

// The options of an answer but for its seed: the command line's, then the file's. Errors name the
// option by its field (top_k for --top-k).
Result<GenerateOptions> ToGenerateOptions(const RunOptions& options, const Engine& engine);

// --threads, --kernels, and both with --cache. What is not given stays as it is.
void AddThreadsOption(CLI::App& command, int& threads);
CLI::Option* AddKernelsOption(CLI::App& command, std::string& kernels);
void AddEngineOptions(CLI::App& command, int& threads, std::string& kernels, std::string& cache);

// --own, and whether a model in this program is wanted: by it, or by an option that says how to
// load or to draft.
void AddOwnOption(CLI::App& command, bool& own);
bool WantsOwn(const CLI::App& command);

// --drafter alone, and with --draft-depth.
void AddDraftFileOption(CLI::App& command, DraftFlags& flags);
void AddDraftOptions(CLI::App& command, DraftFlags& flags);
// What they say to the engine, and SessionOptions::drafts.
void TakeDraftFlags(const DraftFlags& flags, EngineOptions& options);
int DraftsOf(const DraftFlags& flags);
// An error where a depth was asked for and nothing drafts.
Status CheckDraftFlags(const DraftFlags& flags, const Engine& engine);
// What drafts and how deep, or why nothing does: the status line's words.
std::string DescribeDrafting(const Session& session, const DraftCounts& before);

// f32, f16, bf16 or q8_0; precondition: one of them.
DType CacheType(const std::string& name);

}  // namespace carat
