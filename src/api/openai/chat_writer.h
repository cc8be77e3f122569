// The events of an answer as chat.completion and as a stream of chat.completion.chunk.
//
// Thoughts stand in `reasoning_content`, never in `content`. Each choice has a member `carat` that
// says why it ended (answer_report.h), the whole answer one with counts and times. `finish_reason`
// is "stop", "length" or "tool_calls"; a repetition counts as "length", since what there is of the
// answer is not whole. A call that can't be read stands in the content as the model wrote it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer_report.h"
#include "api/answer_writer.h"
#include "tokenizer/tokenizer.h"

namespace carat {

struct ChatWriterOptions {
  std::string id = {};  // "chatcmpl-…"
  std::string model = {};
  std::string fingerprint = {};  // "carat-0.1.0"
  size_t choices = 1;
  bool include_usage = false;
  // If log probabilities are wanted; else null.
  std::shared_ptr<const Tokenizer> tokenizer = {};
};

class ChatWriter : public AnswerWriter {
 public:
  explicit ChatWriter(ChatWriterOptions options);

  void Push(const AnswerEvent& event, const Answer& answer, std::vector<StreamPiece>& out) override;
  net::Reply Whole(const Answer& answer) const override;

 private:
  struct Choice {
    std::string content, thoughts;
    Json::Array calls;
    Json::Array logprobs, thought_logprobs;
    ChoiceReport report;
  };

  Json Envelope(std::string_view object, const Answer& answer) const;
  void Chunk(const AnswerEvent& event, const Answer& answer, Json delta,
             std::vector<StreamPiece>& out);
  void TakeText(const AnswerEvent& event, Choice& choice, Json& delta);
  void TakeCall(const AnswerEvent& event, Choice& choice, Json& delta) const;
  Json TakeLogprobs(const AnswerEvent& event, Choice& choice) const;
  void EndChoice(const AnswerEvent& event, const Answer& answer, std::vector<StreamPiece>& out);
  void EndStream(const Answer& answer, std::vector<StreamPiece>& out) const;
  Json WholeChoice(size_t index) const;

  ChatWriterOptions options_;
  std::vector<Choice> choices_;
  bool failed_ = false;
};

// {"prompt_tokens", "completion_tokens", "total_tokens", …}
Json ChatUsage(const AnswerUsage& usage);

}  // namespace carat
