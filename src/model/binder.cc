#include "model/binder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/kernels.h"

namespace carat {

Result<const TensorEntry*> Binder::Take(const std::string& name, std::span<const int64_t> shape) {
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
                 .found = std::string(Info(entry->dtype).name)});
  }
  used_.insert(name);
  return entry;
}

Result<MatrixView> Binder::Matrix(const std::string& name, int64_t rows, int64_t cols) {
  const int64_t shape[] = {rows, cols};
  CARAT_ASSIGN(const TensorEntry* entry, Take(name, shape));
  MatrixView view;
  view.data = entry->bytes.data();
  view.dtype = entry->dtype;
  view.rows = static_cast<size_t>(rows);
  view.cols = static_cast<size_t>(cols);
  return view;
}

Result<const float*> Binder::Floats(const std::string& name, std::initializer_list<int64_t> shape) {
  CARAT_ASSIGN(const TensorEntry* entry, Take(name, std::span(shape.begin(), shape.size())));
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

}  // namespace carat
