// Session: one mutable timeline of tokens on a shared engine.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
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
#include "engine/workspace.h"
#include "model/decoder.h"
#include "model/kv_cache.h"

namespace carat {

// Called after each prefill step with positions done and to do; false cancels.
using PrefillProgress = std::function<bool(size_t done, size_t total)>;

struct SyncReport {
  size_t reused = 0;      // positions that were in the cache already
  size_t prefilled = 0;   // positions computed now
  bool restored = false;  // a saved window was put back
};

// A prompt that is being read into a timeline (Session::Begin).
struct Reading {
  Prompt prompt;
  std::vector<ContentKey> keys;  // of its positions
  SyncReport report;             // so far
  std::vector<float> soft = {};  // soft tokens of the pass that runs
  size_t left() const { return prompt.ids.size() - report.reused - report.prefilled; }
};

class Session;

// What a session is to read beside others (Session::ReadTogether).
struct Slice {
  Session* session;
  Reading* reading;
  Pos most;  // positions; a picture is whole
  // Out: as ReadSome's.
  Status status = {};
  bool whole = false;
};

// A token that a session is to append beside those of others (Session::AppendTogether).
struct Appending {
  Session* session;
  TokenId id;
  DraftRequest request = {};
  // Out: as Append's; and the rows that the pass computed for it, 0 where the token was drafted.
  Status status = {};
  size_t rows = 0;
};

// One owner thread. Borrows the engine. May be moved while nothing is being appended.
class Session {
 public:
  static Result<Session> Create(Engine& engine, const SessionOptions& wanted);
  // Several that one thread runs, with one workspace, whose memory is counted together. Errors as
  // Create's.
  static Result<std::vector<Session>> CreateTogether(Engine& engine, const SessionOptions& wanted,
                                                     size_t count);

  // Whether so many sessions fit the memory, each with so many saved windows. Precondition: the
  // context is named.
  static bool Fits(Engine& engine, const SessionOptions& wanted, size_t count, size_t windows);
  // Bytes of sessions that were created together with these options, when they are full, without
  // saved windows.
  static size_t BytesOf(Engine& engine, const SessionOptions& wanted,
                        std::span<const Session> sessions);

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

  // SyncTo slice by slice: Begin cuts the timeline back, and each ReadSome runs one pass of at most
  // `most` positions (a picture is whole). True: all has been read, and there are logits. Nothing
  // else may be appended between them.
  Result<Reading> Begin(Prompt prompt);
  Result<bool> ReadSome(Reading& reading, Pos most);
  // ReadSome for several sessions that were created together, each at most once, in one pass: what
  // each gets is as if it were alone, bit for bit.
  static void ReadTogether(std::span<Slice> slices);

  // How many positions of the prompt SyncTo would reuse.
  Pos Reusable(const Prompt& prompt) const;
  // The timeline becomes the first Reusable(prompt) positions of another session's, copied from it.
  // Precondition: both were created together.
  void TakePrefix(const Session& other, const Prompt& prompt);

  // Appends one id; then logits() are those after it. Where drafts are made (SessionOptions), what
  // `request` allows of them may be computed beside it, and later ids that are as drafted need no
  // pass: nothing else differs, whatever is called next. Without a request nothing is drafted.
  // After an error there are no logits.
  Status Append(TokenId id, const DraftRequest& request = {});
  // Whether Append of this id needs no pass, because it was drafted.
  bool IsDrafted(TokenId id) const { return rows_.IsNext(id); }
  // Append for several sessions that were created together, each at most once, in one pass of at
  // most kMaxPassRows rows: what each gets is as if it were alone, bit for bit. Drafts take the
  // rows that are left. Precondition: at most kMaxPassRows of them.
  static void AppendTogether(std::span<Appending> all);

  // Forgets the timeline.
  void Clear() { ResumeFrom(0); }

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
  Session(Engine& engine, KvCache cache, const SessionOptions& options,
          std::shared_ptr<Workspace> workspace);
  Pos Common(const Prompt& prompt, std::span<const ContentKey> prompt_keys) const;
  bool ResumeFrom(Pos common);
  Status Run(const Pass& pass, std::span<const ContentKey> keys, LogitRows rows,
             std::span<float> logits);
  Status CheckAppend(TokenId id);
  void AddDrafts(Appending& appending, size_t beside);
  static Status RunTogether(std::span<Appending* const> all);
  Status WithoutBrokenDrafts(Appending& appending);
  void DropDrafts();
  Status Check(const Prompt& prompt) const;
  Status CheckMedia(const Prompt& prompt) const;
  Status RunPart(const Prompt& prompt, std::span<const ContentKey> keys, Pos end, LogitRows rows,
                 std::span<float> logits);
  std::vector<SoftRun> Embed(std::span<const PromptMedium> media, Pos begin, Pos end,
                             std::vector<float>& soft);
  void TookSlice(Slice& slice, const Pass& pass, size_t row);
  void Took(const Pass& pass, std::span<const ContentKey> keys);
  Pos EndOfPass(const Prompt& prompt, Pos at, Pos most) const;
  Status CheckLogits(std::span<const float> logits) const;

  Engine* engine_;
  std::shared_ptr<Workspace> work_;
  KvCache cache_;
  WindowPool windows_;
  Pos chunk_;
  bool reuse_generated_;
  Pos max_picture_;
  BlockMask mask_;
  std::vector<TokenId> ids_;
  std::vector<ContentKey> keys_;  // as long as ids_
  Pos generated_from_ = 0;        // where, after a prompt, tokens were appended
  std::vector<float> pending_;    // samples of a frame that is not whole yet
  // The cache may hold drafts behind the timeline, whose rows these are.
  DraftedRows rows_;
  std::optional<Speculator> speculator_;
  std::vector<TokenId> pass_ids_;
};

}  // namespace carat
