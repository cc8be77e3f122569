#include "chat/transcript.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/markup.h"
#include "io/json.h"

namespace carat {
namespace {

// An empty line ends a subtitle, and "-->" marks a time: neither may stand in its text.
std::string OneBlock(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::ranges::replace(text, '\r', ' ');
  for (size_t at; (at = text.find("-->")) != std::string::npos;) text.replace(at, 3, "->");
  return text;
}

}  // namespace

std::string SubtitleTime(double seconds, char mark) {
  const auto all = static_cast<int64_t>(std::llround(std::max(0.0, seconds) * 1000));
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", all / 3'600'000, all / 60'000 % 60,
                     all / 1000 % 60, mark, all % 1000);
}

std::string Transcript::Begin() const {
  if (format_ == TranscriptFormat::kVtt) return "WEBVTT\n\n";
  return format_ == TranscriptFormat::kJson ? "{\"segments\": [" : "";
}

std::string Transcript::Part(double begin, double end, const std::string& text) {
  ++parts_;
  switch (format_) {
    case TranscriptFormat::kText:
      return text + "\n";
    case TranscriptFormat::kSrt:
      return fmt::format("{}\n{} --> {}\n{}\n\n", parts_, SubtitleTime(begin, ','),
                         SubtitleTime(end, ','), OneBlock(text));
    case TranscriptFormat::kVtt:
      return fmt::format("{} --> {}\n{}\n\n", SubtitleTime(begin, '.'), SubtitleTime(end, '.'),
                         EscapeMarkup(OneBlock(text)));
    case TranscriptFormat::kJson: {
      Json part;
      part.Set("start", begin);
      part.Set("end", end);
      part.Set("text", text);
      return (parts_ > 1 ? ",\n" : "\n") + part.Dump();
    }
  }
  return "";
}

std::string Transcript::End() const { return format_ == TranscriptFormat::kJson ? "\n]}\n" : ""; }

std::string TranscribeInstruction(const std::string& language, const std::string& translate) {
  if (!translate.empty()) {
    return fmt::format(
        "Transcribe the following speech segment in {0}, then translate it into {1}. When "
        "formatting the answer, first output the transcription in {0}, then one newline, then "
        "output the string '{1}: ', then the translation in {1}.",
        language.empty() ? "its original language" : language, translate);
  }
  const std::string which =
      language.empty() ? "its original language" : fmt::format("{0} into {0} text", language);
  return "Transcribe the following speech segment in " + which +
         ".\n\nFollow these specific instructions for formatting the answer:\n"
         "* Only output the transcription, with no newlines.\n"
         "* When transcribing numbers, write the digits, i.e. write 1.7 and not one point seven, "
         "and write 3 instead of three.";
}

std::string_view TranslationIn(std::string_view answer, std::string_view translate) {
  const std::string mark = fmt::format("{}:", translate);
  for (size_t at = answer.find(mark); at != std::string_view::npos;
       at = answer.find(mark, at + 1)) {
    if (at > 0 && answer[at - 1] != '\n') continue;  // the word in the transcription
    answer.remove_prefix(at + mark.size());
    break;
  }
  const size_t begin = answer.find_first_not_of(" \n");
  return begin == std::string_view::npos ? "" : answer.substr(begin);
}

}  // namespace carat
