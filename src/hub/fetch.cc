#include "hub/fetch.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr int kWaitMs = 50;
constexpr double kReportEvery = 0.1;
constexpr double kSaveEvery = 1;
constexpr double kSaveShare = 0.1;  // of the time that flushing may take
constexpr uint64_t kGain = 65536;   // an attempt that brought less counts as failed

Error Wrong(std::string what, std::string wanted = {}, std::string_view found = {}) {
  return {.what = std::move(what),
          .where = {},
          .wanted = std::move(wanted),
          .found = found.empty() ? std::string() : ServerText(found)};
}

}  // namespace

Status CheckBodyHeader(const RemoteFile& file, std::optional<ByteRange> range, int status,
                       const HeaderFields& headers) {
  const std::string_view coding = headers.Find("content-encoding");
  if (!coding.empty() && coding != "identity") {
    return Fail(
        Wrong("the server compressed the file though it was asked not to", "identity", coding));
  }
  if (status != (range ? 206 : 200)) {
    return Fail(Wrong("the server answered with something else than the file",
                      range ? "status 206" : "status 200", std::to_string(status)));
  }
  uint64_t length = file.size;
  if (range) {
    length = range->end - range->begin;
    const std::string_view text = headers.Find("content-range");
    const ContentRange asked{range->begin, range->end - 1, file.size};
    if (ParseContentRange(text) != asked) {
      return Fail(Wrong("the server sent another part of the file, or of another file",
                        fmt::format("bytes {}-{}/{}", asked.first, asked.last, asked.total),
                        text.empty() ? "no Content-Range" : text));
    }
  }
  const std::string_view said = headers.Find("content-length");
  if (!said.empty() && ParseLength(said) != length)
    return Fail(Wrong("the server announced a wrong length", std::to_string(length), said));
  return {};
}

Fetch::~Fetch() {
  for (const auto& lane : lanes_) {
    if (lane->exchange != 0) p_.pool.Cancel(lane->exchange);
  }
}

Status Fetch::Run() {
  Status worked = Work();
  const Status saved = p_.part.Save();
  if (!worked.has_value()) {
    Error error = std::move(worked).error();
    if (error.where.empty()) error.where = NameOf(p_.file);
    return Fail(std::move(error));
  }
  return saved;
}

Status Fetch::Work() {
  while (!p_.part.complete()) {
    OpenLanes();
    for (const HttpResult& result : p_.pool.Wait(kWaitMs)) CARAT_TRY(OnEnd(result));
    CARAT_TRY(Report());
    CARAT_TRY(SaveNowAndThen());
  }
  return {};
}

Hop Fetch::Start() const {
  return Hop::From(
      p_.home,
      address_ ? *address_ : p_.home.FileUrl(p_.file.repository, p_.file.commit, p_.file.file));
}

void Fetch::OpenLanes() {
  const size_t most = proven_ && !one_stream_ ? static_cast<size_t>(p_.options.connections) : 1;
  const auto& segments = p_.part.segments();
  for (size_t i = 0; i < segments.size() && lanes_.size() < most; ++i) {
    const bool taken =
        std::ranges::any_of(lanes_, [&](const auto& lane) { return lane->segment_idx == i; });
    if (taken || segments[i].complete()) continue;
    lanes_.push_back(std::make_unique<Lane>(Lane{.segment_idx = i,
                                                 .hop = Start(),
                                                 .patience = Patience(p_.options),
                                                 .most_done = segments[i].done,
                                                 .known_address = address_.has_value()}));
  }
  const double now = Now();
  for (const auto& lane : lanes_) {
    if (lane->exchange == 0 && now >= std::max(lane->not_before, paused_until_)) Begin(*lane);
  }
}

void Fetch::Begin(Lane& lane) {
  const Segment& segment = p_.part.segments()[lane.segment_idx];
  std::optional<ByteRange> range;
  if (segment.size() != p_.file.size || segment.done > 0)
    range = ByteRange{segment.begin + segment.done, segment.end};
  lane.refusal.reset();
  lane.exchange = p_.pool.Start(
      {.url = lane.hop.url,
       .range = range,
       .bearer = lane.hop.Bearer(p_.home),
       .on_header =
           [this, &lane, range](int status, const HeaderFields& headers) {
             return OnHeader(lane, range, status, headers);
           },
       .on_body = [this, &lane](std::span<const std::byte> bytes) { return OnBody(lane, bytes); }});
}

BodyUse Fetch::OnHeader(Lane& lane, std::optional<ByteRange> range, int status,
                        const HeaderFields& headers) {
  if (status < 200 || status >= 300) return BodyUse::kSkip;
  if (range && status == 200) {
    lane.ignores_ranges = true;
    return BodyUse::kStop;
  }
  if (Status good = CheckBodyHeader(p_.file, range, status, headers); !good.has_value()) {
    lane.refusal = std::move(good).error();
    return BodyUse::kStop;
  }
  proven_ = true;
  if (lane.hop.left_home) address_ = lane.hop.url;
  return BodyUse::kTake;
}

