#include "weights/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/bytes.h"
#include "base/utf8.h"

namespace carat {
namespace {

constexpr uint32_t kMagic = 0x46554747;     // "GGUF" (section 1.1)
constexpr uint64_t kMaxKeyBytes = 65535;    // section 1.2
constexpr uint64_t kMaxNameBytes = 255;     // llama.cpp takes 63; nobody needs more than this
constexpr int kMaxArrayNesting = 4;         // the format allows any; nothing real nests at all
constexpr uint64_t kDefaultAlignment = 32;  // section 1.4
constexpr uint64_t kMaxAlignment = 1 << 20;

std::string Quoted(std::string_view text) { return '"' + SanitizeUtf8(text.substr(0, 80)) + '"'; }

// Size of a number in an array, 0 for strings and arrays.
size_t NumberSize(GgufType type) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kBool:
      return 1;
    case GgufType::kUint16:
    case GgufType::kInt16:
      return 2;
    case GgufType::kUint32:
    case GgufType::kInt32:
    case GgufType::kFloat32:
      return 4;
    case GgufType::kUint64:
    case GgufType::kInt64:
    case GgufType::kFloat64:
      return 8;
    default:
      return 0;
  }
}

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
  const size_t number = NumberSize(array.type);
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
    CARAT_ASSIGN(GgufArray inner, ReadArray(in, depth + 1));
    array.arrays.push_back({GgufType::kArray, std::move(inner)});
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
  uint64_t offset = 0;
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

}  // namespace

bool GgufArray::is_integers() const {
  return type != GgufType::kFloat32 && type != GgufType::kFloat64 && NumberSize(type) != 0;
}

int64_t GgufArray::Integer(uint64_t i) const {
  ByteReader in(bytes.subspan(static_cast<size_t>(i) * NumberSize(type)));
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kBool:
      return *in.Read<uint8_t>("");
    case GgufType::kInt8:
      return *in.Read<int8_t>("");
    case GgufType::kUint16:
      return *in.Read<uint16_t>("");
    case GgufType::kInt16:
      return *in.Read<int16_t>("");
    case GgufType::kUint32:
      return *in.Read<uint32_t>("");
    case GgufType::kInt32:
      return *in.Read<int32_t>("");
    default:
      return *in.Read<int64_t>("");  // a u64 beyond 2^63 turns negative and fails every range
  }
}

