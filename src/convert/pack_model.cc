#include "convert/pack_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <list>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/utf8.h"
#include "io/file.h"
#include "model/interleave.h"
#include "model/mtp.h"
#include "ops/context.h"

namespace carat {
namespace {

namespace fs = std::filesystem;
using Matrices = std::unordered_map<const std::byte*, const MatrixView*>;  // by their bytes

constexpr uint64_t kMostSmallFile = uint64_t{64} << 20;  // of a folder's files that hold no weights
constexpr size_t kMostTensorName = 200;  // bytes; the container takes 255 with the role before it

// Endings of files that hold weights: those that the model does not read stay out.
constexpr std::array<std::string_view, 9> kWeightFiles = {
    ".safetensors", ".bin", ".gguf", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".ot"};

Matrices ByBytes(const std::vector<const MatrixView*>& matrices) {
  Matrices all;
  for (const MatrixView* w : matrices) all.emplace(w->data, w);
  return all;
}

class Collector {
 public:
  Collector(const PackOptions& options, std::vector<std::string>& warnings)
      : options_(options), warnings_(warnings) {}

  Status Add(const ModelFiles& files, const Matrices& interleave) {
    SourceToPack& source = sources_.emplace_back();
    source.role = RoleOf(files.kind);
    if (files.gguf) return AddGguf(files, interleave, source);
    if (files.kind == FileKind::kDrafter) source.folder = "assistant";
    return AddFolder(files, interleave, source);
  }

  const std::vector<SourceToPack>& sources() const { return sources_; }

 private:
  BundleOrigin OriginOf(const fs::path& path) const {
    const auto found = options_.origins.find(path);
    if (found != options_.origins.end()) return found->second;
    return {.address = {},
            .repository = {},
            .revision = {},
            .file = SanitizeUtf8(path.filename().string())};
  }

  // The tensors of the file with these bytes.
  static std::vector<TensorToPack> TensorsIn(const TensorDirectory& tensors,
                                             std::span<const std::byte> bytes,
                                             const Matrices& interleave) {
    std::vector<TensorToPack> all;
    size_t number = 0;
    for (const TensorEntry& entry : tensors.entries()) {
      ++number;
      if (entry.bytes.empty() || entry.bytes.data() < bytes.data() ||
          entry.bytes.data() >= bytes.data() + bytes.size())
        continue;
      TensorToPack tensor{.name = entry.name, .bytes = entry.bytes, .dtype = entry.dtype};
      if (tensor.name.size() > kMostTensorName) tensor.name = fmt::format("tensor-{}", number);
      // Not a tensor of which the matrix is only the first rows (attn_qkv).
      const auto found = interleave.find(entry.bytes.data());
      tensor.interleave = found != interleave.end() && entry.shape.size() == 2 &&
                          entry.shape[0] == found->second->rows &&
                          entry.shape[1] == found->second->cols;
      if (tensor.interleave) {
        tensor.rows = entry.shape[0];
        tensor.cols = entry.shape[1];
      }
      all.push_back(std::move(tensor));
    }
    return all;
  }

  Status AddGguf(const ModelFiles& files, const Matrices& interleave, SourceToPack& source) {
    const auto parts = files.gguf->files();
    std::vector<std::string> names(files.gguf->file_names().begin(),
                                   files.gguf->file_names().end());
    const auto free = [&](const std::string& name) {
      return IsPlainName(name) && !names_.contains(name);
    };
    const std::string fallback = source.role == BundleRole::kText        ? "model"
                                 : source.role == BundleRole::kEmbedders ? "mmproj-model"
                                                                         : "mtp-model";
    for (int number = 1; !std::ranges::all_of(names, free); ++number) {
      const std::string stem = number == 1 ? fallback : fmt::format("{}-{}", fallback, number);
      for (size_t i = 0; i < names.size(); ++i) {
        names[i] = names.size() == 1
                       ? stem + ".gguf"
                       : fmt::format("{}-{:05}-of-{:05}.gguf", stem, i + 1, names.size());
      }
    }
    names_.insert(names.begin(), names.end());
    for (size_t i = 0; i < parts.size(); ++i) {
      FileToPack& file = source.files.emplace_back();
      file.name = names[i];
      file.origin = OriginOf(files.path.parent_path() / files.gguf->file_names()[i]);
      file.bytes = parts[i].head();
      file.tensors = TensorsIn(files.tensors(), file.bytes, interleave);
    }
    return {};
  }

