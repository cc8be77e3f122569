#include "api/openai/transcription.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <utility>

#include "api/model_choice.h"
#include "api/multipart.h"
#include "api/openai/transcription_request.h"
#include "api/openai/transcription_writer.h"
#include "api/wav.h"
#include "chat/media_request.h"
#include "chat/transcript.h"
#include "media/limits.h"
#include "media/sound_cutter.h"
#include "net/sse_writer.h"

namespace carat {
namespace {

constexpr size_t kMaxAnswer = 1024;  // tokens of a piece: speech of 30 s has a tenth of it
// Pieces that are asked for at one time: their decoding shares passes, and nobody else starves.
constexpr size_t kAhead = 4;
// How long a client that went away may stay unnoticed.
constexpr std::chrono::milliseconds kLook{250};
constexpr int kLooksPerPing = 40;

double SecondsOf(uint64_t samples) { return static_cast<double>(samples) / kSampleRate; }

std::unexpected<Error> Gone() {
  return Fail({.code = ErrorCode::kCancelled, .what = "the client went away"});
}

struct Piece {
  SoundPiece sound;
  std::shared_ptr<Answer> answer = {};
};

class Transcriber {
 public:
  Transcriber(Api& api, Call& call, const TranscriptionRequest& request,
              std::shared_ptr<LoadedService> loaded)
      : api_(api), call_(call), request_(request), loaded_(std::move(loaded)) {
    call.exchange.OnClosed([this] { gone_ = true; });
  }
  Transcriber(const Transcriber&) = delete;
  Transcriber& operator=(const Transcriber&) = delete;
  ~Transcriber() { call_.exchange.OnClosed({}); }

  void Run() {
    Status done = Hear();
    if (done && request_.stream) Send("", /*first=*/true);
    if (done) done = WriteDown();
    for (const Piece& piece : running_) piece.answer->Cancel();
    if (!done) return SendFailure(ToApiError(done.error()));
    const Tokenizer* const tokenizer = request_.logprobs ? Words() : nullptr;
    if (!request_.stream) {
      return call_.exchange.Send(WriteTranscription(request_, segments_, totals_, tokenizer));
    }
    SendPiece(DonePiece(request_, segments_, totals_, tokenizer));
    call_.exchange.End();
  }

 private:
  const Tokenizer* Words() const { return loaded_->engine->tokenizer(); }

  // --- the recording ---

