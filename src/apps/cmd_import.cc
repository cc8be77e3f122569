// carat import: models that other programs put on this machine, used where they are.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/interrupt.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/progress_bar.h"
#include "apps/terminal.h"
#include "base/utf8.h"
#include "store/import_record.h"
#include "store/scan.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

struct CommandLine {
  std::string path, name, mmproj, drafter;
  bool scan = false, quiet = false;
};

fs::path Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? fs::path(value) : fs::path();
}

// What the usual folders and our own parts hold.
ScanResult ScanAll() {
  ScanResult all;
  auto folders = UsualFolders({.home = Variable("HOME"),
                               .hugging_face_home = Variable("HF_HOME"),
                               .hugging_face_cache = Variable("HF_HUB_CACHE"),
                               .ollama = Variable("OLLAMA_MODELS"),
                               .llama_cache = Variable("LLAMA_CACHE")});
  folders.push_back({"carat", Models().PartsFolder()});
  for (const ProgramFolder& folder : folders) {
    std::error_code failed;
    if (!fs::exists(folder.path, failed)) continue;
    ScanResult one = Scan(folder);
    std::ranges::move(one.found, std::back_inserter(all.found));
    std::ranges::move(one.skipped, std::back_inserter(all.skipped));
  }
  return all;
}

std::string NameFrom(const FoundFiles& text) {
  std::string name = text.title;
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  const size_t snapshots = text.path.string().find("/snapshots/");
  if (snapshots != std::string::npos) {  // …/models--OWNER--NAME/snapshots/COMMIT
    const std::string folder =
        fs::path(text.path.string().substr(0, snapshots)).filename().string();
    if (fs::is_directory(text.path) && folder.rfind("--") != std::string::npos)
      name = folder.substr(folder.rfind("--") + 2);
  }
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) != 0 || c == '.' || c == '_' || c == ':'
            ? static_cast<char>(std::tolower(byte))
            : '-';
  }
  if (name.size() > 64) name.resize(64);
  return IsModelName(name) ? name : "model";
}

std::string Line(const FoundFiles& found) {
  const bool titled = found.path.filename().string() != found.title;  // Ollama's blobs
  return fmt::format("{:<28} {:>10}  {}{}{}", FileKindName(found.kind), ByteText(found.bytes),
                     titled && !found.title.empty() ? EscapeLine(found.title) + "  " : "",
                     EscapeLine(found.path.string()),
                     found.program.empty() ? "" : " (" + found.program + ")");
}

Status ListFound() {
  const ScanResult all = ScanAll();
  for (const FoundFiles& found : all.found) Print("{}\n", Line(found));
  for (const std::string& reason : all.skipped) PrintErr("not usable: {}\n", EscapeLine(reason));
  if (all.found.empty()) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "none of the usual folders holds a model that carat runs",
                 .wanted = "LM Studio's, Ollama's, llama.cpp's or Hugging Face's folder, or "
                           "carat import PATH"});
  }
  Print("carat import PATH takes one of these text models\n");
  return {};
}

// The text model that the path holds: one, or an error that lists them.
Result<FoundFiles> TextModelAt(const ScanResult& at, const std::string& path) {
  std::vector<const FoundFiles*> texts;
  for (const FoundFiles& found : at.found)
    if (found.kind == FileKind::kText) texts.push_back(&found);
  if (texts.size() == 1) return *texts.front();
  std::string names;
  for (const FoundFiles* text : texts) names += (names.empty() ? "" : ", ") + text->path.string();
  std::string reasons;
  for (const std::string& reason : at.skipped) reasons += (reasons.empty() ? "" : "; ") + reason;
  if (texts.empty()) {
    for (const FoundFiles& found : at.found)
      reasons += (reasons.empty() ? "" : "; ") + std::string(FileKindName(found.kind));
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "no text model is here",
                 .where = path,
                 .wanted = "Gemma 4 12B as a GGUF file or a Hugging Face folder",
                 .found = reasons});
  }
  return Fail({.what = "several text models are here: name one",
               .where = path,
               .wanted = "one of them",
               .found = names});
}

// A file that was named on the command line.
Result<FoundFiles> Named(const std::string& path, FileKind kind) {
  CARAT_ASSIGN(const ModelFiles files, OpenModelFiles(path));
  if (files.kind != kind) {
    return Fail({.what = fmt::format("these are no {}", FileKindName(kind)),
                 .where = path,
                 .found = std::string(FileKindName(files.kind))});
  }
  FoundFiles found{.path = fs::absolute(path).lexically_normal(), .kind = kind};
  found.bytes = files.tensors().TotalBytes();
  return found;
}

Result<Companions> ChooseCompanions(const CommandLine& o, const FoundFiles& text,
                                    const ScanResult& here) {
  std::vector<FoundFiles> others;
  const auto take = [&](const std::string& path, FileKind kind) -> Status {
    CARAT_ASSIGN(FoundFiles found, Named(path, kind));
    std::erase_if(others, [&](const FoundFiles& other) { return other.kind == kind; });
    others.push_back(std::move(found));
    return {};
  };
  others = here.found;
  const ScanResult near = Scan({text.program, text.path.parent_path()}, 1);
  const ScanResult all = ScanAll();
  for (const ScanResult* more : {&near, &all})
    others.insert(others.end(), more->found.begin(), more->found.end());
  if (!o.mmproj.empty()) CARAT_TRY(take(o.mmproj, FileKind::kEmbedders));
  if (o.drafter == "off")
    std::erase_if(others, [](const FoundFiles& f) { return f.kind == FileKind::kDrafter; });
  else if (!o.drafter.empty())
    CARAT_TRY(take(o.drafter, FileKind::kDrafter));
  CARAT_ASSIGN(Companions found, FindCompanions(text, others));
  const bool no_eyes = !o.mmproj.empty() && !found.embedders;
  if (no_eyes || (!o.drafter.empty() && o.drafter != "off" && !found.drafter)) {
    return Fail({.what = "the named file does not belong to this model",
                 .where = no_eyes ? o.mmproj : o.drafter,
                 .found = found.refused.empty() ? "a part that the model has itself"
                                                : found.refused.front()});
  }
  return found;
}

