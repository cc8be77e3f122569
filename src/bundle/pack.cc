#include "bundle/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "bundle/zeros.h"
#include "io/digest.h"
#include "io/disk_space.h"
#include "io/file.h"
#include "kernels/interleaved.h"
#include "weights/gguf_header.h"

namespace carat {
namespace {

using Kind = BundlePiece::Kind;

constexpr size_t kStep = size_t{32} << 20;  // bytes that are read at once

// What becomes one tensor of the container.
struct Part {
  std::string name;
  std::span<const std::byte> bytes;          // of the source
  const TensorToPack* interleave = nullptr;  // how, or null
  uint64_t packed_bytes() const {
    if (interleave == nullptr) return bytes.size();
    return kernels::InterleavedBytes(interleave->dtype, static_cast<size_t>(interleave->rows),
                                     static_cast<size_t>(interleave->cols));
  }
};

// Cuts a file at its tensors: the manifest's pieces, and the parts that hold them.
struct Cut {
  BundleFile file;
  std::vector<Part> parts;  // of the pieces that are not zeros, in order
};

// `names`: those of tensors that are taken.
Cut CutFile(BundleRole role, const FileToPack& from, std::set<std::string>& names) {
  CARAT_CHECK(IsPlainName(from.name));
  Cut cut;
  cut.file = {.name = from.name,
              .size = from.bytes.size(),
              .sha256 = std::string(64, '0'),
              .origin = from.origin,
              .pieces = {}};
  const auto add = [&](BundlePiece piece, std::span<const std::byte> bytes,
                       const TensorToPack* interleave) {
    piece.size = bytes.size();
    while (piece.kind != Kind::kZeros && !names.insert(piece.tensor).second) piece.tensor += '~';
    if (piece.kind != Kind::kZeros) cut.parts.push_back({piece.tensor, bytes, interleave});
    cut.file.pieces.push_back(std::move(piece));
  };
  const auto add_gap = [&](std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const bool zeros = !cut.file.pieces.empty() && AllZero(bytes);
    std::string name = fmt::format("{}/{}#{}", RoleName(role), from.name, cut.parts.size());
    add({.kind = zeros ? Kind::kZeros : Kind::kRaw, .tensor = zeros ? "" : std::move(name)}, bytes,
        nullptr);
  };
  std::vector<const TensorToPack*> tensors;
  for (const TensorToPack& tensor : from.tensors)
    if (!tensor.bytes.empty()) tensors.push_back(&tensor);
  std::ranges::sort(tensors, {}, [](const TensorToPack* t) { return t->bytes.data(); });
  size_t at = 0;
  for (const TensorToPack* tensor : tensors) {
    const auto begin = static_cast<size_t>(tensor->bytes.data() - from.bytes.data());
    CARAT_CHECK(begin >= at && begin + tensor->bytes.size() <= from.bytes.size());
    add_gap(from.bytes.subspan(at, begin - at));
    add({.kind = tensor->interleave ? Kind::kInterleaved : Kind::kStored,
         .tensor = fmt::format("{}/{}", RoleName(role), tensor->name),
         .dtype = tensor->dtype,
         .rows = tensor->rows,
         .cols = tensor->cols},
        tensor->bytes, tensor->interleave ? tensor : nullptr);
    at = begin + tensor->bytes.size();
  }
  add_gap(from.bytes.subspan(at));
  return cut;
}

// Runs two things at once.
template <class A, class B>
void Both(ThreadPool& pool, const A& a, const B& b) {
  pool.Run(2, [&](size_t which, int) { which == 0 ? a() : b(); });
}

class Writer {
 public:
  Writer(ThreadPool& pool, AtomicFile& out, uint64_t total, const BundleProgress& progress)
      : pool_(pool), out_(out), total_(total), progress_(progress) {}

