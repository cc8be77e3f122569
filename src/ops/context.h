// What every operation needs beside its operands: threads, kernels and scratch memory.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/kernels.h"
#include "ops/batches.h"
#include "ops/profile.h"
#include "sys/thread_pool.h"
#include "tensor/view.h"

namespace carat {

// One per thread that runs a model. Borrows pool and table. Not thread-safe.
class OpContext {
 public:
  OpContext(ThreadPool& pool, const kernels::Table& table)
      : pool_(pool), table_(table), scratch_(static_cast<size_t>(pool.threads())) {}

  ThreadPool& pool() { return pool_; }
  const kernels::Table& table() const { return table_; }

  Profile& profile() { return profile_; }

  Batches& batches() { return batches_; }  // of the product that runs

  // Scratch memory of one thread of the pool, at least `size` floats; valid until its next call.
  float* Scratch(int thread, size_t size) {
    FloatBuffer& buffer = scratch_[static_cast<size_t>(thread)];
    buffer.Resize(size);
    return buffer.data();
  }
  // Scratch memory that all threads share, at least `size` floats; valid until its next call.
  float* SharedScratch(size_t size) {
    shared_.Resize(size);
    return shared_.data();
  }

 private:
  ThreadPool& pool_;
  const kernels::Table& table_;
  Profile profile_;
  Batches batches_;
  std::vector<FloatBuffer> scratch_;
  FloatBuffer shared_;
};

}  // namespace carat
