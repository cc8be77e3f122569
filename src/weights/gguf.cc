#include "weights/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "base/bytes.h"
#include "base/utf8.h"

namespace carat {
namespace {

constexpr uint32_t kMagic = 0x46554747;     // "GGUF" (section 1.1)
constexpr uint64_t kMaxKeyBytes = 65535;    // section 1.2
constexpr uint64_t kMaxPairs = 1 << 16;     // real files have about 50
constexpr uint64_t kMaxNameBytes = 255;     // llama.cpp takes 63; nobody needs more than this
constexpr int kMaxArrayNesting = 4;         // the format allows any; nothing real nests at all
constexpr uint64_t kDefaultAlignment = 32;  // section 1.4
constexpr uint64_t kMaxAlignment = 1 << 20;

Result<std::string_view> ReadString(ByteReader& in, std::string_view what) {
  CARAT_ASSIGN(const uint64_t size,
               in.Read<uint64_t>(std::string("the length of ") + std::string(what)));
  CARAT_ASSIGN(const auto bytes, in.ReadBytes(what, size));
  return AsText(bytes);
}

Result<GgufType> ReadType(ByteReader& in) {
  const size_t at = in.offset();
  CARAT_ASSIGN(const uint32_t type, in.Read<uint32_t>("a value type"));
  if (type > static_cast<uint32_t>(GgufType::kFloat64)) {
    return Fail({.what = "no such metadata value type",
                 .where = fmt::format("offset {}", at),
                 .wanted = "0 to 12",
                 .found = std::to_string(type)});
  }
  return static_cast<GgufType>(type);
}

Result<GgufArray> ReadArray(ByteReader& in, int depth) {
  GgufArray array;
  CARAT_ASSIGN(array.type, ReadType(in));
  const size_t at = in.offset();
  CARAT_ASSIGN(array.count, in.Read<uint64_t>("an array length"));
  // The smallest element of each kind bounds the count by what the file holds, before any
  // allocation.
  const size_t number = GgufNumberBytes(array.type);
  const size_t smallest = number != 0 ? number : array.type == GgufType::kString ? 8 : 12;
  if (array.count > in.remaining() / smallest) {
    return Fail({.what = "an array is longer than the file",
                 .where = fmt::format("offset {}", at),
                 .wanted = fmt::format("at most {} elements", in.remaining() / smallest),
                 .found = std::to_string(array.count)});
  }
  if (number != 0) {
    CARAT_ASSIGN(array.bytes, in.ReadBytes("an array", array.count * number));
    return array;
  }
  if (array.type == GgufType::kString) {
    array.strings.reserve(static_cast<size_t>(array.count));
    for (uint64_t i = 0; i < array.count; ++i) {
      CARAT_ASSIGN(array.strings.emplace_back(), ReadString(in, "a string in an array"));
    }
    return array;
  }
  if (depth >= kMaxArrayNesting) {
    return Fail({.what = "arrays are nested too deep",
                 .where = fmt::format("offset {}", at),
                 .wanted = fmt::format("at most {} levels", kMaxArrayNesting)});
  }
  for (uint64_t i = 0; i < array.count; ++i) {
    CARAT_TRY(ReadArray(in, depth + 1));
  }
  return array;
}

template <class Stored, class T>
Result<GgufValue> ReadNumber(ByteReader& in, GgufType type) {
  CARAT_ASSIGN(const Stored number, in.Read<Stored>("a metadata value"));
  return GgufValue{type, static_cast<T>(number)};
}

Result<GgufValue> ReadValue(ByteReader& in) {
  CARAT_ASSIGN(const GgufType type, ReadType(in));
  switch (type) {
    case GgufType::kUint8:
      return ReadNumber<uint8_t, uint64_t>(in, type);
    case GgufType::kInt8:
      return ReadNumber<int8_t, int64_t>(in, type);
    case GgufType::kUint16:
      return ReadNumber<uint16_t, uint64_t>(in, type);
    case GgufType::kInt16:
      return ReadNumber<int16_t, int64_t>(in, type);
    case GgufType::kUint32:
      return ReadNumber<uint32_t, uint64_t>(in, type);
    case GgufType::kInt32:
      return ReadNumber<int32_t, int64_t>(in, type);
    case GgufType::kUint64:
      return ReadNumber<uint64_t, uint64_t>(in, type);
    case GgufType::kInt64:
      return ReadNumber<int64_t, int64_t>(in, type);
    case GgufType::kFloat32:
      return ReadNumber<float, double>(in, type);
    case GgufType::kFloat64:
      return ReadNumber<double, double>(in, type);
    case GgufType::kBool: {
      const size_t at = in.offset();
      CARAT_ASSIGN(const uint8_t flag, in.Read<uint8_t>("a bool"));
      if (flag > 1) {
        return Fail({.what = "a bool is neither 0 nor 1",
                     .where = fmt::format("offset {}", at),
                     .found = std::to_string(flag)});
      }
      return GgufValue{type, flag == 1};
    }
    case GgufType::kString: {
      CARAT_ASSIGN(const std::string_view text, ReadString(in, "a metadata string"));
      return GgufValue{type, text};
    }
    case GgufType::kArray: {
      CARAT_ASSIGN(GgufArray array, ReadArray(in, 1));
      return GgufValue{type, std::move(array)};
    }
  }
  return Fail({.what = "no such metadata value type"});
}

Status CheckHeader(ByteReader& in, uint32_t& version) {
  CARAT_ASSIGN(const uint32_t magic, in.Read<uint32_t>("the magic number"));
  if (magic != kMagic) {
    if (magic == std::byteswap(kMagic)) {
      return Fail(
          {.what = "a big-endian GGUF file, which carat does not read", .where = "offset 0"});
    }
    return Fail({.what = "not a GGUF file: wrong magic number",
                 .where = "offset 0",
                 .wanted = "GGUF",
                 .found = fmt::format("0x{:08x}", magic)});
  }
  CARAT_ASSIGN(version, in.Read<uint32_t>("the version"));
  if ((version & 0xFFFF) == 0 && version != 0) {
    return Fail({.what = "a big-endian GGUF file, which carat does not read", .where = "offset 4"});
  }
  if (version != 2 && version != 3) {
    return Fail({.what = "unknown GGUF version",
                 .where = "offset 4",
                 .wanted = "2 or 3",
                 .found = std::to_string(version)});
  }
  return {};
}

// A tensor info as it stands in the file, before its bytes are known.
struct RawTensor {
  TensorEntry entry;
  uint64_t offset = 0, size = 0;
  size_t at = 0;  // of its info
};

Result<RawTensor> ReadTensorInfo(ByteReader& in) {
  RawTensor raw;
  raw.at = in.offset();
  const std::string where = fmt::format("offset {}", raw.at);
  CARAT_ASSIGN(const std::string_view name, ReadString(in, "a tensor name"));
  if (name.empty() || name.size() > kMaxNameBytes || !IsValidUtf8(name)) {
    return Fail({.what = "bad tensor name",
                 .where = where,
                 .wanted = fmt::format("1 to {} bytes of UTF-8", kMaxNameBytes),
                 .found = Quoted(name)});
  }
  raw.entry.name = name;
  CARAT_ASSIGN(const uint32_t rank, in.Read<uint32_t>("a tensor's number of dimensions"));
  if (rank > 4) {
    return Fail({.what = "too many dimensions",
                 .where = fmt::format("tensor {}", Quoted(name)),
                 .wanted = "at most 4",
                 .found = std::to_string(rank)});
  }
  for (uint32_t d = 0; d < rank; ++d) {
    CARAT_ASSIGN(raw.entry.shape.emplace_back(), in.Read<uint64_t>("a dimension"));
  }
  std::ranges::reverse(raw.entry.shape);  // ne0 is the innermost
  CARAT_ASSIGN(const uint32_t type, in.Read<uint32_t>("a tensor type"));
  const std::optional<DType> dtype = DTypeFromGguf(type);
  if (!dtype) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = std::string(UnknownGgufType(type)),
                 .where = fmt::format("tensor {}", Quoted(name)),
                 .found = fmt::format("type {}", type)});
  }
  raw.entry.dtype = *dtype;
  CARAT_ASSIGN(raw.offset, in.Read<uint64_t>("a tensor offset"));
  return raw;
}

