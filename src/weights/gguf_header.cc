#include "weights/gguf_header.h"

#include <algorithm>
#include <cstring>
#include <ranges>

#include "base/bytes.h"
#include "base/check.h"

namespace carat {
namespace {

template <class T>
void Append(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof value);
}

void AppendString(std::string& out, std::string_view text) {
  Append<uint64_t>(out, text.size());
  out += text;
}

std::string OfType(GgufType type) {
  std::string out;
  Append(out, static_cast<uint32_t>(type));
  return out;
}

template <class T>
std::string Scalar(GgufType type, T value) {
  std::string out = OfType(type);
  Append(out, value);
  return out;
}

std::string ArrayOf(GgufType element, size_t count) {
  std::string out = OfType(GgufType::kArray);
  Append(out, static_cast<uint32_t>(element));
  Append<uint64_t>(out, count);
  return out;
}

constexpr uint64_t kFixed = 24;  // magic, version and two counts

}  // namespace

void GgufHeader::Remove(std::string_view key) {
  std::erase_if(pairs_, [&](const auto& pair) { return pair.first == key; });
}

void GgufHeader::Set(std::string_view key, std::string value) {
  Remove(key);
  pairs_.emplace_back(key, std::move(value));
}

void GgufHeader::SetBool(std::string_view key, bool value) {
  Set(key, Scalar<uint8_t>(GgufType::kBool, value ? 1 : 0));
}
void GgufHeader::SetUint32(std::string_view key, uint32_t value) {
  Set(key, Scalar(GgufType::kUint32, value));
}
void GgufHeader::SetInt32(std::string_view key, int32_t value) {
  Set(key, Scalar(GgufType::kInt32, value));
}
void GgufHeader::SetFloat32(std::string_view key, float value) {
  Set(key, Scalar(GgufType::kFloat32, value));
}
void GgufHeader::SetString(std::string_view key, std::string_view value) {
  std::string out = OfType(GgufType::kString);
  AppendString(out, value);
  Set(key, std::move(out));
}
void GgufHeader::SetStrings(std::string_view key, std::span<const std::string> values) {
  std::string out = ArrayOf(GgufType::kString, values.size());
  for (const std::string& value : values) AppendString(out, value);
  Set(key, std::move(out));
}
void GgufHeader::SetInts(std::string_view key, std::span<const int32_t> values) {
  std::string out = ArrayOf(GgufType::kInt32, values.size());
  for (const int32_t value : values) Append(out, value);
  Set(key, std::move(out));
}
void GgufHeader::SetFloats(std::string_view key, std::span<const float> values) {
  std::string out = ArrayOf(GgufType::kFloat32, values.size());
  for (const float value : values) Append(out, value);
  Set(key, std::move(out));
}
void GgufHeader::SetBools(std::string_view key, std::span<const bool> values) {
  std::string out = ArrayOf(GgufType::kBool, values.size());
  for (const bool value : values) out += value ? '\1' : '\0';
  Set(key, std::move(out));
}
void GgufHeader::SetStored(const GgufPair& pair) {
  Set(pair.key, std::string(AsText(pair.stored)));
}

void GgufHeader::AddTensor(std::string_view name, DType dtype, std::span<const uint64_t> shape) {
  const auto bytes = StorageBytes(dtype, shape);
  CARAT_CHECK(bytes.has_value());
  tensors_.push_back({.name = std::string(name),
                      .dtype = dtype,
                      .shape = {shape.begin(), shape.end()},
                      .bytes = *bytes,
                      .offset = data_bytes_});
  data_bytes_ += Padded(*bytes);
}

uint64_t GgufHeader::size() const {
  uint64_t bytes = kFixed;
  for (const auto& [key, value] : pairs_) bytes += 8 + key.size() + value.size();
  for (const Tensor& tensor : tensors_)
    bytes += 8 + tensor.name.size() + 4 + 8 * tensor.shape.size() + 4 + 8;
  return Padded(bytes);
}

uint64_t GgufHeader::file_size() const { return size() + data_bytes_; }

std::string GgufHeader::Bytes() const {
  std::string out = "GGUF";
  Append<uint32_t>(out, 3);
  Append<uint64_t>(out, tensors_.size());
  Append<uint64_t>(out, pairs_.size());
  for (const auto& [key, value] : pairs_) {
    AppendString(out, key);
    out += value;
  }
  for (const Tensor& tensor : tensors_) {
    AppendString(out, tensor.name);
    Append(out, static_cast<uint32_t>(tensor.shape.size()));
    for (const uint64_t dimension : std::views::reverse(tensor.shape)) Append(out, dimension);
    Append(out, Info(tensor.dtype).gguf_id);
    Append(out, tensor.offset);
  }
  out.resize(static_cast<size_t>(Padded(out.size())), '\0');
  return out;
}

}  // namespace carat
