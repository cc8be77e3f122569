#include "api/answer_report.h"

#include <cmath>
#include <cstdint>
#include <utility>

namespace carat {
namespace {

Json ListOf(const std::vector<std::string>& texts) {
  return Json(Json::Array(texts.begin(), texts.end()));
}

double Milliseconds(double seconds) { return std::round(seconds * 1000) / 1000; }

std::string WhatWasLeftOut(const ChoiceReport& choice) {
  if (choice.cut_call) return " It was writing a tool call, which is left out.";
  if (choice.has_text || choice.has_calls) return "";
  return choice.has_thought ? " It was still thinking: nothing of the answer itself was written."
                            : " Nothing was written.";
}

std::string SentenceOf(const ChoiceReport& choice) {
  const std::string left_out = WhatWasLeftOut(choice);
  switch (choice.end) {
    case AnswerEnd::kMaxTokens:
      return "The answer ended at the limit of tokens that was asked for." + left_out;
    case AnswerEnd::kContextFull:
      return "The answer ended because the context is full." + left_out;
    case AnswerEnd::kRepetition:
      return "The answer was ended because the model repeated itself without end." + left_out;
    case AnswerEnd::kCancelled:
      return "The answer was cancelled." + left_out;
    case AnswerEnd::kFailed:
      return "The answer failed.";
    default:
      break;
  }
  if (!choice.malformed.empty()) {
    return "The model wrote a tool call that can't be read; it stands in the text.";
  }
  if (choice.has_text || choice.has_calls) return "";
  if (choice.end == AnswerEnd::kStopString) {
    return choice.has_thought
               ? "A stop string came right after thinking: nothing of the answer stood before it."
               : "A stop string came first: nothing of the answer stood before it.";
  }
  return choice.has_thought ? "The model ended its answer after thinking, without writing anything."
                            : "The model ended its answer without writing anything.";
}

}  // namespace

Json ReportOf(const ChoiceReport& choice) {
  Json report;
  report.Set("reason", AnswerEndName(choice.end));
  const std::string sentence = SentenceOf(choice);
  if (!sentence.empty()) report.Set("message", sentence);
  if (!choice.stop.empty()) report.Set("stop", choice.stop);
  if (!choice.malformed.empty()) report.Set("malformed_tool_calls", ListOf(choice.malformed));
  return report;
}

Json ReportOf(const Answer& answer) {
  const AnswerUsage usage = answer.usage();
  Json report;
  report.Set("drafted", usage.drafted);
  report.Set("accepted", usage.accepted);
  report.Set("picture_tokens", usage.pictures);
  report.Set("sound_tokens", usage.sound);
  report.Set("queued_s", Milliseconds(usage.queued_s));
  report.Set("prefill_s", Milliseconds(usage.prefill_s));
  report.Set("decode_s", Milliseconds(usage.decode_s));
  // As the number that gives the same seed when it is sent back.
  report.Set("seed", static_cast<int64_t>(answer.seed()));
  const std::vector<std::string> warnings = answer.warnings();
  if (!warnings.empty()) report.Set("warnings", ListOf(warnings));
  return report;
}

Json ProgressOf(const AnswerEvent& event) {
  Json progress;
  progress.Set("done", event.done);
  progress.Set("total", event.total);
  return progress;
}

}  // namespace carat
