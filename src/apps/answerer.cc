#include "apps/answerer.h"

#include <utility>

#include "apps/interrupt.h"

namespace carat {

std::string MadeAnswer::Text() const {
  const std::string text = StringIn(message, "content");
  const size_t begin = text.find_first_not_of(" \n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \n") - begin + 1);
}

Result<MadeAnswer> AnswerOne(Answerer& answerer, Json::Array parts, const MediaPart& medium) {
  Json message;
  message.Set("role", "user");
  message.Set("content", std::move(parts));
  const Json messages(Json::Array{std::move(message)});
  AnswerView silent(ViewKind::kNone);
  CARAT_ASSIGN(MadeAnswer made,
               answerer.Answer({.messages = messages, .media = {&medium, 1}}, silent));
  if (Interrupted()) return Fail({.code = ErrorCode::kCancelled, .what = "cancelled"});
  return made;
}

}  // namespace carat
