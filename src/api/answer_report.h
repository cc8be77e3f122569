// What an answer tells beyond its dialect: the member `carat`.
#pragma once

#include <string>
#include <vector>

#include "io/json.h"
#include "service/answer.h"

namespace carat {

// Of one choice.
struct ChoiceReport {
  AnswerEnd end = AnswerEnd::kNone;
  bool has_text = false, has_thought = false, has_calls = false;
  bool cut_call = false;                    // a call was begun, and not finished
  std::string stop = {};                    // the stop string that ended it
  std::vector<std::string> malformed = {};  // what was wrong with calls that could not be read
};

// {"reason", "message"?, "stop"?, "malformed_tool_calls"?}. The message is a sentence for people
// and stands wherever the answer is not whole or is empty.
Json ReportOf(const ChoiceReport& choice);

// {"drafted", "accepted", "picture_tokens", "sound_tokens", "queued_s", "prefill_s", "decode_s",
// "seed", "warnings"?}.
Json ReportOf(const Answer& answer);

// {"done", "total"} of a prompt.
Json ProgressOf(const AnswerEvent& event);

}  // namespace carat
