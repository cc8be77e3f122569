// A form of /v1/audio/transcriptions or /v1/audio/translations.
//
//   file, model, response_format (json, text, verbose_json, srt, vtt), temperature (absent: 0)
//   language     an ISO 639-1 code, or the language's English name; for a translation carat's own
//   prompt       what the recording goes on from, or how names in it are spelled
//   stream       of json, text and verbose_json (with its segments); not of translations
//
//   include[]    logprobs, of json
//
//   timestamp_granularities[]   segment, of verbose_json
//
//   chunking_strategy           auto: carat cuts at pauses always
//
// Anything else is refused by name, words' times and speakers' names too.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/multipart.h"
#include "base/result.h"

namespace carat {

enum class TranscriptionFormat { kJson, kText, kVerboseJson, kSrt, kVtt };

struct TranscriptionRequest {
  std::string_view file = {};  // borrows the body
  std::optional<std::string> model = {};
  TranscriptionFormat format = TranscriptionFormat::kJson;
  bool translate = false;     // into English
  std::string language = {};  // that is spoken, in English; empty: nobody said
  std::string prompt = {};
  double temperature = 0;
  bool stream = false;
  bool logprobs = false;

  // The output has segments with times, or is read in passing: short pieces.
  bool timed() const { return format >= TranscriptionFormat::kVerboseJson; }
};

// Errors name the field.
Result<TranscriptionRequest> ReadTranscriptionForm(std::span<const FormPart> parts, bool translate);

// What the model is told beside a piece of the recording.
std::string InstructionOf(const TranscriptionRequest& request);

}  // namespace carat
