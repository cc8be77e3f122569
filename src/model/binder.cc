#include "model/binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/utf8.h"
#include "kernels/kernels.h"

namespace carat {
namespace {

bool Begins(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

bool Binder::HasAny(std::initializer_list<std::string_view> prefixes) const {
  return std::ranges::any_of(
      tensors_.entries(), [&](const TensorEntry& entry) { return Begins(entry.name, prefixes); });
}

Result<const TensorEntry*> Binder::Take(const std::string& name, std::span<const int64_t> shape,
                                        Order order) {
  const std::string wanted = fmt::format("[{}]", fmt::join(shape, ", "));
  const TensorEntry* entry = tensors_.Find(name);
  if (entry == nullptr) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "missing tensor",
                 .where = name,
                 .wanted = "shape " + wanted});
  }
  const bool same = std::ranges::equal(entry->shape, shape, [](uint64_t a, int64_t b) {
    return b >= 0 && a == static_cast<uint64_t>(b);
  });
  if (!same) {
    return Fail({.what = "wrong tensor shape",
                 .where = name,
                 .wanted = wanted,
                 .found = entry->ShapeText()});
  }
  if (!IsWeightType(entry->dtype)) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "wrong tensor type",
                 .where = name,
                 .wanted = "a type that holds weights",
                 .found = std::string(entry->TypeName())});
  }
  if (entry->interleaved && order == Order::kStored) {
    return Fail({.what = "the bundle holds this tensor in an order that only matrices may have",
                 .where = name});
  }
  used_.insert(name);
  return entry;
}

Result<MatrixView> Binder::View(const std::string& name, std::span<const int64_t> shape,
                                Order order) {
  CARAT_ASSIGN(const TensorEntry* entry, Take(name, shape, order));
  MatrixView view;
  view.data = entry->bytes.data();
  view.dtype = entry->dtype;
  view.interleaved = entry->interleaved;
  view.cols = static_cast<size_t>(shape.back());
  view.rows = 1;
  for (const int64_t d : shape.first(shape.size() - 1)) view.rows *= static_cast<size_t>(d);
  return view;
}

Result<MatrixView> Binder::Rows(const std::string& name, std::span<const int64_t> shape) {
  return View(name, shape, Order::kStored);
}

Result<MatrixView> Binder::Matrix(const std::string& name, int64_t rows, int64_t cols,
                                  Order order) {
  const int64_t shape[] = {rows, cols};
  return View(name, shape, order);
}

Result<MatrixView> Binder::ScaledMatrix(const std::string& name, int64_t rows, int64_t cols,
                                        Order order) {
  CARAT_ASSIGN(MatrixView matrix, Matrix(name, rows, cols, order));
  const size_t dot = name.rfind(".weight");
  if (dot == std::string::npos) return matrix;
  const std::string base = name.substr(0, dot);
  if (Has(base + ".scale")) {
    CARAT_ASSIGN(matrix.scale, Scalar(base + ".scale"));
  }
  if (Has(base + ".input_scale")) MarkUsed(base + ".input_scale");  // for 8-bit activations only
  return matrix;
}

Result<const float*> Binder::Floats(const std::string& name, std::initializer_list<int64_t> shape) {
  CARAT_ASSIGN(const TensorEntry* entry,
               Take(name, std::span(shape.begin(), shape.size()), Order::kStored));
  const auto n = static_cast<size_t>(entry->elements());
  const bool aligned = reinterpret_cast<uintptr_t>(entry->bytes.data()) % alignof(float) == 0;
  const float* values = reinterpret_cast<const float*>(entry->bytes.data());
  if (entry->dtype != DType::kF32 || !aligned) {
    FloatBuffer& copy = owned_.emplace_back(n);
    kernels::ReferenceTable().decode[static_cast<size_t>(entry->dtype)](entry->bytes.data(), n,
                                                                        copy.data());
    values = copy.data();
  }
  for (size_t i = 0; i < n; ++i) {
    if (!std::isfinite(values[i])) {
      return Fail({.what = "a weight is not a finite number",
                   .where = fmt::format("{}, element {}", name, i),
                   .found = fmt::format("{}", values[i])});
    }
  }
  return values;
}

Result<float> Binder::Scalar(const std::string& name) {
  const TensorEntry* entry = tensors_.Find(name);
  if (entry != nullptr && entry->shape.empty()) {
    CARAT_ASSIGN(const float* value, Floats(name, {}));
    return value[0];
  }
  CARAT_ASSIGN(const float* value, Floats(name, {1}));
  return value[0];
}

std::vector<std::string> Binder::Unused() const {
  std::vector<std::string> names;
  for (const TensorEntry& entry : tensors_.entries()) {
    if (!used_.contains(entry.name)) names.push_back(entry.name);
  }
  return names;
}

Status Binder::CheckUnused(std::initializer_list<std::string_view> ours,
                           std::initializer_list<std::string_view> known,
                           std::vector<std::string>& warnings) const {
  constexpr size_t kMostNamed = 5;
  size_t unknown = 0;
  for (const std::string& name : Unused()) {
    if (Begins(name, ours)) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "a tensor that carat does not know would change the mathematics",
                   .where = SanitizeUtf8(name)});
    }
    if (Begins(name, known)) continue;
    if (++unknown <= kMostNamed)
      warnings.push_back("unknown tensor ignored: " + SanitizeUtf8(name));
  }
  if (unknown > kMostNamed)
    warnings.push_back(fmt::format("{} more unknown tensors ignored", unknown - kMostNamed));
  return {};
}

}  // namespace carat
