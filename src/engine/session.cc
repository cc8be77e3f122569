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

// The context that is asked for, or the one that fits, of each of several sessions.
Result<Pos> ChooseContext(Engine& engine, const SessionOptions& options, size_t count,
                          size_t available) {
  const size_t room = RoomFor(engine, available);
  const Pos longest = LongestContext(engine.config(), Sees(engine), options, room, count);
  if (options.context == 0 && longest > 0)
    return std::min(longest, SessionOptions::kDefaultContext);
  const Pos least = std::min(kLeastContext, engine.config().max_positions);
  const Pos wanted = options.context > 0 ? options.context : least;
  const size_t bytes =
      MemoryOfSession(engine.config(), Sees(engine), options, wanted).needed(count);
  if (bytes <= room && (options.context > 0 || longest > 0)) return wanted;
  constexpr double kGiB = 1 << 30;
  return Fail(
      {.code = ErrorCode::kNoMemory,
       .what = fmt::format("{} of {} tokens take{} {:.2f} GiB of memory",
                           count == 1 ? "a context" : fmt::format("{} contexts", count), wanted,
                           count == 1 ? "s" : "", static_cast<double>(bytes) / kGiB),
       .where = "context",
       .wanted = longest > 0 ? fmt::format("at most {} tokens, or a smaller cache type", longest)
                             : "more free memory, or a smaller cache type",
       .found =
           fmt::format("{:.2f} GiB for it, of {:.2f} available", static_cast<double>(room) / kGiB,
                       static_cast<double>(available) / kGiB)});
}

}  // namespace

KvCache::Options CacheOptions(bool sees, const SessionOptions& options, Pos context) {
  return {.dtype = options.cache,
          .max_positions = context,
          .margin = std::max({options.chunk, Pos{64}, sees ? options.max_picture : Pos{0}})};
}

namespace {

Status CheckOptions(const Engine& engine, const SessionOptions& wanted) {
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
  return {};
}

}  // namespace

Result<Session> Session::Create(Engine& engine, const SessionOptions& wanted) {
  CARAT_ASSIGN(std::vector<Session> one, CreateTogether(engine, wanted, 1));
  return std::move(one.front());
}

Result<std::vector<Session>> Session::CreateTogether(Engine& engine, const SessionOptions& wanted,
                                                     size_t count) {
  CARAT_TRY(CheckOptions(engine, wanted));
  const SessionOptions options = WithDrafts(engine, wanted);
  const size_t available = AvailableMemory();
  CARAT_ASSIGN(const Pos context, ChooseContext(engine, options, count, available));
  // Saved windows take what is left: without them a prompt is read again.
  SessionOptions granted = options;
  const size_t room = RoomFor(engine, available);
  const size_t needed =
      MemoryOfSession(engine.config(), Sees(engine), options, context).needed(count);
  granted.window_pool_bytes =
      std::min(options.window_pool_bytes, (room - std::min(room, needed)) / count);
  const auto work = std::make_shared<Workspace>(engine.pool(), engine.table());
  std::vector<Session> sessions;
  sessions.reserve(count);
  while (sessions.size() < count) {
    CARAT_ASSIGN(KvCache cache,
                 KvCache::Create(engine.config(), CacheOptions(Sees(engine), options, context)));
    sessions.push_back(Session(engine, std::move(cache), granted, work));
  }
  return sessions;
}

bool Session::Fits(Engine& engine, const SessionOptions& wanted, size_t count, size_t windows) {
  const SessionOptions options = WithDrafts(engine, wanted);
  const bool sees = Sees(engine);
  const size_t window =
      KvCache::WindowBytesOf(engine.config(), CacheOptions(sees, options, options.context));
  return MemoryOfSession(engine.config(), sees, options, options.context).needed(count) +
             count * windows * window <=
         RoomFor(engine, AvailableMemory());
}

