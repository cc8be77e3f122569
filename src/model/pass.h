// Pass: what goes into one forward pass, and which positions its queries see (gemma4-12b
// specification, 4.5).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/ids.h"
#include "ops/attention.h"
#include "ops/matmul.h"

namespace carat {

// Soft tokens: rows that stand in the stream instead of embedded ids. Borrows the rows.
struct SoftRun {
  size_t at = 0;  // index of the first one in the pass
  size_t count = 0;
  const float* rows = nullptr;  // [count, H], not scaled
  // A picture or a frame of a video: its tokens see each other. Sound is causal.
  bool is_block = false;
};

// Two behaviours exist (specification, 4.5).
enum class BlockMask {
  kReference,  // R: blocks open in sliding layers, within the window; global layers are causal
  kLiteral,    // L, as transformers' forward has it: blocks open in every layer, past the window
};

struct Pass {
  std::span<const TokenId> ids;  // placeholders where soft tokens stand
  // Ascending, none over another. A block must be whole.
  std::span<const SoftRun> soft = {};
  BlockMask mask = BlockMask::kReference;
  Role role = Role::kPrompt;  // of all of them
};

// Appends what the queries at first, first + 1, … of a pass see in layers of one kind. window 0: a
// global layer.
void AddSeen(const Pass& pass, Pos first, Pos window, std::vector<KeyRange>& all);

}  // namespace carat
