// How a transcription is written: plain text, SubRip, WebVTT or JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace carat {

enum class TranscriptFormat { kText, kSrt, kVtt, kJson };

// Each gives a piece of the output, to be written as it comes.
class Transcript {
 public:
  explicit Transcript(TranscriptFormat format) : format_(format) {}

  std::string Begin() const;
  // One part of the recording, seconds from its beginning.
  std::string Part(double begin, double end, const std::string& text);
  std::string End() const;

 private:
  TranscriptFormat format_;
  size_t parts_ = 0;
};

// What the model is asked, in Google's published forms (gemma4-12b specification, section 6). No
// language: the one that is spoken; for a translation the published form has a language always.
std::string TranscribeInstruction(const std::string& language, const std::string& translate);
// Of the answer to a TranscribeInstruction that translates: the translation alone. The whole answer
// where the model did not mark it.
std::string_view TranslationIn(std::string_view answer, std::string_view translate);

// "HH:MM:SS,mmm", with another mark before the milliseconds for WebVTT.
std::string SubtitleTime(double seconds, char mark);

}  // namespace carat
