#include "bundle/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "io/digest.h"
#include "kernels/interleaved.h"
#include "weights/directory.h"

namespace carat {
namespace {

using Kind = BundlePiece::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 4> kKinds = {
    {{"raw", Kind::kRaw},
     {"zeros", Kind::kZeros},
     {"stored", Kind::kStored},
     {"interleaved", Kind::kInterleaved}}};
constexpr std::array<std::pair<std::string_view, BundleRole>, 3> kRoles = {
    {{"text", BundleRole::kText},
     {"embedders", BundleRole::kEmbedders},
     {"drafter", BundleRole::kDrafter}}};
constexpr int64_t kMost = int64_t{1} << 50;  // bytes of any file

template <class Table, class Value>
std::string_view NameIn(const Table& table, Value value) {
  return std::ranges::find(table, value, &Table::value_type::second)->first;
}

template <class Table>
auto ValueIn(const Table& table, const JsonView& view, std::string_view name)
    -> Result<typename Table::value_type::second_type> {
  const auto found = std::ranges::find(table, name, &Table::value_type::first);
  if (found != table.end()) return found->second;
  return Fail({.what = "a word that this carat does not know",
               .where = view.path(),
               .found = SanitizeUtf8(name.substr(0, 40))});
}

// [rows, cols] of a format that can be interleaved, or the error.
Status CheckOrder(const JsonView& view, DType dtype, uint64_t rows, uint64_t cols) {
  const std::array<uint64_t, 2> shape = {rows, cols};
  if (rows > 0 && rows < (1u << 30) && cols < (1u << 30) &&
      kernels::CanInterleave(dtype, static_cast<size_t>(cols)) && StorageBytes(dtype, shape))
    return {};
  return Fail({.what = "no matrix of this size and type has the kernels' order",
               .where = view.path(),
               .found = fmt::format("{} [{}, {}]", Info(dtype).name, rows, cols)});
}

Result<DType> ReadType(const JsonView& view) {
  CARAT_ASSIGN(const std::string name, view.String("type"));
  const auto found = std::ranges::find(kDTypes, name, &DTypeInfo::name);
  if (found != kDTypes.end()) return static_cast<DType>(found - kDTypes.begin());
  return Fail({.what = "no such tensor type is known",
               .where = view.path(),
               .found = SanitizeUtf8(name.substr(0, 40))});
}

Result<uint64_t> ReadSize(const JsonView& view, std::string_view key) {
  CARAT_ASSIGN(const int64_t size, view.Int(key, 0, kMost));
  return static_cast<uint64_t>(size);
}

Json ToJson(const BundlePiece& piece) {
  Json json;
  json.Set("kind", NameIn(kKinds, piece.kind));
  json.Set("size", static_cast<size_t>(piece.size));
  if (piece.kind != Kind::kZeros) json.Set("tensor", piece.tensor);
  if (piece.kind == Kind::kInterleaved) {
    json.Set("type", Info(piece.dtype).name);
    json.Set("rows", static_cast<size_t>(piece.rows));
    json.Set("cols", static_cast<size_t>(piece.cols));
  }
  return json;
}

Result<BundlePiece> PieceFrom(const JsonView& view) {
  BundlePiece piece;
  CARAT_ASSIGN(const std::string kind, view.String("kind"));
  CARAT_ASSIGN(piece.kind, ValueIn(kKinds, view, kind));
  CARAT_ASSIGN(piece.size, ReadSize(view, "size"));
  if (piece.kind != Kind::kZeros) {
    CARAT_ASSIGN(piece.tensor, view.String("tensor"));
  }
  if (piece.kind != Kind::kInterleaved) return piece;
  CARAT_ASSIGN(piece.dtype, ReadType(view));
  CARAT_ASSIGN(piece.rows, ReadSize(view, "rows"));
  CARAT_ASSIGN(piece.cols, ReadSize(view, "cols"));
  CARAT_TRY(CheckOrder(view, piece.dtype, piece.rows, piece.cols));
  const std::array<uint64_t, 2> shape = {piece.rows, piece.cols};
  if (*StorageBytes(piece.dtype, shape) == piece.size) return piece;
  return Fail({.what = "the piece's size is not its matrix's", .where = view.path()});
}

Json ToJson(const BundleFile& file) {
  Json json, origin, pieces{Json::Array()};
  json.Set("name", file.name);
  json.Set("size", static_cast<size_t>(file.size));
  json.Set("sha256", file.sha256);
  for (const auto& [key, text] : {std::pair("address", &file.origin.address),
                                  {"repository", &file.origin.repository},
                                  {"revision", &file.origin.revision},
                                  {"file", &file.origin.file}}) {
    if (!text->empty()) origin.Set(key, *text);
  }
  if (!origin.is_null()) json.Set("origin", std::move(origin));
  for (const BundlePiece& piece : file.pieces) pieces.array().push_back(ToJson(piece));
  json.Set("pieces", std::move(pieces));
  return json;
}

Result<BundleOrigin> OriginFrom(const JsonView& file) {
  BundleOrigin origin;
  if (!file.Has("origin")) return origin;
  CARAT_ASSIGN(const JsonView view, file.Object("origin"));
  for (const auto& [key, text] : {std::pair("address", &origin.address),
                                  {"repository", &origin.repository},
                                  {"revision", &origin.revision},
                                  {"file", &origin.file}}) {
    CARAT_ASSIGN(*text, view.StringOr(key, ""));
    if (text->size() > 1000) return Fail(view.Wrong("texts of at most 1000 bytes"));
  }
  return origin;
}

Result<BundleFile> FileFrom(const JsonView& view) {
  BundleFile file;
  CARAT_ASSIGN(file.name, view.String("name"));
  if (!IsPlainName(file.name)) {
    return Fail({.what = "not a plain file name",
                 .where = view.path() + ".name",
                 .wanted = "letters, digits and . _ + -",
                 .found = Quoted(file.name, 100)});
  }
  CARAT_ASSIGN(file.size, ReadSize(view, "size"));
  CARAT_ASSIGN(file.sha256, view.String("sha256"));
  if (!IsDigest(Digest::Kind::kSha256, file.sha256))
    return Fail(view.Wrong("a sha256 of 64 hexadecimal digits"));
  CARAT_ASSIGN(file.origin, OriginFrom(view));
  CARAT_ASSIGN(const JsonView pieces, view.Array("pieces"));
  uint64_t sum = 0;
  for (size_t i = 0; i < pieces.value().array().size(); ++i) {
    CARAT_ASSIGN(BundlePiece piece, PieceFrom(pieces.At(i)));
    sum += piece.size;
    if (sum > file.size) break;  // before it can wrap
    file.pieces.push_back(std::move(piece));
  }
  if (sum == file.size) return file;
  return Fail({.what = "the pieces are not the file",
               .where = view.path(),
               .wanted = fmt::format("{} bytes", file.size),
               .found = std::to_string(sum)});
}

Result<BundleSource> SourceFrom(const JsonView& view) {
  BundleSource source;
  CARAT_ASSIGN(const std::string role, view.String("role"));
  CARAT_ASSIGN(source.role, ValueIn(kRoles, view, role));
  CARAT_ASSIGN(source.folder, view.StringOr("folder", ""));
  if (!source.folder.empty() && !IsPlainName(source.folder))
    return Fail(view.Wrong("a plain folder name"));
  CARAT_ASSIGN(const JsonView files, view.Array("files"));
  for (size_t i = 0; i < files.value().array().size(); ++i) {
    CARAT_ASSIGN(BundleFile file, FileFrom(files.At(i)));
    source.files.push_back(std::move(file));
  }
  if (source.files.empty()) return Fail(files.Wrong("at least one file"));
  return source;
}

}  // namespace

std::string_view RoleName(BundleRole role) { return NameIn(kRoles, role); }

bool IsPlainName(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= 200 && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) {
           return letter(c) || c == '.' || c == '_' || c == '+' || c == '-';
         });
}

