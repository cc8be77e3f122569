// The memory plan: what a model and a session on it take, counted before they are loaded, against
// what there is. Nothing in carat swaps: what does not fit is refused with what would.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "engine/model_files.h"
#include "engine/session_options.h"

namespace carat {

// Bytes of a loaded model.
struct ModelMemory {
  size_t weights = 0;     // in the kernels' order, and what stays as it is stored
  size_t vocabulary = 0;  // about
  size_t embedders = 0;   // of pictures and sound
  size_t drafter = 0;     // what drafts, its stored head included
  size_t program = 0;     // the program itself, about
  size_t total() const { return weights + vocabulary + embedders + drafter + program; }
};
// `copied`: the weights are put in the kernels' order, which needs memory that can't be given back;
// else they stay in their file. `embedder_files` may be null.
ModelMemory MemoryOfModel(const LoadedModel& model, bool copied, const ModelFiles* embedder_files);

// Bytes of a session when its context is full.
struct SessionMemory {
  size_t sliding_cache = 0, global_cache = 0;
  size_t saved_windows = 0;
  size_t rows = 0;     // logits and hidden states of a pass's rows, forced drafts included
  size_t scratch = 0;  // of one pass, media included: sessions of one thread share it
  // Instead of that where several sessions share their passes: a picture may stand behind a slice.
  size_t scratch_together = 0;
  // Of so many sessions together, without saved windows, of which fewer are kept where there is
  // less room.
  size_t needed(size_t count = 1) const {
    return count * (sliding_cache + global_cache + rows) +
           (count == 1 ? scratch : scratch_together);
  }
  size_t total() const { return needed() + saved_windows; }
};
// `sees`: the model takes pictures.
SessionMemory MemoryOfSession(const Config& config, bool sees, const SessionOptions& options,
                              Pos context);

// The most positions at which `count` sessions need at most `room` bytes, at most the model's; 0 if
// not even kLeastContext or, if that is less, the model's own do.
Pos LongestContext(const Config& config, bool sees, const SessionOptions& options, size_t room,
                   size_t count = 1);
inline constexpr Pos kLeastContext = 1024;

// What of the memory that there is stays free: for the system, and what was not counted.
size_t Spare(size_t available);

// "the weights take 6.5 GiB …": why a model does not fit, and what to do.
Error DoesNotFit(const ModelMemory& model, size_t session, size_t available);

}  // namespace carat