  // Writes a part, padded; `file` is the digest of its source file, or null. Gives its digest.
  Result<std::string> Write(const Part& part, Digest* file) {
    Digest digest;
    CARAT_TRY(part.interleave != nullptr ? WriteInterleaved(part, digest, file)
                                         : WriteStored(part.bytes, digest, file));
    const uint64_t size = part.packed_bytes();
    CARAT_TRY(out_.Write(std::vector<std::byte>(static_cast<size_t>(
        (bundle::kAlignment - size % bundle::kAlignment) % bundle::kAlignment))));
    return digest.Hex();
  }

 private:
  Status WriteStored(std::span<const std::byte> bytes, Digest& digest, Digest* file) {
    for (size_t at = 0; at < bytes.size(); at += kStep) {
      const auto step = bytes.subspan(at, std::min(kStep, bytes.size() - at));
      Both(
          pool_, [&] { digest.Add(step); },
          [&] {
            if (file != nullptr) file->Add(step);
          });
      CARAT_TRY(out_.Write(step));
      if (file != nullptr) DropPages(step);
      CARAT_TRY(Tell(step.size()));
    }
    return {};
  }

  Status WriteInterleaved(const Part& part, Digest& digest, Digest* file) {
    const TensorToPack& t = *part.interleave;
    const auto rows = static_cast<size_t>(t.rows), cols = static_cast<size_t>(t.cols);
    const size_t row_bytes = part.bytes.size() / rows;
    const size_t group_bytes = kernels::GroupBytes(t.dtype, cols);
    constexpr size_t kRows = kernels::kGroupRows;
    const size_t groups = (rows + kRows - 1) / kRows;
    const size_t step = std::max<size_t>(1, kStep / group_bytes);
    buffer_.resize(step * group_bytes);
    for (size_t group = 0; group < groups; group += step) {
      const size_t count = std::min(step, groups - group), first = group * kRows;
      const auto from =
          part.bytes.subspan(first * row_bytes, std::min(count * kRows, rows - first) * row_bytes);
      pool_.Run(count, [&](size_t g, int) {
        const size_t row = first + g * kRows;
        kernels::InterleaveGroup(t.dtype, part.bytes.data() + row * row_bytes,
                                 std::min(kRows, rows - row), cols,
                                 buffer_.data() + g * group_bytes);
      });
      const auto packed = std::span(buffer_).first(count * group_bytes);
      Both(pool_, [&] { digest.Add(packed); }, [&] { file->Add(from); });
      CARAT_TRY(out_.Write(packed));
      DropPages(from);
      CARAT_TRY(Tell(packed.size()));
    }
    return {};
  }

  Status Tell(uint64_t bytes) {
    done_ += bytes;
    if (!progress_ || progress_(done_, total_)) return {};
    return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while packing"});
  }

