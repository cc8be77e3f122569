// ZeroTensors: a directory of f32 zeros made by hand, for tests of what binds names.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "weights/directory.h"

namespace carat {

// Tensors of at most 1024 elements. Owns the zeros that the entries borrow.
class ZeroTensors {
 public:
  void Add(const std::string& name, std::vector<uint64_t> shape) {
    uint64_t bytes = sizeof(float);
    for (const uint64_t d : shape) bytes *= d;
    const Status added =
        directory_.Add({.name = name,
                        .dtype = DType::kF32,
                        .shape = std::move(shape),
                        .bytes = AsBytes(std::string_view(zeros_).substr(0, bytes))});
    ASSERT_TRUE(added.has_value()) << added.error().Message();
  }
  void Clear() { directory_ = {}; }
  const TensorDirectory& directory() const { return directory_; }

 private:
  alignas(16) const std::string zeros_ = std::string(4096, '\0');
  TensorDirectory directory_;
};

}  // namespace carat
