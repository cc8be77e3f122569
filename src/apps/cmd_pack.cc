// carat pack, carat unpack: a model's files to one bundle, and back.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "apps/commands.h"
#include "apps/input.h"
#include "apps/interrupt.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/progress_bar.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "bundle/bundle.h"
#include "bundle/pack.h"
#include "convert/pack_model.h"
#include "sys/cpu_features.h"

namespace carat {
namespace {

struct PackLine {
  std::string model, out, mmproj;
  DraftFlags drafts;
  bool quiet = false;
};

Status Pack(const PackLine& o) {
  CatchInterrupts();
  EngineOptions options{.embedders = o.mmproj, .spare_memory = false, .load = false};
  TakeDraftFlags(o.drafts, options);
  CARAT_ASSIGN(const auto engine, OpenModel(o.model, options, true));
  std::filesystem::path out = o.out;
  std::error_code failed;
  if (std::filesystem::is_directory(out, failed)) {
    return Fail(
        {.what = "this is a folder",
         .where = o.out,
         .wanted = "the name of the bundle, for example " + (out / "model.carat").string()});
  }
  ProgressBar bar(o.quiet);
  std::vector<std::string> warnings;
  const Status done = PackModel(
      *engine,
      {.out = out, .carat_version = std::string(kVersion), .progress = bar.Watch("packing")},
      warnings);
  bar.End();
  CARAT_TRY(done);
  PrintWarnings(warnings);
  Print("{}: {}{}{}\n", EscapeLine(out.string()), ByteText(std::filesystem::file_size(out, failed)),
        engine->embedders().weights.vision ? ", with eyes and ears" : "",
        engine->found_drafter() != nullptr ? ", with a drafter" : ", without a drafter");
  return {};
}

struct UnpackLine {
  std::string bundle, folder;
  bool quiet = false;
};

Status Unpack(const UnpackLine& o) {
  CatchInterrupts();
  CARAT_ASSIGN(const ModelChoice choice, ChooseModel(o.bundle));
  CARAT_ASSIGN(const Bundle bundle, Bundle::Open(choice.model));
  ThreadPool pool(UsableProcessors());
  ProgressBar bar(o.quiet);
  auto done = UnpackBundle(pool, bundle, o.folder, bar.Watch("unpacking"));
  bar.End();
  if (!done) return Fail(Within(choice.model.string(), done.error()));
  for (const std::filesystem::path& file : *done) Print("{}\n", EscapeLine(file.string()));
  return {};
}

}  // namespace

void AddPack(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<PackLine>();
  CLI::App* command = app.add_subcommand(
      "pack",
      "Put a model, its embedders and its drafter into one verified file that starts at once");
  command->add_option("model", o->model, "a GGUF file, a Hugging Face folder, or a model's name")
      ->required()
      ->check(NotEmpty());
  command->add_option("out", o->out, "the bundle to write, for example gemma.carat")
      ->required()
      ->check(NotEmpty());
  command->add_option("--mmproj", o->mmproj, "the embedders of a GGUF model, as in carat run");
  AddDraftFileOption(*command, o->drafts);
  command->add_flag("--quiet", o->quiet, "no bar");
  command->callback([o, &exit_code] {
    if (const Status done = Pack(*o); !done) exit_code = Report(done.error());
  });
}

void AddUnpack(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<UnpackLine>();
  CLI::App* command =
      app.add_subcommand("unpack", "Write the files that a bundle was packed from, byte for byte");
  command->add_option("bundle", o->bundle, "a bundle, or its name")->required()->check(NotEmpty());
  command->add_option("folder", o->folder, "where to; made if it is not there")
      ->required()
      ->check(NotEmpty());
  command->add_flag("--quiet", o->quiet, "no bar");
  command->callback([o, &exit_code] {
    if (const Status done = Unpack(*o); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
