#include "engine/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace carat {

Result<Session> Session::Create(Engine& engine, const SessionOptions& options) {
  const Pos most = engine.config().max_positions;
  if (options.context < 0 || options.context > most) {
    return Fail({.what = "context length out of range",
                 .where = "context",
                 .wanted = fmt::format("1 to {} tokens, or 0 for the default", most),
                 .found = std::to_string(options.context)});
  }
  if (options.chunk < 1 || options.chunk > 4096) {
    return Fail({.what = "prefill step out of range",
                 .where = "chunk",
                 .wanted = "1 to 4096 tokens",
                 .found = std::to_string(options.chunk)});
  }
  const Pos context =
      options.context > 0 ? options.context : std::min(most, SessionOptions::kDefaultContext);
  CARAT_ASSIGN(KvCache cache,
               KvCache::Create(engine.config(), {.dtype = options.cache,
                                                 .max_positions = context,
                                                 .margin = std::max<Pos>(options.chunk, 64)}));
  return Session(engine, std::move(cache), options);
}

Session::Session(Engine& engine, KvCache cache, const SessionOptions& options)
    : engine_(&engine),
      context_(engine.pool(), engine.table()),
      cache_(std::move(cache)),
      windows_(cache_.WindowBytes(), options.window_pool_bytes),
      chunk_(options.chunk),
      logits_(static_cast<size_t>(engine.config().vocab_size)) {}

// A pass whose logits are not finite comes from broken weights (or a bug): say which, if it can be
// found.
Status Session::CheckLogits(std::span<const float> logits) const {
  if (std::ranges::all_of(logits, [](float x) { return std::isfinite(x); })) return {};
  const std::string where = FindNonFinite(engine_->files().tensors());
  return Fail({.what = where.empty() ? "the model's numbers ran out of range"
                                     : "a weight is not a finite number",
               .where = where.empty() ? fmt::format("position {}", cache_.size() - 1) : where});
}

Status Session::Run(std::span<const TokenId> ids, LogitRows rows, std::span<float> logits) {
  CARAT_TRY(engine_->decoder().Forward(context_, activations_, cache_, {.ids = ids}, rows, logits));
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  return rows == LogitRows::kNone ? Status() : CheckLogits(logits);
}

// Cuts the timeline to the furthest position <= common from which it can go on.
Pos Session::ResumeFrom(Pos common, bool& restored) {
  Pos resume = common;
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
  // A window beyond the end would belong to ids that may never come again.
  windows_.DropBeyond(resume);
  ids_.resize(static_cast<size_t>(resume));
  return resume;
}

Result<SyncReport> Session::SyncTo(const Prompt& prompt, const PrefillProgress& progress) {
  const auto total = static_cast<Pos>(prompt.ids.size());
  if (total == 0) return Fail({.what = "the prompt is empty", .wanted = "at least one token"});
  if (total > cache_.max_positions()) {
    return Fail({.code = ErrorCode::kContextFull,
                 .what = "the prompt does not fit the context",
                 .wanted = fmt::format("at most {} tokens", cache_.max_positions()),
                 .found = std::to_string(total)});
  }
  CARAT_TRY(engine_->decoder().CheckIds(prompt.ids, 0));
  const auto parting = std::ranges::mismatch(ids_, prompt.ids);
  const Pos common = parting.in1 - ids_.begin();
  SyncReport report;
  // The last id is always run, since its logits are wanted.
  Pos at = ResumeFrom(std::min(common, total - 1), report.restored);
  report.reused = static_cast<size_t>(at);
  // A border that every prompt names (behind the system block) outlives those of single turns.
  for (const Pos boundary : prompt.boundaries) windows_.Touch(boundary);
  while (at < total) {
    Pos end = std::min(at + chunk_, total);
    for (const Pos boundary : prompt.boundaries) {
      if (boundary > at && boundary < end) {
        end = boundary;
        break;
      }
    }
    const auto ids =
        std::span(prompt.ids).subspan(static_cast<size_t>(at), static_cast<size_t>(end - at));
    const bool last = end == total;
    CARAT_TRY(Run(ids, last ? LogitRows::kLast : LogitRows::kNone,
                  last ? std::span(logits_) : std::span<float>()));
    at = end;
    report.prefilled += ids.size();
    if (std::ranges::find(prompt.boundaries, at) != prompt.boundaries.end()) windows_.Save(cache_);
    if (progress && !progress(report.prefilled, static_cast<size_t>(total) - report.reused) &&
        !last) {
      return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while reading the prompt"});
    }
  }
  return report;
}

Status Session::Append(TokenId id) { return Run(std::span(&id, 1), LogitRows::kLast, logits_); }

Status Session::AppendAll(std::span<const TokenId> ids, const LogitSink& sink) {
  const size_t vocab = logits_.size();
  if (const auto room = static_cast<size_t>(context() - size()); ids.size() > room) {
    return Fail({.code = ErrorCode::kContextFull,
                 .what = "the tokens do not fit the context",
                 .wanted = fmt::format("at most {} more", room),
                 .found = std::to_string(ids.size())});
  }
  CARAT_TRY(engine_->decoder().CheckIds(ids, ids_.size()));
  std::vector<float> rows;
  for (size_t at = 0; at < ids.size();) {
    const size_t n = std::min(static_cast<size_t>(chunk_), ids.size() - at);
    rows.resize(n * vocab);
    CARAT_TRY(Run(ids.subspan(at, n), LogitRows::kAll, rows));
    std::ranges::copy(std::span(rows).last(vocab), logits_.begin());
    CARAT_TRY(sink(rows));
    at += n;
  }
  return {};
}

}  // namespace carat
