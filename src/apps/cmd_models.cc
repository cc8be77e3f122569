// carat list, show, verify and rm: what is in the model directory, what it is worth, and away.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/interrupt.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/progress_bar.h"
#include "apps/terminal.h"
#include "bundle/bundle.h"
#include "engine/session.h"
#include "io/json.h"
#include "store/import_record.h"
#include "store/scan.h"
#include "sys/memory.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

struct Line {
  std::string name;
  bool json = false, quiet = false;
};

// What of a model fits this machine now, in tokens of context.
struct Fit {
  Pos plain = 0, drafted = 0;  // 0: it does not fit at all
  bool drafts = false;         // there is a drafter
  uint64_t bytes = 0;          // that it takes before any conversation
};

Result<Fit> FitOf(const ModelChoice& choice) {
  CARAT_ASSIGN(const auto engine, Engine::Open({.model = choice.model,
                                                .embedders = choice.embedders,
                                                .drafter = choice.drafter,
                                                .drafts = choice.drafts,
                                                .spare_memory = false,
                                                .load = false}));
  Fit fit{.drafts = engine->found_drafter() != nullptr, .bytes = engine->memory().total()};
  const size_t available = AvailableMemory();
  const bool sees = engine->embedders().weights.vision.has_value();
  const auto longest = [&](size_t model, int drafts) {
    const size_t taken = model + Spare(available);
    return LongestContext(engine->config(), sees, {.drafts = drafts},
                          available - std::min(available, taken));
  };
  const ModelMemory& memory = engine->memory();
  fit.plain = longest(memory.total() - memory.drafter, SessionOptions::kNoDrafts);
  if (fit.drafts) fit.drafted = longest(memory.total(), SessionOptions::kAutoDrafts);
  return fit;
}

