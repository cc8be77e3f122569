// Session: one mutable timeline of tokens on a shared engine.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/prompt.h"
#include "engine/session_options.h"
#include "engine/speculative/drafted_rows.h"
#include "engine/speculative/speculator.h"
#include "engine/window_pool.h"
#include "model/activations.h"
#include "model/decoder.h"
#include "model/kv_cache.h"
#include "ops/context.h"

namespace carat {

// Called after each prefill step with positions done and to do; false cancels.
using PrefillProgress = std::function<bool(size_t done, size_t total)>;

struct SyncReport {
  size_t reused = 0;      // positions that were in the cache already
  size_t prefilled = 0;   // positions computed now
  bool restored = false;  // a saved window was put back
};

// One owner thread. Borrows the engine.
class Session {
 public:
  static Result<Session> Create(Engine& engine, const SessionOptions& wanted);

  Engine& engine() const { return *engine_; }
  std::span<const TokenId> ids() const { return ids_; }  // the timeline
  Pos size() const { return static_cast<Pos>(ids_.size()); }
  Pos context() const { return cache_.max_positions(); }

  // Makes the timeline equal to `prompt`, computing as little as possible: keeps the common
  // beginning (the same ids, and media of the same content), goes back to the nearest place from
  // which it can go on, and prefills the rest. Then logits() are those after the last id. Errors:
  // an empty prompt, an id outside the vocabulary, kUnsupported for a medium that the model does
  // not take, kContextFull (then nothing has changed), kCancelled (the timeline is a beginning of
  // the prompt, and the next call goes on from there).
  Result<SyncReport> SyncTo(const Prompt& prompt, const PrefillProgress& progress = {});

  // Appends one id; then logits() are those after it. Where drafts are made (SessionOptions), what
  // `request` allows of them may be computed beside it, and later ids that are as drafted need no
  // pass: nothing else differs, whatever is called next. Without a request nothing is drafted.
  // After an error there are no logits.
  Status Append(TokenId id, const DraftRequest& request = {});

  // Reads a whole prompt from the beginning of the timeline and gives the logits after every id to
  // `sink`, in order and a chunk at a time: rows [n, V], valid during the call. An error of the
  // sink ends it. Errors as in SyncTo.
  Status ReadAll(const Prompt& prompt, const LogitSink& sink);

  // For instruments: what the drafter says of the tokens after `id`, were it appended: so many
  // drafts, and for each of them all of the drafter's logits [V] to `sink`. The timeline stays as
  // it is, but there are no logits afterwards. Preconditions: logits() are valid, and something
  // drafts (speculator()).
  Result<std::vector<TokenId>> InspectDrafts(TokenId id, size_t steps, const LogitSink& sink);

  // Appends sound while it arrives: whole frames are run at once, the rest is kept for the next
  // call. No logits are computed. EndSound() fills the last frame up with silence and runs it.
  // Between them nothing else may be called but SyncTo and ReadAll, which break it off. Errors:
  // kUnsupported, kContextFull (then nothing has changed).
  Status AppendSound(std::span<const float> samples);
  Status EndSound();

  // [V], after the soft cap. Valid after a SyncTo or Append; callers may change it (sampling does).
  std::span<float> logits() { return rows_.logits(); }

  // What drafts this session's tokens; null: nothing does (Engine::no_drafts says why, or
  // SessionOptions).
  const Speculator* speculator() const { return speculator_ ? &*speculator_ : nullptr; }

 private:
  Session(Engine& engine, KvCache cache, const SessionOptions& options);
  bool ResumeFrom(Pos common);
  Status Run(const Pass& pass, std::span<const ContentKey> keys, LogitRows rows,
             std::span<float> logits);
  Status RunWithDrafts(TokenId id, const DraftRequest& request);
  void DropDrafts();
  Status Check(const Prompt& prompt) const;
  Status CheckMedia(const Prompt& prompt) const;
  Status RunPart(const Prompt& prompt, std::span<const ContentKey> keys, Pos end, LogitRows rows,
                 std::span<float> logits);
  std::vector<SoftRun> Embed(std::span<const PromptMedium> media, Pos begin, Pos end);
  Pos EndOfPass(const Prompt& prompt, Pos at) const;
  Status CheckLogits(std::span<const float> logits) const;

  Engine* engine_;
  OpContext context_;
  KvCache cache_;
  WindowPool windows_;
  Activations activations_;
  Pos chunk_;
  Pos max_picture_;
  BlockMask mask_;
  std::vector<TokenId> ids_;
  std::vector<ContentKey> keys_;  // as long as ids_
  std::vector<float> soft_;       // soft tokens of a pass
  std::vector<float> pending_;    // samples of a frame that is not whole yet
  // The cache may hold drafts behind the timeline, whose rows these are.
  DraftedRows rows_;
  std::optional<Speculator> speculator_;
  std::vector<TokenId> pass_ids_;
};

}  // namespace carat
