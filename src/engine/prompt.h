// Prompt: what a timeline is to be equal to.
#pragma once

#include <vector>

#include "base/ids.h"
#include "engine/medium.h"

namespace carat {

struct Prompt {
  std::vector<TokenId> ids = {};
  // Positions (counts of ids) at which later prompts are likely to part from this one, ascending:
  // before a generation prompt, after a system block. A window of the sliding layers is kept there,
  // so that a later SyncTo need not read what stands before it again.
  std::vector<Pos> boundaries = {};
  // Ascending, none over another, whole; placeholder ids stand in their places.
  std::vector<PromptMedium> media = {};
};

}  // namespace carat