bool Fetch::OnBody(Lane& lane, std::span<const std::byte> bytes) {
  const Segment& segment = p_.part.segments()[lane.segment_idx];
  if (bytes.size() > segment.size() - segment.done) {
    lane.refusal =
        Wrong("the server sent more than it announced", fmt::format("{} bytes", segment.size()));
    return false;
  }
  bytes_fetched_ += bytes.size();
  Status written = p_.part.Append(lane.segment_idx, bytes);
  if (written.has_value()) return true;
  lane.refusal = std::move(written).error();
  return false;
}

Status Fetch::OnEnd(const HttpResult& result) {
  const auto found =
      std::ranges::find_if(lanes_, [&](const auto& lane) { return lane->exchange == result.id; });
  if (found == lanes_.end()) return {};  // it ended in the same breath as one that stopped all
  Lane& lane = **found;
  lane.exchange = 0;
  const Segment& segment = p_.part.segments()[lane.segment_idx];
  if (lane.refusal) return Fail(*lane.refusal);
  if (lane.ignores_ranges) return UseOneStream();
  if (segment.done >= lane.most_done + kGain) {
    lane.patience.Reset();
    lane.most_done = segment.done;
  }
  if (result.end == HttpResult::End::kComplete && IsRedirect(result.status))
    return OnRedirect(lane, result);
  if (!segment.complete()) return OnFailure(lane, result);
  lanes_.erase(found);
  return {};
}

Status Fetch::OnRedirect(Lane& lane, const HttpResult& result) {
  // The commit's content cannot change, so other facts mean another file.
  const std::string_view etag = result.headers.Find("x-linked-etag");
  if (!lane.hop.left_home && !etag.empty() && ParseEtag(etag) != p_.file.hash) {
    return Fail(
        Wrong("the file changed at the server since it was looked up", p_.file.hash.Text(), etag));
  }
  auto next = lane.hop.Next(p_.home, result.headers);
  if (!next.has_value()) return Fail(Within(NameOf(p_.file), std::move(next).error()));
  lane.hop = *std::move(next);
  lane.known_address = false;
  return {};
}

Status Fetch::OnFailure(Lane& lane, const HttpResult& result) {
  const bool refused = result.end == HttpResult::End::kComplete && result.status >= 400;
  if (refused && lane.hop.left_home && address_ == lane.hop.url) address_.reset();
  if (refused && lane.known_address && result.status < 500 && result.status != 429) {
    // A signed address that served before and has expired is no failure.
    lane.hop = Start();
    lane.known_address = address_.has_value();
    return {};
  }
  Failure failure = Explain(result, lane.hop, p_.home, p_.file);
  if (result.end == HttpResult::End::kComplete && result.status < 300) {
    failure = {.error = Wrong("the server sent less than it announced"), .may_pass = true};
    failure.error.code = ErrorCode::kIo;
    failure.error.where = NameOf(p_.file);
  }
  CARAT_ASSIGN(const double wait, lane.patience.After(failure));
  lane.not_before = Now() + wait;
  if (p_.options.on_retry) p_.options.on_retry(failure.error, wait);
  if (result.status == 429) paused_until_ = std::max(paused_until_, lane.not_before);
  lane.hop = Start();
  lane.known_address = address_.has_value();
  return one_stream_ ? p_.part.Restart(true) : Status();
}

// From here on one lane asks for the whole file, from its beginning after every failure. It keeps
// its patience over those, so that a server that always breaks at the same place is left at last.
Status Fetch::UseOneStream() {
  for (const auto& lane : lanes_) {
    if (lane->exchange != 0) p_.pool.Cancel(lane->exchange);
  }
  lanes_.clear();
  one_stream_ = true;
  return p_.part.Restart(true);
}

Status Fetch::Report() {
  if (Now() < next_report_) return {};
  next_report_ = Now() + kReportEvery;
  const DownloadProgress progress{.phase = DownloadProgress::Phase::kDownloading,
                                  .bytes_done = p_.part.bytes_done(),
                                  .bytes_total = p_.file.size};
  if ((!p_.options.keep_going || p_.options.keep_going()) && (!p_.watch || p_.watch(progress)))
    return {};
  return Fail({.code = ErrorCode::kCancelled, .what = "cancelled; what came is kept"});
}

Status Fetch::SaveNowAndThen() {
  const double before = Now();
  if (before < next_save_) return {};
  CARAT_TRY(p_.part.Save());
  const double after = Now();
  next_save_ = after + std::max(kSaveEvery, (after - before) / kSaveShare);
  return {};
}

}  // namespace carat
