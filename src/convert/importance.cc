#include "convert/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "base/utf8.h"
#include "io/file.h"
#include "weights/gguf.h"

namespace carat {
namespace {

constexpr size_t kMostOld = size_t{1} << 30;
constexpr int32_t kMostName = 1024, kMostEntries = 1 << 20;

Status CheckColumns(const std::string& name, std::span<const float> columns) {
  const auto bad =
      std::ranges::find_if(columns, [](float v) { return !std::isfinite(v) || v < 0; });
  if (bad == columns.end()) return {};
  return Fail({.what = "an importance is no number from 0 up",
               .where = fmt::format("{}, column {}", SanitizeUtf8(name), bad - columns.begin()),
               .found = fmt::format("{}", *bad)});
}

std::vector<float> FloatsOf(const TensorEntry& entry) {
  std::vector<float> values(entry.bytes.size() / sizeof(float));
  std::memcpy(values.data(), entry.bytes.data(), values.size() * sizeof(float));
  return values;
}

// Tensors NAME.in_sum2 [matrices, columns] and NAME.counts [matrices, 1]: a column's importance is
// the mean of its squares; of a column that was never seen, 1.
Status AddFromGguf(const Gguf& gguf, Importance& all) {
  constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";
  for (const TensorEntry& entry : gguf.tensors().entries()) {
    if (!entry.name.ends_with(kSums)) continue;
    const std::string name = entry.name.substr(0, entry.name.size() - kSums.size());
    const TensorEntry* counts = gguf.tensors().Find(name + std::string(kCounts));
    if (counts == nullptr || entry.dtype != DType::kF32 || counts->dtype != DType::kF32 ||
        counts->elements() != 1 || entry.elements() == 0) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "not the sums of one matrix and their count",
                   .where = SanitizeUtf8(entry.name)});
    }
    std::vector<float> columns = FloatsOf(entry);
    const auto count = static_cast<float>(std::lround(FloatsOf(*counts)[0]));
    for (float& value : columns) value = count > 0 ? value / count : 1.0f;
    CARAT_TRY(CheckColumns(name, columns));
    all.columns.emplace(name, std::move(columns));
  }
  return {};
}

}  // namespace

std::span<const float> Importance::Find(std::string_view tensor) const {
  const auto found = columns.find(std::string(tensor));
  if (found == columns.end()) return {};
  return found->second;
}

// Entries: i32 count; each i32 length, name, i32 calls, i32 columns, f32 sums. Behind them, in
// newer files, i32 chunks, i32 length and the data set's name.
Result<Importance> ParseOldImportance(std::span<const std::byte> bytes) {
  Importance all;
  ByteReader in(bytes);
  CARAT_ASSIGN(const int32_t entries, in.Read<int32_t>("the number of entries"));
  if (entries < 1 || entries > kMostEntries) {
    return Fail({.what = "not an importance matrix",
                 .where = "offset 0",
                 .wanted = fmt::format("1 to {} entries, or a GGUF file", kMostEntries),
                 .found = std::to_string(entries)});
  }
  for (int32_t i = 0; i < entries; ++i) {
    const auto at = fmt::format("entry {}", i);
    CARAT_ASSIGN(const int32_t length, in.Read<int32_t>("the length of a name"));
    if (length < 1 || length > kMostName)
      return Fail({.what = "bad length of a name", .where = at, .found = std::to_string(length)});
    CARAT_ASSIGN(const auto name, in.ReadBytes("a name", static_cast<uint64_t>(length)));
    CARAT_ASSIGN(const int32_t calls, in.Read<int32_t>("a number of calls"));
    CARAT_ASSIGN(const int32_t count, in.Read<int32_t>("a number of columns"));
    if (count < 1 || calls < 0)
      return Fail({.what = "bad number of columns or calls", .where = at});
    CARAT_ASSIGN(const auto values,
                 in.ReadBytes("the columns", static_cast<uint64_t>(count) * sizeof(float)));
    std::vector<float> columns(static_cast<size_t>(count));
    std::memcpy(columns.data(), values.data(), values.size());
    if (calls > 0)
      for (float& value : columns) value /= static_cast<float>(calls);
    const std::string key(AsText(name));
    CARAT_TRY(CheckColumns(key, columns));
    all.columns.insert_or_assign(key, std::move(columns));
  }
  if (in.remaining() == 0) return all;
  CARAT_ASSIGN(const int32_t chunks, in.Read<int32_t>("the number of chunks"));
  all.chunks = static_cast<uint64_t>(std::max(0, chunks));
  if (in.remaining() == 0) return all;
  CARAT_ASSIGN(const int32_t length, in.Read<int32_t>("the length of the data set's name"));
  if (length < 0) return Fail({.what = "bad length of the data set's name"});
  CARAT_ASSIGN(const auto name, in.ReadBytes("the data set's name", static_cast<uint64_t>(length)));
  all.dataset = AsText(name);
  return all;
}

Result<Importance> ReadImportance(const std::filesystem::path& path) {
  CARAT_ASSIGN(const MappedFile file, MappedFile::Open(path));
  Importance all;
  Status done;
  if (AsText(file.bytes()).starts_with("GGUF")) {
    const auto read = [&]() -> Status {
      CARAT_ASSIGN(const Gguf gguf, Gguf::Parse(file.bytes()));
      CARAT_TRY(AddFromGguf(gguf, all));
      CARAT_ASSIGN(const int64_t chunks, gguf.IntOr("imatrix.chunk_count", 0, 0, UINT32_MAX));
      all.chunks = static_cast<uint64_t>(chunks);
      const GgufValue* sets = gguf.Find("imatrix.datasets");
      const GgufArray* array = sets == nullptr ? nullptr : sets->AsArray();
      if (array != nullptr && !array->strings.empty()) all.dataset = array->strings.front();
      if (all.columns.empty()) return Fail({.what = "this GGUF file holds no importance matrix"});
      return {};
    };
    done = read();
  } else if (file.bytes().size() > kMostOld) {
    done = Fail({.what = "too large for an importance matrix"});
  } else {
    auto parsed = ParseOldImportance(file.bytes());
    done = parsed ? Status() : Status(Fail(parsed.error()));
    if (parsed) all = *std::move(parsed);
  }
  if (!done) return Fail(Within(path.string(), done.error()));
  all.file = path.string();
  return all;
}

}  // namespace carat