size_t Session::BytesOf(Engine& engine, const SessionOptions& wanted,
                        std::span<const Session> sessions) {
  return MemoryOfSession(engine.config(), Sees(engine), WithDrafts(engine, wanted),
                         sessions.front().context())
      .needed(sessions.size());
}

Session::Session(Engine& engine, KvCache cache, const SessionOptions& options,
                 std::shared_ptr<Workspace> workspace)
    : engine_(&engine),
      work_(std::move(workspace)),
      cache_(std::move(cache)),
      windows_(cache_.WindowBytes(), options.window_pool_bytes),
      chunk_(options.chunk),
      reuse_generated_(options.reuse_generated),
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
  CARAT_TRY(
      engine_->decoder().Forward(work_->context, work_->activations, cache_, pass, rows, logits));
  Took(pass, keys);
  return rows == LogitRows::kNone ? Status() : CheckLogits(logits);
}

// A pass of a prompt has run.
void Session::Took(const Pass& pass, std::span<const ContentKey> keys) {
  ids_.insert(ids_.end(), pass.ids.begin(), pass.ids.end());
  keys_.insert(keys_.end(), keys.begin(), keys.end());
  keys_.resize(ids_.size(), 0);
  generated_from_ = size();
}

// Back to a cache that holds the timeline and no more.
void Session::DropDrafts() {
  if (cache_.size() > size()) cache_.Truncate(size());
  rows_.Clear();
  if (speculator_) speculator_->Break();
}

// From where a prompt is to be read: how many positions are the same already.
Pos Session::Common(const Prompt& prompt, std::span<const ContentKey> prompt_keys) const {
  const Pos same_ids = std::ranges::mismatch(ids_, prompt.ids).in1 - ids_.begin();
  Pos common = std::ranges::mismatch(keys_, prompt_keys).in1 - keys_.begin();
  // The last id is always run, since its logits are wanted.
  common = std::min({common, same_ids, static_cast<Pos>(prompt.ids.size()) - 1});
  if (!reuse_generated_) common = std::min(common, generated_from_);
  // A part of a picture is no place to go on from.
  for (const PromptMedium& m : prompt.media) {
    if (m.is_block() && m.at < common && common < m.end()) common = m.at;
  }
  return common;
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
  generated_from_ = std::min(generated_from_, resume);
  return restored;
}

Pos Session::Reusable(const Prompt& prompt) const {
  const Pos common = prompt.ids.empty() ? 0 : Common(prompt, KeysOf(prompt));
  return cache_.CanTruncate(common) ? common : windows_.Nearest(common).value_or(0);
}