Json ManifestToJson(const BundleManifest& manifest) {
  Json json, sources{Json::Array()};
  json.Set("carat", manifest.carat);
  for (const BundleSource& source : manifest.sources) {
    Json one, files{Json::Array()};
    one.Set("role", RoleName(source.role));
    if (!source.folder.empty()) one.Set("folder", source.folder);
    for (const BundleFile& file : source.files) files.array().push_back(ToJson(file));
    one.Set("files", std::move(files));
    sources.array().push_back(std::move(one));
  }
  json.Set("sources", std::move(sources));
  if (manifest.screen) {
    Json screen;
    screen.Set("type", Info(manifest.screen->dtype).name);
    screen.Set("rows", static_cast<size_t>(manifest.screen->rows));
    screen.Set("cols", static_cast<size_t>(manifest.screen->cols));
    json.Set("screen", std::move(screen));
  }
  return json;
}

Result<BundleManifest> ManifestFromJson(const Json& json) {
  const JsonView root(json, "carat.manifest");
  if (!json.is_object()) return Fail(root.Wrong("an object"));
  BundleManifest manifest;
  CARAT_ASSIGN(manifest.carat, root.String("carat"));
  CARAT_ASSIGN(const JsonView sources, root.Array("sources"));
  std::set<BundleRole> roles;
  std::set<std::pair<std::string, std::string>> names;
  uint64_t total = 0;
  for (size_t i = 0; i < sources.value().array().size(); ++i) {
    CARAT_ASSIGN(BundleSource source, SourceFrom(sources.At(i)));
    if (!roles.insert(source.role).second)
      return Fail(sources.At(i).Wrong("one source of each role"));
    for (const BundleFile& file : source.files) {
      if (!names.emplace(source.folder, file.name).second)
        return Fail(sources.At(i).Wrong("files with different names"));
      total += file.size;
      if (total > static_cast<uint64_t>(kMost))
        return Fail(sources.At(i).Wrong("files of a size that a disk can hold"));
    }
    manifest.sources.push_back(std::move(source));
  }
  for (const BundleSource& source : manifest.sources) {
    if (names.contains({"", source.folder}))
      return Fail(sources.Wrong("folders and files with different names"));
  }
  if (!root.Has("screen")) return manifest;
  CARAT_ASSIGN(const JsonView screen, root.Object("screen"));
  BundledScreen& s = manifest.screen.emplace();
  CARAT_ASSIGN(s.dtype, ReadType(screen));
  CARAT_ASSIGN(s.rows, ReadSize(screen, "rows"));
  CARAT_ASSIGN(s.cols, ReadSize(screen, "cols"));
  CARAT_TRY(CheckOrder(screen, s.dtype, s.rows, s.cols));
  return manifest;
}

}  // namespace carat
