// GGUF version 3 and 2 (gguf specification, section 1): metadata and tensor directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "weights/directory.h"
#include "weights/model_file.h"

namespace carat {

// Value types of section 1.2, by their numbers in the file.
enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};

// Bytes of a number of this type in an array; 0 for strings and arrays.
size_t GgufNumberBytes(GgufType type);

// An array. Numbers stay in the file's bytes; strings are walked once at parsing. Of an array of
// arrays, which no Gemma file has, only the count is kept.
struct GgufArray {
  GgufType type = GgufType::kUint8;  // of the elements
  uint64_t count = 0;
  std::span<const std::byte> bytes;       // numbers and bools
  std::vector<std::string_view> strings;  // type kString

  // Element i of an integer or bool array. Preconditions: is_integers(), i < count.
  bool is_integers() const;
  int64_t Integer(uint64_t i) const;
};

// A metadata value. Borrows from the file.
struct GgufValue {
  GgufType type = GgufType::kUint8;
  // Unsigned, signed, floating, bool, string, array.
  std::variant<uint64_t, int64_t, double, bool, std::string_view, GgufArray> value;

  std::optional<int64_t> AsInteger() const;  // any integer type (or bool), if it fits
  std::optional<double> AsNumber() const;    // any numeric type
  const std::string_view* AsString() const;
  const GgufArray* AsArray() const;
  std::string Describe() const;  // for people: "42", "\"gemma4\"", "262144 strings"
};

struct GgufPair {
  std::string_view key;
  GgufValue value;
  std::span<const std::byte> stored;  // the type and the value as they stand in the file
};

// The contents of one GGUF file or of all shards of a split one. Move-only; owns the mappings that
// every view points into. Thread-safe after construction.
class Gguf {
 public:
  // Opens a file; for shard 00001 of a split model its siblings too.
  static Result<Gguf> Open(const std::filesystem::path& path);
  static Result<Gguf> Open(const FileSource& source, std::string_view name);
  // Parses bytes that outlive the result. Shards are not followed.
  static Result<Gguf> Parse(std::span<const std::byte> bytes);

  uint32_t version() const { return version_; }
  std::span<const GgufPair> metadata() const { return metadata_; }
  const TensorDirectory& tensors() const { return tensors_; }

  // The file, or all shards in their order; names are missing where Parse made it.
  std::span<const ModelFile> files() const { return files_; }
  std::span<const std::string> file_names() const { return file_names_; }

  // Null if there is none.
  const GgufValue* Find(std::string_view key) const;

  // Typed reading, with errors that name the key. Absent keys are kNotFound.
  Result<int64_t> Int(std::string_view key, int64_t low, int64_t high) const;
  Result<double> Number(std::string_view key) const;
  Result<std::string_view> String(std::string_view key) const;
  Result<int64_t> IntOr(std::string_view key, int64_t fallback, int64_t low, int64_t high) const;
  Result<double> NumberOr(std::string_view key, double fallback) const;
  // The ids of an integer or bool array, which must have `count` elements if that is given.
  Result<std::vector<int64_t>> Ints(std::string_view key, std::optional<size_t> count = {}) const;

 private:
  Status ParseInto(const ModelFile& file);
  Status AddShard(const FileSource& source, const std::string& name, int64_t number, int64_t count);
  Status AddShards(const FileSource& source, const std::string& name);

  uint32_t version_ = 0;
  std::vector<GgufPair> metadata_;
  std::unordered_map<std::string_view, size_t> keys_;  // to the index in metadata_
  TensorDirectory tensors_;
  std::vector<ModelFile> files_;
  std::vector<std::string> file_names_;
};

}  // namespace carat
