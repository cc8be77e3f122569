#include "model/interleave.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "io/file.h"
#include "kernels/interleaved.h"

namespace carat {
namespace {

bool HasOrder(const MatrixView& w) { return kernels::CanInterleave(w.dtype, w.cols); }

// Every matrix; the embedding once, though it is also the head.
template <class AnyWeights>
auto AllMatrices(AnyWeights& weights) {
  std::vector<decltype(&weights.embedding)> all = {&weights.embedding};
  if (weights.head.data != weights.embedding.data) all.push_back(&weights.head);
  for (auto& layer : weights.layers) {
    for (auto* w : MatricesOf(layer)) all.push_back(w);
  }
  return all;
}

size_t BytesOf(const MatrixView& w) { return kernels::InterleavedBytes(w.dtype, w.rows, w.cols); }

constexpr size_t kStep = size_t{32} << 20;  // bytes between two calls of progress

Error Cancelled() {
  return {.code = ErrorCode::kCancelled, .what = "cancelled while loading the model"};
}

// The whole of w to `out`; false if `go_on`, which gets the bytes done, says so.
bool Copy(const MatrixView& w, ThreadPool& pool, std::byte* out,
          const std::function<bool(size_t)>& go_on) {
  constexpr size_t kRows = kernels::kGroupRows;
  const size_t group_bytes = kernels::GroupBytes(w.dtype, w.cols);
  const size_t groups = (w.rows + kRows - 1) / kRows;
  const size_t step = std::max<size_t>(1, kStep / group_bytes);
  for (size_t begin = 0; begin < groups; begin += step) {
    const size_t count = std::min(step, groups - begin);
    pool.Run(count, [&](size_t part, int) {
      const size_t first = (begin + part) * kRows;
      kernels::InterleaveGroup(w.dtype, w.row(first), std::min(kRows, w.rows - first), w.cols,
                               out + (begin + part) * group_bytes);
    });
    if (!go_on((begin + count) * group_bytes)) return false;
  }
  return true;
}

}  // namespace

size_t InterleavedBytes(std::span<const MatrixView* const> matrices) {
  size_t total = 0;
  for (const MatrixView* w : matrices) total += HasOrder(*w) ? BytesOf(*w) : 0;
  return total;
}

size_t InterleavedBytes(const Weights& weights) { return InterleavedBytes(AllMatrices(weights)); }

std::vector<std::span<const std::byte>> StoredMatrices(const Weights& weights) {
  std::vector<std::span<const std::byte>> stored;
  for (const MatrixView* w : AllMatrices(weights))
    if (!HasOrder(*w) && !w->interleaved) stored.emplace_back(w->data, w->rows * w->row_bytes());
  return stored;
}

std::string SlowFormats(const Weights& weights) {
  std::vector<DType> found;
  std::string names;
  for (const MatrixView* w : AllMatrices(weights)) {
    if (HasOrder(*w) || w->interleaved || std::ranges::find(found, w->dtype) != found.end())
      continue;
    found.push_back(w->dtype);
    names += (names.empty() ? "" : ", ") + std::string(Info(w->dtype).name);
  }
  return names;
}

std::vector<const MatrixView*> MatricesToInterleave(const Weights& weights) {
  std::vector<const MatrixView*> all;
  for (const MatrixView* w : AllMatrices(weights))
    if (HasOrder(*w) && !w->interleaved) all.push_back(w);
  return all;
}

Status InterleaveMatrices(OpContext& context, std::span<MatrixView* const> matrices,
                          LazyBuffer& out,
                          const std::function<bool(size_t done, size_t total)>& progress) {
  CARAT_CHECK(out.size() == 0);
  const auto moves = [](const MatrixView& w) { return HasOrder(w) && !w.interleaved; };
  size_t total = 0, before = 0;
  for (const MatrixView* w : matrices) total += moves(*w) ? BytesOf(*w) : 0;
  CARAT_ASSIGN(out, LazyBuffer::Create(total, LazyBuffer::Pages::kHuge));
  for (MatrixView* w : matrices) {
    if (!moves(*w)) continue;
    std::byte* at = out.data() + before;
    const auto go_on = [&](size_t done) { return !progress || progress(before + done, total); };
    if (!Copy(*w, context.pool(), at, go_on)) return std::unexpected(Cancelled());
    DropPages({w->data, w->rows * w->row_bytes()});
    w->data = at;
    w->interleaved = true;
    before += BytesOf(*w);
  }
  return {};
}

Status StoreMatrices(OpContext& context, std::span<MatrixView* const> matrices, LazyBuffer& out,
                     const std::function<bool(size_t done, size_t total)>& progress) {
  CARAT_CHECK(out.size() == 0);
  size_t total = 0, done = 0;
  for (const MatrixView* w : matrices) total += w->interleaved ? w->rows * w->row_bytes() : 0;
  CARAT_ASSIGN(out, LazyBuffer::Create(total, LazyBuffer::Pages::kHuge));
  for (MatrixView* w : matrices) {
    if (!w->interleaved) continue;
    std::byte* at = out.data() + done;
    const size_t group_bytes = kernels::GroupBytes(w->dtype, w->cols);
    context.pool().Run(w->rows, [&](size_t row, int) {
      kernels::StoredRow(w->dtype, w->data + row / kernels::kGroupRows * group_bytes,
                         row % kernels::kGroupRows, w->cols, at + row * w->row_bytes());
    });
    DropPages({w->data, BytesOf(*w)});
    w->data = at;
    w->interleaved = false;
    done += w->rows * w->row_bytes();
    if (progress && !progress(done, total)) return std::unexpected(Cancelled());
  }
  return {};
}

namespace {

using Reorder = Status (*)(OpContext&, std::span<MatrixView* const>, LazyBuffer&,
                           const std::function<bool(size_t, size_t)>&);

Status All(Reorder reorder, OpContext& context, Weights& weights,
           const std::function<bool(size_t, size_t)>& progress) {
  const bool tied = weights.head.data == weights.embedding.data;
  const Status done = reorder(context, AllMatrices(weights), weights.reordered, progress);
  if (tied) weights.head = weights.embedding;
  return done;
}

}  // namespace

Status Interleave(OpContext& context, Weights& weights,
                  const std::function<bool(size_t done, size_t total)>& progress) {
  return All(InterleaveMatrices, context, weights, progress);
}

Status Store(OpContext& context, Weights& weights,
             const std::function<bool(size_t done, size_t total)>& progress) {
  return All(StoreMatrices, context, weights, progress);
}

}  // namespace carat
