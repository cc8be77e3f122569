// The events of an answer as Anthropic's Messages has them, and the whole message.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer_report.h"
#include "api/answer_writer.h"
#include "io/json.h"
#include "service/answer.h"

namespace carat {

struct MessagesWriterOptions {
  std::string id = {};     // "msg_…"
  std::string model = {};  // as it is called here
  std::string request_id = {};
  bool omit_thinking = false;  // as MessagesRequest
};

// A thought, a text and each call is a block. A call that could not be read is text. The member
// `carat` of message_delta and of the whole message tells what the dialect has no word for.
class MessagesWriter : public AnswerWriter {
 public:
  explicit MessagesWriter(MessagesWriterOptions options) : options_(std::move(options)) {}

  void Push(const AnswerEvent& event, const Answer& answer, std::vector<StreamPiece>& out) override;
  std::optional<StreamPiece> Ping() const override;
  net::Reply Whole(const Answer& answer) const override;

 private:
  enum class Open { kNothing, kThought, kText };

  static void Emit(std::string_view type, Json body, std::vector<StreamPiece>& out);
  Json Message(Json::Array content, Json usage) const;
  void OpenBlock(Open kind, std::vector<StreamPiece>& out);
  void CloseBlock(std::vector<StreamPiece>& out);
  void Delta(std::string_view type, std::string_view key, std::string_view text,
             std::vector<StreamPiece>& out) const;
  void AddText(const AnswerEvent& event, std::vector<StreamPiece>& out);
  void AddThought(const std::string& text, std::vector<StreamPiece>& out);
  void AddCall(const AnswerEvent& event, std::vector<StreamPiece>& out);
  void End(const Answer& answer, std::vector<StreamPiece>& out);
  std::string_view StopReason() const;
  void SetStop(Json& target) const;

  const MessagesWriterOptions options_;
  bool begun_ = false;
  Json::Array content_;  // blocks that have ended
  Open open_ = Open::kNothing;
  std::string text_;  // of the open block
  ChoiceReport report_;
};

}  // namespace carat
