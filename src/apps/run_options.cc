#include "apps/run_options.h"

#include <fmt/format.h>

#include <charconv>

#include "base/check.h"

namespace carat {
namespace {

Result<std::pair<TokenId, float>> ReadBias(const std::string& text) {
  TokenId id = 0;
  float bias = 0;
  const char* const end = text.data() + text.size();
  const auto [after_id, bad_id] = std::from_chars(text.data(), end, id);
  if (bad_id == std::errc() && after_id != end && *after_id == '=') {
    const auto [after_bias, bad_bias] = std::from_chars(after_id + 1, end, bias);
    if (bad_bias == std::errc() && after_bias == end) return std::pair(id, bias);
  }
  return Fail({.what = "not a bias of a token",
               .where = "--logit-bias",
               .wanted = "ID=BIAS, such as 236743=-5",
               .found = text});
}

}  // namespace

Result<GenerateOptions> ToGenerateOptions(const RunOptions& o, const Engine& engine) {
  GenerateOptions options = OptionsFrom(engine.defaults());
  SamplingOptions& sampling = options.sampling;
  sampling.temperature = o.temperature.value_or(sampling.temperature);
  sampling.top_k = o.top_k.value_or(sampling.top_k);
  sampling.top_p = o.top_p.value_or(sampling.top_p);
  sampling.min_p = o.min_p.value_or(sampling.min_p);
  sampling.repetition_penalty = o.repetition_penalty.value_or(sampling.repetition_penalty);
  for (const std::string& text : o.logit_bias) {
    CARAT_ASSIGN(sampling.logit_bias.emplace_back(), ReadBias(text));
  }
  if (engine.tokenizer() != nullptr) {
    const auto reserved = ReservedInConversation(*engine.tokenizer(), engine.config().vocab_size);
    sampling.suppressed.insert(sampling.suppressed.end(), reserved.begin(), reserved.end());
  }
  options.max_tokens = o.max_tokens;
  options.repetition_guard = !o.no_repetition_guard;
  CARAT_TRY(ValidateSampling(sampling, engine.config().vocab_size));
  return options;
}

void AddThreadsOption(CLI::App& command, int& threads) {
  command
      .add_option("--threads", threads,
                  "threads; as many as help, at most all processors, if not given")
      ->check(CLI::Range(1, 1024));
}

CLI::Option* AddKernelsOption(CLI::App& command, std::string& kernels) {
  return command.add_option("--kernels", kernels,
                            "reference, avx2, avxvnni, avx512, avx512vnni or amx; the best of this "
                            "processor if not given");
}

void AddEngineOptions(CLI::App& command, int& threads, std::string& kernels, std::string& cache) {
  command.add_option("--cache", cache, "element type of the attention cache")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0"}))
      ->capture_default_str();
  AddThreadsOption(command, threads);
  AddKernelsOption(command, kernels);
}

void AddOwnOption(CLI::App& command, bool& own) {
  command.add_flag(
      "--own", own,
      "load the model in this program, though the server that runs has it; so do options "
      "of loading and drafting, and those that the server does not take");
}

bool WantsOwn(const CLI::App& command) {
  for (const char* const name :
       {"--own", "--verify", "--mmproj", "--context", "--cache", "--threads", "--kernels",
        "--drafter", "--draft-depth", "--reference"}) {
    const CLI::Option* const option = command.get_option_no_throw(name);
    if (option != nullptr && option->count() > 0) return true;
  }
  return false;
}

void AddDraftFileOption(CLI::App& command, DraftFlags& flags) {
  command
      .add_option("--drafter", flags.drafter,
                  "the MTP drafter: a folder, a GGUF file, or off; the one beside the model if "
                  "not given")
      ->check(NotEmpty());
}

void AddDraftOptions(CLI::App& command, DraftFlags& flags) {
  AddDraftFileOption(command, flags);
  command
      .add_option("--draft-depth", flags.depth,
                  fmt::format("tokens to draft at once, 1 to {}, or auto: what pays at the time",
                              kMaxDraftDepth))
      ->check([](const std::string& text) {
        const bool digit =
            text.size() == 1 && text[0] >= '1' && text[0] < '1' + int{kMaxDraftDepth};
        return text == "auto" || digit ? std::string()
                                       : fmt::format("auto or 1 to {}", kMaxDraftDepth);
      })
      ->capture_default_str();
}

void TakeDraftFlags(const DraftFlags& flags, EngineOptions& options) {
  options.drafts = flags.drafter != "off";
  if (options.drafts) options.drafter = flags.drafter;
}

int DraftsOf(const DraftFlags& flags) {
  return flags.depth == "auto" ? SessionOptions::kAutoDrafts : flags.depth[0] - '0';
}

Status CheckDraftFlags(const DraftFlags& flags, const Engine& engine) {
  if (flags.depth == "auto" || engine.no_drafts().empty()) return {};
  return Fail({.what = "nothing drafts: " + engine.no_drafts(),
               .where = "--draft-depth",
               .wanted = "a drafter",
               .found = flags.depth});
}

std::string DescribeDrafting(const Session& session, const DraftCounts& before) {
  if (const Speculator* speculator = session.speculator()) return speculator->Describe(before);
  return "off (" + session.engine().no_drafts() + ")";
}

DType CacheType(const std::string& name) {
  if (name == "f32") return DType::kF32;
  if (name == "f16") return DType::kF16;
  if (name == "q8_0") return DType::kQ8_0;
  CARAT_CHECK(name == "bf16");
  return DType::kBF16;
}

}  // namespace carat