void Session::TakePrefix(const Session& other, const Prompt& prompt) {
  const Pos n = other.Reusable(prompt);
  ResumeFrom(0);
  if (n == 0) return;
  cache_.TakePrefix(
      other.cache_, n,
      other.cache_.CanTruncate(n) ? std::span<const std::byte>() : other.windows_.At(n));
  ids_.assign(other.ids_.begin(), other.ids_.begin() + n);
  keys_.assign(other.keys_.begin(), other.keys_.begin() + n);
  generated_from_ = std::min(n, other.generated_from_);
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
std::vector<SoftRun> Session::Embed(std::span<const PromptMedium> media, Pos begin, Pos end,
                                    std::vector<float>& soft) {
  const auto hidden = static_cast<size_t>(engine_->config().hidden);
  if (!media.empty()) soft.resize(static_cast<size_t>(end - begin) * hidden);
  std::vector<SoftRun> runs;
  for (const PromptMedium& m : media) {
    const Pos from = std::max(begin, m.at), to = std::min(end, m.end());
    if (from >= to) continue;
    const auto count = static_cast<size_t>(to - from);
    const std::span<float> rows =
        std::span(soft).subspan(static_cast<size_t>(from - begin) * hidden, count * hidden);
    EmbedTokens(*engine_, work_->context, *m.medium, static_cast<size_t>(from - m.at), count, rows);
    runs.push_back({.at = static_cast<size_t>(from - begin),
                    .count = count,
                    .rows = rows.data(),
                    .is_block = m.is_block()});
  }
  return runs;
}

// Where the pass that begins at `at` ends: after `most` positions, at the next boundary, never
// inside of a picture.
Pos Session::EndOfPass(const Prompt& prompt, Pos at, Pos most) const {
  Pos end = std::min(at + most, static_cast<Pos>(prompt.ids.size()));
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
  const std::vector<SoftRun> soft = Embed(prompt.media, size(), end, work_->soft);
  return Run({.ids = std::span(prompt.ids).subspan(begin, count), .soft = soft, .mask = mask_},
             keys.subspan(begin, count), rows, logits);
}

Result<Reading> Session::Begin(Prompt prompt) {
  CARAT_TRY(Check(prompt));
  Reading reading{.prompt = std::move(prompt), .keys = {}, .report = {}};
  reading.keys = KeysOf(reading.prompt);
  reading.report.restored = ResumeFrom(Common(reading.prompt, reading.keys));
  reading.report.reused = ids_.size();
  // A border that every prompt names (behind the system block) outlives those of single turns.
  for (const Pos boundary : reading.prompt.boundaries) windows_.Touch(boundary);
  return reading;
}

Result<bool> Session::ReadSome(Reading& reading, Pos most) {
  Slice one{.session = this, .reading = &reading, .most = most};
  ReadTogether({&one, 1});
  if (!one.status) return Fail(one.status.error());
  return one.whole;
}

void Session::ReadTogether(std::span<Slice> slices) {
  Session& first = *slices[0].session;
  Workspace& work = *first.work_;
  const auto vocab = static_cast<size_t>(first.engine_->config().vocab_size);
  std::vector<TimelinePass> parts;
  std::vector<std::vector<SoftRun>> soft(slices.size());
  size_t wanted = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    Session& s = *slices[i].session;
    Reading& reading = *slices[i].reading;
    CARAT_CHECK(s.work_.get() == &work);
    s.DropDrafts();
    const Pos begin = s.size();
    const Pos end =
        s.EndOfPass(reading.prompt, begin, std::clamp<Pos>(slices[i].most, 1, s.chunk_));
    soft[i] = s.Embed(reading.prompt.media, begin, end, reading.soft);
    slices[i].whole = end == static_cast<Pos>(reading.prompt.ids.size());
    wanted += slices[i].whole ? 1 : 0;
    const auto ids = std::span(reading.prompt.ids)
                         .subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
    parts.push_back({.cache = &s.cache_,
                     .pass = {.ids = ids, .soft = soft[i], .mask = s.mask_},
                     .rows = slices[i].whole ? LogitRows::kLast : LogitRows::kNone});
  }
  work.logits.resize(std::max(work.logits.size(), wanted * vocab));
  const std::span<float> logits = std::span(work.logits).first(wanted * vocab);
  const Status ran =
      first.engine_->decoder().Forward(work.context, work.activations, parts, logits);
  size_t row = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    slices[i].status = ran;
    if (ran) slices[i].session->TookSlice(slices[i], parts[i].pass, row);
    row += slices[i].whole ? 1 : 0;
  }
}

// The pass has read a slice; where it was the last, `row` of the pass's logits are its own.
void Session::TookSlice(Slice& slice, const Pass& pass, size_t row) {
  Reading& reading = *slice.reading;
  const auto vocab = static_cast<size_t>(engine_->config().vocab_size);
  const auto hidden = static_cast<size_t>(engine_->config().hidden);
  Took(pass, std::span(reading.keys).subspan(ids_.size(), pass.ids.size()));
  reading.soft = {};
  reading.report.prefilled = ids_.size() - reading.report.reused;
  if (slice.whole) {
    const auto logits = std::span(work_->logits).subspan(row * vocab, vocab);
    std::ranges::copy(logits, rows_.Begin({}).begin());
    rows_.Filled(work_->activations.normed.data() + row * hidden);
    slice.status = CheckLogits(rows_.logits());
  }
  const auto& boundaries = reading.prompt.boundaries;
  if (slice.status && std::ranges::find(boundaries, size()) != boundaries.end())
    windows_.Save(cache_);
}

