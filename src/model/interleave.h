// Loading's last step for fast products: the text model's matrices in the kernels' order.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/weights.h"
#include "ops/context.h"

namespace carat {

// Bytes of the matrices that have an interleaved order, in it.
size_t InterleavedBytes(const Weights& weights);

// The matrices that Interleave leaves as they are stored.
std::vector<std::span<const std::byte>> StoredMatrices(const Weights& weights);

// Their types, "Q4_1, Q2_K"; empty if there are none.
std::string SlowFormats(const Weights& weights);

// The same of any matrices.
size_t InterleavedBytes(std::span<const MatrixView* const> matrices);

// Copies every one of `matrices` whose format has an interleaved order (kernels/interleaved.h) and
// that is not in it already, as a bundle's are, into `out`, which is made for them, and views it
// there. They must lie in a mapped file: whole pages
// that were read are let go. `progress` may be empty: bytes done and to do, in the caller's thread;
// false cancels (kCancelled; the matrices can still be used). kNoMemory, with nothing changed,
// where there is no address space.
Status InterleaveMatrices(OpContext& context, std::span<MatrixView* const> matrices,
                          LazyBuffer& out,
                          const std::function<bool(size_t done, size_t total)>& progress);

// The way back: the rows of those that are interleaved as they were stored, into `out`. Errors as
// above.
Status StoreMatrices(OpContext& context, std::span<MatrixView* const> matrices, LazyBuffer& out,
                     const std::function<bool(size_t done, size_t total)>& progress);

// The same two for all of the text model, into weights.reordered; once for each weights.
Status Interleave(OpContext& context, Weights& weights,
                  const std::function<bool(size_t done, size_t total)>& progress);
Status Store(OpContext& context, Weights& weights,
             const std::function<bool(size_t done, size_t total)>& progress);

// The matrices that Interleave would copy.
std::vector<const MatrixView*> MatricesToInterleave(const Weights& weights);

}  // namespace carat
