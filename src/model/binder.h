// Binder: takes tensors out of a directory by name, checks them, and remembers which were taken.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "tensor/view.h"
#include "weights/directory.h"

namespace carat {

// Borrows the directory; `owned` receives vectors that must be converted to f32.
class Binder {
 public:
  Binder(const TensorDirectory& tensors, std::vector<FloatBuffer>& owned)
      : tensors_(tensors), owned_(owned) {}

  bool Has(std::string_view name) const { return tensors_.Find(name) != nullptr; }

  // Whether any name begins as one of these.
  bool HasAny(std::initializer_list<std::string_view> prefixes) const;

  // Whether a tensor's rows must stand as they are stored, or may be interleaved already.
  enum class Order { kStored, kAny };
  // A matrix [rows, cols] in any weight format.
  Result<MatrixView> Matrix(const std::string& name, int64_t rows, int64_t cols,
                            Order order = Order::kStored);
  // The same with its companion factor NAME.scale, which NVFP4 files carry (gguf
  // specification, 3.1).
  Result<MatrixView> ScaledMatrix(const std::string& name, int64_t rows, int64_t cols,
                                  Order order = Order::kStored);
  // A tensor of this shape (not empty) as a matrix: all dimensions but the last are its rows.
  Result<MatrixView> Rows(const std::string& name, std::span<const int64_t> shape);
  // A tensor of exactly this shape as f32, in place where the file holds aligned f32. Its values
  // must be finite.
  Result<const float*> Floats(const std::string& name, std::initializer_list<int64_t> shape);
  // A single finite number, stored as [1] or [].
  Result<float> Scalar(const std::string& name);

  void MarkUsed(std::string_view name) { used_.emplace(name); }
  // Looks at the tensors that nobody took: one whose name begins as `ours` would change the
  // mathematics, an error; one that begins as `known` is passed over; others are named in
  // `warnings`.
  Status CheckUnused(std::initializer_list<std::string_view> ours,
                     std::initializer_list<std::string_view> known,
                     std::vector<std::string>& warnings) const;

 private:
  std::vector<std::string> Unused() const;  // in file order
  Result<const TensorEntry*> Take(const std::string& name, std::span<const int64_t> shape,
                                  Order order);
  Result<MatrixView> View(const std::string& name, std::span<const int64_t> shape, Order order);

  const TensorDirectory& tensors_;
  std::vector<FloatBuffer>& owned_;
  std::unordered_set<std::string> used_;
};

}  // namespace carat
