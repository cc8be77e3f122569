#include "store/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/utf8.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/json.h"
#include "model/mtp.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 100'000;  // that are looked at
constexpr size_t kMostManifest = size_t{1} << 20;

class Scanner {
 public:
  Scanner(std::string program, int deepest, ScanResult& result)
      : program_(std::move(program)), deepest_(deepest), result_(result) {}

  void Walk(const fs::path& path, int depth) {
    std::error_code failed;
    if (depth > deepest_ || looked_ > kMostFiles) return;
    if (!fs::is_directory(path, failed)) {
      ++looked_;
      Try(path, path.filename().string());
      return;
    }
    if (!seen_.insert(fs::weakly_canonical(path, failed)).second) return;
    if (fs::exists(path / "config.json", failed) && HoldsWeights(path))
      Add(path, path.filename().string());
    if (fs::is_directory(path / "manifests", failed) && fs::is_directory(path / "blobs", failed))
      return WalkOllama(path);
    for (fs::directory_iterator entry(path, failed), end; !failed && entry != end;
         entry.increment(failed)) {
      const std::string name = entry->path().filename().string();
      std::error_code unknown;
      if (entry->is_directory(unknown)) {
        if (name != "blobs") Walk(entry->path(), depth + 1);
      } else if (name.ends_with(".gguf")) {
        Walk(entry->path(), depth + 1);
      }
    }
  }

 private:
  static bool HoldsWeights(const fs::path& folder) {
    std::error_code failed;
    return fs::exists(folder / "model.safetensors", failed) ||
           fs::exists(folder / "model.safetensors.index.json", failed);
  }

  // Shards but the first belong to that one.
  static bool IsLaterShard(const std::string& name) {
    const size_t of = name.rfind("-of-");
    return of != std::string::npos && of >= 6 && name.ends_with(".gguf") && name[of - 6] == '-' &&
           name.substr(of - 5, 5) != "00001";
  }

  void Try(const fs::path& path, const std::string& title) {
    if (!IsLaterShard(path.filename().string())) Add(path, title);
  }

  void Add(const fs::path& path, const std::string& title) {
    const auto files = OpenModelFiles(path);
    if (!files) {
      result_.skipped.push_back(files.error().Message());
      return;
    }
    std::error_code failed;
    FoundFiles found{.path = fs::absolute(path, failed).lexically_normal(),
                     .kind = files->kind,
                     .program = program_,
                     .title = SanitizeUtf8(title)};
    found.bytes = files->tensors().TotalBytes();
    result_.found.push_back(std::move(found));
  }

  // manifests/HOST/OWNER/MODEL/TAG are JSON texts whose layers name blobs by their hashes.
  void WalkOllama(const fs::path& root) {
    std::error_code failed;
    for (fs::recursive_directory_iterator entry(root / "manifests", failed), end;
         !failed && entry != end; entry.increment(failed)) {
      if (!entry->is_regular_file(failed) || ++looked_ > kMostFiles) continue;
      const auto text = ReadFile(entry->path(), kMostManifest);
      const auto json = text ? ParseJson(*text) : Result<Json>(std::unexpected(text.error()));
      const Json* layers = json ? json->Find("layers") : nullptr;
      if (layers == nullptr || !layers->is_array()) continue;
      const fs::path tag = entry->path();
      const std::string title =
          tag.parent_path().filename().string() + ":" + tag.filename().string();
      for (const Json& layer : layers->array()) AddLayer(root, layer, title);
    }
  }

  void AddLayer(const fs::path& root, const Json& layer, const std::string& title) {
    const Json* type = layer.Find("mediaType");
    const Json* digest = layer.Find("digest");
    if (type == nullptr || !type->is_string() || digest == nullptr || !digest->is_string()) return;
    const std::string& kind = type->string();
    if (!kind.ends_with("image.model") && !kind.ends_with("image.projector")) return;
    // The digest is checked and its name built anew: it is nobody's path.
    const std::string hex =
        digest->string().starts_with("sha256:") ? digest->string().substr(7) : "";
    if (!IsDigest(Digest::Kind::kSha256, hex)) {
      result_.skipped.push_back("a layer of " + SanitizeUtf8(title) + " has no sound digest");
      return;
    }
    Add(root / "blobs" / ("sha256-" + hex), title);
  }

  std::string program_;
  int deepest_;
  ScanResult& result_;
  std::set<fs::path> seen_;
  size_t looked_ = 0;
};