  // The files that hold the weights, and all small ones beside them.
  Status AddFolder(const ModelFiles& files, const Matrices& interleave, SourceToPack& source) {
    const auto names = files.safetensors->file_names();
    std::error_code failed;
    std::vector<std::string> small;
    for (fs::directory_iterator entry(files.path, failed), end; !failed && entry != end;
         entry.increment(failed)) {
      const std::string name = entry->path().filename().string();
      if (std::ranges::find(names, name) != names.end() || !entry->is_regular_file(failed) ||
          name.starts_with("."))
        continue;
      const bool weights =
          std::ranges::any_of(kWeightFiles, [&](std::string_view e) { return name.ends_with(e); });
      if (!weights && IsPlainName(name) && entry->file_size(failed) <= kMostSmallFile)
        small.push_back(name);
      else
        warnings_.push_back("left out of the bundle: " + SanitizeUtf8(entry->path().string()));
    }
    if (failed) {
      return Fail({.code = ErrorCode::kIo,
                   .what = "cannot list the folder: " + failed.message(),
                   .where = files.path.string()});
    }
    std::ranges::sort(small);
    for (const std::string& name : small) {
      FileToPack& file = source.files.emplace_back();
      file.name = name;
      file.origin = OriginOf(files.path / name);
      CARAT_ASSIGN(MappedFile mapping, MappedFile::Open(files.path / name));
      file.bytes = mapping.bytes();
      mappings_.push_back(std::move(mapping));
    }
    const auto parts = files.safetensors->files();
    for (size_t i = 0; i < parts.size(); ++i) {
      if (!IsPlainName(names[i])) {
        return Fail({.what = "a shard's name cannot stand in a bundle",
                     .where = files.path.string(),
                     .wanted = "letters, digits and . _ + -",
                     .found = Quoted(names[i])});
      }
      source.files.push_back({.name = names[i],
                              .origin = OriginOf(files.path / names[i]),
                              .bytes = parts[i].head(),
                              .tensors = TensorsIn(files.tensors(), parts[i].head(), interleave)});
    }
    return {};
  }

  const PackOptions& options_;
  std::vector<std::string>& warnings_;
  std::vector<SourceToPack> sources_;
  std::list<MappedFile> mappings_;  // of small files
  std::set<std::string> names_;     // of GGUF files, which lie in one folder
};

}  // namespace

Status PackModel(const Engine& engine, const PackOptions& options,
                 std::vector<std::string>& warnings) {
  if (engine.files().bundle != nullptr) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this is a bundle already",
                 .where = engine.files().path.string()});
  }
  for (const ModelFiles* files :
       {&engine.files(), engine.embedder_files(), engine.drafter_files()}) {
    if (files != nullptr) CARAT_TRY(CheckOutput(*files, options.out));
  }
  Collector collect(options, warnings);
  CARAT_TRY(collect.Add(engine.files(), ByBytes(MatricesToInterleave(engine.decoder().weights()))));
  if (engine.embedder_files() != nullptr) CARAT_TRY(collect.Add(*engine.embedder_files(), {}));
  std::optional<DraftHead> head;
  std::optional<ScreenToPack> screen;
  if (const Drafter* drafter = engine.found_drafter()) {
    CARAT_TRY(collect.Add(*engine.drafter_files(),
                          ByBytes(MtpDrafter::MatricesToInterleave(drafter->weights))));
    OpContext context(engine.pool(), engine.table());
    CARAT_ASSIGN(head, DraftHead::Create(context, drafter->weights.head, true));
    if (const auto made = head->screen()) {
      screen = {.shape = {.dtype = made->dtype,
                          .rows = drafter->weights.head.rows,
                          .cols = drafter->weights.head.cols},
                .rows = made->rows,
                .error = made->error,
                .norm = made->norm};
    }
  }
  return WriteBundle(engine.pool(), options.out, collect.sources(), screen, options.carat_version,
                     options.progress);
}

}  // namespace carat