// `all`: the bytes that `in` reads.
Result<std::vector<GgufPair>> ReadMetadata(ByteReader& in, std::span<const std::byte> all,
                                           uint64_t count) {
  std::vector<GgufPair> pairs;
  std::unordered_set<std::string_view> keys;
  for (uint64_t i = 0; i < count; ++i) {
    const size_t at = in.offset();
    CARAT_ASSIGN(const std::string_view key, ReadString(in, "a metadata key"));
    if (key.empty() || key.size() > kMaxKeyBytes || !IsValidUtf8(key)) {
      return Fail({.what = "bad metadata key",
                   .where = fmt::format("offset {}", at),
                   .wanted = "1 to 65535 bytes of UTF-8",
                   .found = Quoted(key)});
    }
    if (!keys.insert(key).second) {
      return Fail({.what = "a metadata key stands twice",
                   .where = fmt::format("offset {}", at),
                   .found = Quoted(key)});
    }
    const size_t begin = in.offset();
    auto value = ReadValue(in);
    if (!value) return Fail(Within(fmt::format("metadata {}", Quoted(key)), value.error()));
    pairs.push_back({key, *std::move(value), all.subspan(begin, in.offset() - begin)});
  }
  return pairs;
}

// general.alignment (section 1.4).
Result<uint64_t> ReadAlignment(std::span<const GgufPair> pairs) {
  const auto found = std::ranges::find(pairs, "general.alignment", &GgufPair::key);
  if (found == pairs.end()) return kDefaultAlignment;
  const auto wanted = found->value.AsInteger();
  if (!wanted || *wanted < 1 || static_cast<uint64_t>(*wanted) > kMaxAlignment ||
      !std::has_single_bit(static_cast<uint64_t>(*wanted))) {
    return Fail({.what = "bad alignment",
                 .where = "general.alignment",
                 .wanted = "a power of two up to 1048576",
                 .found = found->value.Describe()});
  }
  return static_cast<uint64_t>(*wanted);
}

