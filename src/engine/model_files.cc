#include "engine/model_files.h"

#include <fmt/format.h>

#include "engine/gguf_tokenizer.h"
#include "io/file.h"
#include "io/json.h"

namespace carat {
namespace {

constexpr size_t kMaxConfigBytes = 16u << 20;
constexpr size_t kMaxTokenizerBytes = 256u << 20;  // Gemma's is 33 MB

Result<Json> ReadJson(const FileSource& source, std::string_view name) {
  CARAT_ASSIGN(const std::string text, source.ReadText(name, kMaxConfigBytes));
  auto json = ParseJson(text);
  if (!json) return Fail(Within(source.Where(name), json.error()));
  return json;
}

// chat_template.jinja, or the field of tokenizer_config.json where older folders keep it.
Result<std::string> ReadTemplate(const FileSource& source) {
  if (source.Has("chat_template.jinja"))
    return source.ReadText("chat_template.jinja", kMaxConfigBytes);
  if (!source.Has("tokenizer_config.json")) return std::string();
  CARAT_ASSIGN(const Json config, ReadJson(source, "tokenizer_config.json"));
  return StringIn(config, "chat_template");
}

// Fills in what a folder's files say.
Status OpenFolder(ModelFiles& files) {
  const FileSource& source = *files.source;
  constexpr std::string_view kConfig = "config.json";
  if (!source.Has(kConfig)) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "not a model folder: it has no config.json",
                 .where = files.path.string()});
  }
  CARAT_ASSIGN(files.config, ReadJson(source, kConfig));
  const JsonView root(files.config, source.Where(kConfig));
  CARAT_ASSIGN(files.architecture, root.String("model_type"));
  if (files.architecture == "gemma4_unified_assistant") {
    files.kind = FileKind::kDrafter;
  } else if (files.architecture != "gemma4_unified" &&
             files.architecture != "gemma4_unified_text") {
    return Fail(Within(source.Where(kConfig),
                       UnsupportedArchitecture(files.architecture, "gemma4_unified")));
  }
  // Read even where nothing depends on it yet: a broken file is better told now than when media
  // come.
  if (source.Has("processor_config.json")) CARAT_TRY(ReadJson(source, "processor_config.json"));
  CARAT_ASSIGN(files.chat_template, ReadTemplate(source));
  CARAT_ASSIGN(files.safetensors, Safetensors::OpenFolder(source));
  return {};
}

// Fills in what a GGUF file's metadata say.
Status RecogniseGguf(ModelFiles& files, const std::string& where) {
  auto architecture = files.gguf->String("general.architecture");
  if (!architecture) return Fail(Within(where, architecture.error()));
  files.architecture = *architecture;
  if (files.architecture == "gemma4-assistant" || files.architecture == "gemma4_assistant") {
    files.kind = FileKind::kDrafter;
  } else if (files.architecture == "clip") {
    files.kind = FileKind::kEmbedders;
  } else if (files.architecture != "gemma4") {
    return Fail(Within(where, UnsupportedArchitecture(files.architecture, "gemma4")));
  }
  if (files.gguf->Find("tokenizer.chat_template") != nullptr) {
    auto text = files.gguf->String("tokenizer.chat_template");
    if (!text) return Fail(Within(where, text.error()));
    files.chat_template = *text;
  }
  return {};
}

Result<GenerationDefaults> LoadDefaults(const ModelFiles& files, int64_t vocab,
                                        const Tokenizer* tokenizer) {
  if (files.gguf) {
    auto defaults = DefaultsFromGguf(*files.gguf, vocab, tokenizer);
    if (!defaults) return Fail(Within(files.path.string(), defaults.error()));
    return defaults;
  }
  constexpr std::string_view kName = "generation_config.json";
  if (!files.source->Has(kName)) return GenerationDefaults();
  CARAT_ASSIGN(const std::string text, files.source->ReadText(kName, kMaxConfigBytes));
  auto defaults = DefaultsFromHuggingFace(text, vocab);
  if (!defaults) return Fail(Within(files.source->Where(kName), defaults.error()));
  return defaults;
}

