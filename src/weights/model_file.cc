#include "weights/model_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace carat {

Status CheckOrder(const TensorBytes& stored, DType dtype, std::span<const uint64_t> shape) {
  if (!stored.interleaved || (stored.dtype == dtype && shape.size() == 2 &&
                              stored.rows == shape[0] && stored.cols == shape[1]))
    return {};
  return Fail(
      {.what = "the bundle holds another matrix in this place",
       .wanted = fmt::format("{} of {} dimensions", Info(dtype).name, shape.size()),
       .found = fmt::format("{} [{}, {}]", Info(stored.dtype).name, stored.rows, stored.cols)});
}

Result<TensorBytes> ModelFile::Tensor(uint64_t begin, uint64_t size) const {
  if (size == 0) return TensorBytes{};
  if (begin + size <= head_.size())
    return TensorBytes{.bytes =
                           head_.subspan(static_cast<size_t>(begin), static_cast<size_t>(size))};
  const auto found = std::ranges::lower_bound(moved_, begin, {}, &Moved::begin);
  if (found != moved_.end() && found->begin == begin && found->end == begin + size)
    return found->to;
  return Fail({.what = "the bundle holds no tensor at this place of the file",
               .wanted = fmt::format("bytes {} to {}", begin, begin + size)});
}

Result<std::string> FileSource::ReadText(std::string_view name, size_t max_bytes) const {
  CARAT_ASSIGN(const ModelFile file, Open(name));
  if (file.size() > max_bytes || file.head().size() != file.size()) {
    return Fail({.what = "the file is too long",
                 .where = Where(name),
                 .wanted = fmt::format("at most {} bytes", max_bytes),
                 .found = std::to_string(file.size())});
  }
  return std::string(AsText(file.head()));
}

bool FolderSource::Has(std::string_view name) const {
  std::error_code ignored;
  return std::filesystem::exists(folder_ / name, ignored);
}

Result<ModelFile> FolderSource::Open(std::string_view name) const {
  CARAT_ASSIGN(MappedFile mapping, MappedFile::Open(folder_ / name));
  return ModelFile(std::move(mapping));
}

std::string FolderSource::Where(std::string_view name) const { return (folder_ / name).string(); }

}  // namespace carat