// Gives the tensor its bytes of the file.
Status PlaceTensor(const ModelFile& file, uint64_t data_start, uint64_t alignment, RawTensor& raw) {
  const std::string where = fmt::format("tensor {}", Quoted(raw.entry.name));
  auto size = StorageBytes(raw.entry.dtype, raw.entry.shape);
  if (!size) return Fail(Within(where, size.error()));
  if (raw.offset % alignment != 0) {
    return Fail({.what = "the tensor's data is not aligned",
                 .where = where,
                 .wanted = fmt::format("an offset divisible by {}", alignment),
                 .found = std::to_string(raw.offset)});
  }
  const uint64_t room = file.size() > data_start ? file.size() - data_start : 0;
  if (raw.offset > room || *size > room - raw.offset) {
    return Fail({.what = "the tensor's data lies outside the file (is the file cut short?)",
                 .where = where,
                 .wanted = fmt::format("{} bytes at {}", *size, data_start + raw.offset),
                 .found = fmt::format("{} bytes of file", file.size())});
  }
  auto stored = file.Tensor(data_start + raw.offset, *size);
  if (!stored) return Fail(Within(where, stored.error()));
  if (const Status same = CheckOrder(*stored, raw.entry.dtype, raw.entry.shape); !same)
    return Fail(Within(where, same.error()));
  raw.entry.bytes = stored->bytes;
  raw.entry.interleaved = stored->interleaved;
  raw.size = *size;
  return {};
}

}  // namespace

Status Gguf::ParseInto(const ModelFile& file) {
  ByteReader in(file.head());
  CARAT_TRY(CheckHeader(in, version_));
  CARAT_ASSIGN(const uint64_t num_tensors, in.Read<uint64_t>("the number of tensors"));
  CARAT_ASSIGN(const uint64_t num_pairs, in.Read<uint64_t>("the number of metadata pairs"));
  // A tensor info takes at least 24 bytes, a pair at least 13.
  const uint64_t most_pairs = std::min<uint64_t>(in.remaining() / 13, kMaxPairs);
  if (num_tensors > in.remaining() / 24 || num_pairs > most_pairs) {
    return Fail(
        {.what = "more tensors or metadata pairs than the file can hold",
         .where = "offset 8",
         .wanted = fmt::format("at most {} tensors, {} pairs", in.remaining() / 24, most_pairs),
         .found = fmt::format("{} tensors, {} pairs", num_tensors, num_pairs)});
  }
  CARAT_ASSIGN(auto pairs, ReadMetadata(in, file.head(), num_pairs));
  CARAT_ASSIGN(const uint64_t alignment, ReadAlignment(pairs));
  std::vector<RawTensor> raws;
  for (uint64_t i = 0; i < num_tensors; ++i) {
    CARAT_ASSIGN(raws.emplace_back(), ReadTensorInfo(in));
  }
  const uint64_t data_start = (in.offset() + alignment - 1) / alignment * alignment;
  for (RawTensor& raw : raws) CARAT_TRY(PlaceTensor(file, data_start, alignment, raw));
  // Tensors may stand in any order and with gaps, but one that reaches into the next is longer in
  // this file than its type is (a fork's format, or a lie).
  std::vector<StoredRange> ranges;
  for (const RawTensor& raw : raws) {
    if (raw.size > 0) ranges.push_back({raw.entry.name, raw.offset, raw.offset + raw.size});
  }
  CARAT_TRY(CheckOverlap(std::move(ranges)));
  for (RawTensor& raw : raws) CARAT_TRY(tensors_.Add(std::move(raw.entry)));
  metadata_ = std::move(pairs);
  for (size_t i = 0; i < metadata_.size(); ++i) keys_.emplace(metadata_[i].key, i);
  return {};
}

