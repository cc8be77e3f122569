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

// Bytes that Interleave will take.
size_t InterleavedBytes(const Weights& weights);

// The matrices that Interleave leaves as they are stored.
std::vector<std::span<const std::byte>> StoredMatrices(const Weights& weights);

// Their types, "Q4_1, Q2_K"; empty if there are none.
std::string SlowFormats(const Weights& weights);

// Bytes that InterleaveMatrices will take.
size_t InterleavedBytes(std::span<const MatrixView* const> matrices);

// Copies every one of `matrices` whose format has an interleaved order (kernels/interleaved.h) into
// `out`, which is made for them, and views it there. They must lie in a mapped file: whole pages
// that were read are let go. `progress` may be empty: bytes done and to do, in the caller's thread;
// false cancels (kCancelled; the matrices can still be used). kNoMemory, with nothing changed,
// where there is no address space.
Status InterleaveMatrices(OpContext& context, std::span<MatrixView* const> matrices,
                          LazyBuffer& out,
                          const std::function<bool(size_t done, size_t total)>& progress);

// The same for all of the text model, into weights.interleaved; once for each weights.
Status Interleave(OpContext& context, Weights& weights,
                  const std::function<bool(size_t done, size_t total)>& progress);

}  // namespace carat
