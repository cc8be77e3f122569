#include "bundle/bundle.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/utf8.h"
#include "bundle/zeros.h"
#include "io/digest.h"
#include "kernels/interleaved.h"

namespace carat {
namespace {

using Kind = BundlePiece::Kind;

constexpr size_t kStep = size_t{32} << 20;  // bytes between two calls of progress

Error Damaged(std::string_view tensor) {
  return {.what = "the bundle is damaged: these bytes are not those that were packed",
          .where = fmt::format("tensor {}", Quoted(tensor)),
          .wanted = "the bundle anew (carat pull --again, or carat pack)"};
}

// The numbers of a bundle's form, which an older or newer carat may have made.
Status CheckNumber(const Gguf& gguf, std::string_view key, uint32_t ours, std::string_view name) {
  CARAT_ASSIGN(const int64_t found, gguf.Int(key, 0, UINT32_MAX));
  if (found == ours) return {};
  const auto version = gguf.String(bundle::kVersionKey);
  const std::string maker =
      version ? "carat " + SanitizeUtf8(version->substr(0, 40)) : "another carat";
  return Fail(
      {.code = ErrorCode::kUnsupported,
       .what = fmt::format("this bundle was packed by {} and has another {}: unpack it with "
                           "that version and pack it with this one, or carat pull --again",
                           maker, name),
       .where = std::string(key),
       .wanted = std::to_string(ours),
       .found = std::to_string(found)});
}

}  // namespace

bool Bundle::IsBundle(const Gguf& gguf) {
  const auto architecture = gguf.String("general.architecture");
  return architecture && *architecture == bundle::kArchitecture;
}

Result<Bundle> Bundle::Open(const std::filesystem::path& path) {
  CARAT_ASSIGN(Gguf gguf, Gguf::Open(path));
  if (!IsBundle(gguf)) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "not a bundle",
                 .where = path.string(),
                 .wanted = "what carat pack or carat pull made"});
  }
  auto bundle = FromContainer(std::move(gguf));
  if (!bundle) return Fail(Within(path.string(), bundle.error()));
  return bundle;
}

Result<Bundle> Bundle::FromContainer(Gguf container) {
  Bundle bundle(std::move(container));
  CARAT_TRY(bundle.CheckForm());
  CARAT_TRY(bundle.CheckLayout());
  CARAT_TRY(bundle.CheckSeal());
  CARAT_ASSIGN(const std::string_view text, bundle.container_.String(bundle::kManifestKey));
  CARAT_ASSIGN(const Json json, ParseJson(text));
  CARAT_ASSIGN(bundle.manifest_, ManifestFromJson(json));
  const auto entries = bundle.container_.tensors().entries();
  for (size_t i = 0; i < entries.size(); ++i) bundle.index_.emplace(entries[i].name, i);
  CARAT_TRY(bundle.CheckPieces());
  return bundle;
}

Status Bundle::CheckForm() {
  CARAT_TRY(CheckNumber(container_, bundle::kFormatKey, kBundleFormat, "form"));
  CARAT_TRY(CheckNumber(container_, bundle::kOrderKey, kBundleOrder, "order of weights"));
  const GgufValue* digests = container_.Find(bundle::kDigestsKey);
  const GgufArray* array = digests == nullptr ? nullptr : digests->AsArray();
  const auto entries = container_.tensors().entries();
  if (container_.files().size() == 1 && array != nullptr && array->type == GgufType::kString &&
      array->count == entries.size() && !entries.empty() && entries[0].name == bundle::kSeal &&
      entries[0].bytes.size() == bundle::kSealBytes &&
      static_cast<size_t>(entries[0].bytes.data() - bytes().data()) % bundle::kAlignment == 0)
    return {};
  return Fail({.what = "not a sound bundle: its seal or its hashes are missing"});
}