Result<Gguf> Gguf::Parse(std::span<const std::byte> bytes) {
  Gguf gguf;
  CARAT_TRY(gguf.ParseInto(gguf.files_.emplace_back(bytes)));
  return gguf;
}

// Takes the tensors of shard `number`, which must say that it is that one.
Status Gguf::AddShard(const FileSource& source, const std::string& name, int64_t number,
                      int64_t count) {
  CARAT_ASSIGN(ModelFile file, source.Open(name));
  Gguf shard;
  CARAT_TRY(shard.ParseInto(file));
  CARAT_TRY(shard.Int("split.no", number, number));
  CARAT_TRY(shard.Int("split.count", count, count));
  for (const TensorEntry& entry : shard.tensors().entries()) CARAT_TRY(tensors_.Add(entry));
  files_.push_back(std::move(file));
  file_names_.push_back(name);
  return {};
}

// Split models (section 1.6): shard names are PREFIX-00001-of-0000N.gguf.
Status Gguf::AddShards(const FileSource& source, const std::string& name) {
  CARAT_ASSIGN(const int64_t count, IntOr("split.count", 1, 0, 99999));
  if (count <= 1) return {};
  CARAT_ASSIGN(const int64_t number, Int("split.no", 0, 99999));
  const std::string suffix = fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
  if (!name.ends_with(suffix)) {
    return Fail({.what = "the file is a shard of a split model, but its name does not say so",
                 .wanted = "a name ending in " + suffix,
                 .found = SanitizeUtf8(name)});
  }
  const std::string prefix = name.substr(0, name.size() - suffix.size());
  if (number != 0) {
    return Fail({.what = "this is not the first shard of a split model: open the first one",
                 .wanted = fmt::format("{}-00001-of-{:05}.gguf", SanitizeUtf8(prefix), count),
                 .found = fmt::format("shard {}", number + 1)});
  }
  for (int64_t i = 1; i < count; ++i) {
    const std::string shard = fmt::format("{}-{:05}-of-{:05}.gguf", prefix, i + 1, count);
    if (auto done = AddShard(source, shard, i, count); !done)
      return Fail(Within(shard, done.error()));
  }
  const auto total = static_cast<int64_t>(tensors_.entries().size());
  CARAT_ASSIGN(const int64_t wanted, IntOr("split.tensors.count", total, 0, INT32_MAX));
  if (wanted != total) {
    return Fail({.what = "the shards together do not hold all tensors",
                 .where = "split.tensors.count",
                 .wanted = std::to_string(wanted),
                 .found = std::to_string(total)});
  }
  return {};
}

Result<Gguf> Gguf::Open(const FileSource& source, std::string_view name) {
  Gguf gguf;
  const std::string& own = gguf.file_names_.emplace_back(name);
  CARAT_ASSIGN(ModelFile file, source.Open(own));
  gguf.files_.push_back(std::move(file));
  Status done = gguf.ParseInto(gguf.files_.back());
  if (done) done = gguf.AddShards(source, std::string(name));
  if (!done) return Fail(Within(source.Where(name), done.error()));
  return gguf;
}

Result<Gguf> Gguf::Open(const std::filesystem::path& path) {
  return Open(FolderSource(path.parent_path()), path.filename().string());
}

}  // namespace carat
