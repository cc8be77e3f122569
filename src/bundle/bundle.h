// Bundle: one verified file with everything that a model needs (docs/bundle.md).
//
// A GGUF container of plain bytes: the source files, cut into pieces (manifest.h), with the
// matrices in the kernels' order; their manifest; a SHA-256 of every piece; and a seal, the SHA-256
// of all that stands before the data. It runs from the mapped file: nothing is converted.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bundle/manifest.h"
#include "weights/gguf.h"
#include "weights/model_file.h"

namespace carat {

// The number of this form, and of the kernels' order that its matrices are in: a bundle of other
// numbers is refused with what to do.
inline constexpr uint32_t kBundleFormat = 1, kBundleOrder = 1;

namespace bundle {
// Names in the container.
inline constexpr std::string_view kArchitecture = "carat-bundle";
inline constexpr std::string_view kFormatKey = "carat.format", kOrderKey = "carat.order",
                                  kVersionKey = "carat.version", kManifestKey = "carat.manifest",
                                  kDigestsKey = "carat.sha256";
inline constexpr std::string_view kSeal = "seal", kScreen = "screen/rows",
                                  kScreenError = "screen/error", kScreenNorm = "screen/norm";
inline constexpr uint64_t kAlignment = 4096;  // a page, so that each tensor is mapped by itself
inline constexpr size_t kSealBytes = 64;
}  // namespace bundle

// Bytes done and to do; false cancels.
using BundleProgress = std::function<bool(uint64_t done, uint64_t total)>;

// Move-only; owns the mapping. Thread-safe.
class Bundle {
 public:
  static bool IsBundle(const Gguf& gguf);
  // Checks the seal, the manifest, and every piece that is read as a text or a header: all but the
  // tensors, which Verify checks. Errors name what is damaged.
  static Result<Bundle> FromContainer(Gguf container);
  static Result<Bundle> Open(const std::filesystem::path& path);

  const BundleManifest& manifest() const { return manifest_; }
  const BundleSource* Find(BundleRole role) const;  // null: none
  // A source file as readers take it. Borrows the bundle.
  ModelFile File(const BundleFile& file) const;
  // The bytes of a piece that is not zeros.
  std::span<const std::byte> BytesOf(const BundlePiece& piece) const;

  struct Screen {
    BundledScreen shape;
    std::span<const std::byte> rows;
    std::span<const float> error, norm;
  };
  std::optional<Screen> screen() const;

  // Reads everything and names the first tensor that is not what was packed. kCancelled.
  Status Verify(const BundleProgress& progress) const;
  // All of it, as it is mapped.
  std::span<const std::byte> bytes() const { return container_.files().front().head(); }

 private:
  explicit Bundle(Gguf container) : container_(std::move(container)) {}
  Status CheckForm();
  Status CheckLayout() const;
  Status CheckSeal() const;
  Status CheckPieces() const;
  Status CheckPiece(const BundlePiece& piece, std::vector<bool>& used) const;
  Status CheckScreen(std::vector<bool>& used) const;
  Status CheckDigest(size_t tensor) const;

  Gguf container_;
  BundleManifest manifest_;
  std::unordered_map<std::string_view, size_t> index_;  // tensors by name
};

// The files of one source, under their names. Keeps the bundle alive.
class BundledFiles final : public FileSource {
 public:
  // `place`: of the bundle, for errors. `source` is the bundle's.
  BundledFiles(std::shared_ptr<const Bundle> bundle, const BundleSource& source, std::string place)
      : bundle_(std::move(bundle)), source_(source), place_(std::move(place)) {}
  bool Has(std::string_view name) const override { return Find(name) != nullptr; }
  Result<ModelFile> Open(std::string_view name) const override;
  std::string Where(std::string_view name) const override;

 private:
  const BundleFile* Find(std::string_view name) const;
  std::shared_ptr<const Bundle> bundle_;
  const BundleSource& source_;
  std::string place_;
};

}  // namespace carat