Status LoadInto(LoadedModel& model) {
  if (model.files.gguf) {
    CARAT_ASSIGN(model.config, ConfigFromGguf(*model.files.gguf));
    CARAT_ASSIGN(model.weights, BindGguf(model.config, model.files.gguf->tensors()));
  } else {
    CARAT_ASSIGN(model.config, ConfigFromHuggingFace(model.files.config));
    CARAT_ASSIGN(model.weights, BindHuggingFace(model.config, model.files.safetensors->tensors()));
  }
  return {};
}

std::optional<StoredScreen> ScreenOf(const Bundle& bundle) {
  const auto screen = bundle.screen();
  if (!screen) return std::nullopt;
  return StoredScreen{.dtype = screen->shape.dtype,
                      .rows = screen->rows,
                      .error = screen->error,
                      .norm = screen->norm};
}

}  // namespace

BundleRole RoleOf(FileKind kind) {
  switch (kind) {
    case FileKind::kText:
      return BundleRole::kText;
    case FileKind::kDrafter:
      return BundleRole::kDrafter;
    case FileKind::kEmbedders:
      return BundleRole::kEmbedders;
  }
  return BundleRole::kText;
}

std::string_view FileKindName(FileKind kind) {
  switch (kind) {
    case FileKind::kText:
      return "text model";
    case FileKind::kDrafter:
      return "drafter";
    case FileKind::kEmbedders:
      return "vision and audio embedders";
  }
  return "";
}

Result<ModelFiles> OpenModelFiles(const std::filesystem::path& path) {
  std::error_code ignored;
  ModelFiles files;
  files.path = path;
  if (std::filesystem::is_directory(path, ignored)) {
    files.source = std::make_shared<FolderSource>(path);
    CARAT_TRY(OpenFolder(files));
    return files;
  }
  if (path.extension() == ".safetensors") {
    return Fail({.what = "a safetensors file alone is no model",
                 .where = path.string(),
                 .wanted = "its folder, with config.json beside it"});
  }
  CARAT_ASSIGN(files.gguf, Gguf::Open(path));
  if (Bundle::IsBundle(*files.gguf)) {
    auto bundle = Bundle::FromContainer(*std::move(files.gguf));
    if (!bundle) return Fail(Within(path.string(), bundle.error()));
    return OpenBundled(std::make_shared<Bundle>(*std::move(bundle)), FileKind::kText, path);
  }
  CARAT_TRY(RecogniseGguf(files, path.string()));
  return files;
}

Result<ModelFiles> OpenBundled(std::shared_ptr<const Bundle> bundle, FileKind kind,
                               const std::filesystem::path& path) {
  const BundleSource* source = bundle->Find(RoleOf(kind));
  if (source == nullptr) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = fmt::format("this bundle holds no {}", FileKindName(kind)),
                 .where = path.string()});
  }
  ModelFiles files;
  files.path = path;
  files.source = std::make_shared<BundledFiles>(bundle, *source, path.string());
  files.bundle = std::move(bundle);
  if (files.source->Has("config.json")) {
    CARAT_TRY(OpenFolder(files));
  } else {
    CARAT_ASSIGN(files.gguf, Gguf::Open(*files.source, source->files.front().name));
    CARAT_TRY(RecogniseGguf(files, path.string()));
  }
  if (files.kind == kind) return files;
  return Fail({.what = "the bundle's files are of another kind than it says",
               .where = path.string(),
               .wanted = std::string(FileKindName(kind)),
               .found = std::string(FileKindName(files.kind))});
}

std::vector<std::filesystem::path> PathsOf(const ModelFiles& files) {
  if (files.bundle != nullptr) return {files.path};
  std::vector<std::filesystem::path> paths;
  if (files.gguf) {
    for (const std::string& name : files.gguf->file_names())
      paths.push_back(files.path.parent_path() / name);
    return paths;
  }
  for (const std::string& name : files.safetensors->file_names())
    paths.push_back(files.path / name);
  for (const char* name :
       {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
        "generation_config.json", "processor_config.json", "model.safetensors.index.json"}) {
    if (files.source->Has(name)) paths.push_back(files.path / name);
  }
  return paths;
}

