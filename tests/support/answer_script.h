// Answers whose events a test writes, and what a writer makes of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/answer_writer.h"
#include "io/json.h"
#include "service/answer.h"

namespace carat {

using Kind = AnswerEvent::Kind;

inline AnswerEvent Said(Kind kind, std::string text = {}) {
  return {.kind = kind, .text = std::move(text)};
}

inline AnswerEvent Called(std::string name, Json arguments) {
  return {.kind = Kind::kToolCall, .name = std::move(name), .arguments = std::move(arguments)};
}

inline AnswerEvent Ended(AnswerEnd end, std::string text = {}) {
  return {.kind = Kind::kChoiceEnd, .text = std::move(text), .end = end};
}

// kStarted, the events, and the end.
inline std::vector<AnswerEvent> Script(std::vector<AnswerEvent> middle, AnswerEnd end,
                                       std::string text = {}) {
  middle.insert(middle.begin(), Said(Kind::kStarted));
  middle.push_back(Ended(end, std::move(text)));
  middle.push_back(Said(Kind::kEnd));
  return middle;
}

inline void Play(const std::vector<AnswerEvent>& events, Answer& answer) {
  for (const AnswerEvent& event : events) answer.Add(event);
}

// The pieces of a stream, those of the last event last.
inline std::vector<StreamPiece> Written(AnswerWriter& writer, const Answer& answer,
                                        const std::vector<AnswerEvent>& events) {
  std::vector<StreamPiece> pieces;
  for (const AnswerEvent& event : events) writer.Push(event, answer, pieces);
  return pieces;
}

}  // namespace carat
