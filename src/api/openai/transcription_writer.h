// A transcription in OpenAI's forms: whole, and as the events of a stream. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer_writer.h"
#include "api/openai/transcription_request.h"
#include "service/answer.h"
#include "tokenizer/tokenizer.h"

namespace carat {

// What came of one piece of the recording. Silent pieces give none.
struct TranscriptSegment {
  double begin = 0, end = 0;  // seconds, of what is loud in it
  double piece_begin = 0;     // where the piece was cut
  std::string text = {};      // of a translation only that; without white space around it
  AnswerEnd reason = AnswerEnd::kStop;
  std::vector<TokenLogprob> tokens = {};  // if they were asked for
};

struct TranscriptTotals {
  double seconds = 0;                           // of the recording
  size_t prompt = 0, sound = 0, generated = 0;  // tokens; sound is part of the prompt
};

// All texts joined by spaces, as streams of deltas join them.
std::string JoinedText(const std::vector<TranscriptSegment>& segments);

// `tokenizer`: for logprobs, else it may be null. The member `carat` of the JSON forms lists
// segments whose text ended early. Of verbose_json, `compression_ratio` and `no_speech_prob` are
// not measured: 1 and 0.
net::Reply WriteTranscription(const TranscriptionRequest& request,
                              const std::vector<TranscriptSegment>& segments,
                              const TranscriptTotals& totals, const Tokenizer* tokenizer);

// transcript.text.delta, transcript.text.segment (of verbose_json: {"id", "start", "end", "text"}
// and what else its segments have) and transcript.text.done.
StreamPiece SegmentPiece(const TranscriptSegment& segment, size_t number, double temperature);
StreamPiece DeltaPiece(std::string_view text, const std::vector<TokenLogprob>& tokens,
                       const Tokenizer* tokenizer);
StreamPiece DonePiece(const TranscriptionRequest& request,
                      const std::vector<TranscriptSegment>& segments,
                      const TranscriptTotals& totals, const Tokenizer* tokenizer);

// The deltas of one piece's text in a stream, such that all of them join up to JoinedText: white
// space around a piece's text goes, one space stands between two. One owner thread.
class DeltaJoiner {
 public:
  void BeginPiece();
  // What can be sent now; may be empty.
  std::string Add(std::string_view text);

 private:
  bool any_ = false;          // text was given out
  bool piece_begun_ = false;  // of this piece
  std::string held_;          // white space that may be the end of the piece
};

}  // namespace carat