std::optional<int64_t> GgufValue::AsInteger() const {
  if (const auto* u = std::get_if<uint64_t>(&value)) {
    if (*u > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(*u);
  }
  if (const auto* i = std::get_if<int64_t>(&value)) return *i;
  if (const auto* b = std::get_if<bool>(&value)) return *b ? 1 : 0;
  return std::nullopt;
}

std::optional<double> GgufValue::AsNumber() const {
  if (const auto* d = std::get_if<double>(&value)) return *d;
  if (std::holds_alternative<bool>(value)) return std::nullopt;
  if (const auto i = AsInteger()) return static_cast<double>(*i);
  return std::nullopt;
}

const std::string_view* GgufValue::AsString() const {
  return std::get_if<std::string_view>(&value);
}
const GgufArray* GgufValue::AsArray() const { return std::get_if<GgufArray>(&value); }

std::string GgufValue::Describe() const {
  if (const auto* text = AsString()) return Quoted(*text);
  if (const auto* array = AsArray()) {
    if (array->type == GgufType::kString) return fmt::format("{} strings", array->count);
    if (array->type == GgufType::kArray) return fmt::format("{} arrays", array->count);
    return fmt::format("{} numbers", array->count);
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* u = std::get_if<uint64_t>(&value)) return std::to_string(*u);
  return std::to_string(std::get<int64_t>(value));
}

Status Gguf::ParseInto(std::span<const std::byte> bytes, bool first) {
  ByteReader in(bytes);
  uint32_t version = 0;
  CARAT_TRY(CheckHeader(in, version));
  if (first) version_ = version;
  CARAT_ASSIGN(const uint64_t num_tensors, in.Read<uint64_t>("the number of tensors"));
  CARAT_ASSIGN(const uint64_t num_pairs, in.Read<uint64_t>("the number of metadata pairs"));
  // A tensor info takes at least 24 bytes, a pair at least 13.
  if (num_tensors > in.remaining() / 24 || num_pairs > in.remaining() / 13) {
    return Fail({.what = "more tensors or metadata pairs than the file can hold",
                 .where = "offset 8",
                 .found = fmt::format("{} tensors, {} pairs", num_tensors, num_pairs)});
  }

  std::vector<GgufPair> pairs;
  std::unordered_set<std::string_view> keys;
  uint64_t alignment = kDefaultAlignment;
  for (uint64_t i = 0; i < num_pairs; ++i) {
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
    auto value = ReadValue(in);
    if (!value) return Fail(Within(fmt::format("metadata {}", Quoted(key)), value.error()));
    if (key == "general.alignment") {
      const auto wanted = value->AsInteger();
      if (!wanted || *wanted < 1 || static_cast<uint64_t>(*wanted) > kMaxAlignment ||
          !std::has_single_bit(static_cast<uint64_t>(*wanted))) {
        return Fail({.what = "bad alignment",
                     .where = "general.alignment",
                     .wanted = "a power of two up to 1048576",
                     .found = value->Describe()});
      }
      alignment = static_cast<uint64_t>(*wanted);
    }
    pairs.push_back({key, *std::move(value)});
  }

  std::vector<RawTensor> raws;
  for (uint64_t i = 0; i < num_tensors; ++i) {
    CARAT_ASSIGN(raws.emplace_back(), ReadTensorInfo(in));
  }
  const uint64_t data_start = (in.offset() + alignment - 1) / alignment * alignment;
  for (RawTensor& raw : raws) {
    const std::string where = fmt::format("tensor {}", Quoted(raw.entry.name));
    auto size = StorageBytes(raw.entry.dtype, raw.entry.shape);
    if (!size) return Fail(Within(where, size.error()));
    if (raw.offset % alignment != 0) {
      return Fail({.what = "the tensor's data is not aligned",
                   .where = where,
                   .wanted = fmt::format("an offset divisible by {}", alignment),
                   .found = std::to_string(raw.offset)});
    }
    const uint64_t room = bytes.size() > data_start ? bytes.size() - data_start : 0;
    if (raw.offset > room || *size > room - raw.offset) {
      return Fail({.what = "the tensor's data lies outside the file (is the file cut short?)",
                   .where = where,
                   .wanted = fmt::format("{} bytes at {}", *size, data_start + raw.offset),
                   .found = fmt::format("{} bytes of file", bytes.size())});
    }
    raw.entry.bytes =
        bytes.subspan(static_cast<size_t>(data_start + raw.offset), static_cast<size_t>(*size));
    CARAT_TRY(tensors_.Add(std::move(raw.entry)));
  }
  if (first) metadata_ = std::move(pairs);
  return {};
}

Result<Gguf> Gguf::Parse(std::span<const std::byte> bytes) {
  Gguf gguf;
  CARAT_TRY(gguf.ParseInto(bytes, true));
  return gguf;
}

// Split models (section 1.6): shard names are PREFIX-00001-of-0000N.gguf.
Status Gguf::AddShards(const std::filesystem::path& path) {
  CARAT_ASSIGN(const int64_t count, IntOr("split.count", 1, 0, 99999));
  if (count <= 1) return {};
  CARAT_ASSIGN(const int64_t number, Int("split.no", 0, 99999));
  const std::string name = path.filename().string();
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
    const auto shard =
        path.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", prefix, i + 1, count);
    CARAT_ASSIGN(files_.emplace_back(), MappedFile::Open(shard));
    if (auto done = ParseInto(files_.back().bytes(), false); !done) {
      return Fail(Within(shard.filename().string(), done.error()));
    }
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

Result<Gguf> Gguf::Open(const std::filesystem::path& path) {
  Gguf gguf;
  CARAT_ASSIGN(gguf.files_.emplace_back(), MappedFile::Open(path));
  Status done = gguf.ParseInto(gguf.files_.back().bytes(), true);
  if (done) done = gguf.AddShards(path);
  if (!done) return Fail(Within(path.string(), done.error()));
  return gguf;
}

const GgufValue* Gguf::Find(std::string_view key) const {
  for (const GgufPair& pair : metadata_) {
    if (pair.key == key) return &pair.value;
  }
  return nullptr;
}

namespace {
Error MissingKey(std::string_view key) {
  return {.code = ErrorCode::kNotFound, .what = "missing metadata key", .where = std::string(key)};
}
Error WrongKey(std::string_view key, std::string wanted, const GgufValue& found) {
  return {.what = "wrong metadata value",
          .where = std::string(key),
          .wanted = std::move(wanted),
          .found = found.Describe()};
}
}  // namespace

Result<int64_t> Gguf::Int(std::string_view key, int64_t low, int64_t high) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return Fail(MissingKey(key));
  const auto number = value->AsInteger();
  if (!number || *number < low || *number > high) {
    return Fail(WrongKey(key, fmt::format("an integer from {} to {}", low, high), *value));
  }
  return *number;
}

Result<double> Gguf::Number(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return Fail(MissingKey(key));
  const auto number = value->AsNumber();
  if (!number || !std::isfinite(*number)) return Fail(WrongKey(key, "a finite number", *value));
  return *number;
}

Result<std::string_view> Gguf::String(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return Fail(MissingKey(key));
  if (value->AsString() == nullptr) return Fail(WrongKey(key, "a string", *value));
  return *value->AsString();
}

Result<int64_t> Gguf::IntOr(std::string_view key, int64_t fallback, int64_t low,
                            int64_t high) const {
  return Find(key) != nullptr ? Int(key, low, high) : fallback;
}

Result<double> Gguf::NumberOr(std::string_view key, double fallback) const {
  return Find(key) != nullptr ? Number(key) : fallback;
}

Result<std::vector<int64_t>> Gguf::Ints(std::string_view key, std::optional<size_t> count) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return Fail(MissingKey(key));
  const GgufArray* array = value->AsArray();
  if (array == nullptr || !array->is_integers() || (count && array->count != *count)) {
    return Fail(WrongKey(key,
                         count ? fmt::format("an array of {} integers", *count)
                               : std::string("an array of integers"),
                         *value));
  }
  std::vector<int64_t> ints;
  ints.reserve(static_cast<size_t>(array->count));
  for (uint64_t i = 0; i < array->count; ++i) ints.push_back(array->Integer(i));
  return ints;
}

}  // namespace carat
