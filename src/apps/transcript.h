// How a transcription is written: plain text, SubRip, WebVTT or JSON.
#pragma once

#include <cstddef>
#include <string>

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

// "HH:MM:SS,mmm", with another mark before the milliseconds for WebVTT.
std::string SubtitleTime(double seconds, char mark);

}  // namespace carat
