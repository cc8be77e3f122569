#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "bundle/pack.h"
#include "io/digest.h"
#include "io/disk_space.h"
#include "io/file.h"
#include "kernels/interleaved.h"

namespace carat {
namespace {

using Kind = BundlePiece::Kind;

constexpr size_t kStep = size_t{32} << 20;  // bytes that are written at once

// The bytes of one source file, in order.
class Reader {
 public:
  Reader(ThreadPool& pool, const Bundle& bundle, AtomicFile& out, const BundleProgress& tell)
      : pool_(pool), bundle_(bundle), out_(out), tell_(tell) {}

  Status Copy(const BundlePiece& piece) {
    if (piece.kind == Kind::kInterleaved) return CopyMatrix(piece);
    const std::vector<std::byte> zeros(
        piece.kind == Kind::kZeros ? std::min<size_t>(kStep, static_cast<size_t>(piece.size)) : 0);
    for (uint64_t at = 0; at < piece.size; at += kStep) {
      const auto size = static_cast<size_t>(std::min<uint64_t>(kStep, piece.size - at));
      CARAT_TRY(Put(piece.kind == Kind::kZeros
                        ? std::span(zeros).first(size)
                        : bundle_.BytesOf(piece).subspan(static_cast<size_t>(at), size)));
    }
    return {};
  }

  std::string Hex() { return digest_.Hex(); }

 private:
  Status CopyMatrix(const BundlePiece& piece) {
    const auto rows = static_cast<size_t>(piece.rows), cols = static_cast<size_t>(piece.cols);
    const size_t row_bytes = static_cast<size_t>(piece.size) / rows;
    const size_t group_bytes = kernels::GroupBytes(piece.dtype, cols);
    constexpr size_t kRows = kernels::kGroupRows;
    const size_t step = std::max<size_t>(1, kStep / (kRows * row_bytes)) * kRows;
    const std::byte* groups = bundle_.BytesOf(piece).data();
    std::vector<std::byte> buffer(std::min(step, rows) * row_bytes);
    for (size_t first = 0; first < rows; first += step) {
      const size_t count = std::min(step, rows - first);
      pool_.Run(count, [&](size_t r, int) {
        kernels::StoredRow(piece.dtype, groups + (first + r) / kRows * group_bytes,
                           (first + r) % kRows, cols, buffer.data() + r * row_bytes);
      });
      CARAT_TRY(Put(std::span(buffer).first(count * row_bytes)));
    }
    return {};
  }

  Status Put(std::span<const std::byte> bytes) {
    digest_.Add(bytes);
    CARAT_TRY(out_.Write(bytes));
    if (!tell_ || tell_(bytes.size(), 0)) return {};
    return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while unpacking"});
  }

  ThreadPool& pool_;
  const Bundle& bundle_;
  AtomicFile& out_;
  const BundleProgress& tell_;  // gets the bytes of each step
  Digest digest_;
};

Status UnpackFile(ThreadPool& pool, const Bundle& bundle, const BundleFile& file,
                  const std::filesystem::path& path, const BundleProgress& tell) {
  CARAT_ASSIGN(AtomicFile out, AtomicFile::Create(path));
  Reader reader(pool, bundle, out, tell);
  for (const BundlePiece& piece : file.pieces) CARAT_TRY(reader.Copy(piece));
  if (const std::string found = reader.Hex(); found != file.sha256) {
    return Fail({.what = "the bundle is damaged: the file in it is not the one that was packed",
                 .where = file.name,
                 .wanted = "SHA-256 " + file.sha256,
                 .found = found});
  }
  return out.Commit();
}

}  // namespace

Result<std::vector<std::filesystem::path>> UnpackBundle(ThreadPool& pool, const Bundle& bundle,
                                                        const std::filesystem::path& folder,
                                                        const BundleProgress& progress) {
  uint64_t total = 0, done = 0;
  std::vector<std::pair<const BundleFile*, std::filesystem::path>> files;
  std::error_code failed;
  for (const BundleSource& source : bundle.manifest().sources) {
    for (const BundleFile& file : source.files) {
      // Both are plain names, or empty: the manifest's reader has seen to it.
      std::filesystem::path path =
          source.folder.empty() ? folder / file.name : folder / source.folder / file.name;
      if (std::filesystem::exists(std::filesystem::symlink_status(path, failed))) {
        return Fail({.code = ErrorCode::kIo,
                     .what = "a file of this name is there already",
                     .where = path.string()});
      }
      files.emplace_back(&file, std::move(path));
      total += file.size;
    }
  }
  std::filesystem::create_directories(folder, failed);
  if (!failed) CARAT_TRY(CheckFreeSpace(folder, total));
  const BundleProgress tell = [&](uint64_t bytes, uint64_t) {
    done += bytes;
    return !progress || progress(done, total);
  };
  std::vector<std::filesystem::path> paths;
  for (auto& [file, path] : files) {
    if (!failed) std::filesystem::create_directories(path.parent_path(), failed);
    if (failed) {
      return Fail({.code = ErrorCode::kIo,
                   .what = "cannot make the folder: " + failed.message(),
                   .where = path.parent_path().string()});
    }
    if (const Status sound = UnpackFile(pool, bundle, *file, path, tell); !sound) {
      for (const auto& written : paths) std::filesystem::remove(written, failed);
      return std::unexpected(sound.error());
    }
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace carat
