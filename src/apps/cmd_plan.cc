// carat plan: what a model would take of this machine's memory, before anything is loaded.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "apps/commands.h"
#include "apps/input.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "engine/plan.h"
#include "engine/session.h"
#include "sys/memory.h"

namespace carat {
namespace {

struct CommandLine {
  std::string model, mmproj, kernels, cache = "bf16";
  DraftFlags drafts;
  int64_t context = 0;
  int threads = 0;
  bool json = false;
};

struct Plan {
  std::string model;
  ModelMemory memory;
  std::string no_drafts;  // why there is no drafter
  SessionMemory session = {};
  Pos context = 0, longest = 0;
  size_t available = 0, spare = 0;
  bool fits() const {
    return longest > 0 && memory.total() + session.needed() + spare <= available;
  }
};

Result<Plan> MakePlan(const CommandLine& o) {
  SessionOptions options{
      .cache = CacheType(o.cache), .context = o.context, .drafts = DraftsOf(o.drafts)};
  EngineOptions engine_options{.embedders = o.mmproj,
                               .threads = o.threads,
                               .kernels = o.kernels,
                               .session = options,
                               .load = false};
  TakeDraftFlags(o.drafts, engine_options);
  CARAT_ASSIGN(const auto engine, OpenModel(o.model, engine_options, false));
  CARAT_TRY(CheckDraftFlags(o.drafts, *engine));
  const Config& config = engine->config();
  Plan plan{.model = engine->files().path.string(),
            .memory = engine->memory(),
            .no_drafts = engine->no_drafts()};
  if (o.context < 0 || o.context > config.max_positions) {
    return Fail(
        {.what = "context length out of range",
         .where = "--context",
         .wanted = fmt::format("1 to {} tokens, or 0 for the default", config.max_positions),
         .found = std::to_string(o.context)});
  }
  const bool sees = engine->embedders().weights.vision.has_value();
  if (plan.memory.drafter == 0) options.drafts = SessionOptions::kNoDrafts;
  plan.available = AvailableMemory();
  plan.spare = Spare(plan.available);
  const size_t taken = plan.memory.total() + plan.spare;
  plan.longest =
      LongestContext(config, sees, options, plan.available - std::min(plan.available, taken));
  const Pos usual = std::min(plan.longest, SessionOptions::kDefaultContext);
  const Pos least = std::min(kLeastContext, config.max_positions);
  plan.context = o.context > 0 ? o.context : std::max(usual, least);
  plan.session = MemoryOfSession(config, sees, options, plan.context);
  return plan;
}

Json ToJson(const Plan& plan) {
  Json json;
  json.Set("model", plan.model);
  json.Set("weights", plan.memory.weights);
  json.Set("vocabulary", plan.memory.vocabulary);
  json.Set("embedders", plan.memory.embedders);
  json.Set("drafter", plan.memory.drafter);
  if (!plan.no_drafts.empty()) json.Set("no_drafts", plan.no_drafts);
  json.Set("sliding_cache", plan.session.sliding_cache);
  json.Set("global_cache", plan.session.global_cache);
  json.Set("saved_windows", plan.session.saved_windows);
  json.Set("scratch", plan.session.scratch + plan.session.rows);
  json.Set("program", plan.memory.program);
  json.Set("total", plan.memory.total() + plan.session.total());
  json.Set("available", plan.available);
  json.Set("kept_free", plan.spare);
  json.Set("context", plan.context);
  json.Set("longest_context", plan.longest);
  json.Set("fits", plan.fits());
  return json;
}

void PrintPlan(const Plan& plan) {
  const auto line = [](std::string_view name, size_t bytes, const std::string& note = "") {
    if (bytes == 0) return;
    Print("{:<18} {:>9.3f} GiB{}{}\n", name, static_cast<double>(bytes) / (1 << 30),
          note.empty() ? "" : "  ", note);
  };
  Print("{}\n", EscapeLine(plan.model));
  line("weights", plan.memory.weights);
  line("vocabulary", plan.memory.vocabulary);
  line("embedders", plan.memory.embedders);
  line("drafter", plan.memory.drafter);
  line("sliding cache", plan.session.sliding_cache);
  line("global cache", plan.session.global_cache, fmt::format("for {} tokens", plan.context));
  line("saved windows", plan.session.saved_windows, "at most");
  line("scratch", plan.session.scratch + plan.session.rows);
  line("program", plan.memory.program);
  line("together", plan.memory.total() + plan.session.total());
  line("available", plan.available);
  if (!plan.no_drafts.empty()) Print("drafting: off ({})\n", EscapeLine(plan.no_drafts));
  if (plan.longest > 0) Print("the longest context that fits is {} tokens\n", plan.longest);
}

Status Run(const CommandLine& o) {
  CARAT_ASSIGN(const Plan plan, MakePlan(o));
  if (o.json) {
    WriteOut(ToJson(plan).Dump(2) + "\n");
  } else {
    PrintPlan(plan);
  }
  if (plan.fits()) return {};
  if (plan.longest == 0)
    return std::unexpected(DoesNotFit(plan.memory, plan.session.needed(), plan.available));
  return Fail({.code = ErrorCode::kNoMemory,
               .what = "this context does not fit the memory",
               .where = "--context",
               .wanted = fmt::format("at most {} tokens, or a smaller cache type", plan.longest),
               .found = std::to_string(plan.context)});
}

}  // namespace

void AddPlan(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<CommandLine>();
  CLI::App* command =
      app.add_subcommand("plan", "Say what a model would take of the memory, without loading it");
  command->add_option("--model", o->model, "as in carat run");
  command->add_option("--mmproj", o->mmproj, "the embedders of a GGUF model, as in carat run");
  AddDraftOptions(*command, o->drafts);
  command
      ->add_option("--context", o->context,
                   "tokens; 0 for what carat run takes: the most that fit, up to 32768")
      ->capture_default_str();
  command->add_flag("--json", o->json, "one JSON object, in bytes");
  AddEngineOptions(*command, o->threads, o->kernels, o->cache);
  command->callback([o, &exit_code] {
    if (const Status done = Run(*o); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
