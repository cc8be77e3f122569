#include "engine/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/speculative/policy.h"
#include "engine/window_pool.h"
#include "kernels/interleaved.h"
#include "model/activations.h"
#include "model/interleave.h"
#include "model/kv_cache.h"
#include "ops/attention.h"

namespace carat {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kProgramBytes = 12 * kMiB;  // code, stacks and what allocators keep

size_t BytesOfTensors(const ModelFiles& files) {
  size_t sum = 0;
  for (const TensorEntry& entry : files.tensors().entries()) sum += entry.bytes.size();
  return sum;
}

double GiB(size_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

}  // namespace

ModelMemory MemoryOfModel(const LoadedModel& model, bool copied, const ModelFiles* embedder_files) {
  ModelMemory memory{.program = kProgramBytes};
  if (copied) {
    memory.weights = InterleavedBytes(model.weights);
    for (const auto stored : StoredMatrices(model.weights)) memory.weights += stored.size();
  } else {
    memory.weights = BytesOfTensors(model.files);
  }
  if (model.tokenizer) memory.vocabulary = model.tokenizer->MemoryBytes();
  if (embedder_files != nullptr) {
    memory.embedders = BytesOfTensors(*embedder_files);
  } else if (copied) {
    const EmbedderWeights& e = model.embedders.weights;
    const auto add = [&](const MatrixView& w) { memory.embedders += w.rows * w.row_bytes(); };
    if (e.vision) {
      add(e.vision->patch_matrix);
      add(e.vision->position_tables);
      add(e.vision->projection);
    }
    if (!e.audio_projection.empty()) add(e.audio_projection);
  }
  return memory;
}

SessionMemory MemoryOfSession(const Config& config, bool sees, const SessionOptions& options,
                              Pos context) {
  const KvCache::Options cache = CacheOptions(sees, options, context);
  const KvCache::Bytes bytes = KvCache::BytesOf(config, cache);
  SessionMemory memory{.sliding_cache = bytes.sliding, .global_cache = bytes.global};
  // A window is saved where a turn ends: not more of them than a context has room for.
  if (const size_t window = KvCache::WindowBytesOf(config, cache); window > 0) {
    constexpr Pos kShortestTurn = 64;
    const auto turns = static_cast<size_t>(context / kShortestTurn);
    memory.saved_windows =
        std::min({options.window_pool_bytes / window, turns, WindowPool::kMaxWindows}) * window;
  }
  const auto hidden = static_cast<size_t>(config.hidden);
  const auto picture = static_cast<size_t>(sees ? options.max_picture : 0);
  const size_t drafts = options.drafts < 0 ? kMaxDraftDepth : static_cast<size_t>(options.drafts);
  const auto chunk = static_cast<size_t>(std::min(options.chunk, context));
  const size_t tokens = std::max({chunk, picture, 1 + drafts});
  constexpr size_t kPatchValues = size_t{3} * 48 * 48;
  const auto vocab = static_cast<size_t>(config.vocab_size);
  const size_t soft = picture * (hidden * sizeof(float) + kPatchValues);
  memory.scratch = Activations::Bytes(config, tokens) + soft;
  memory.scratch_together = Activations::Bytes(config, std::max(chunk + picture, kMaxPassRows)) +
                            soft + kMaxPassRows * vocab * sizeof(float);
  const auto dim = static_cast<size_t>(std::max(config.sliding.head_dim, config.global.head_dim));
  memory.scratch += AttentionPartsBytes(context, dim);
  memory.scratch_together += AttentionPartsBytes(context, dim);
  memory.rows = kMaxPassRows * (vocab + hidden) * sizeof(float);
  return memory;
}

Pos LongestContext(const Config& config, bool sees, const SessionOptions& options, size_t room,
                   size_t count) {
  const auto fits = [&](Pos context) {
    return MemoryOfSession(config, sees, options, context).needed(count) <= room;
  };
  const Pos most = config.max_positions, least = std::min(kLeastContext, most);
  if (!fits(least)) return 0;
  Pos low = least, high = most + 1;  // low fits
  while (high - low > 1) {
    const Pos middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

size_t Spare(size_t available) { return std::min(available / 32, 256 * kMiB); }

Error DoesNotFit(const ModelMemory& model, size_t session, size_t available) {
  return {
      .code = ErrorCode::kNoMemory,
      .what = fmt::format("this model does not fit the memory: its weights take {:.1f} GiB, and "
                          "a conversation at least {:.2f} GiB",
                          GiB(model.weights + model.embedders + model.drafter), GiB(session)),
      .where = "memory",
      .wanted = fmt::format("{:.1f} GiB: close other programs, or take a smaller quantisation "
                            "or --cache q8_0{}",
                            GiB(model.total() + session + Spare(available)),
                            model.drafter > 0 ? ", or leave the drafter out (--drafter off)" : ""),
      .found = fmt::format("{:.1f} GiB available", GiB(available))};
}

}  // namespace carat