Result<SyncReport> Session::SyncTo(const Prompt& prompt, const PrefillProgress& progress) {
  CARAT_ASSIGN(Reading reading, Begin(prompt));
  for (bool last = false; !last;) {
    CARAT_ASSIGN(last, ReadSome(reading, chunk_));
    const size_t done = reading.report.prefilled;
    if (progress && !progress(done, done + reading.left()) && !last)
      return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while reading the prompt"});
  }
  return reading.report;
}

Status Session::ReadAll(const Prompt& prompt, const LogitSink& sink) {
  CARAT_TRY(Check(prompt));
  ResumeFrom(0);
  const std::vector<ContentKey> keys = KeysOf(prompt);
  const auto vocab = static_cast<size_t>(engine_->config().vocab_size);
  const auto hidden = static_cast<size_t>(engine_->config().hidden);
  std::vector<float> rows;
  while (ids_.size() < prompt.ids.size()) {
    const Pos end = EndOfPass(prompt, size(), chunk_);
    const auto count = static_cast<size_t>(end - size());
    rows.resize(count * vocab);
    CARAT_TRY(RunPart(prompt, keys, end, LogitRows::kAll, rows));
    std::ranges::copy(std::span(rows).last(vocab), rows_.Begin({}).begin());
    rows_.Filled(work_->activations.normed.data() + (count - 1) * hidden);
    CARAT_TRY(sink(rows));
  }
  return {};
}

Status Session::Append(TokenId id, const DraftRequest& request) {
  Appending one{.session = this, .id = id, .request = request};
  AppendTogether({&one, 1});
  return one.status;
}

void Session::AppendTogether(std::span<Appending> all) {
  std::vector<Appending*> running;
  for (Appending& a : all) {
    Session& s = *a.session;
    a.rows = 0;
    a.status = {};
    const bool stood = s.rows_.Take(a.id);
    if (s.speculator_) s.speculator_->SawToken(a.id, stood);
    if (!stood) running.push_back(&a);
  }
  CARAT_CHECK(running.size() <= kMaxPassRows);
  // Whoever can't go on does not keep others from it.
  std::erase_if(running,
                [](Appending* a) { return !(a->status = a->session->CheckAppend(a->id)); });
  size_t rows = running.size();
  for (Appending* a : running) {
    a->session->AddDrafts(*a, rows - 1);
    rows += a->session->pass_ids_.size() - 1;
  }
  if (const Status ran = running.empty() ? Status() : RunTogether(running); !ran) {
    for (Appending* a : running) a->status = ran;
  }
  for (Appending& a : all) {
    if (!a.status) continue;
    Session& s = *a.session;
    s.ids_.push_back(a.id);
    s.keys_.push_back(0);
    a.status = s.CheckLogits(s.rows_.logits());
  }
}

Status Session::CheckAppend(TokenId id) {
  Status status = engine_->decoder().CheckIds({&id, 1}, size());
  if (status && size() == context()) {
    status = Fail({.code = ErrorCode::kContextFull,
                   .what = "the context is full",
                   .wanted = fmt::format("at most {} tokens", context()),
                   .found = std::to_string(size() + 1)});
  }
  if (!status) DropDrafts();
  return status;
}