  // Decodes it all before the first piece is asked for: a decoder's place is never held while the
  // model works, since reading a piece needs one too.
  Status Hear() {
    const auto* const bytes = reinterpret_cast<const uint8_t*>(request_.file.data());
    CARAT_ASSIGN(const MediaSource source,
                 MediaSource::FromBytes({bytes, request_.file.size()}, "file"));
    if (!source.Type()) return Fail(NoRecording());
    SoundCutter cutter(request_.timed() ? SoundCutter::Options{.min_seconds = 3, .max_seconds = 12}
                                        : SoundCutter::Options{});
    const auto keep = [this](SoundPiece piece) -> Status {
      if (!piece.silent()) pieces_.push_back({.sound = std::move(piece)});
      return {};
    };
    uint64_t samples = 0;
    bool too_long = false;
    const auto still_there = [this](double) { return !gone_.load(); };
    CARAT_ASSIGN(const FairPlaces::Place place,
                 loaded_->service->WaitForDecoder(call_.owner, still_there));
    const MediaDecoder decoder(api_.options().decode_program, still_there);
    const auto heard = decoder.Sound(source, [&](std::span<const float> block) -> Status {
      samples += block.size();
      too_long = samples > uint64_t{kMaxRecordingSeconds} * kSampleRate;
      if (too_long) return Gone();  // ends the decoding
      return cutter.Push(block, keep);
    });
    if (too_long) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "the recording is too long",
                   .where = "file",
                   .wanted = fmt::format("at most {} seconds", kMaxRecordingSeconds)});
    }
    if (!heard)
      return Fail(heard.error().code == ErrorCode::kInvalid ||
                          heard.error().code == ErrorCode::kUnsupported
                      ? NoRecording()
                      : heard.error());
    totals_.seconds = SecondsOf(samples);
    return cutter.Finish(keep);
  }

  // Without the decoder's own words.
  static Error NoRecording() {
    return {.what = "no recording that carat can read",
            .where = "file",
            .wanted = "WAV, MP3, FLAC, Ogg, M4A, AAC, or a film with sound"};
  }

  // --- the model ---

  Status WriteDown() {
    while (!pieces_.empty() || !running_.empty()) {
      while (!pieces_.empty() && running_.size() < kAhead) {
        auto answer = loaded_->service->Submit(AskFor(pieces_.front().sound),
                                               [this](double) { return !gone_.load(); });
        if (!answer && answer.error().code == ErrorCode::kBusy && !running_.empty()) break;
        if (!answer) return Fail(std::move(answer).error());
        running_.push_back(std::move(pieces_.front()));
        pieces_.pop_front();
        running_.back().answer = *std::move(answer);
        running_.back().sound.samples = {};
        if (gone_) return Gone();
      }
      CARAT_TRY(Finish(running_.front()));
      running_.pop_front();
    }
    return {};
  }

  Ask AskFor(const SoundPiece& piece) const {
    Json message;
    message.Set("role", "user");
    message.Set(
        "content",
        Json::Array{
            TextPart(InstructionOf(request_)),
            ToJson({.kind = PartKind::kAudio, .path = WavUrl(piece.samples), .place = "file"})});
    Ask ask{.owner = call_.owner};
    ask.messages = Json(Json::Array{std::move(message)});
    ask.messages_where = "prompt";  // what is long of it
    ask.sampling.temperature = request_.temperature;
    ask.max_tokens = kMaxAnswer;
    if (request_.logprobs || request_.format == TranscriptionFormat::kVerboseJson) ask.logprobs = 0;
    return ask;
  }

  // Reads a piece's answer to its end.
  Status Finish(const Piece& piece) {
    TranscriptSegment segment{.begin = SecondsOf(piece.sound.speech_begin),
                              .end = SecondsOf(piece.sound.speech_end),
                              .piece_begin = SecondsOf(piece.sound.begin)};
    joiner_.BeginPiece();
    AnswerEvent event;
    int looks = 0;
    for (size_t next = 0;;) {
      const Answer::Next got = piece.answer->Wait(next, kLook, event);
      if (gone_) return Gone();
      if (got == Answer::Next::kPastEnd) break;
      if (got == Answer::Next::kTimeout) {
        if (++looks % kLooksPerPing == 0 && request_.stream) Send(net::KeepAlive());
        continue;
      }
      ++next;
      CARAT_TRY(Take(event, *piece.answer, segment));
    }
    const AnswerUsage usage = piece.answer->usage();
    totals_.prompt += usage.prompt;
    totals_.sound += usage.sound;
    totals_.generated += usage.generated;
    if (request_.translate) segment.text = TranslationIn(segment.text, "English");
    DeltaJoiner trimmer;
    segment.text = trimmer.Add(segment.text);
    if (segment.text.empty() && segment.reason == AnswerEnd::kStop) return {};
    if (request_.stream && request_.format == TranscriptionFormat::kVerboseJson)
      SendPiece(SegmentPiece(segment, segments_.size(), request_.temperature));
    segments_.push_back(std::move(segment));
    return {};
  }

  Status Take(AnswerEvent& event, const Answer& answer, TranscriptSegment& segment) {
    if (event.end == AnswerEnd::kFailed) return Fail(answer.error());
    if (event.kind == AnswerEvent::Kind::kChoiceEnd) segment.reason = event.end;
    if (event.kind != AnswerEvent::Kind::kText && event.kind != AnswerEvent::Kind::kMalformedCall) {
      return {};
    }
    segment.text += event.text;
    segment.tokens.insert(segment.tokens.end(), event.logprobs.begin(), event.logprobs.end());
    if (!request_.stream) return {};
    const std::string delta = joiner_.Add(event.text);
    if (delta.empty()) return {};
    SendPiece(DeltaPiece(delta, event.logprobs, request_.logprobs ? Words() : nullptr));
    return {};
  }

  // --- the stream ---

  void Send(std::string_view bytes, bool first = false) {
    const bool sent = first ? call_.exchange.Begin({.content_type = std::string(net::kEventStream)})
                            : call_.exchange.Write(bytes);
    if (first) begun_ = true;
    if (!sent) gone_ = true;
  }

  void SendPiece(const StreamPiece& piece) {
    Send(net::Format({.name = piece.event, .data = piece.data}));
  }

  void SendFailure(const ApiError& error) {
    if (!begun_) return call_.SendError(error);
    SendPiece({.event = "error", .data = BodyOf(error, Dialect::kOpenAi).Dump()});
    call_.exchange.End();
  }

  Api& api_;
  Call& call_;
  const TranscriptionRequest& request_;
  const std::shared_ptr<LoadedService> loaded_;
  std::atomic<bool> gone_ = false;
  bool begun_ = false;
  std::deque<Piece> pieces_, running_;
  std::vector<TranscriptSegment> segments_;
  TranscriptTotals totals_;
  DeltaJoiner joiner_;
};

void Transcribe(Api& api, Call& call, bool translate) {
  const auto type = call.request.head.Field("content-type");
  const auto parts = ParseMultipart(type.value_or(""), call.request.body);
  if (!parts) return call.SendError(ToApiError(parts.error()));
  const auto request = ReadTranscriptionForm(*parts, translate);
  if (!request) return call.SendError(ToApiError(request.error()));
  const auto loaded = ServiceFor(api.host(), request->model);
  if (!loaded) return call.SendError(loaded.error());
  const auto place = api.recordings().Wait(call.owner, call.StillThere());
  if (!place) return call.SendError(ToApiError(place.error()));
  Transcriber(api, call, *request, *loaded).Run();
}

}  // namespace

void CreateTranscription(Api& api, Call& call) { Transcribe(api, call, false); }
void CreateTranslation(Api& api, Call& call) { Transcribe(api, call, true); }

}  // namespace carat
