#include "convert/quantise_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>

#include "base/bytes.h"
#include "base/utf8.h"
#include "io/disk_space.h"
#include "io/file.h"
#include "quant/rows.h"

namespace carat {
namespace {

constexpr size_t kStepElements = size_t{4} << 20;  // of a tensor that are read at once
constexpr size_t kMostText = 127;                  // bytes that the reference keeps of a text
constexpr float kLargest = 65504.0f;               // of f16

std::string Cut(const std::string& text) { return text.substr(0, kMostText); }

// One tensor from its source to its place in the file.
class Writer {
 public:
  Writer(ThreadPool& pool, const kernels::Table& table, AtomicFile& out,
         const QuantiseOptions& options, uint64_t total)
      : pool_(pool), table_(table), out_(out), options_(options), total_(total) {}

  Status Write(const SourceTensor& tensor, DType as) {
    if (tensor.bytes.empty() && tensor.made.empty()) return {};
    if (as == tensor.dtype && tensor.made.empty() && tensor.change == SourceTensor::Change::kNone)
      return Copy(tensor);
    const auto rows = static_cast<size_t>(tensor.rows()), cols = static_cast<size_t>(tensor.cols());
    const float* importance = nullptr;
    if (options_.importance != nullptr && Info(as).block_elements > 1) {
      auto columns = options_.importance->Find(tensor.name);
      // As the reference: an embedding measured as something else goes without.
      if (columns.size() != cols && tensor.name == "token_embd.weight") columns = {};
      if (!columns.empty() && columns.size() != cols) {
        return Fail({.what = "the importance matrix is another model's",
                     .where = SanitizeUtf8(tensor.name),
                     .wanted = fmt::format("{} columns", cols),
                     .found = std::to_string(columns.size())});
      }
      if (!columns.empty()) importance = columns.data();
    }
    const size_t step = std::max<size_t>(1, kStepElements / std::max<size_t>(1, cols));
    for (size_t first = 0; first < rows; first += step) {
      const size_t count = std::min(step, rows - first);
      CARAT_TRY(Convert(tensor, as, importance, first, count));
      CARAT_TRY(out_.Write(bytes_));
      CARAT_TRY(Tell(tensor, first, count));
    }
    return {};
  }

  Status Pad(uint64_t bytes) {
    return out_.Write(std::vector<std::byte>(static_cast<size_t>(bytes)));
  }

 private:
  Status Copy(const SourceTensor& tensor) {
    constexpr size_t kStep = size_t{16} << 20;
    for (size_t at = 0; at < tensor.bytes.size(); at += kStep) {
      const auto step = tensor.bytes.subspan(at, std::min(kStep, tensor.bytes.size() - at));
      CARAT_TRY(out_.Write(step));
      DropPages(step);
      CARAT_TRY(Tell(step.size()));
    }
    return {};
  }

  // Rows [first, first + count) into bytes_.
  Status Convert(const SourceTensor& tensor, DType as, const float* importance, size_t first,
                 size_t count) {
    const auto cols = static_cast<size_t>(tensor.cols());
    const size_t row_bytes = cols / Info(as).block_elements * Info(as).block_bytes;
    values_.resize(count * cols);
    bytes_.resize(count * row_bytes);
    std::mutex mutex;
    std::optional<Error> failed;
    constexpr size_t kRows = 4;  // that one thread takes at a time
    pool_.Run((count + kRows - 1) / kRows, [&](size_t part, int) {
      const size_t begin = part * kRows, n = std::min(kRows, count - begin);
      float* values = values_.data() + begin * cols;
      Status done = ReadRows(table_, tensor, first + begin, n, values);
      if (done && as != DType::kF32 && as != DType::kBF16)
        done = CheckMagnitude(tensor, {values, n * cols}, first + begin);
      if (!done) {
        const std::lock_guard lock(mutex);
        if (!failed) failed = done.error();
        return;
      }
      QuantiseRows(as, values, n, cols, importance, bytes_.data() + begin * row_bytes);
    });
    if (failed) return Fail(*failed);
    return {};
  }

  // Scales are 16-bit numbers in every format.
  static Status CheckMagnitude(const SourceTensor& tensor, std::span<const float> values,
                               size_t first) {
    const auto large = std::ranges::find_if(values, [](float v) { return std::abs(v) > kLargest; });
    if (large == values.end()) return {};
    const auto at = static_cast<size_t>(large - values.begin());
    const auto cols = static_cast<size_t>(tensor.cols());
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "a weight is too large for this format",
                 .where = fmt::format("{}, row {}, column {}", SanitizeUtf8(tensor.name),
                                      first + at / cols, at % cols),
                 .wanted = fmt::format("at most {}", kLargest),
                 .found = fmt::format("{}", *large)});
  }