// Tensors are bytes, one after the other, each from a page on, and nothing else is in the file.
Status Bundle::CheckLayout() const {
  const auto entries = container_.tensors().entries();
  size_t at = static_cast<size_t>(entries[0].bytes.data() - bytes().data());
  for (const TensorEntry& entry : entries) {
    const size_t padded =
        (entry.bytes.size() + bundle::kAlignment - 1) / bundle::kAlignment * bundle::kAlignment;
    if (entry.dtype != DType::kI8 || entry.bytes.empty() || at > bytes().size() ||
        entry.bytes.data() != bytes().data() + at || padded > bytes().size() - at)
      return std::unexpected(Damaged(entry.name));
    at += padded;
  }
  if (at == bytes().size()) return {};
  return Fail({.what = "the bundle is damaged: there is something behind its last tensor",
               .wanted = fmt::format("{} bytes", at),
               .found = std::to_string(bytes().size())});
}

Status Bundle::CheckSeal() const {
  const TensorEntry& seal = container_.tensors().entries()[0];
  const size_t before = static_cast<size_t>(seal.bytes.data() - bytes().data());
  if (Sha256Hex(bytes().first(before)) == AsText(seal.bytes)) return {};
  return Fail({.what = "the bundle is damaged: its header is not the one that was packed",
               .where = fmt::format("the first {} bytes", before),
               .wanted = "the bundle anew (carat pull --again, or carat pack)"});
}

Status Bundle::CheckDigest(size_t tensor) const {
  const TensorEntry& entry = container_.tensors().entries()[tensor];
  const auto& digests = container_.Find(bundle::kDigestsKey)->AsArray()->strings;
  if (Sha256Hex(entry.bytes) == digests[tensor]) return {};
  return std::unexpected(Damaged(entry.name));
}

Status Bundle::CheckPiece(const BundlePiece& piece, std::vector<bool>& used) const {
  if (piece.kind == Kind::kZeros) return {};
  const auto found = index_.find(piece.tensor);
  uint64_t size = piece.size;
  if (piece.kind == Kind::kInterleaved) {
    size = kernels::InterleavedBytes(piece.dtype, static_cast<size_t>(piece.rows),
                                     static_cast<size_t>(piece.cols));
  }
  if (found == index_.end() || used[found->second] ||
      container_.tensors().entries()[found->second].bytes.size() != size) {
    return Fail({.what = "the bundle holds no such piece",
                 .where = Quoted(piece.tensor),
                 .wanted = fmt::format("{} bytes, once", size)});
  }
  used[found->second] = true;
  return piece.kind == Kind::kRaw ? CheckDigest(found->second) : Status();
}

Status Bundle::CheckScreen(std::vector<bool>& used) const {
  if (!manifest_.screen) return {};
  const auto rows = static_cast<size_t>(manifest_.screen->rows);
  const size_t bytes = kernels::InterleavedBytes(manifest_.screen->dtype, rows,
                                                 static_cast<size_t>(manifest_.screen->cols));
  for (const auto& [name, size] : {std::pair(bundle::kScreen, bytes),
                                   {bundle::kScreenError, rows * sizeof(float)},
                                   {bundle::kScreenNorm, rows * sizeof(float)}}) {
    CARAT_TRY(CheckPiece({.kind = Kind::kStored, .size = size, .tensor = std::string(name)}, used));
  }
  return {};
}

Status Bundle::CheckPieces() const {
  const auto entries = container_.tensors().entries();
  std::vector<bool> used(entries.size());
  used[0] = true;
  for (const BundleSource& source : manifest_.sources) {
    for (const BundleFile& file : source.files) {
      for (const BundlePiece& piece : file.pieces) CARAT_TRY(CheckPiece(piece, used));
    }
  }
  CARAT_TRY(CheckScreen(used));
  const auto unused = std::ranges::find(used, false);
  if (unused == used.end()) return {};
  return Fail({.what = "the bundle holds a tensor of which its manifest says nothing",
               .where = Quoted(entries[static_cast<size_t>(unused - used.begin())].name)});
}