// What is not there, and which command gets it.
void TellMissing(const Companions& found, bool drafts) {
  if (!found.embedders && !found.own_embedders) {
    Print(
        "no embedders: it can't see and hear; `carat pull gemma-4-12b --part embedders` gets "
        "them, then import again\n");
  }
  if (drafts && !found.drafter && !found.own_drafter) {
    Print(
        "no drafter: answers are slower; `carat pull gemma-4-12b --part drafter` gets it, then "
        "import again\n");
  }
}

Status CheckLine(const CommandLine& o) {
  if (o.path.empty() || o.scan) {
    return Fail({.what = o.scan ? "a path and --scan" : "nothing to import",
                 .wanted = "carat import PATH, or carat import --scan"});
  }
  if (!o.name.empty() && !IsModelName(o.name)) {
    return Fail({.what = "not a model's name",
                 .where = "--name",
                 .wanted = "letters, digits and . _ -, at most 64",
                 .found = EscapeLine(o.name)});
  }
  std::error_code failed;
  if (!fs::exists(o.path, failed)) {
    return Fail({.code = ErrorCode::kNotFound, .what = "no such file or folder", .where = o.path});
  }
  return {};
}

// The parts, and the hashes of all their files.
Result<ImportRecord> MakeRecord(const CommandLine& o, const FoundFiles& text,
                                const Companions& found) {
  if (!IsValidUtf8(text.path.string())) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this path is no UTF-8 text and can't be recorded",
                 .where = SanitizeUtf8(text.path.string())});
  }
  ImportRecord record{.model = text.path,
                      .embedders = {},
                      .drafter = {},
                      .drafts = o.drafter != "off",
                      .files = {}};
  if (found.embedders) record.embedders = found.embedders->path;
  if (found.drafter) record.drafter = found.drafter->path;
  std::vector<fs::path> paths;
  for (const fs::path& path : {record.model, record.embedders, record.drafter}) {
    if (path.empty()) continue;
    CARAT_ASSIGN(const auto more, FilesOf(path));
    paths.insert(paths.end(), more.begin(), more.end());
  }
  ProgressBar bar(o.quiet);
  auto files = HashFiles(paths, bar.Watch("hashing"));
  bar.End();
  if (!files) return Fail(files.error());
  record.files = *std::move(files);
  return record;
}

// Under its name, unless that is another model's.
Status Keep(const std::string& name, const ImportRecord& record) {
  const ModelDirectory directory = Models();
  CARAT_ASSIGN(const ModelLock lock, directory.Lock(name));
  CARAT_ASSIGN(const auto old, directory.Find(name));
  bool other = old && old->kind != StoredModel::Kind::kImported;
  if (old && !other) {
    const auto before = ReadImportRecord(old->path);  // a broken one may be replaced
    other = before && before->model != record.model;
  }
  if (other) {
    return Fail({.what = "a model of this name is here already",
                 .where = name,
                 .wanted = "another --name, or carat rm " + name});
  }
  CARAT_TRY(WriteImportRecord(directory.RecordPath(name), record));
  return directory.Default().empty() ? directory.SetDefault(name) : Status();
}

Status Import(const CommandLine& o) {
  if (o.scan && o.path.empty()) return ListFound();
  CARAT_TRY(CheckLine(o));
  CatchInterrupts();
  const ScanResult here = Scan({"", o.path});
  CARAT_ASSIGN(const FoundFiles text, TextModelAt(here, o.path));
  CARAT_ASSIGN(const Companions found, ChooseCompanions(o, text, here));
  CARAT_ASSIGN(const ImportRecord record, MakeRecord(o, text, found));
  const std::string name = o.name.empty() ? NameFrom(text) : o.name;
  CARAT_TRY(Keep(name, record));
  Print("{}: {}\n", name, Line(text));
  if (found.embedders) Print("{}: {}\n", name, Line(*found.embedders));
  if (found.drafter) Print("{}: {}\n", name, Line(*found.drafter));
  TellMissing(found, record.drafts);
  Print("carat run --model {}\n", name);
  return {};
}

}  // namespace

void AddImport(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<CommandLine>();
  CLI::App* command = app.add_subcommand(
      "import", "Use model files of LM Studio, Ollama, llama.cpp or Hugging Face where they are");
  command
      ->add_option("path", o->path,
                   "a GGUF file, a Hugging Face folder, or a folder that holds them")
      ->check(NotEmpty());
  CLI::Option* scan =
      command->add_flag("--scan", o->scan, "list what the usual folders of these programs hold");
  command->add_option("--name", o->name, "the model's name in carat")->excludes(scan);
  command->add_option("--mmproj", o->mmproj, "these embedders; those that fit if not given")
      ->check(NotEmpty());
  command->add_option("--drafter", o->drafter, "this drafter, or off; one that fits if not given")
      ->check(NotEmpty());
  command->add_flag("--quiet", o->quiet, "no bar");
  command->callback([o, &exit_code] {
    if (const Status done = Import(*o); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
