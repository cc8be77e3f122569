#include "weights/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace carat {

std::string ShapeText(std::span<const uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string TensorEntry::ShapeText() const { return carat::ShapeText(shape); }

uint64_t TensorEntry::elements() const {
  uint64_t n = 1;
  for (const uint64_t d : shape) n *= d;  // StorageBytes has proved that this does not overflow
  return n;
}

Result<uint64_t> StorageBytes(DType dtype, std::span<const uint64_t> shape) {
  const DTypeInfo& info = Info(dtype);
  uint64_t elements = 1;
  for (const uint64_t d : shape) {
    if (__builtin_mul_overflow(elements, d, &elements) || elements > (uint64_t{1} << 56)) {
      return Fail({.what = "the tensor's size overflows", .found = ShapeText(shape)});
    }
  }
  const uint64_t row = shape.empty() ? 1 : shape.back();
  if (row % info.block_elements != 0) {
    return Fail({.what = "row length does not fit the type",
                 .wanted = fmt::format("a multiple of {} for {}", info.block_elements, info.name),
                 .found = std::to_string(row)});
  }
  return elements / info.block_elements * info.block_bytes;
}

Status TensorDirectory::Add(TensorEntry entry) {
  if (!index_.emplace(entry.name, entries_.size()).second) {
    return Fail({.what = "two tensors have the same name", .found = SanitizeUtf8(entry.name)});
  }
  entries_.push_back(std::move(entry));
  return {};
}

const TensorEntry* TensorDirectory::Find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

uint64_t TensorDirectory::TotalBytes() const {
  uint64_t sum = 0;
  for (const TensorEntry& entry : entries_) sum += entry.bytes.size();
  return sum;
}

uint64_t TensorDirectory::TotalElements() const {
  uint64_t sum = 0;
  for (const TensorEntry& entry : entries_) sum += entry.elements();
  return sum;
}

Status CheckOverlap(std::vector<StoredRange> ranges) {
  std::ranges::sort(ranges, {},
                    [](const StoredRange& range) { return std::pair(range.begin, range.end); });
  for (size_t i = 1; i < ranges.size(); ++i) {
    const StoredRange &before = ranges[i - 1], &here = ranges[i];
    if (here.begin < before.end) {
      return Fail({.what = "two tensors overlap in the file",
                   .where = SanitizeUtf8(before.name) + " and " + SanitizeUtf8(here.name),
                   .wanted = fmt::format("an offset of {} or more", before.end),
                   .found = std::to_string(here.begin)});
    }
  }
  return {};
}

}  // namespace carat
