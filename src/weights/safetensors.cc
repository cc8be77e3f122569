#include "weights/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/utf8.h"
#include "io/json.h"

namespace carat {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit
constexpr size_t kMaxRank = 8;

using NamedType = std::pair<std::string_view, DType>;

// Null if there is no such type. Unsigned numbers have no format of their own: nothing computes
// with them.
const NamedType* TypeFromName(std::string_view name) {
  static constexpr NamedType kNames[] = {
      {"F32", DType::kF32}, {"F16", DType::kF16}, {"BF16", DType::kBF16}, {"F64", DType::kF64},
      {"I8", DType::kI8},   {"I16", DType::kI16}, {"I32", DType::kI32},   {"I64", DType::kI64},
      {"U8", DType::kI8},   {"BOOL", DType::kI8}, {"U16", DType::kI16},   {"U32", DType::kI32},
      {"U64", DType::kI64}};
  const auto* found = std::ranges::find(kNames, name, &NamedType::first);
  return found == std::end(kNames) ? nullptr : found;
}

struct Placed {
  TensorEntry entry;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// `data_start`: where the data begin in the file.
Result<Placed> ReadEntry(const JsonView& view, std::string_view name, const ModelFile& file,
                         uint64_t data_start) {
  Placed placed;
  placed.entry.name = name;
  CARAT_ASSIGN(const std::string dtype, view.String("dtype"));
  const NamedType* known = TypeFromName(dtype);
  if (known == nullptr) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "no such tensor type is known",
                 .where = view.path(),
                 .wanted = "F32, F16 or BF16",
                 .found = SanitizeUtf8(dtype.substr(0, 40))});
  }
  placed.entry.dtype = known->second;
  placed.entry.stored_type = known->first;
  CARAT_ASSIGN(const JsonView shape, view.Array("shape"));
  if (shape.value().array().size() > kMaxRank) return Fail(shape.Wrong("at most 8 dimensions"));
  for (const Json& d : shape.value().array()) {
    if (!d.is_int() || d.integer() < 0) return Fail(shape.Wrong("non-negative integers"));
    placed.entry.shape.push_back(static_cast<uint64_t>(d.integer()));
  }
  CARAT_ASSIGN(const JsonView offsets, view.Array("data_offsets"));
  const auto& pair = offsets.value().array();
  if (pair.size() != 2 || !pair[0].is_int() || !pair[1].is_int() || pair[0].integer() < 0 ||
      pair[1].integer() < pair[0].integer()) {
    return Fail(offsets.Wrong("[begin, end] with begin <= end"));
  }
  placed.begin = static_cast<uint64_t>(pair[0].integer());
  placed.end = static_cast<uint64_t>(pair[1].integer());
  const uint64_t room = file.size() - data_start;
  if (placed.end > room) {
    return Fail({.what = "the tensor's data lies outside the file (is the file cut short?)",
                 .where = view.path(),
                 .wanted = fmt::format("bytes {} to {}", placed.begin, placed.end),
                 .found = fmt::format("{} bytes of data", room)});
  }
  auto size = StorageBytes(placed.entry.dtype, placed.entry.shape);
  if (!size) return Fail(Within(view.path(), size.error()));
  if (*size != placed.end - placed.begin) {
    return Fail({.what = "the tensor's shape does not fit its data",
                 .where = view.path(),
                 .wanted = fmt::format("{} bytes for {}", *size, placed.entry.ShapeText()),
                 .found = std::to_string(placed.end - placed.begin)});
  }
  auto stored = file.Tensor(data_start + placed.begin, *size);
  if (!stored) return Fail(Within(view.path(), stored.error()));
  if (const Status same = CheckOrder(*stored, placed.entry.dtype, placed.entry.shape); !same)
    return Fail(Within(view.path(), same.error()));
  placed.entry.bytes = stored->bytes;
  placed.entry.interleaved = stored->interleaved;
  return placed;
}

}  // namespace