const BundleSource* Bundle::Find(BundleRole role) const {
  const auto found = std::ranges::find(manifest_.sources, role, &BundleSource::role);
  return found == manifest_.sources.end() ? nullptr : &*found;
}

std::span<const std::byte> Bundle::BytesOf(const BundlePiece& piece) const {
  return container_.tensors().entries()[index_.at(piece.tensor)].bytes;
}

ModelFile Bundle::File(const BundleFile& file) const {
  std::span<const std::byte> head;
  std::vector<ModelFile::Moved> moved;
  uint64_t at = 0;
  for (const BundlePiece& piece : file.pieces) {
    if (at == 0 && piece.kind == Kind::kRaw) head = BytesOf(piece);
    if (piece.kind == Kind::kStored || piece.kind == Kind::kInterleaved) {
      moved.push_back({.begin = at,
                       .end = at + piece.size,
                       .to = {.bytes = BytesOf(piece),
                              .interleaved = piece.kind == Kind::kInterleaved,
                              .dtype = piece.dtype,
                              .rows = piece.rows,
                              .cols = piece.cols}});
    }
    at += piece.size;
  }
  return {head, file.size, std::move(moved)};
}

std::optional<Bundle::Screen> Bundle::screen() const {
  if (!manifest_.screen) return std::nullopt;
  const auto bytes = [&](std::string_view name) {
    return container_.tensors().entries()[index_.at(name)].bytes;
  };
  const auto floats = [&](std::string_view name) {  // pages are aligned
    return std::span(reinterpret_cast<const float*>(bytes(name).data()),
                     static_cast<size_t>(manifest_.screen->rows));
  };
  return Screen{*manifest_.screen, bytes(bundle::kScreen), floats(bundle::kScreenError),
                floats(bundle::kScreenNorm)};
}

Status Bundle::Verify(const BundleProgress& progress) const {
  CARAT_TRY(CheckSeal());
  const auto entries = container_.tensors().entries();
  const auto& digests = container_.Find(bundle::kDigestsKey)->AsArray()->strings;
  uint64_t done = static_cast<uint64_t>(entries[0].bytes.data() - bytes().data());
  for (size_t i = 0; i < entries.size(); ++i) {
    const TensorEntry& entry = entries[i];
    Digest digest;
    for (size_t at = 0; at < entry.bytes.size(); at += kStep) {
      const auto step = entry.bytes.subspan(at, std::min(kStep, entry.bytes.size() - at));
      digest.Add(step);
      done += step.size();
      if (progress && !progress(done, bytes().size()))
        return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while checking the bundle"});
    }
    if (i > 0 && digest.Hex() != digests[i]) return std::unexpected(Damaged(entry.name));
    const size_t end =
        static_cast<size_t>(entry.bytes.data() - bytes().data()) + entry.bytes.size();
    const size_t next = (end + bundle::kAlignment - 1) / bundle::kAlignment * bundle::kAlignment;
    if (!AllZero(bytes().subspan(end, next - end))) return std::unexpected(Damaged(entry.name));
    done += next - end;
  }
  if (progress) static_cast<void>(progress(done, bytes().size()));
  return {};
}

const BundleFile* BundledFiles::Find(std::string_view name) const {
  const auto found = std::ranges::find(source_.files, name, &BundleFile::name);
  return found == source_.files.end() ? nullptr : &*found;
}

Result<ModelFile> BundledFiles::Open(std::string_view name) const {
  if (const BundleFile* file = Find(name)) return bundle_->File(*file);
  return Fail({.code = ErrorCode::kNotFound,
               .what = "the bundle holds no such file",
               .where = Where(name)});
}

std::string BundledFiles::Where(std::string_view name) const {
  return fmt::format("{} ({})", place_, name);
}

}  // namespace carat