  ThreadPool& pool_;
  AtomicFile& out_;
  const uint64_t total_;
  uint64_t done_ = 0;
  const BundleProgress& progress_;
  std::vector<std::byte> buffer_;
};

void AddZeros(Digest& digest, uint64_t count) {
  constexpr std::array<std::byte, 65536> kZeros = {};
  for (; count > 0; count -= std::min<uint64_t>(count, kZeros.size()))
    digest.Add(
        std::span(kZeros).first(static_cast<size_t>(std::min<uint64_t>(count, kZeros.size()))));
}

GgufHeader HeaderOf(const BundleManifest& manifest, std::span<const Part> parts,
                    const std::vector<std::string>& digests) {
  GgufHeader header(bundle::kAlignment);
  header.SetString("general.architecture", bundle::kArchitecture);
  header.SetUint32("general.alignment", static_cast<uint32_t>(bundle::kAlignment));
  header.SetUint32(bundle::kFormatKey, kBundleFormat);
  header.SetUint32(bundle::kOrderKey, kBundleOrder);
  header.SetString(bundle::kVersionKey, manifest.carat);
  header.SetString(bundle::kManifestKey, ManifestToJson(manifest).Dump());
  header.SetStrings(bundle::kDigestsKey, digests);
  const auto add = [&](std::string_view name, uint64_t bytes) {
    header.AddTensor(name, DType::kI8, std::array<uint64_t, 1>{bytes});
  };
  add(bundle::kSeal, bundle::kSealBytes);
  for (const Part& part : parts) add(part.name, part.packed_bytes());
  return header;
}

// The header is written last, over what stands there: only a file takes that.
Status CheckTarget(const std::filesystem::path& path) {
  std::error_code failed;
  const bool descriptor = path.native().starts_with("/dev/") || path.native().starts_with("/proc/");
  if (descriptor ||
      (std::filesystem::exists(path, failed) && !std::filesystem::is_regular_file(path, failed))) {
    return Fail({.code = ErrorCode::kIo,
                 .what = "a bundle can only be written to a file",
                 .where = path.string(),
                 .wanted = "a regular file",
                 .found = "a folder, a pipe or a device"});
  }
  return {};
}

}  // namespace

Status WriteBundle(ThreadPool& pool, const std::filesystem::path& path,
                   const std::vector<SourceToPack>& sources,
                   const std::optional<ScreenToPack>& screen, const std::string& carat_version,
                   const BundleProgress& progress) {
  CARAT_TRY(CheckTarget(path));
  BundleManifest manifest{.carat = carat_version, .sources = {}, .screen = {}};
  std::vector<Part> parts;
  std::set<std::string> names = {std::string(bundle::kSeal), std::string(bundle::kScreen),
                                 std::string(bundle::kScreenError),
                                 std::string(bundle::kScreenNorm)};
  for (const SourceToPack& source : sources) {
    BundleSource& to = manifest.sources.emplace_back(
        BundleSource{.role = source.role, .folder = source.folder, .files = {}});
    for (const FileToPack& file : source.files) {
      Cut cut = CutFile(source.role, file, names);
      to.files.push_back(std::move(cut.file));
      std::ranges::move(cut.parts, std::back_inserter(parts));
    }
  }
  if (screen) {
    manifest.screen = screen->shape;
    parts.push_back({std::string(bundle::kScreen), screen->rows});
    parts.push_back({std::string(bundle::kScreenError), std::as_bytes(screen->error)});
    parts.push_back({std::string(bundle::kScreenNorm), std::as_bytes(screen->norm)});
  }
  // The header comes last, for it holds the hashes; their length is known.
  std::vector<std::string> digests(parts.size() + 1, std::string(64, '0'));
  const GgufHeader blank = HeaderOf(manifest, parts, digests);
  CARAT_TRY(CheckFreeSpace(path.parent_path(), blank.file_size()));
  CARAT_ASSIGN(AtomicFile out, AtomicFile::Create(path));
  CARAT_TRY(out.Write(std::vector<std::byte>(
      static_cast<size_t>(blank.size() + blank.Padded(bundle::kSealBytes)))));
  uint64_t total = 0;
  for (const Part& part : parts) total += part.packed_bytes();
  Writer writer(pool, out, total, progress);
  size_t next = 0;
  for (BundleSource& source : manifest.sources) {
    for (BundleFile& file : source.files) {
      Digest whole;
      for (const BundlePiece& piece : file.pieces) {
        if (piece.kind == Kind::kZeros) {
          AddZeros(whole, piece.size);
          continue;
        }
        CARAT_ASSIGN(digests[next + 1], writer.Write(parts[next], &whole));
        ++next;
      }
      file.sha256 = whole.Hex();
    }
  }
  for (; next < parts.size(); ++next) {
    CARAT_ASSIGN(digests[next + 1], writer.Write(parts[next], nullptr));
  }
  const std::string header = HeaderOf(manifest, parts, digests).Bytes();
  CARAT_CHECK(header.size() == blank.size());
  CARAT_TRY(out.WriteAt(0, AsBytes(header)));
  CARAT_TRY(out.WriteAt(header.size(), AsBytes(Sha256Hex(AsBytes(header)))));
  return out.Commit();
}

}  // namespace carat