  Status Tell(const SourceTensor& tensor, size_t first, size_t count) {
    if (tensor.bytes.empty()) return {};  // it was made
    const size_t row = tensor.bytes.size() / static_cast<size_t>(tensor.rows());
    if (tensor.change == SourceTensor::Change::kNone)
      DropPages(tensor.bytes.subspan(first * row, count * row));
    return Tell(count * row);
  }

  Status Tell(uint64_t bytes) {
    done_ += bytes;
    if (!options_.progress || options_.progress(done_, total_)) return {};
    return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while quantising"});
  }

  ThreadPool& pool_;
  const kernels::Table& table_;
  AtomicFile& out_;
  const QuantiseOptions& options_;
  uint64_t total_, done_ = 0;
  std::vector<float> values_;
  std::vector<std::byte> bytes_;
};

// What the reference notes of an importance matrix.
void SetImportance(const Importance& importance, GgufHeader& header) {
  header.SetString("quantize.imatrix.file", Cut(importance.file));
  if (!importance.dataset.empty())
    header.SetString("quantize.imatrix.dataset", Cut(importance.dataset));
  header.SetUint32("quantize.imatrix.entries_count",
                   static_cast<uint32_t>(importance.columns.size()));
  if (importance.chunks > 0)
    header.SetUint32("quantize.imatrix.chunks_count", static_cast<uint32_t>(importance.chunks));
}

// The format of every tensor, in the order of source.tensors.
Result<std::vector<DType>> ChooseFormats(const GgufSource& source, const QuantiseOptions& options) {
  MixModel model{.num_layers = source.num_layers, .heads_per_kv_head = source.heads_per_kv_head};
  for (const SourceTensor& tensor : source.tensors) {
    if (tensor.name.ends_with("attn_v.weight")) ++model.num_attn_v;
    if (tensor.name == "output.weight") model.has_output = true;
  }
  MixOptions mix_options = options.mix;
  mix_options.importance = options.importance != nullptr;
  QuantMix mix(mix_options, model);
  const auto known = [&](const SourceTensor& tensor) {
    return !options.importance->Find(tensor.name).empty();
  };
  if (options.importance != nullptr && std::ranges::none_of(source.tensors, known)) {
    return Fail({.what = "the importance matrix is another model's: it knows none of the tensors",
                 .where = options.importance->file,
                 .wanted = "entries such as blk.0.attn_q.weight",
                 .found = SanitizeUtf8(options.importance->columns.begin()->first)});
  }
  std::vector<DType> formats;
  for (const SourceTensor& tensor : source.tensors) {
    const DType as = mix.Next(tensor.name, tensor.shape).value_or(tensor.kept);
    if (as != tensor.dtype && Info(tensor.dtype).block_elements > 1 && !options.requantise) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "these weights are quantised already and would lose more",
                   .where = SanitizeUtf8(tensor.name),
                   .wanted = "F32, F16 or BF16, or --allow-requantize",
                   .found = std::string(Info(tensor.dtype).name)});
    }
    if (as != tensor.dtype && !IsWeightType(tensor.dtype)) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "this tensor holds no weights",
                   .where = SanitizeUtf8(tensor.name),
                   .found = std::string(Info(tensor.dtype).name)});
    }
    formats.push_back(as);
  }
  return formats;
}

}  // namespace

Result<QuantiseReport> QuantiseFile(ThreadPool& pool, const kernels::Table& table,
                                    GgufSource source, const QuantiseOptions& options,
                                    const std::filesystem::path& path) {
  std::ranges::sort(source.tensors, WrittenBefore, &SourceTensor::name);  // names are unique
  CARAT_ASSIGN(const std::vector<DType> formats, ChooseFormats(source, options));
  GgufHeader& header = source.header;
  for (const char* key : {"split.no", "split.count", "split.tensors.count"}) header.Remove(key);
  header.SetUint32("general.quantization_version", 2);
  header.SetUint32("general.file_type", Info(options.mix.target).file_type);
  if (options.importance != nullptr) SetImportance(*options.importance, header);
  QuantiseReport report;
  for (size_t i = 0; i < formats.size(); ++i) {
    const SourceTensor& tensor = source.tensors[i];
    CARAT_TRY(StorageBytes(formats[i], tensor.shape));
    header.AddTensor(tensor.name, formats[i], tensor.shape);
    report.bytes_before += tensor.bytes.size();
    report.bytes_after += header.bytes_of(i);
    ++report.tensors[Info(formats[i]).name];
  }
  CARAT_TRY(CheckFreeSpace(path.parent_path(), header.file_size()));
  CARAT_ASSIGN(AtomicFile out, AtomicFile::Create(path));
  CARAT_TRY(out.Write(AsBytes(header.Bytes())));
  Writer writer(pool, table, out, options, report.bytes_before);
  for (size_t i = 0; i < formats.size(); ++i) {
    CARAT_TRY(writer.Write(source.tensors[i], formats[i]));
    CARAT_TRY(writer.Pad(header.Padded(header.bytes_of(i)) - header.bytes_of(i)));
  }
  CARAT_TRY(out.Commit());
  return report;
}

}  // namespace carat