Status Safetensors::ParseInto(const ModelFile& file) {
  ByteReader in(file.head());
  CARAT_ASSIGN(const uint64_t header_bytes, in.Read<uint64_t>("the header length"));
  if (header_bytes > kMaxHeaderBytes) {
    return Fail({.what = "not a safetensors file: the header is too long",
                 .where = "offset 0",
                 .wanted = fmt::format("at most {} bytes", kMaxHeaderBytes),
                 .found = std::to_string(header_bytes)});
  }
  CARAT_ASSIGN(const auto header, in.ReadBytes("the header", header_bytes));
  auto parsed = ParseJson(AsText(header), {.max_depth = 8});
  if (!parsed) return Fail(Within("header", parsed.error()));
  const JsonView root(*parsed, "header");
  if (!parsed->is_object()) return Fail(root.Wrong("an object"));

  std::vector<Placed> all;
  for (const auto& [name, value] : parsed->object()) {
    if (name == "__metadata__") continue;
    const JsonView view(value, "tensor \"" + SanitizeUtf8(name.substr(0, 200)) + '"');
    CARAT_ASSIGN(all.emplace_back(), ReadEntry(view, name, file, in.offset()));
  }
  std::ranges::sort(all, {},
                    [](const Placed& placed) { return std::pair(placed.begin, placed.end); });
  std::vector<StoredRange> ranges;
  ranges.reserve(all.size());
  for (const Placed& placed : all) ranges.push_back({placed.entry.name, placed.begin, placed.end});
  CARAT_TRY(CheckOverlap(std::move(ranges)));
  for (Placed& placed : all) CARAT_TRY(tensors_.Add(std::move(placed.entry)));
  return {};
}

Result<Safetensors> Safetensors::Parse(std::span<const std::byte> bytes) {
  Safetensors file;
  CARAT_TRY(file.ParseInto(file.files_.emplace_back(bytes)));
  return file;
}

Status Safetensors::AddFile(const FileSource& source, const std::string& name) {
  CARAT_ASSIGN(ModelFile file, source.Open(name));
  if (auto done = ParseInto(file); !done) return Fail(Within(source.Where(name), done.error()));
  files_.push_back(std::move(file));
  file_names_.push_back(name);
  return {};
}

Result<Safetensors> Safetensors::OpenFile(const std::filesystem::path& path) {
  Safetensors file;
  CARAT_TRY(file.AddFile(FolderSource(path.parent_path()), path.filename().string()));
  return file;
}

Result<std::set<std::string>> ShardNames(const Json& index) {
  const JsonView root(index, "");
  CARAT_ASSIGN(const JsonView map, root.Object("weight_map"));
  std::set<std::string> shards;
  for (const auto& [name, file] : map.value().object()) {
    // A name, never a path: an index must not lead out of its folder.
    if (!file.is_string() || file.string().empty() ||
        file.string().find('/') != std::string::npos ||
        file.string().find('\0') != std::string::npos || file.string() == "..") {
      return Fail({.what = "wrong shard name",
                   .where = map.path() + "." + SanitizeUtf8(name.substr(0, 200)),
                   .wanted = "the name of a file in the same folder",
                   .found = file.Dump().substr(0, 120)});
    }
    shards.insert(file.string());
  }
  return shards;
}

Result<Safetensors> Safetensors::OpenFolder(const std::filesystem::path& folder) {
  return OpenFolder(FolderSource(folder));
}

Result<Safetensors> Safetensors::OpenFolder(const FileSource& folder) {
  // As transformers: the single file, if there is one, whatever index lies beside it.
  constexpr std::string_view kIndex = "model.safetensors.index.json";
  Safetensors all;
  if (folder.Has("model.safetensors") || !folder.Has(kIndex)) {
    CARAT_TRY(all.AddFile(folder, "model.safetensors"));
    return all;
  }
  CARAT_ASSIGN(const std::string text, folder.ReadText(kIndex, 64 << 20));
  auto index = ParseJson(text);
  if (!index) return Fail(Within(folder.Where(kIndex), index.error()));
  const auto shards = ShardNames(*index);
  if (!shards) return Fail(Within(folder.Where(kIndex), shards.error()));
  for (const std::string& shard : *shards) CARAT_TRY(all.AddFile(folder, shard));
  for (const auto& [name, file] : index->Find("weight_map")->object()) {
    if (all.tensors_.Find(name) == nullptr) {
      return Fail({.code = ErrorCode::kNotFound,
                   .what = "the index names a tensor that no shard holds",
                   .where = folder.Where(kIndex),
                   .found = SanitizeUtf8(name.substr(0, 200))});
    }
  }
  return all;
}

}  // namespace carat
