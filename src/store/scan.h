// Model files that other programs put on this machine, and which of them belong together.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model_files.h"

namespace carat {

// A file or folder that carat can open: a text model, embedders or a drafter.
struct FoundFiles {
  std::filesystem::path path;  // absolute
  FileKind kind = FileKind::kText;
  std::string program = {};  // whose folder it lies in: "Ollama", "LM Studio", …; may be empty
  std::string title = {};    // its name there
  uint64_t bytes = 0;
};

struct ScanResult {
  std::vector<FoundFiles> found;
  std::vector<std::string> skipped;  // what looked like it and is not, with the reason
};

// A folder in which another program keeps models.
struct ProgramFolder {
  std::string program;
  std::filesystem::path path;
};

// The usual folders that are there. `home`: the user's; the others are what the environment says
// (empty: nothing): HF_HOME or HF_HUB_CACHE, OLLAMA_MODELS, LLAMA_CACHE.
struct ScanPlaces {
  std::filesystem::path home, hugging_face_home, hugging_face_cache, ollama, llama_cache;
};
std::vector<ProgramFolder> UsualFolders(const ScanPlaces& places);

// What a file, a model folder, or a folder of any of them holds: GGUF files, Hugging Face folders,
// and the manifests of Ollama. Links are followed, but no folder twice; at most `deepest` levels
// below it.
ScanResult Scan(const ProgramFolder& folder, int deepest = 8);

// Which of the others belong to a text model: embedders of its hidden width, a drafter that fits it
// and has its vocabulary; those in the model's own folder first, then the smallest.
struct Companions {
  std::optional<FoundFiles> embedders, drafter;
  bool own_embedders = false, own_drafter = false;  // a folder and a bundle have theirs, or none
  std::vector<std::string> refused;                 // what does not fit, and why
};
Result<Companions> FindCompanions(const FoundFiles& text, const std::vector<FoundFiles>& others);

// The paths of the files that a model of this kind is read from.
Result<std::vector<std::filesystem::path>> FilesOf(const std::filesystem::path& model);

}  // namespace carat
