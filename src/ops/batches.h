// The tokens of a pass as products with interleaved weights read them: as batches, or as the tiles
// of a prompt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "sys/thread_pool.h"
#include "tensor/view.h"

namespace carat {

// Owns the memory, which is kept for the next tokens. One owner thread.
class Batches {
 public:
  // Takes x [tokens, cols] in, cols a multiple of 64: `rounded` in whole numbers, `plain` as it is.
  void Fill(ThreadPool& pool, const kernels::Table& table, const float* x, size_t tokens,
            size_t cols, bool rounded, bool plain);

  // Takes x in as kernels::Table::round_prompt says, which the table must have.
  void FillPrompt(ThreadPool& pool, const kernels::Table& table, const float* x, size_t tokens,
                  size_t cols);
  const uint16_t* prompt() const { return reinterpret_cast<const uint16_t*>(memory_.data()); }

  struct Entry {
    kernels::Batch batch;
    size_t first = 0;   // token
    size_t tokens = 0;  // of the batch's, the others are zero
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  void Lay(size_t tokens, size_t cols);

  std::vector<Entry> entries_;
  FloatBuffer memory_;
  std::vector<float> nothing_;  // what fills a batch up
};

}  // namespace carat
