// DraftHead: the drafter's choice among a large vocabulary, exact, without reading all of its bits.
//
// A copy of the head in four bits a weight, the screen, gives every logit with an error that has a
// bound; only rows whose bound reaches above the best are computed in full. With w the row, v its
// screen, y the input and z what the kernel rounds it to (Cauchy and Schwarz):
//   |w·y - v·z| <= |w - v| |y| + |v| |y - z|
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "ops/context.h"
#include "tensor/lazy_buffer.h"
#include "tensor/view.h"

namespace carat {

// A screen that was made before (a bundle's), with what Create would give it. Borrows.
struct StoredScreen {
  DType dtype = DType::kQ4_0;
  std::span<const std::byte> rows;     // in the kernels' order
  std::span<const float> error, norm;  // [V]
};

// Move-only. Borrows the head's stored bytes, and a stored screen.
class DraftHead {
 public:
  // `stored` [V, h] is not interleaved. Without `screened`, or where h is no multiple of 64, there
  // is no screen, and every row is computed in full. Errors: kNoMemory; a row that is not finite,
  // or too large for the screen.
  static Result<DraftHead> Create(OpContext& context, const MatrixView& stored, bool screened);
  // With a screen that an equal head's screen() gave; an error if its sizes are not this head's.
  static Result<DraftHead> Create(const MatrixView& stored, const StoredScreen& screen);
  // Bytes that Create takes.
  static size_t Bytes(const MatrixView& stored, bool screened);

  struct Choice {
    TokenId id = -1;        // -1: y is not finite, or every id is excluded
    float logit = 0;        // w·y in f32
    float probability = 0;  // its share of the softmax; from the screen, so about
    size_t full_rows = 0;   // rows that were computed in full
  };
  // The highest logit among the ids that are not excluded, the lowest id on ties. y [h].
  Choice Best(OpContext& context, std::span<const float> y, std::span<const TokenId> excluded);

  // All logits, in f32. out [V].
  void Logits(OpContext& context, std::span<const float> y, std::span<float> out) const;

  size_t rows() const { return stored_.rows; }
  // Of a stored screen; 0 where this made its own.
  size_t borrowed_bytes() const;
  // Absent where there is none. Borrows from this.
  std::optional<StoredScreen> screen() const;

 private:
  Choice Together() const;

  MatrixView stored_;
  MatrixView screen_;  // empty: none
  LazyBuffer memory_;
  std::vector<float> own_error_, own_norm_;
  std::span<const float> error_, norm_;  // [V] |w - v|, |v|
  std::vector<float> logits_;            // [V] of the screen
  struct Part {                          // of the vocabulary
    size_t top = 0;
    Choice best = {};
    float highest = 0, sum = 0;  // of the softmax
  };
  std::vector<Part> parts_;
};

}  // namespace carat
