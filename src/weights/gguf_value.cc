// Metadata values of GGUF, and reading them by key.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "base/utf8.h"
#include "weights/gguf.h"

namespace carat {

size_t GgufNumberBytes(GgufType type) {
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

bool GgufArray::is_integers() const {
  return type != GgufType::kFloat32 && type != GgufType::kFloat64 && GgufNumberBytes(type) != 0;
}

int64_t GgufArray::Integer(uint64_t i) const {
  ByteReader in(bytes.subspan(static_cast<size_t>(i) * GgufNumberBytes(type)));
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

const GgufValue* Gguf::Find(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &metadata_[found->second].value;
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