Status CheckOutput(const ModelFiles& files, const std::filesystem::path& out) {
  std::error_code failed;
  for (const std::filesystem::path& path : PathsOf(files)) {
    if (std::filesystem::equivalent(path, out, failed)) {
      return Fail({.what = "the result would take the place of its source",
                   .where = out.string(),
                   .wanted = "another name"});
    }
  }
  return {};
}

Result<std::optional<Tokenizer>> LoadTokenizer(const ModelFiles& files) {
  if (files.gguf) {
    auto tokenizer = TokenizerFromGguf(*files.gguf);
    if (!tokenizer) return Fail(Within(files.path.string(), tokenizer.error()));
    return tokenizer;
  }
  constexpr std::string_view kName = "tokenizer.json";
  if (!files.source->Has(kName)) return std::optional<Tokenizer>();
  CARAT_ASSIGN(const std::string text, files.source->ReadText(kName, kMaxTokenizerBytes));
  auto tokenizer = Tokenizer::FromJson(text);
  if (!tokenizer) return Fail(Within(files.source->Where(kName), tokenizer.error()));
  return std::optional<Tokenizer>(*std::move(tokenizer));
}

Result<Drafter> LoadDrafter(const ModelFiles& files) {
  Drafter drafter;
  const auto load = [&]() -> Status {
    CARAT_ASSIGN(drafter.config, files.gguf ? DrafterConfigFromGguf(*files.gguf)
                                            : DrafterConfigFromHuggingFace(files.config));
    CARAT_ASSIGN(drafter.weights, BindDrafter(drafter.config, files.tensors()));
    if (files.bundle) drafter.screen = ScreenOf(*files.bundle);
    return {};
  };
  if (const auto done = load(); !done) return Fail(Within(files.path.string(), done.error()));
  return drafter;
}

Result<Embedders> LoadEmbedders(const ModelFiles& files) {
  Embedders embedders;
  const auto load = [&]() -> Status {
    if (files.gguf) {
      CARAT_ASSIGN(embedders.config, EmbedderConfigFromGguf(*files.gguf));
      CARAT_ASSIGN(embedders.weights, BindEmbeddersGguf(embedders.config, files.tensors()));
    } else {
      CARAT_ASSIGN(embedders.config, EmbedderConfigFromHuggingFace(files.config));
      CARAT_ASSIGN(embedders.weights, BindEmbeddersHuggingFace(embedders.config, files.tensors()));
    }
    return {};
  };
  if (const auto done = load(); !done) return Fail(Within(files.path.string(), done.error()));
  return embedders;
}

Result<LoadedModel> LoadTextModel(ModelFiles files) {
  if (files.kind != FileKind::kText) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this file holds no text model",
                 .where = files.path.string(),
                 .found = std::string(FileKindName(files.kind))});
  }
  LoadedModel model;
  model.files = std::move(files);
  const std::string where = model.files.path.string();
  if (auto done = LoadInto(model); !done) return Fail(Within(where, done.error()));
  CARAT_ASSIGN(model.tokenizer, LoadTokenizer(model.files));
  const Tokenizer* tokenizer = model.tokenizer ? &*model.tokenizer : nullptr;
  if (tokenizer != nullptr && static_cast<int64_t>(tokenizer->size()) > model.config.vocab_size) {
    return Fail({.what = "the tokenizer has more tokens than the model",
                 .where = where,
                 .wanted = fmt::format("at most {}", model.config.vocab_size),
                 .found = std::to_string(tokenizer->size())});
  }
  CARAT_ASSIGN(model.defaults, LoadDefaults(model.files, model.config.vocab_size, tokenizer));
  if (tokenizer != nullptr) AddModelStops(*tokenizer, model.defaults);
  if (model.files.architecture == "gemma4_unified") {
    CARAT_ASSIGN(model.embedders, LoadEmbedders(model.files));
  }
  for (const auto* list :
       {&model.config.warnings, &model.weights.warnings, &model.embedders.weights.warnings}) {
    model.warnings.insert(model.warnings.end(), list->begin(), list->end());
  }
  return model;
}

}  // namespace carat