// "61,000"
std::string Thousands(Pos n) {
  std::string text = std::to_string(n);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string FitText(const Result<Fit>& fit) {
  if (!fit) return "can't be opened: " + fit.error().Message();
  if (fit->plain == 0) return fmt::format("does not fit the memory that is free now");
  std::string text = fmt::format("runs with up to {} tokens of context", Thousands(fit->plain));
  if (fit->drafts && fit->drafted == 0) text += "; its drafter does not fit beside it";
  if (fit->drafts && fit->drafted > 0)
    text += fmt::format("; with drafter {}", Thousands(fit->drafted));
  return text;
}

std::string_view KindText(StoredModel::Kind kind) {
  switch (kind) {
    case StoredModel::Kind::kBundle:
      return "bundle";
    case StoredModel::Kind::kImported:
      return "imported";
    case StoredModel::Kind::kFiles:
      return "files";
  }
  return "";
}

uint64_t SizeOf(const ModelChoice& choice) {
  uint64_t size = 0;
  std::error_code failed;
  for (const fs::path& path : {choice.model, choice.embedders, choice.drafter}) {
    if (fs::is_regular_file(path, failed)) size += fs::file_size(path, failed);
    if (!fs::is_directory(path, failed)) continue;
    for (const fs::directory_entry& entry : fs::directory_iterator(path, failed))
      if (entry.is_regular_file(failed)) size += entry.file_size(failed);
  }
  return size;
}

std::string OriginText(const BundleOrigin& origin) {
  if (origin.repository.empty()) return origin.file;
  return fmt::format("{}/{}{} at {}", origin.repository, origin.file,
                     origin.address.empty() ? "" : " from " + origin.address,
                     origin.revision.substr(0, 12));
}

Json FilesOfBundle(const BundleManifest& manifest) {
  Json files{Json::Array()};
  for (const BundleSource& source : manifest.sources) {
    for (const BundleFile& file : source.files) {
      Json one;
      one.Set("role", RoleName(source.role));
      one.Set("file", file.name);
      one.Set("size", static_cast<size_t>(file.size));
      one.Set("sha256", file.sha256);
      one.Set("from", OriginText(file.origin));
      files.array().push_back(std::move(one));
    }
  }
  return files;
}

Json FilesOfRecord(const ImportRecord& record) {
  Json files{Json::Array()};
  for (const ImportedFile& file : record.files) {
    Json one;
    one.Set("file", file.path.string());
    one.Set("size", static_cast<size_t>(file.size));
    one.Set("sha256", file.sha256);
    files.array().push_back(std::move(one));
  }
  return files;
}

struct Described {
  StoredModel model;
  ModelChoice choice;
};

// A model of the directory, or a path.
Result<Described> Describe(const std::string& name) {
  std::optional<StoredModel> found;
  if (IsModelName(name)) {
    CARAT_ASSIGN(found, Models().Find(name));
  }
  CARAT_ASSIGN(ModelChoice choice, ChooseModel(name));
  if (found && (found->kind == StoredModel::Kind::kImported || found->path == choice.model))
    return Described{*found, std::move(choice)};
  Described described{{.name = name, .path = choice.model}, std::move(choice)};
  const auto files = OpenModelFiles(described.choice.model);
  if (files && files->bundle != nullptr) described.model.kind = StoredModel::Kind::kBundle;
  return described;
}

Result<Json> ToJson(const Described& of, bool is_default, bool with_files) {
  const Result<Fit> fit = FitOf(of.choice);
  Json json;
  json.Set("name", of.model.name);
  json.Set("kind", KindText(of.model.kind));
  json.Set("default", is_default);
  json.Set("path", of.choice.model.string());
  if (!of.choice.embedders.empty()) json.Set("embedders", of.choice.embedders.string());
  if (!of.choice.drafter.empty()) json.Set("drafter", of.choice.drafter.string());
  json.Set("size", static_cast<size_t>(SizeOf(of.choice)));
  json.Set("fits", FitText(fit));
  if (fit) {
    json.Set("longest_context", fit->plain);
    if (fit->drafts) json.Set("longest_context_with_drafter", fit->drafted);
    json.Set("memory", static_cast<size_t>(fit->bytes));
  }
  if (!with_files) return json;
  if (of.model.kind == StoredModel::Kind::kBundle) {
    CARAT_ASSIGN(const Bundle bundle, Bundle::Open(of.choice.model));
    json.Set("packed_by", "carat " + bundle.manifest().carat);
    json.Set("files", FilesOfBundle(bundle.manifest()));
  } else if (of.model.kind == StoredModel::Kind::kImported) {
    CARAT_ASSIGN(const ImportRecord record, ReadImportRecord(of.model.path));
    json.Set("files", FilesOfRecord(record));
  }
  return json;
}

Status List(const Line& o) {
  const ModelDirectory directory = Models();
  CARAT_ASSIGN(const auto models, directory.List());
  const std::string chosen = directory.Default();
  Json all{Json::Array()};
  for (const StoredModel& model : models) {
    auto choice = ChooseStored(model);
    if (!choice) {
      PrintWarnings({choice.error().Message()});
      continue;
    }
    CARAT_ASSIGN(Json json, ToJson({model, *choice}, model.name == chosen, false));
    all.array().push_back(std::move(json));
  }
  if (o.json) {
    Print("{}\n", all.Dump(2));
    return {};
  }
  std::error_code failed;
  for (const fs::directory_entry& part : fs::directory_iterator(directory.PartsFolder(), failed)) {
    if (part.path().extension() != ".gguf") continue;  // not there yet
    Print("{:<24} {:<9} {:>10}  for models that are imported: {}\n", "", "part",
          ByteText(fs::file_size(part.path(), failed)), EscapeLine(part.path().string()));
  }
  if (all.array().empty()) {
    Print("{} holds no model; carat pull gemma-4-12b gets one, carat import takes what is there\n",
          EscapeLine(directory.path().string()));
  }
  for (const Json& model : all.array()) {
    Print("{:<24} {:<9} {:>10}  {}{}\n", model.Find("name")->string(), model.Find("kind")->string(),
          ByteText(static_cast<uint64_t>(model.Find("size")->integer())),
          EscapeLine(model.Find("fits")->string()),
          model.Find("default")->boolean() ? " (default)" : "");
  }
  return {};
}

Status Show(const Line& o) {
  CARAT_ASSIGN(const Described described, Describe(o.name));
  CARAT_ASSIGN(const Json json,
               ToJson(described, described.model.name == Models().Default(), true));
  if (o.json) {
    Print("{}\n", json.Dump(2));
    return {};
  }
  for (const auto& [key, value] : json.object()) {
    if (key == "files" || !(value.is_string() || value.is_int())) continue;
    const bool bytes = key == "size" || key == "memory";
    Print("{:<30} {}\n", key,
          value.is_string() ? EscapeLine(value.string())
          : bytes           ? ByteText(static_cast<uint64_t>(value.integer()))
                            : std::to_string(value.integer()));
  }
  const Json* files = json.Find("files");
  if (files == nullptr) return {};
  for (const Json& file : files->array()) {
    const Json* from = file.Find("from");
    Print("  {}  {}  sha256 {}{}\n", EscapeLine(file.Find("file")->string()),
          ByteText(static_cast<uint64_t>(file.Find("size")->integer())),
          file.Find("sha256")->string(),
          from != nullptr ? "  (" + EscapeLine(from->string()) + ")" : "");
  }
  return {};
}

Status Verify(const Line& o) {
  CatchInterrupts();
  CARAT_ASSIGN(const Described described, Describe(o.name));
  ProgressBar bar(o.quiet);
  const auto watch = bar.Watch("checking");
  switch (described.model.kind) {
    case StoredModel::Kind::kBundle: {
      CARAT_ASSIGN(const Bundle bundle, Bundle::Open(described.choice.model));
      const Status done = bundle.Verify(watch);
      bar.End();
      if (!done) return Fail(Within(described.choice.model.string(), done.error()));
      Print("{}: every byte is as it was packed\n", EscapeLine(o.name));
      return {};
    }
    case StoredModel::Kind::kImported: {
      CARAT_ASSIGN(const ImportRecord record, ReadImportRecord(described.model.path));
      const Status done = VerifyImport(record, watch);
      bar.End();
      CARAT_TRY(done);
      Print("{}: every file is as it was imported\n", EscapeLine(o.name));
      return {};
    }
    case StoredModel::Kind::kFiles:
      break;
  }
  CARAT_ASSIGN(const auto paths, FilesOf(described.choice.model));
  CARAT_ASSIGN(const auto files, HashFiles(paths, watch));
  bar.End();
  for (const ImportedFile& file : files)
    Print("{}  {}\n", file.sha256, EscapeLine(file.path.string()));
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "nobody recorded what these files were, so they can't be checked; their "
                       "hashes stand above",
               .where = o.name,
               .wanted = "a bundle (carat pull, carat pack) or imported files (carat import)"});
}

