#include "model/interleave.h"

#include <algorithm>
#include <vector>

#include "io/file.h"
#include "kernels/interleaved.h"

namespace carat {
namespace {

bool HasOrder(const MatrixView& w) {
  return !w.empty() && !w.interleaved && kernels::CanInterleave(w.dtype, w.cols);
}

// Every matrix that has an order; the embedding once, though it is also the head.
template <class AnyWeights>
auto MatricesOf(AnyWeights& weights) {
  std::vector<decltype(&weights.embedding)> all = {&weights.embedding};
  if (weights.head.data != weights.embedding.data) all.push_back(&weights.head);
  for (auto& layer : weights.layers) {
    for (auto* w : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down})
      all.push_back(w);
  }
  std::erase_if(all, [](const MatrixView* w) { return !HasOrder(*w); });
  return all;
}

size_t BytesOf(const MatrixView& w) { return kernels::InterleavedBytes(w.dtype, w.rows, w.cols); }

void Copy(const MatrixView& w, ThreadPool& pool, std::byte* out) {
  constexpr size_t kRows = kernels::kGroupRows;
  const size_t group_bytes = kernels::GroupBytes(w.dtype, w.cols);
  pool.Run((w.rows + kRows - 1) / kRows, [&](size_t group, int) {
    const size_t first = group * kRows;
    kernels::InterleaveGroup(w.dtype, w.row(first), std::min(kRows, w.rows - first), w.cols,
                             out + group * group_bytes);
  });
}

}  // namespace

size_t InterleavedBytes(const Weights& weights) {
  size_t total = 0;
  for (const MatrixView* w : MatricesOf(weights)) total += BytesOf(*w);
  return total;
}

Status Interleave(OpContext& context, Weights& weights,
                  const std::function<bool(size_t done, size_t total)>& progress) {
  const std::vector<MatrixView*> matrices = MatricesOf(weights);
  const size_t total = InterleavedBytes(weights);
  CARAT_ASSIGN(weights.interleaved, LazyBuffer::Create(total, LazyBuffer::Pages::kHuge));
  const bool tied = weights.head.data == weights.embedding.data;
  size_t done = 0;
  for (MatrixView* w : matrices) {
    std::byte* out = weights.interleaved.data() + done;
    Copy(*w, context.pool(), out);
    DropPages({w->data, w->rows * w->row_bytes()});
    w->data = out;
    w->interleaved = true;
    done += BytesOf(*w);
    if (progress && !progress(done, total))
      return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while loading the model"});
  }
  if (tied) weights.head = weights.embedding;
  return {};
}

}  // namespace carat
