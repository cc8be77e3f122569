// From a path to everything a model file holds: the one place that tells the kinds of files apart.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bundle/bundle.h"
#include "engine/generation_defaults.h"
#include "model/config.h"
#include "model/draft_head.h"
#include "model/drafter_weights.h"
#include "model/embedder_weights.h"
#include "model/weights.h"
#include "tokenizer/tokenizer.h"
#include "weights/gguf.h"
#include "weights/safetensors.h"

namespace carat {

enum class FileKind {
  kText,       // the model itself (a Hugging Face folder may hold the embedders too)
  kDrafter,    // the MTP drafter
  kEmbedders,  // vision and audio embedders (mmproj)
};
std::string_view FileKindName(FileKind kind);
BundleRole RoleOf(FileKind kind);

// The files of a model, opened and recognised but not yet bound. Owns the mappings. Move-only.
struct ModelFiles {
  std::filesystem::path path;                // of the file, the folder or the bundle
  std::shared_ptr<const Bundle> bundle;      // that they lie in, if they do
  std::shared_ptr<const FileSource> source;  // where a folder's small files are
  FileKind kind = FileKind::kText;
  std::string architecture;  // model_type or general.architecture
  std::optional<Gguf> gguf;  // exactly one of these two is there
  std::optional<Safetensors> safetensors;
  Json config;                // config.json of a folder
  std::string chat_template;  // as the file carries it; empty if it carries none

  const TensorDirectory& tensors() const { return gguf ? gguf->tensors() : safetensors->tensors(); }
};

// Opens a GGUF file, a Hugging Face folder, or the text model in a bundle. An architecture that
// carat does not run is refused here.
Result<ModelFiles> OpenModelFiles(const std::filesystem::path& path);
// What a bundle holds in this role; an error if it holds nothing.
Result<ModelFiles> OpenBundled(std::shared_ptr<const Bundle> bundle, FileKind kind,
                               const std::filesystem::path& path);

// The files that a model is read from: shards, a folder's weights and texts, or the bundle.
std::vector<std::filesystem::path> PathsOf(const ModelFiles& files);
// An error where something that is to be written would take the place of one of them.
Status CheckOutput(const ModelFiles& files, const std::filesystem::path& out);

// The embedders of pictures and sound, bound and checked: of an mmproj file or of a composite
// folder. Borrows the files.
struct Embedders {
  EmbedderConfig config;
  EmbedderWeights weights;
};
Result<Embedders> LoadEmbedders(const ModelFiles& files);

// A text model with its weights bound. Move-only; keeps the files alive that the weights point
// into.
struct LoadedModel {
  ModelFiles files;
  Config config;
  Weights weights;
  Embedders embedders;  // of a composite folder; without parts where the files have none
  std::optional<Tokenizer> tokenizer;  // absent where the files carry none
  GenerationDefaults defaults;
  std::vector<std::string> warnings;
};
Result<LoadedModel> LoadTextModel(ModelFiles files);

// The drafter, bound and checked. Borrows the files.
struct Drafter {
  DrafterConfig config;
  DrafterWeights weights;
  std::optional<StoredScreen> screen;  // a bundle's
};
Result<Drafter> LoadDrafter(const ModelFiles& files);

// The vocabulary alone; empty where the files carry none.
Result<std::optional<Tokenizer>> LoadTokenizer(const ModelFiles& files);

}  // namespace carat
