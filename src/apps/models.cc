#include "apps/models.h"

#include <algorithm>
#include <cstdlib>

#include "apps/interrupt.h"
#include "apps/output.h"
#include "apps/terminal.h"
#include "base/utf8.h"
#include "ops/usable_tables.h"
#include "store/import_record.h"
#include "sys/executable.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAboutPoint =
    "This is carat-point, a very small model that comes with carat and knows a small world. "
    "The real one: carat pull gemma-4-12b\n";

const char* Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

// Files put there by hand may be embedders or a drafter.
bool IsTextModel(const StoredModel& model) {
  if (model.kind != StoredModel::Kind::kFiles) return true;
  const auto files = OpenModelFiles(model.path);
  return files && files->kind == FileKind::kText;
}

}  // namespace

Result<ModelChoice> ChooseStored(const StoredModel& model) {
  if (model.kind != StoredModel::Kind::kImported)
    return ModelChoice{.name = model.name, .model = model.path};
  CARAT_ASSIGN(const ImportRecord record, ReadImportRecord(model.path));
  std::error_code failed;
  if (!fs::exists(record.model, failed)) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "the files of this imported model are not there any more",
                 .where = record.model.string(),
                 .wanted = "carat import anew, or carat rm " + model.name});
  }
  ModelChoice choice{.name = model.name, .model = record.model};
  choice.drafts = record.drafts;
  // A part that is gone does not keep the model from answering.
  for (const auto& [from, to] :
       {std::pair(&record.embedders, &choice.embedders), {&record.drafter, &choice.drafter}}) {
    if (from->empty() || fs::exists(*from, failed))
      *to = *from;
    else
      PrintWarnings({"imported, and not there any more: " + from->string()});
  }
  return choice;
}

namespace {

Result<ModelChoice> ChooseDefault() {
  const ModelDirectory directory = Models();
  CARAT_ASSIGN(auto models, directory.List());
  std::erase_if(models, [](const StoredModel& model) { return !IsTextModel(model); });
  const std::string chosen = directory.Default();
  const auto found = std::ranges::find(models, chosen, &StoredModel::name);
  if (found != models.end()) return ChooseStored(*found);
  if (models.size() == 1) return ChooseStored(models.front());
  if (models.empty()) {
    if (auto point = PointModel()) return ModelChoice{.name = "carat-point", .model = *point};
    return Fail({.code = ErrorCode::kNotFound,
                 .what =
                     "no model is named, the model directory holds none, and carat-point is not "
                     "beside the program",
                 .where = directory.path().string(),
                 .wanted = "carat pull gemma-4-12b, or --model with a folder or a file"});
  }
  std::string names;
  for (const StoredModel& model : models) names += (names.empty() ? "" : ", ") + model.name;
  return Fail({.code = ErrorCode::kNotFound,
               .what = "no model is named and the model directory holds several",
               .where = directory.path().string(),
               .wanted = "--model with a folder, a file or one of these names",
               .found = names});
}

}  // namespace

ModelDirectory Models() {
  if (const char* home = Environment("CARAT_HOME"))
    return ModelDirectory(fs::path(home) / "models");
  if (const char* data = Environment("XDG_DATA_HOME"))
    return ModelDirectory(fs::path(data) / "carat/models");
  const char* home = Environment("HOME");
  return ModelDirectory(fs::path(home != nullptr ? home : ".") / ".local/share/carat/models");
}

std::string ExpandHome(const std::string& path) {
  const char* home = Environment("HOME");
  if (!path.starts_with("~/") || home == nullptr) return path;
  return home + path.substr(1);
}

std::optional<fs::path> PointModel() {
  const fs::path program = ExecutableFolder();
  if (program.empty()) return std::nullopt;
  std::error_code ignored;
  // Installed, in build/, in a preset's folder of it.
  for (const char* place :
       {"../share/carat/models/point", "../models/point", "../../models/point"}) {
    fs::path folder = (program / place).lexically_normal();
    if (fs::exists(folder / "config.json", ignored)) return folder;
  }
  return std::nullopt;
}

Result<ModelChoice> ChooseModel(const std::string& name) {
  if (name.empty()) return ChooseDefault();
  std::error_code ignored;
  if (fs::exists(name, ignored)) {
    const fs::path path = fs::path(name).lexically_normal();
    const fs::path last = path.has_filename() ? path.filename() : path.parent_path().filename();
    const bool file = fs::is_regular_file(path, ignored);
    return ModelChoice{.name = file ? last.stem().string() : last.string(), .model = name};
  }
  return ChooseNamed(name);
}

Result<ModelChoice> ChooseNamed(const std::string& name) {
  const ModelDirectory directory = Models();
  if (IsModelName(name)) {
    CARAT_ASSIGN(auto found, directory.Find(name));
    // A file of the directory may be named with its ending.
    if (!found && name.ends_with(".gguf")) {
      CARAT_ASSIGN(found, directory.Find(name.substr(0, name.size() - 5)));
    }
    if (found) return ChooseStored(*found);
  }
  if (const auto point = PointModel(); point && (name == "point" || name == "carat-point"))
    return ModelChoice{.name = "carat-point", .model = *point};
  return Fail({.code = ErrorCode::kNotFound,
               .what = "no such model",
               .where = name,
               .wanted = "a folder, a GGUF file, a bundle, point, or a name in " +
                         directory.path().string() +
                         " (carat list shows them, carat pull and "
                         "carat import bring them)"});
}

Result<std::unique_ptr<Engine>> OpenModel(const std::string& name, EngineOptions options,
                                          bool say) {
  CARAT_ASSIGN(const ModelChoice choice, ChooseModel(name));
  CARAT_ASSIGN(auto engine, OpenChosen(choice, std::move(options)));
  if (!say) return engine;
  if (choice.model == PointModel()) {
    WriteErr(kAboutPoint);
  } else if (name.empty()) {
    PrintErr("carat: model {}\n", EscapeLine(choice.model.string()));
  }
  return engine;
}

Result<std::unique_ptr<Engine>> OpenChosen(const ModelChoice& choice, EngineOptions options) {
  options.model = choice.model;
  if (options.embedders.empty()) options.embedders = choice.embedders;
  if (options.drafter.empty() && options.drafts) {
    options.drafter = choice.drafter;
    options.drafts = choice.drafts;
  }
  if (!options.progress) options.progress = [](size_t, size_t) { return !Interrupted(); };
  if (options.kernels.empty() && UsableTables().count == 1) {
    PrintWarnings(
        {"this processor has neither AVX2 nor anything better that carat has kernels for: "
         "it will be very slow"});
  }
  CARAT_ASSIGN(auto engine, Engine::Open(options));
  PrintWarnings(engine->warnings());
  return engine;
}

}  // namespace carat