Status Remove(const Line& o) {
  if (!IsModelName(o.name)) {
    return Fail(
        {.what = "not a model's name", .where = o.name, .wanted = "a name that carat list shows"});
  }
  CARAT_ASSIGN(const uint64_t freed, Models().Remove(o.name));
  Print("{} is removed; {} are free\n", o.name, ByteText(freed));
  return {};
}

using Act = Status (*)(const Line&);

CLI::App* Add(CLI::App& app, int& exit_code, const std::string& name, const std::string& what,
              Act act, const std::shared_ptr<Line>& o) {
  CLI::App* command = app.add_subcommand(name, what);
  command->callback([o, act, &exit_code] {
    if (const Status done = act(*o); !done) exit_code = Report(done.error());
  });
  return command;
}

}  // namespace

void AddModels(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<Line>();
  CLI::App* list = Add(app, exit_code, "list", "List the models that are here", List, o);
  list->add_flag("--json", o->json, "as a JSON array");
  CLI::App* show = Add(app, exit_code, "show",
                       "Say where a model came from and what fits this machine", Show, o);
  show->add_flag("--json", o->json, "as one JSON object");
  CLI::App* verify =
      Add(app, exit_code, "verify",
          "Read a model again and name the tensor or file that is damaged", Verify, o);
  verify->add_flag("--quiet", o->quiet, "no bar");
  CLI::App* remove = Add(app, exit_code, "rm",
                         "Remove a model; files that were imported stay where they are", Remove, o);
  for (CLI::App* command : {show, verify, remove}) {
    command->add_option("model", o->name, command == remove ? "its name" : "its name or path")
        ->required()
        ->check(NotEmpty());
  }
}

}  // namespace carat
