#include "api/anthropic/messages_writer.h"

#include <utility>

#include "api/anthropic/blocks.h"
#include "api/api_error.h"

namespace carat {
namespace {

Json Typed(std::string_view type) {
  Json object;
  object.Set("type", type);
  return object;
}

// Tokens that were in the cache count apart from the others.
Json UsageOf(const AnswerUsage& usage, size_t generated) {
  Json shown;
  shown.Set("input_tokens", usage.prompt - usage.cached);
  shown.Set("cache_creation_input_tokens", 0);
  shown.Set("cache_read_input_tokens", usage.cached);
  shown.Set("output_tokens", generated);
  return shown;
}

Json EndUsageOf(const AnswerUsage& usage) {
  Json shown = UsageOf(usage, usage.generated), details;
  details.Set("thinking_tokens", usage.thinking);
  shown.Set("output_tokens_details", std::move(details));
  return shown;
}

Json OwnReport(const ChoiceReport& choice, const Answer& answer) {
  Json own = ReportOf(choice);
  const Json measured = ReportOf(answer);
  for (const auto& [key, value] : measured.object()) own.Set(key, value);
  return own;
}

}  // namespace

void MessagesWriter::Emit(std::string_view type, Json body, std::vector<StreamPiece>& out) {
  Json piece = Typed(type);
  for (auto& [key, value] : body.object()) piece.Set(key, std::move(value));
  out.push_back({.event = std::string(type), .data = piece.Dump()});
}

std::optional<StreamPiece> MessagesWriter::Ping() const {
  if (!begun_) return std::nullopt;  // a message begins with message_start
  return StreamPiece{.event = "ping", .data = Typed("ping").Dump()};
}

Json MessagesWriter::Message(Json::Array content, Json usage) const {
  Json message;
  message.Set("id", options_.id);
  message.Set("type", "message");
  message.Set("role", "assistant");
  message.Set("model", options_.model);
  message.Set("content", std::move(content));
  SetStop(message);
  message.Set("usage", std::move(usage));
  return message;
}

void MessagesWriter::Push(const AnswerEvent& event, const Answer& answer,
                          std::vector<StreamPiece>& out) {
  if (event.kind == AnswerEvent::Kind::kPrefill) {
    Json own, body{Json::Object()};
    own.Set("prefill", ProgressOf(event));
    body.Set("carat", std::move(own));
    return Emit("ping", std::move(body), out);
  }
  if (event.kind == AnswerEvent::Kind::kEnd) {
    if (event.end == AnswerEnd::kFailed) report_.end = event.end;
    return End(answer, out);
  }
  if (!begun_) {
    begun_ = true;
    Json body;
    body.Set("message", Message({}, UsageOf(answer.usage(), 0)));
    Emit("message_start", std::move(body), out);
  }
  switch (event.kind) {
    case AnswerEvent::Kind::kThinking:
      return AddThought(event.text, out);
    case AnswerEvent::Kind::kText:
    case AnswerEvent::Kind::kMalformedCall:
      return AddText(event, out);
    case AnswerEvent::Kind::kToolCall:
      return AddCall(event, out);
    case AnswerEvent::Kind::kCutCall:
      report_.cut_call = true;
      return;
    case AnswerEvent::Kind::kChoiceEnd:
      CloseBlock(out);
      report_.end = event.end;
      if (event.end == AnswerEnd::kStopString) report_.stop = event.text;
      return;
    default:
      return;
  }
}

net::Reply MessagesWriter::Whole(const Answer& answer) const {
  if (report_.end == AnswerEnd::kFailed) {
    return ReplyOf(ToApiError(answer.error()), Dialect::kAnthropic, options_.request_id);
  }
  Json message = Message(content_, EndUsageOf(answer.usage()));
  message.Set("carat", OwnReport(report_, answer));
  return {.body = message.Dump()};
}

void MessagesWriter::OpenBlock(Open kind, std::vector<StreamPiece>& out) {
  if (open_ == kind) return;
  CloseBlock(out);
  open_ = kind;
  const bool thought = kind == Open::kThought;
  Json block = Typed(thought ? "thinking" : "text"), body;
  block.Set(thought ? "thinking" : "text", "");
  if (thought) block.Set("signature", "");
  if (!thought) block.Set("citations", Json());
  body.Set("index", content_.size());
  body.Set("content_block", std::move(block));
  Emit("content_block_start", std::move(body), out);
}

void MessagesWriter::Delta(std::string_view type, std::string_view key, std::string_view text,
                           std::vector<StreamPiece>& out) const {
  Json delta = Typed(type), body;
  delta.Set(key, text);
  body.Set("index", content_.size());
  body.Set("delta", std::move(delta));
  Emit("content_block_delta", std::move(body), out);
}

void MessagesWriter::CloseBlock(std::vector<StreamPiece>& out) {
  if (open_ == Open::kNothing) return;
  Json block;
  if (open_ == Open::kThought) {
    const std::string signature = ThoughtSignature(text_, options_.omit_thinking);
    Delta("signature_delta", "signature", signature, out);
    block = Typed("thinking");
    block.Set("thinking", options_.omit_thinking ? "" : text_);
    block.Set("signature", signature);
  } else {
    block = Typed("text");
    block.Set("text", text_);
    block.Set("citations", Json());
  }
  Json body;
  body.Set("index", content_.size());
  Emit("content_block_stop", std::move(body), out);
  content_.push_back(std::move(block));
  open_ = Open::kNothing;
  text_.clear();
}

void MessagesWriter::AddThought(const std::string& text, std::vector<StreamPiece>& out) {
  OpenBlock(Open::kThought, out);
  report_.has_thought = true;
  text_ += text;
  if (!options_.omit_thinking) Delta("thinking_delta", "thinking", text, out);
}

void MessagesWriter::AddText(const AnswerEvent& event, std::vector<StreamPiece>& out) {
  OpenBlock(Open::kText, out);
  report_.has_text = true;
  if (event.kind == AnswerEvent::Kind::kMalformedCall) report_.malformed.push_back(event.problem);
  text_ += event.text;
  Delta("text_delta", "text", event.text, out);
}

void MessagesWriter::AddCall(const AnswerEvent& event, std::vector<StreamPiece>& out) {
  CloseBlock(out);
  report_.has_calls = true;
  // "msg_X" gives "toolu_X_0".
  const std::string id = "toolu_" + options_.id.substr(options_.id.find('_') + 1) + "_" +
                         std::to_string(content_.size());
  Json block = Typed("tool_use"), start, stop;
  block.Set("id", id);
  block.Set("name", event.name);
  block.Set("input", Json(Json::Object()));
  start.Set("index", content_.size());
  start.Set("content_block", block);
  Emit("content_block_start", std::move(start), out);
  Delta("input_json_delta", "partial_json", event.arguments.Dump(), out);
  stop.Set("index", content_.size());
  Emit("content_block_stop", std::move(stop), out);
  block.Set("input", event.arguments);
  content_.push_back(std::move(block));
}

std::string_view MessagesWriter::StopReason() const {
  switch (report_.end) {
    case AnswerEnd::kNone:
      return "";
    case AnswerEnd::kStopString:
      return "stop_sequence";
    case AnswerEnd::kToolCalls:
      return "tool_use";
    case AnswerEnd::kMaxTokens:
    case AnswerEnd::kRepetition:
    case AnswerEnd::kCancelled:  // it is not whole, which the dialect can only say so
      return "max_tokens";
    case AnswerEnd::kContextFull:
      return "model_context_window_exceeded";
    default:
      return "end_turn";
  }
}

void MessagesWriter::SetStop(Json& target) const {
  const std::string_view reason = StopReason();
  target.Set("stop_reason", reason.empty() ? Json() : Json(reason));
  target.Set("stop_sequence", report_.stop.empty() ? Json() : Json(report_.stop));
}

void MessagesWriter::End(const Answer& answer, std::vector<StreamPiece>& out) {
  CloseBlock(out);
  if (report_.end == AnswerEnd::kFailed) {
    const Json error = BodyOf(ToApiError(answer.error()), Dialect::kAnthropic, options_.request_id);
    out.push_back({.event = "error", .data = error.Dump()});
    return;
  }
  Json delta, body;
  SetStop(delta);
  body.Set("delta", std::move(delta));
  body.Set("usage", EndUsageOf(answer.usage()));
  body.Set("carat", OwnReport(report_, answer));
  Emit("message_delta", std::move(body), out);
  Emit("message_stop", Json(Json::Object()), out);
}

}  // namespace carat
