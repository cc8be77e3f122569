#include "api/openai/transcription_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/openai/logprobs.h"
#include "chat/transcript.h"
#include "io/json.h"

namespace carat {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr double kFramesPerSecond = 100;  // in which Whisper counts `seek`

Json TokenUsage(const TranscriptTotals& totals) {
  Json details, usage;
  details.Set("audio_tokens", totals.sound);
  details.Set("text_tokens", totals.prompt - std::min(totals.prompt, totals.sound));
  usage.Set("type", "tokens");
  usage.Set("input_tokens", totals.prompt);
  usage.Set("input_token_details", std::move(details));
  usage.Set("output_tokens", totals.generated);
  usage.Set("total_tokens", totals.prompt + totals.generated);
  return usage;
}

Json LogprobsOf(const std::vector<TokenLogprob>& tokens, const Tokenizer& tokenizer) {
  Json::Array all;
  AppendLogprobs(tokenizer, tokens, all);
  for (Json& one : all)
    std::erase_if(one.object(),
                  [](const Json::Member& member) { return member.first == "top_logprobs"; });
  return Json(std::move(all));
}

Json AllLogprobs(const std::vector<TranscriptSegment>& segments, const Tokenizer& tokenizer) {
  std::vector<TokenLogprob> all;
  for (const TranscriptSegment& segment : segments)
    all.insert(all.end(), segment.tokens.begin(), segment.tokens.end());
  return LogprobsOf(all, tokenizer);
}

// Nothing where every text is whole.
void SetWarnings(const std::vector<TranscriptSegment>& segments, Json& target) {
  Json::Array warnings;
  for (const TranscriptSegment& segment : segments) {
    if (segment.reason == AnswerEnd::kStop) continue;
    warnings.emplace_back(fmt::format("the text from {} on ended early: {}",
                                      SubtitleTime(segment.begin, '.'),
                                      AnswerEndName(segment.reason)));
  }
  if (warnings.empty()) return;
  Json own;
  own.Set("warnings", std::move(warnings));
  target.Set("carat", std::move(own));
}

Json SegmentOf(const TranscriptSegment& segment, size_t number, double temperature) {
  double sum = 0;
  Json::Array ids;
  for (const TokenLogprob& token : segment.tokens) {
    sum += double{token.logprob};
    ids.emplace_back(static_cast<int64_t>(token.id));
  }
  const auto count = static_cast<double>(std::max<size_t>(1, segment.tokens.size()));
  Json shown;
  shown.Set("id", number);
  shown.Set("seek", static_cast<int64_t>(segment.piece_begin * kFramesPerSecond));
  shown.Set("start", segment.begin);
  shown.Set("end", segment.end);
  shown.Set("text", segment.text);
  shown.Set("tokens", std::move(ids));
  shown.Set("temperature", temperature);
  shown.Set("avg_logprob", sum / count);
  shown.Set("compression_ratio", 1.0);
  shown.Set("no_speech_prob", 0.0);
  return shown;
}

std::string LowerAscii(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Json VerboseOf(const TranscriptionRequest& request, const std::vector<TranscriptSegment>& segments,
               const TranscriptTotals& totals) {
  Json::Array list;
  for (const TranscriptSegment& segment : segments)
    list.push_back(SegmentOf(segment, list.size(), request.temperature));
  Json usage, body;
  usage.Set("type", "duration");
  usage.Set("seconds", totals.seconds);
  const std::string language = request.translate          ? "english"
                               : request.language.empty() ? "unknown"
                                                          : LowerAscii(request.language);
  body.Set("task", request.translate ? "translate" : "transcribe");
  body.Set("language", language);
  body.Set("duration", totals.seconds);
  body.Set("text", JoinedText(segments));
  body.Set("segments", std::move(list));
  body.Set("usage", std::move(usage));
  SetWarnings(segments, body);
  return body;
}

net::Reply PlainReply(std::string text) {
  return {.content_type = "text/plain; charset=utf-8", .body = std::move(text)};
}

std::string Subtitles(const std::vector<TranscriptSegment>& segments, TranscriptFormat format) {
  Transcript transcript(format);
  std::string text = transcript.Begin();
  for (const TranscriptSegment& segment : segments)
    text += transcript.Part(segment.begin, segment.end, segment.text);
  return text + transcript.End();
}

}  // namespace

std::string JoinedText(const std::vector<TranscriptSegment>& segments) {
  std::string text;
  for (const TranscriptSegment& segment : segments) {
    if (!text.empty() && !segment.text.empty()) text += ' ';
    text += segment.text;
  }
  return text;
}

net::Reply WriteTranscription(const TranscriptionRequest& request,
                              const std::vector<TranscriptSegment>& segments,
                              const TranscriptTotals& totals, const Tokenizer* tokenizer) {
  switch (request.format) {
    case TranscriptionFormat::kText:
      return PlainReply(JoinedText(segments) + "\n");
    case TranscriptionFormat::kSrt:
      return PlainReply(Subtitles(segments, TranscriptFormat::kSrt));
    case TranscriptionFormat::kVtt:
      return PlainReply(Subtitles(segments, TranscriptFormat::kVtt));
    case TranscriptionFormat::kVerboseJson:
      return {.body = VerboseOf(request, segments, totals).Dump()};
    case TranscriptionFormat::kJson:
      break;
  }
  Json body;
  body.Set("text", JoinedText(segments));
  if (request.logprobs && tokenizer != nullptr) {
    body.Set("logprobs", AllLogprobs(segments, *tokenizer));
  }
  body.Set("usage", TokenUsage(totals));
  SetWarnings(segments, body);
  return {.body = body.Dump()};
}

StreamPiece DeltaPiece(std::string_view text, const std::vector<TokenLogprob>& tokens,
                       const Tokenizer* tokenizer) {
  Json piece;
  piece.Set("type", "transcript.text.delta");
  piece.Set("delta", text);
  if (tokenizer != nullptr) piece.Set("logprobs", LogprobsOf(tokens, *tokenizer));
  return {.event = "transcript.text.delta", .data = piece.Dump()};
}

StreamPiece SegmentPiece(const TranscriptSegment& segment, size_t number, double temperature) {
  constexpr std::string_view kType = "transcript.text.segment";
  Json piece;
  piece.Set("type", kType);
  const Json members = SegmentOf(segment, number, temperature);
  for (const auto& [key, value] : members.object()) piece.Set(key, value);
  return {.event = std::string(kType), .data = piece.Dump()};
}

StreamPiece DonePiece(const TranscriptionRequest& request,
                      const std::vector<TranscriptSegment>& segments,
                      const TranscriptTotals& totals, const Tokenizer* tokenizer) {
  Json piece;
  piece.Set("type", "transcript.text.done");
  piece.Set("text", JoinedText(segments));
  if (request.logprobs && tokenizer != nullptr) {
    piece.Set("logprobs", AllLogprobs(segments, *tokenizer));
  }
  piece.Set("usage", TokenUsage(totals));
  SetWarnings(segments, piece);
  return {.event = "transcript.text.done", .data = piece.Dump()};
}

void DeltaJoiner::BeginPiece() {
  held_.clear();
  piece_begun_ = false;
}

std::string DeltaJoiner::Add(std::string_view text) {
  const size_t last = text.find_last_not_of(kSpace);
  if (last == std::string_view::npos) {
    if (piece_begun_) held_ += text;
    return "";
  }
  std::string out;
  if (!piece_begun_) {
    text.remove_prefix(text.find_first_not_of(kSpace));
    if (any_) out = " ";
  }
  const size_t end = text.find_last_not_of(kSpace) + 1;
  out += std::exchange(held_, {});
  out += text.substr(0, end);
  held_ = text.substr(end);
  any_ = piece_begun_ = true;
  return out;
}

}  // namespace carat