// Whether two files speak of the same tokens; true where one says nothing.
bool SameVocabulary(const ModelFiles& a, const ModelFiles& b) {
  constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
  if (!a.gguf || !b.gguf) return true;
  const GgufValue* first = a.gguf->Find(kTokens);
  const GgufValue* second = b.gguf->Find(kTokens);
  if (first == nullptr || second == nullptr) return true;
  const GgufArray* x = first->AsArray();
  const GgufArray* y = second->AsArray();
  return x != nullptr && y != nullptr && x->strings == y->strings;
}

// Why `other` does not belong to the model; empty where it does.
std::string WhyNot(const LoadedModel& model, const FoundFiles& other) {
  const auto files = OpenModelFiles(other.path);
  if (!files) return files.error().Message();
  if (other.kind == FileKind::kEmbedders) {
    const auto embedders = LoadEmbedders(*files);
    if (!embedders) return embedders.error().Message();
    if (embedders->config.hidden == model.config.hidden) return "";
    return fmt::format("{}: embedders of hidden width {}, the model has {}", other.path.string(),
                       embedders->config.hidden, model.config.hidden);
  }
  const auto drafter = LoadDrafter(*files);
  if (!drafter) return drafter.error().Message();
  if (const Status fits = MtpDrafter::Fits(drafter->config, model.config); !fits)
    return Within(other.path.string(), fits.error()).Message();
  if (!SameVocabulary(model.files, *files))
    return other.path.string() + ": a drafter of another vocabulary";
  return "";
}

}  // namespace

std::vector<ProgramFolder> UsualFolders(const ScanPlaces& p) {
  const fs::path hub = !p.hugging_face_cache.empty()  ? p.hugging_face_cache
                       : !p.hugging_face_home.empty() ? p.hugging_face_home / "hub"
                                                      : p.home / ".cache/huggingface/hub";
  const fs::path llama = !p.llama_cache.empty() ? p.llama_cache : p.home / ".cache/llama.cpp";
  std::vector<ProgramFolder> all = {
      {"LM Studio", p.home / ".lmstudio/models"},
      {"LM Studio", p.home / ".cache/lm-studio/models"},
      {"Ollama", !p.ollama.empty() ? p.ollama : p.home / ".ollama/models"},
      {"Ollama", "/usr/share/ollama/.ollama/models"},
      {"llama.cpp", llama},
      {"Hugging Face", hub},
  };
  std::erase_if(all, [](const ProgramFolder& folder) {
    std::error_code failed;
    return !fs::is_directory(folder.path, failed);
  });
  return all;
}

ScanResult Scan(const ProgramFolder& folder, int deepest) {
  ScanResult result;
  std::error_code failed;
  fs::path path = fs::absolute(folder.path, failed).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "folder/"
  Scanner(folder.program, deepest, result).Walk(path, 0);
  std::ranges::sort(result.found, {}, &FoundFiles::path);
  return result;
}

Result<Companions> FindCompanions(const FoundFiles& text, const std::vector<FoundFiles>& others) {
  CARAT_ASSIGN(ModelFiles files, OpenModelFiles(text.path));
  const std::shared_ptr<const Bundle> bundle = files.bundle;
  CARAT_ASSIGN(const LoadedModel model, LoadTextModel(std::move(files)));
  Companions companions;
  companions.own_embedders = model.files.safetensors.has_value() ||
                             (bundle && bundle->Find(BundleRole::kEmbedders) != nullptr);
  companions.own_drafter = bundle && bundle->Find(BundleRole::kDrafter) != nullptr;
  std::vector<const FoundFiles*> order;
  for (const FoundFiles& other : others)
    if (other.kind != FileKind::kText) order.push_back(&other);
  const fs::path home = text.path.parent_path();
  std::ranges::sort(order, {}, [&](const FoundFiles* other) {
    const bool near = other->path.parent_path() == home || other->path.parent_path() == text.path ||
                      (!text.program.empty() && other->title == text.title);
    return std::tuple(!near, other->bytes, other->path);
  });
  for (const FoundFiles* other : order) {
    const bool eyes = other->kind == FileKind::kEmbedders;
    auto& place = eyes ? companions.embedders : companions.drafter;
    if (place || (eyes ? companions.own_embedders : companions.own_drafter)) continue;
    if (std::string why = WhyNot(model, *other); why.empty())
      place = *other;
    else
      companions.refused.push_back(std::move(why));
  }
  return companions;
}

Result<std::vector<fs::path>> FilesOf(const fs::path& model) {
  CARAT_ASSIGN(const ModelFiles files, OpenModelFiles(model));
  return PathsOf(files);
}

}  // namespace carat
