// carat bench: how fast a model runs here, beside what this machine could do.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "apps/answer_view.h"
#include "apps/bench.h"
#include "apps/bench_chart.h"
#include "apps/bench_draft.h"
#include "apps/commands.h"
#include "apps/interrupt.h"
#include "apps/output.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "base/bytes.h"
#include "io/file.h"

namespace carat {
namespace {

struct CommandLine {
  std::string model, kernels, cache = "bf16", svg;
  std::vector<std::string> only;
  int threads = 0, rounds = 5;
  bool json = false, csv = false, profile = false;
  bool draft = false;
  std::string drafter, conversations;
  std::vector<double> acceptance;
};

void PrintTable(const BenchReport& report) {
  Print("{}, {} threads, kernels {}, cache {}\n",
        EscapeLine(report.machine.Find("processor")->string()),
        report.settings.Find("threads")->integer(), report.settings.Find("kernels")->string(),
        report.settings.Find("cache")->string());
  Print("{:<14} {:>10} {:>12} {:>12} {:>8}  {}\n", "", "seconds", "tokens/s", "limit", "share",
        "of one token");
  for (const BenchRecord& r : report.records) {
    if (!r.skipped.empty()) {
      Print("{:<14} not measured: {}\n", r.name, r.skipped);
      continue;
    }
    Print("{:<14} {:>10.4f} {:>12.3f} {:>12.3f} {:>8.3f}  {}\n", r.name, r.seconds,
          r.tokens_per_second(), r.limit_tokens_per_second(), r.fraction_of_limit(),
          r.ratio_to_one_token ? fmt::format("{:.3f}", *r.ratio_to_one_token) : "");
    if (!r.profile) continue;
    for (size_t s = 0; s < kNumStages; ++s) {
      Print("  {:<12} {:>10.4f} {:>11.1f} %\n", kStageNames[s], (*r.profile)[s],
            100 * (*r.profile)[s] / r.seconds);
    }
  }
}

void PrintCsv(const BenchReport& report) {
  Print(
      "name,rows,seconds,bytes,tokens_per_s,limit_tokens_per_s,fraction_of_limit,"
      "ratio_to_one_token\n");
  for (const BenchRecord& r : report.records) {
    if (!r.skipped.empty()) continue;
    Print("{},{},{:.6f},{:.0f},{:.4f},{:.4f},{:.4f},{}\n", r.name, r.rows, r.seconds, r.bytes,
          r.tokens_per_second(), r.limit_tokens_per_second(), r.fraction_of_limit(),
          r.ratio_to_one_token ? fmt::format("{:.4f}", *r.ratio_to_one_token) : "");
  }
}

void ClearLine() {
  if (::isatty(STDERR_FILENO) != 0) WriteErr("\r\x1b[K");
}

bool Show(std::string_view name) {
  ClearBar();
  ClearLine();
  if (::isatty(STDERR_FILENO) != 0) PrintErr("measuring {}", name);
  return !Interrupted();
}

// A report in the form that was asked for, and its chart.
template <class Report>
Status Put(const CommandLine& o, const Report& report, void (*table)(const Report&),
           void (*csv)(const Report&), std::string (*chart)(const Report&)) {
  ClearLine();
  if (o.json) {
    WriteOut(ToJson(report).Dump(2) + "\n");
  } else {
    (o.csv ? csv : table)(report);
  }
  return o.svg.empty() ? Status() : WriteFileAtomic(o.svg, AsBytes(chart(report)));
}

Status RunDrafting(const CommandLine& o) {
  for (size_t i = 0; i < o.acceptance.size(); ++i) {
    if (i > 0 && o.acceptance[i] > o.acceptance[i - 1]) {
      return Fail({.what = "a draft can't stand more often than the one before it",
                   .where = "--acceptance",
                   .wanted = fmt::format("at most {}", o.acceptance[i - 1]),
                   .found = fmt::format("{}", o.acceptance[i])});
    }
  }
  CatchInterrupts();
  DraftBenchOptions options{
      .engine = {.drafter = o.drafter, .threads = o.threads, .kernels = o.kernels, .preload = true},
      .model = o.model,
      .cache = CacheType(o.cache),
      .rounds = o.rounds,
      .conversations = o.conversations,
      .acceptance = o.acceptance};
  CARAT_ASSIGN(const DraftBenchReport report, RunDraftBench(options, Show));
  return Put(o, report, PrintDraftTable, PrintDraftCsv, DraftChart);
}

Status Run(const CommandLine& o) {
  if (o.json && o.csv)
    return Fail({.what = "one format at a time", .where = "--json and --csv", .wanted = "one"});
  if (o.draft) return RunDrafting(o);
  const std::vector<std::string> names = o.only.empty() ? DefaultBenchNames() : o.only;
  CARAT_TRY(CheckBenchNames(names));
  CatchInterrupts();
  CARAT_ASSIGN(
      const BenchReport report,
      RunBench(
          {.engine = {.drafts = false, .threads = o.threads, .kernels = o.kernels, .preload = true},
           .model = o.model,
           .cache = CacheType(o.cache),
           .names = names,
           .rounds = o.rounds,
           .profile = o.profile},
          Show));
  return Put(o, report, PrintTable, PrintCsv, BenchChart);
}

}  // namespace

void AddBench(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<CommandLine>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure a model beside what this machine could do");
  command->add_option("--model", o->model, "as in carat run");
  command
      ->add_option("--only", o->only,
                   "what to measure, with commas: load, first_token, decode_N (at position N), "
                   "verify_N (N tokens at once), prefill_N (a prompt of N)")
      ->delimiter(',');
  command->add_option("--rounds", o->rounds, "passes of each kind; the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--profile", o->profile, "where a pass spends its time, by stage");
  CLI::Option* draft = command->add_flag(
      "--draft", o->draft,
      "what drafting is worth instead: costs, predicted speed, and answers with it and without");
  draft->excludes("--only")->excludes("--profile");
  command->add_option("--drafter", o->drafter, "as in carat run")->needs(draft)->check(NotEmpty());
  command
      ->add_option(
          "--acceptance", o->acceptance,
          "also rounds whose outcome is drawn: how often the first draft stands, the first "
          "two, …, with commas")
      ->delimiter(',')
      ->needs(draft)
      ->check(CLI::Range(0.0, 1.0))
      ->expected(1, static_cast<int>(kMaxDraftDepth));
  command
      ->add_option("--conversations", o->conversations,
                   "the conversations to answer: a JSON array of {messages, tools, thinking}; some "
                   "that carat-point knows if not given")
      ->needs(draft);
  command->add_flag("--json", o->json, "one JSON object instead of a table");
  command->add_flag("--csv", o->csv, "lines with commas instead of a table");
  command->add_option("--svg", o->svg, "also draw a chart to this file");
  AddEngineOptions(*command, o->threads, o->kernels, o->cache);
  command->callback([o, &exit_code] {
    if (const Status done = Run(*o); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