// What is to be run: the token, and drafts behind it. `beside`: rows of others.
void Session::AddDrafts(Appending& a, size_t beside) {
  DraftRequest bounded = a.request;
  const Pos room = context() - size() - 1;  // behind the token
  bounded.most = std::min({bounded.most, static_cast<size_t>(room), kMaxPassRows - 1 - beside});
  const bool follows = rows_.valid();
  const auto hidden = follows ? rows_.hidden() : std::span<const float>();
  DropDrafts();
  pass_ids_.assign(1, a.id);
  // What a grammar forces is as good as certain, and costs no drafting.
  if (bounded.constraint != nullptr && bounded.most > 0) {
    bounded.constraint->AppendForced(bounded.most, pass_ids_);
    if (pass_ids_.size() > 1) {
      if (speculator_) speculator_->SawForced(pass_ids_.size() - 1);
      return;
    }
  }
  if (!speculator_) return;
  if (!follows) bounded.most = 0;
  const auto drafts = speculator_->Draft(work_->context, cache_, a.id, hidden, bounded, beside);
  pass_ids_.insert(pass_ids_.end(), drafts.begin(), drafts.end());
}

// One pass of what all of them want to run.
Status Session::RunTogether(std::span<Appending* const> all) {
  const Engine& engine = *all[0]->session->engine_;
  Workspace& work = *all[0]->session->work_;
  const auto vocab = static_cast<size_t>(engine.config().vocab_size);
  const auto hidden = static_cast<size_t>(engine.config().hidden);
  std::vector<TimelinePass> parts;
  size_t rows = 0;
  for (Appending* a : all) {
    Session& s = *a->session;
    CARAT_CHECK(s.work_.get() == &work);
    parts.push_back({&s.cache_, {.ids = s.pass_ids_, .role = Role::kGenerated}});
    rows += s.pass_ids_.size();
  }
  Session& first = *all[0]->session;
  std::span<float> logits = first.rows_.Begin(std::span(first.pass_ids_).subspan(1));
  if (all.size() > 1) {
    work.logits.resize(std::max(work.logits.size(), rows * vocab));
    logits = std::span(work.logits).first(rows * vocab);
  }
  const double start = Now();
  CARAT_TRY(engine.decoder().Forward(work.context, work.activations, parts, logits));
  const double seconds = Now() - start;
  size_t row = 0;
  for (Appending* a : all) {
    Session& s = *a->session;
    a->rows = s.pass_ids_.size();
    if (all.size() > 1) {
      const auto own = logits.subspan(row * vocab, a->rows * vocab);
      std::ranges::copy(own, s.rows_.Begin(std::span(s.pass_ids_).subspan(1)).begin());
    }
    s.rows_.Filled(work.activations.normed.data() + row * hidden);
    if (s.speculator_) s.speculator_->SawPass(a->rows, rows - a->rows, seconds);
    row += a->rows;
  }
  for (Appending* a : all) CARAT_TRY(a->session->WithoutBrokenDrafts(*a));
  return {};
}

// A draft whose numbers are not finite spoils the rows beside it, and would not be chosen.
Status Session::WithoutBrokenDrafts(Appending& a) {
  if (a.rows == 1 || AllFinite(rows_.all_logits())) return {};
  DropDrafts();
  pass_ids_.resize(1);
  if (speculator_) speculator_->Stop("a draft made the model's numbers run out of range");
  CARAT_TRY(engine_->decoder().Forward(work_->context, work_->activations, cache_,
                                       {.ids = pass_ids_, .role = Role::kGenerated},
                                       LogitRows::kAll, rows_.Begin({})));
  rows_.Filled(work_->activations.normed.data());
  a.rows = 1;
  return {};
}

Result<std::vector<TokenId>> Session::InspectDrafts(TokenId id, size_t steps,
                                                    const LogitSink& sink) {
  CARAT_CHECK(rows_.valid() && speculator_);
  CARAT_TRY(engine_->decoder().CheckIds({&id, 1}, size()));
  const auto hidden = rows_.hidden();
  DropDrafts();
  return speculator_->DraftWithLogits(work_->context, cache_, id, hidden, steps, sink);
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
    std::vector<float>& soft = work_->soft;
    soft.resize(n * hidden);
    EmbedTokens(*engine_, work_->context, medium, done, n, soft);
    const SoftRun run{.at = 0, .count = n, .rows = soft.data()};
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
