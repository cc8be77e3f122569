// carat quantize: weights in fewer bits, from a GGUF file or a Hugging Face folder.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>

#include "apps/commands.h"
#include "apps/interrupt.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/progress_bar.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "convert/importance.h"
#include "convert/quantise_file.h"
#include "ops/usable_tables.h"
#include "sys/cpu_features.h"

namespace carat {
namespace {

struct CommandLine {
  std::string model, out, type, importance, part, token_embedding;
  bool pure = false, requantise = false, quiet = false;
  int threads = 0;
};

std::string TargetNames() {
  std::string names;
  for (const QuantTargetInfo& target : kQuantTargets)
    names += (names.empty() ? "" : ", ") + std::string(target.name);
  return names;
}

CLI::Validator TargetName() {
  return {[](const std::string& text) {
            return FindQuantTarget(text) ? std::string() : "one of " + TargetNames();
          },
          ""};
}

Result<GgufSource> OpenSource(const CommandLine& o, const ModelFiles& files) {
  if (files.gguf) {
    const bool other = (o.part == "text" && files.kind != FileKind::kText) ||
                       (o.part == "drafter" && files.kind != FileKind::kDrafter) ||
                       (o.part == "embedders" && files.kind != FileKind::kEmbedders);
    if (other) {
      return Fail({.what = "this file holds another part",
                   .where = files.path.string(),
                   .wanted = o.part,
                   .found = std::string(FileKindName(files.kind))});
    }
    return SourceFromGguf(files);
  }
  const FileKind part = o.part == "embedders" ? FileKind::kEmbedders
                        : o.part == "drafter" ? FileKind::kDrafter
                        : o.part == "text"    ? FileKind::kText
                                              : files.kind;
  return SourceFromFolder(files, part);
}

Status Quantise(const CommandLine& o) {
  CatchInterrupts();
  CARAT_ASSIGN(const ModelChoice choice, ChooseModel(o.model));
  CARAT_ASSIGN(const ModelFiles files, OpenModelFiles(choice.model));
  CARAT_ASSIGN(GgufSource source, OpenSource(o, files));
  CARAT_TRY(CheckOutput(files, o.out));
  std::optional<Importance> importance;
  if (!o.importance.empty()) {
    CARAT_ASSIGN(importance, ReadImportance(o.importance));
  }
  ThreadPool pool(o.threads > 0 ? o.threads : UsableProcessors());
  ProgressBar bar(o.quiet);
  QuantiseOptions options{.mix = {.target = *FindQuantTarget(o.type), .pure = o.pure},
                          .importance = importance ? &*importance : nullptr,
                          .requantise = o.requantise,
                          .progress = bar.Watch("quantising")};
  if (!o.token_embedding.empty())
    options.mix.token_embedding = Info(*FindQuantTarget(o.token_embedding)).base;
  auto report = QuantiseFile(pool, UsableTables().best(), std::move(source), options, o.out);
  bar.End();
  if (!report) return Fail(report.error());
  std::string counts;
  for (const auto& [name, count] : report->tensors)
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, name);
  PrintErr("{}: {} of weights became {} ({})\n", EscapeLine(o.out), ByteText(report->bytes_before),
           ByteText(report->bytes_after), counts);
  return {};
}

}  // namespace

void AddQuantize(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<CommandLine>();
  CLI::App* command = app.add_subcommand(
      "quantize",
      "Write a model's weights in fewer bits: the bytes of llama-quantize, but for MXFP4's mix");
  command
      ->add_option("model", o->model,
                   "a GGUF file, or a Hugging Face folder, of F32, F16 or BF16 weights")
      ->required()
      ->check(NotEmpty());
  command->add_option("out", o->out, "the GGUF file to write")->required()->check(NotEmpty());
  command->add_option("type", o->type, TargetNames() + "; Q4_K means Q4_K_M")
      ->required()
      ->check(TargetName());
  command
      ->add_option("--imatrix", o->importance, "an importance matrix, as llama-imatrix writes it")
      ->check(NotEmpty());
  command
      ->add_option("--part", o->part,
                   "text, embedders or drafter; what the files hold, if not given")
      ->check(CLI::IsMember({"text", "embedders", "drafter"}));
  command->add_flag("--pure", o->pure, "every matrix in the one format");
  command->add_option("--token-embedding-type", o->token_embedding, "of the token embedding")
      ->check(TargetName());
  command->add_flag("--allow-requantize", o->requantise,
                    "also weights that are quantised already, which costs more than it says");
  command->add_flag("--quiet", o->quiet, "no bar");
  AddThreadsOption(*command, o->threads);
  command->callback([o, &exit_code] {
    if (const Status done = Quantise(*o); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
