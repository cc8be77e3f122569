#include "engine/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "engine/embed.h"
#include "engine/plan.h"
#include "ops/elementwise.h"
#include "sys/clock.h"
#include "sys/memory.h"

namespace carat {
namespace {

std::vector<ContentKey> KeysOf(const Prompt& prompt) {
  std::vector<ContentKey> keys(prompt.ids.size(), 0);
  for (const PromptMedium& m : prompt.media)
    std::ranges::copy(m.medium->keys(), keys.begin() + m.at);
  return keys;
}

// From where the prompt is to be read: how many positions are the same already.
Pos Common(std::span<const TokenId> ids, std::span<const ContentKey> keys, const Prompt& prompt,
           std::span<const ContentKey> prompt_keys) {
  const Pos same_ids = std::ranges::mismatch(ids, prompt.ids).in1 - ids.begin();
  Pos common = std::ranges::mismatch(keys, prompt_keys).in1 - keys.begin();
  // The last id is always run, since its logits are wanted.
  common = std::min({common, same_ids, static_cast<Pos>(prompt.ids.size()) - 1});
  // A part of a picture is no place to go on from.
  for (const PromptMedium& m : prompt.media) {
    if (m.is_block() && m.at < common && common < m.end()) common = m.at;
  }
  return common;
}

bool Sees(const Engine& engine) { return engine.embedders().weights.vision.has_value(); }

// What a session may take: what is there, less what the model keeps in its files' pages, which
// counts as free but is needed.
size_t RoomFor(Engine& engine, size_t available) {
  const ModelMemory& model = engine.memory();
  const size_t copied = engine.decoder().weights().reordered.size();
  size_t in_files = model.embedders + model.weights - std::min(model.weights, copied);
  if (const MtpDrafter* drafter = engine.drafter()) in_files += drafter->stored_bytes();
  return available - std::min(available, Spare(available) + in_files);
}

SessionOptions WithDrafts(Engine& engine, SessionOptions options) {
  if (engine.drafter() == nullptr) options.drafts = SessionOptions::kNoDrafts;
  return options;
}

// The context that is asked for, or the one that fits.
Result<Pos> ChooseContext(Engine& engine, const SessionOptions& options, size_t available) {
  const size_t room = RoomFor(engine, available);
  const Pos longest = LongestContext(engine.config(), Sees(engine), options, room);
  if (options.context == 0 && longest > 0)
    return std::min(longest, SessionOptions::kDefaultContext);
  const Pos least = std::min(kLeastContext, engine.config().max_positions);
  const Pos wanted = options.context > 0 ? options.context : least;
  const size_t bytes = MemoryOfSession(engine.config(), Sees(engine), options, wanted).needed();
  if (bytes <= room && (options.context > 0 || longest > 0)) return wanted;
  constexpr double kGiB = 1 << 30;
  return Fail({.code = ErrorCode::kNoMemory,
               .what = fmt::format("a context of {} tokens takes {:.2f} GiB of memory", wanted,
                                   static_cast<double>(bytes) / kGiB),
               .where = "context",
               .wanted = longest > 0
                             ? fmt::format("at most {} tokens, or a smaller cache type", longest)
                             : "more free memory, or a smaller cache type",
               .found = fmt::format("{:.2f} GiB for it, of {:.2f} available",
                                    static_cast<double>(room) / kGiB,
                                    static_cast<double>(available) / kGiB)});
}

}  // namespace

KvCache::Options CacheOptions(bool sees, const SessionOptions& options, Pos context) {
  return {.dtype = options.cache,
          .max_positions = context,
          .margin = std::max({options.chunk, Pos{64}, sees ? options.max_picture : Pos{0}})};
}

Result<Session> Session::Create(Engine& engine, const SessionOptions& wanted) {
  const Pos most = engine.config().max_positions;
  if (wanted.context < 0 || wanted.context > most) {
    return Fail({.what = "context length out of range",
                 .where = "context",
                 .wanted = fmt::format("1 to {} tokens, or 0 for the default", most),
                 .found = std::to_string(wanted.context)});
  }
  if (wanted.chunk < 1 || wanted.chunk > 4096) {
    return Fail({.what = "prefill step out of range",
                 .where = "chunk",
                 .wanted = "1 to 4096 tokens",
                 .found = std::to_string(wanted.chunk)});
  }
  if (wanted.drafts < SessionOptions::kAutoDrafts ||
      wanted.drafts > static_cast<int>(kMaxDraftDepth)) {
    return Fail({.what = "number of drafts out of range",
                 .where = "drafts",
                 .wanted = fmt::format("0 to {}, or -1 for what pays", kMaxDraftDepth),
                 .found = std::to_string(wanted.drafts)});
  }
  const SessionOptions options = WithDrafts(engine, wanted);
  const size_t available = AvailableMemory();
  CARAT_ASSIGN(const Pos context, ChooseContext(engine, options, available));
  CARAT_ASSIGN(KvCache cache,
               KvCache::Create(engine.config(), CacheOptions(Sees(engine), options, context)));
  // Saved windows take what is left: without them a prompt is read again.
  SessionOptions granted = options;
  const size_t room = RoomFor(engine, available);
  const size_t needed = MemoryOfSession(engine.config(), Sees(engine), options, context).needed();
  granted.window_pool_bytes = std::min(options.window_pool_bytes, room - std::min(room, needed));
  return Session(engine, std::move(cache), granted);
}

Session::Session(Engine& engine, KvCache cache, const SessionOptions& options)
    : engine_(&engine),
      context_(engine.pool(), engine.table()),
      cache_(std::move(cache)),
      windows_(cache_.WindowBytes(), options.window_pool_bytes),
      chunk_(options.chunk),
      max_picture_(options.max_picture),
      mask_(options.mask),
      rows_(static_cast<size_t>(engine.config().vocab_size),
            static_cast<size_t>(engine.config().hidden)) {
  if (options.drafts == SessionOptions::kNoDrafts) return;
  // What the model never chooses, and placeholders of media.
  const Config& config = engine.config();
  std::vector<TokenId> never = engine.defaults().suppressed;
  never.insert(never.end(), {config.image, config.audio, config.video});
  speculator_.emplace(*engine.drafter(), engine.decoder(), engine.draft_costs(),
                      static_cast<size_t>(std::max(0, options.drafts)), std::move(never));
}

// A pass whose logits are not finite comes from broken weights (or a bug): say which, if it can be
// found.
Status Session::CheckLogits(std::span<const float> logits) const {
  if (AllFinite(logits)) return {};
  const std::string where = engine_->FindBrokenWeight();
  return Fail({.what = where.empty() ? "the model's numbers ran out of range"
                                     : "a weight is not a finite number",
               .where = where.empty() ? fmt::format("position {}", size() - 1) : where});
}

Status Session::Run(const Pass& pass, std::span<const ContentKey> keys, LogitRows rows,
                    std::span<float> logits) {
  DropDrafts();
  CARAT_TRY(engine_->decoder().Forward(context_, activations_, cache_, pass, rows, logits));
  ids_.insert(ids_.end(), pass.ids.begin(), pass.ids.end());
  keys_.insert(keys_.end(), keys.begin(), keys.end());
  keys_.resize(ids_.size(), 0);
  return rows == LogitRows::kNone ? Status() : CheckLogits(logits);
}

// Back to a cache that holds the timeline and no more.
void Session::DropDrafts() {
  if (cache_.size() > size()) cache_.Truncate(size());
  rows_.Clear();
  if (speculator_) speculator_->Break();
}

// Cuts the timeline to the furthest position <= common from which it can go on; true if a saved
// window was put back for that.
bool Session::ResumeFrom(Pos common) {
  DropDrafts();
  Pos resume = common;
  bool restored = false;
  if (cache_.CanTruncate(common)) {
    cache_.Truncate(common);
  } else if (const auto nearest = windows_.Nearest(common)) {
    resume = *nearest;
    restored = true;
    windows_.Restore(resume, cache_);
  } else {
    resume = 0;
    cache_.Truncate(0);
  }
  pending_.clear();  // of a recording that was broken off
  // A window beyond the end would belong to ids that may never come again.
  windows_.DropBeyond(resume);
  ids_.resize(static_cast<size_t>(resume));
  keys_.resize(static_cast<size_t>(resume));
  return restored;
}

Status Session::CheckMedia(const Prompt& prompt) const {
  Pos last = 0;
  for (const PromptMedium& m : prompt.media) {
    CARAT_CHECK(m.at >= last && m.end() <= static_cast<Pos>(prompt.ids.size()));
    last = m.end();
    CARAT_TRY(CheckTakes(*engine_, *m.medium));
    if (m.is_block() && static_cast<Pos>(m.medium->num_tokens()) > max_picture_) {
      return Fail({.what = "a picture has too many soft tokens",
                   .where = fmt::format("position {}", m.at),
                   .wanted = fmt::format("at most {}", max_picture_),
                   .found = std::to_string(m.medium->num_tokens())});
    }
  }
  return {};
}

// The soft tokens at positions [begin, end), as runs of a pass that begins at `begin`.
std::vector<SoftRun> Session::Embed(std::span<const PromptMedium> media, Pos begin, Pos end) {
  const auto hidden = static_cast<size_t>(engine_->config().hidden);
  soft_.resize(static_cast<size_t>(end - begin) * hidden);
  std::vector<SoftRun> runs;
  for (const PromptMedium& m : media) {
    const Pos from = std::max(begin, m.at), to = std::min(end, m.end());
    if (from >= to) continue;
    const auto count = static_cast<size_t>(to - from);
    const std::span<float> rows =
        std::span(soft_).subspan(static_cast<size_t>(from - begin) * hidden, count * hidden);
    EmbedTokens(*engine_, context_, *m.medium, static_cast<size_t>(from - m.at), count, rows);
    runs.push_back({.at = static_cast<size_t>(from - begin),
                    .count = count,
                    .rows = rows.data(),
                    .is_block = m.is_block()});
  }
  return runs;
}

// Where the pass that begins at `at` ends: after a chunk, at the next boundary, never inside of a
// picture.
Pos Session::EndOfPass(const Prompt& prompt, Pos at) const {
  Pos end = std::min(at + chunk_, static_cast<Pos>(prompt.ids.size()));
  const auto boundary = std::ranges::find_if(prompt.boundaries, [&](Pos b) { return b > at; });
  if (boundary != prompt.boundaries.end()) end = std::min(end, *boundary);
  for (const PromptMedium& m : prompt.media) {
    if (m.is_block() && m.at < end && end < m.end()) end = m.at > at ? m.at : m.end();
  }
  return end;
}

Status Session::Check(const Prompt& prompt) const {
  if (prompt.ids.empty())
    return Fail({.what = "the prompt is empty", .wanted = "at least one token"});
  if (const auto total = static_cast<Pos>(prompt.ids.size()); total > context()) {
    return Fail({.code = ErrorCode::kContextFull,
                 .what = "the prompt does not fit the context",
                 .wanted = fmt::format("at most {} tokens", context()),
                 .found = std::to_string(total)});
  }
  CARAT_TRY(engine_->decoder().CheckIds(prompt.ids, 0));
  return CheckMedia(prompt);
}

// Runs the part of the prompt from size() to `end`.
Status Session::RunPart(const Prompt& prompt, std::span<const ContentKey> keys, Pos end,
                        LogitRows rows, std::span<float> logits) {
  const auto begin = static_cast<size_t>(size()), count = static_cast<size_t>(end - size());
  const std::vector<SoftRun> soft = Embed(prompt.media, size(), end);
  return Run({.ids = std::span(prompt.ids).subspan(begin, count), .soft = soft, .mask = mask_},
             keys.subspan(begin, count), rows, logits);
}

Result<SyncReport> Session::SyncTo(const Prompt& prompt, const PrefillProgress& progress) {
  CARAT_TRY(Check(prompt));
  const auto total = static_cast<Pos>(prompt.ids.size());
  const std::vector<ContentKey> keys = KeysOf(prompt);
  SyncReport report;
  report.restored = ResumeFrom(Common(ids_, keys_, prompt, keys));
  report.reused = ids_.size();
  // A border that every prompt names (behind the system block) outlives those of single turns.
  for (const Pos boundary : prompt.boundaries) windows_.Touch(boundary);
  while (size() < total) {
    const Pos end = EndOfPass(prompt, size());
    const bool last = end == total;
    CARAT_TRY(RunPart(prompt, keys, end, last ? LogitRows::kLast : LogitRows::kNone,
                      last ? rows_.Begin({}) : std::span<float>()));
    if (last) rows_.Filled(activations_.normed.data());
    report.prefilled = ids_.size() - report.reused;
    if (std::ranges::find(prompt.boundaries, end) != prompt.boundaries.end()) windows_.Save(cache_);
    if (progress && !progress(report.prefilled, static_cast<size_t>(total) - report.reused) &&
        !last) {
      return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while reading the prompt"});
    }
  }
  return report;
}

Status Session::ReadAll(const Prompt& prompt, const LogitSink& sink) {
  CARAT_TRY(Check(prompt));
  ResumeFrom(0);
  const std::vector<ContentKey> keys = KeysOf(prompt);
  const auto vocab = static_cast<size_t>(engine_->config().vocab_size);
  const auto hidden = static_cast<size_t>(engine_->config().hidden);
  std::vector<float> rows;
  while (ids_.size() < prompt.ids.size()) {
    const Pos end = EndOfPass(prompt, size());
    const auto count = static_cast<size_t>(end - size());
    rows.resize(count * vocab);
    CARAT_TRY(RunPart(prompt, keys, end, LogitRows::kAll, rows));
    std::ranges::copy(std::span(rows).last(vocab), rows_.Begin({}).begin());
    rows_.Filled(activations_.normed.data() + (count - 1) * hidden);
    CARAT_TRY(sink(rows));
  }
  return {};
}

Status Session::Append(TokenId id, const DraftRequest& request) {
  const bool stood = rows_.Take(id);
  if (speculator_) speculator_->SawToken(id, stood);
  if (!stood) CARAT_TRY(RunWithDrafts(id, request));
  ids_.push_back(id);
  keys_.push_back(0);
  return CheckLogits(rows_.logits());
}

// One pass of `id` and of drafts behind it.
Status Session::RunWithDrafts(TokenId id, const DraftRequest& request) {
  pass_ids_.assign(1, id);
  DraftRequest bounded = request;
  const Pos room = context() - size() - 1;  // behind `id`
  bounded.most = std::min(bounded.most, static_cast<size_t>(std::max<Pos>(room, 0)));
  const bool follows = rows_.valid() && engine_->decoder().CheckIds(pass_ids_, size()).has_value();
  if (!follows) bounded.most = 0;
  const auto hidden = follows ? rows_.hidden() : std::span<const float>();
  DropDrafts();
  if (speculator_) {
    const auto drafts = speculator_->Draft(context_, cache_, id, hidden, bounded);
    pass_ids_.insert(pass_ids_.end(), drafts.begin(), drafts.end());
  }
  const auto forward = [&]() -> Status {
    const std::span<float> logits = rows_.Begin(std::span(pass_ids_).subspan(1));
    const double start = Now();
    CARAT_TRY(engine_->decoder().Forward(context_, activations_, cache_,
                                         {.ids = pass_ids_, .role = Role::kGenerated},
                                         LogitRows::kAll, logits));
    if (speculator_) speculator_->SawPass(pass_ids_.size(), Now() - start);
    rows_.Filled(activations_.normed.data());
    return {};
  };
  CARAT_TRY(forward());
  // A draft whose numbers are not finite spoils the rows beside it, and would not be chosen.
  if (pass_ids_.size() > 1 && !AllFinite(rows_.all_logits())) {
    DropDrafts();
    pass_ids_.resize(1);
    speculator_->Stop("a draft made the model's numbers run out of range");
    CARAT_TRY(forward());
  }
  return {};
}

Result<std::vector<TokenId>> Session::InspectDrafts(TokenId id, size_t steps,
                                                    const LogitSink& sink) {
  CARAT_CHECK(rows_.valid() && speculator_);
  CARAT_TRY(engine_->decoder().CheckIds({&id, 1}, size()));
  const auto hidden = rows_.hidden();
  DropDrafts();
  return speculator_->DraftWithLogits(context_, cache_, id, hidden, steps, sink);
}

Status Session::AppendSound(std::span<const float> samples) {
  CARAT_TRY(CheckTakes(*engine_, MediumKind::kSound));
  const size_t frames = (pending_.size() + samples.size()) / kFrameSamples;
  if (const Pos room = context() - size(); static_cast<Pos>(frames) > room) {
    return Fail({.code = ErrorCode::kContextFull,
                 .what = "the sound does not fit the context",
                 .wanted = fmt::format("at most {} frames more", room),
                 .found = std::to_string(frames)});
  }
  pending_.insert(pending_.end(), samples.begin(), samples.end());
  const size_t whole = frames * kFrameSamples;
  const auto medium = Medium::FromSamples(
      {pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(whole)});
  const auto hidden = static_cast<size_t>(engine_->config().hidden);
  const std::vector<TokenId> ids(static_cast<size_t>(chunk_), engine_->config().audio);
  Status ran;
  size_t done = 0;
  while (ran && done < frames) {
    const size_t n = std::min(static_cast<size_t>(chunk_), frames - done);
    soft_.resize(n * hidden);
    EmbedTokens(*engine_, context_, medium, done, n, soft_);
    const SoftRun run{.at = 0, .count = n, .rows = soft_.data()};
    ran = Run({.ids = std::span(ids).first(n), .soft = {&run, 1}},
              std::span(medium.keys()).subspan(done, n), LogitRows::kNone, {});
    if (ran) done += n;
  }
  // What was run is in the timeline, whatever came after it.
  pending_.erase(pending_.begin(),
                 pending_.begin() + static_cast<std::ptrdiff_t>(done * kFrameSamples));
  return ran;
}

Status Session::EndSound() {
  if (pending_.empty()) return {};
  const std::vector<float> silence(kFrameSamples - pending_.size(), 0.0f);
  return AppendSound(silence);
}

}  // namespace carat
