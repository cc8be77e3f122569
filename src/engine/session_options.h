// How a session is set up.
#pragma once

#include <cstddef>

#include "base/ids.h"
#include "model/kv_cache.h"
#include "model/pass.h"
#include "tensor/dtype.h"

namespace carat {

struct SessionOptions {
  DType cache = DType::kBF16;  // element type of the attention cache: kF32, kF16, kBF16 or kQ8_0
  // Most positions; 0: as many as fit the memory that there is (engine/plan.h), at most
  // kDefaultContext and the model's.
  Pos context = 0;
  Pos chunk = 256;  // positions of one prefill step; also bounds how late a cancel is seen
  size_t window_pool_bytes = size_t{1} << 30;  // budget for saved windows (window_pool.h)
  // Most soft tokens of one picture, which is computed in one pass. Where the model sees, the
  // caches of the sliding layers are at least this much longer than their window.
  Pos max_picture = 1120;
  BlockMask mask = BlockMask::kReference;
  // Whether a prompt may reuse what was computed while its beginning was generated, whose
  // arithmetic is another (ops/matmul.h). Without it what a prompt gives depends on nothing but the
  // prompt.
  bool reuse_generated = true;
  // Tokens to draft for a pass, where the engine has a drafter: 1 to kMaxDraftDepth always so many,
  // kAutoDrafts what pays at the time, kNoDrafts none.
  int drafts = kAutoDrafts;
  static constexpr int kAutoDrafts = -1, kNoDrafts = 0;

  static constexpr Pos kDefaultContext = 32768;
};

// The cache of a session; `sees`: the model takes pictures.
KvCache::Options CacheOptions(bool sees, const SessionOptions& options, Pos context);

}  // namespace carat
