#include "api/openai/responses_writer.h"

#include <cmath>
#include <utility>

#include "api/api_error.h"
#include "api/openai/logprobs.h"
#include "api/openai/response_items.h"

namespace carat {
namespace {

Json Member(std::string_view key, Json value) {
  Json object;
  object.Set(key, std::move(value));
  return object;
}

Json Typed(std::string_view type, std::string_view text) {
  Json part = Member("type", type);
  part.Set("text", text);
  return part;
}

Json UsageOf(const AnswerUsage& usage) {
  Json input = Member("cached_tokens", usage.cached);
  input.Set("cache_write_tokens", 0);
  Json shown = Member("input_tokens", usage.prompt);
  shown.Set("input_tokens_details", std::move(input));
  shown.Set("output_tokens", usage.generated);
  shown.Set("output_tokens_details", Member("reasoning_tokens", usage.thinking));
  shown.Set("total_tokens", usage.prompt + usage.generated);
  return shown;
}

Json ErrorOf(const Answer& answer) {
  const ApiError error = ToApiError(answer.error());
  Json shown = Member(
      "code", error.status == 429 || error.status == 503 ? "rate_limit_exceeded" : "server_error");
  shown.Set("message", error.message);
  return shown;
}

}  // namespace

ResponsesWriter::ResponsesWriter(ResponseFrame frame) : frame_(std::move(frame)) {}

void ResponsesWriter::Push(const AnswerEvent& event, const Answer& answer,
                           std::vector<StreamPiece>& out) {
  if (!begun_) Begin(answer, out);
  switch (event.kind) {
    case AnswerEvent::Kind::kPrefill:
      return TellProgress(event, answer, out);
    case AnswerEvent::Kind::kStarted:
      return;
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
      report_.end = event.end;
      if (event.end == AnswerEnd::kStopString) report_.stop = event.text;
      return;
    case AnswerEvent::Kind::kEnd:
      if (event.end == AnswerEnd::kFailed) report_.end = event.end;
      return End(answer, out);
  }
}

net::Reply ResponsesWriter::Whole(const Answer& answer) const {
  if (report_.end == AnswerEnd::kFailed)
    return ReplyOf(ToApiError(answer.error()), Dialect::kOpenAi);
  return {.body = Response(answer).Dump()};
}

Json ResponsesWriter::Response(const Answer& answer) const {
  Json shown = Member("id", frame_.id);
  shown.Set("object", "response");
  shown.Set("created_at", answer.created());
  shown.Set("status", Status());
  const AnswerUsage usage = answer.usage();
  const double seconds = usage.queued_s + usage.prefill_s + usage.decode_s;
  shown.Set("completed_at", ended_ && Status() == "completed"
                                ? Json(static_cast<double>(answer.created()) + std::ceil(seconds))
                                : Json());
  shown.Set("error", report_.end == AnswerEnd::kFailed ? ErrorOf(answer) : Json());
  shown.Set("incomplete_details", Incomplete());
  shown.Set("model", frame_.model);
  Json::Array output = output_;
  if (open_ == Open::kThought) output.push_back(ThoughtItem("in_progress"));
  if (open_ == Open::kText) output.push_back(TextItem("in_progress"));
  shown.Set("output", std::move(output));
  for (const auto& [key, value] : frame_.echo.object()) shown.Set(key, value);
  shown.Set("usage", ended_ ? UsageOf(usage) : Json());
  if (!ended_) return shown;
  Json own = ReportOf(report_);
  const Json measured = ReportOf(answer);
  for (const auto& [key, value] : measured.object()) own.Set(key, value);
  shown.Set("carat", std::move(own));
  return shown;
}

std::string_view ResponsesWriter::Status() const {
  if (!begun_ && frame_.background) return "queued";
  if (!ended_) return "in_progress";
  switch (report_.end) {
    case AnswerEnd::kFailed:
      return "failed";
    case AnswerEnd::kCancelled:
      return "cancelled";
    default:
      return Incomplete().is_null() ? "completed" : "incomplete";
  }
}

Json ResponsesWriter::Incomplete() const {
  const auto because = [](std::string_view reason) { return Member("reason", reason); };
  switch (report_.end) {
    case AnswerEnd::kMaxTokens:
      return because("max_output_tokens");
    case AnswerEnd::kContextFull:
      return because("context_length");
    case AnswerEnd::kRepetition:
      return because("repetition");
    case AnswerEnd::kNone:
    case AnswerEnd::kCancelled:
    case AnswerEnd::kFailed:
      return {};
    default:
      return ended_ && !report_.has_text && !report_.has_calls ? because("no_content") : Json();
  }
}

void ResponsesWriter::Emit(std::string_view type, Json body, std::vector<StreamPiece>& out) {
  Json piece = Member("type", type);
  piece.Set("sequence_number", static_cast<int64_t>(sequence_++));
  for (auto& [key, value] : body.object()) piece.Set(key, std::move(value));
  out.push_back({.event = std::string(type), .data = piece.Dump()});
}

void ResponsesWriter::Begin(const Answer& answer, std::vector<StreamPiece>& out) {
  begun_ = true;
  const Json response = Response(answer);
  Emit("response.created", Member("response", response), out);
  Emit("response.in_progress", Member("response", response), out);
}

// Another "in progress", with carat's own member.
void ResponsesWriter::TellProgress(const AnswerEvent& event, const Answer& answer,
                                   std::vector<StreamPiece>& out) {
  if (!frame_.progress) return;
  Json piece = Member("response", Response(answer));
  piece.Set("carat", Member("progress", ProgressOf(event)));
  Emit("response.in_progress", std::move(piece), out);
}

std::string ResponsesWriter::ItemId(std::string_view prefix) const {
  // "resp_X" gives "msg_X_0".
  return std::string(prefix) + frame_.id.substr(frame_.id.find('_') + 1) + "_" +
         std::to_string(output_.size());
}

Json ResponsesWriter::Place() const {
  Json place = Member("item_id", ItemId(open_ == Open::kThought ? "rs_" : "msg_"));
  place.Set("output_index", output_.size());
  return place;
}

// --- a thought -----------------------------------------------------------------------------------

Json ResponsesWriter::ThoughtItem(std::string_view status) const {
  Json item = Member("id", ItemId("rs_"));
  item.Set("type", "reasoning");
  Json::Array summary, content;
  if (!text_.empty()) {
    if (frame_.summary) summary.push_back(Typed("summary_text", text_));
    content.push_back(Typed("reasoning_text", text_));
  }
  item.Set("summary", std::move(summary));
  item.Set("content", std::move(content));
  if (frame_.sealed) item.Set("encrypted_content", SealedThought(text_));
  item.Set("status", status);
  return item;
}

void ResponsesWriter::OpenThought(std::vector<StreamPiece>& out) {
  if (open_ == Open::kThought) return;
  Close("completed", out);
  open_ = Open::kThought;
  Json added = Member("output_index", output_.size());
  added.Set("item", ThoughtItem("in_progress"));
  Emit("response.output_item.added", std::move(added), out);
  if (frame_.summary) {
    Json part = Place();
    part.Set("summary_index", 0);
    part.Set("part", Typed("summary_text", ""));
    Emit("response.reasoning_summary_part.added", std::move(part), out);
  }
  Json part = Place();
  part.Set("content_index", 0);
  part.Set("part", Typed("reasoning_text", ""));
  Emit("response.content_part.added", std::move(part), out);
}

void ResponsesWriter::AddThought(const std::string& text, std::vector<StreamPiece>& out) {
  OpenThought(out);
  report_.has_thought = true;
  text_ += text;
  if (frame_.summary) {
    Json delta = Place();
    delta.Set("summary_index", 0);
    delta.Set("delta", text);
    Emit("response.reasoning_summary_text.delta", std::move(delta), out);
  }
  Json delta = Place();
  delta.Set("content_index", 0);
  delta.Set("delta", text);
  Emit("response.reasoning_text.delta", std::move(delta), out);
}

void ResponsesWriter::CloseThought(std::string_view status, std::vector<StreamPiece>& out) {
  const auto with = [&](std::string_view index, std::string_view key, Json value) {
    Json body = Place();
    body.Set(index, 0);
    body.Set(key, std::move(value));
    return body;
  };
  if (frame_.summary) {
    Emit("response.reasoning_summary_text.done", with("summary_index", "text", text_), out);
    Emit("response.reasoning_summary_part.done",
         with("summary_index", "part", Typed("summary_text", text_)), out);
  }
  Emit("response.reasoning_text.done", with("content_index", "text", text_), out);
  Emit("response.content_part.done", with("content_index", "part", Typed("reasoning_text", text_)),
       out);
  Json done = Member("output_index", output_.size());
  Json item = ThoughtItem(status);
  done.Set("item", item);
  Emit("response.output_item.done", std::move(done), out);
  output_.push_back(std::move(item));
}

// --- a text --------------------------------------------------------------------------------------

Json ResponsesWriter::Logprobs(const std::vector<TokenLogprob>& tokens) const {
  Json::Array shown;
  if (frame_.tokenizer != nullptr) AppendLogprobs(*frame_.tokenizer, tokens, shown);
  return shown;
}

Json ResponsesWriter::TextItem(std::string_view status) const {
  Json part = Typed("output_text", text_);
  part.Set("annotations", Json::Array());
  part.Set("logprobs", logprobs_);
  Json item = Member("id", ItemId("msg_"));
  item.Set("type", "message");
  item.Set("role", "assistant");
  item.Set("status", status);
  item.Set("content", Json::Array{std::move(part)});
  return item;
}

void ResponsesWriter::OpenText(std::vector<StreamPiece>& out) {
  if (open_ == Open::kText) return;
  Close("completed", out);
  open_ = Open::kText;
  Json item = TextItem("in_progress");
  item.Set("content", Json::Array());
  Json added = Member("output_index", output_.size());
  added.Set("item", std::move(item));
  Emit("response.output_item.added", std::move(added), out);
  Json part = Typed("output_text", "");
  part.Set("annotations", Json::Array());
  part.Set("logprobs", Json::Array());
  Json place = Place();
  place.Set("content_index", 0);
  place.Set("part", std::move(part));
  Emit("response.content_part.added", std::move(place), out);
}

void ResponsesWriter::AddText(const AnswerEvent& event, std::vector<StreamPiece>& out) {
  OpenText(out);
  report_.has_text = true;
  if (event.kind == AnswerEvent::Kind::kMalformedCall) report_.malformed.push_back(event.problem);
  text_ += event.text;
  Json logprobs = Logprobs(event.logprobs);
  logprobs_.insert(logprobs_.end(), logprobs.array().begin(), logprobs.array().end());
  Json delta = Place();
  delta.Set("content_index", 0);
  delta.Set("delta", event.text);
  delta.Set("logprobs", std::move(logprobs));
  Emit("response.output_text.delta", std::move(delta), out);
}

void ResponsesWriter::CloseText(std::string_view status, std::vector<StreamPiece>& out) {
  Json item = TextItem(status);
  Json text = Place();
  text.Set("content_index", 0);
  text.Set("text", text_);
  text.Set("logprobs", logprobs_);
  Emit("response.output_text.done", std::move(text), out);
  Json part = Place();
  part.Set("content_index", 0);
  part.Set("part", item.Find("content")->array().front());
  Emit("response.content_part.done", std::move(part), out);
  Json done = Member("output_index", output_.size());
  done.Set("item", item);
  Emit("response.output_item.done", std::move(done), out);
  output_.push_back(std::move(item));
}

// --- a call, and the ends ------------------------------------------------------------------------

void ResponsesWriter::AddCall(const AnswerEvent& event, std::vector<StreamPiece>& out) {
  Close("completed", out);
  report_.has_calls = true;
  const std::string id = ItemId("fc_"), arguments = event.arguments.Dump();
  Json item = Member("id", id);
  item.Set("type", "function_call");
  item.Set("status", "in_progress");
  item.Set("arguments", "");
  item.Set("call_id", ItemId("call_"));
  const auto spaced = frame_.spaced.find(event.name);
  const bool plain = spaced == frame_.spaced.end();
  const std::string name = plain ? event.name : spaced->second.second;
  item.Set("name", name);
  if (!plain) item.Set("namespace", spaced->second.first);
  const auto at = [&](std::string_view key, Json value) {
    Json body = Member("output_index", output_.size());
    body.Set(key, std::move(value));
    return body;
  };
  Emit("response.output_item.added", at("item", item), out);
  Json delta = at("item_id", id);
  delta.Set("delta", arguments);
  Emit("response.function_call_arguments.delta", std::move(delta), out);
  Json done = at("item_id", id);
  done.Set("name", name);
  done.Set("arguments", arguments);
  Emit("response.function_call_arguments.done", std::move(done), out);
  item.Set("status", "completed");
  item.Set("arguments", arguments);
  Emit("response.output_item.done", at("item", item), out);
  output_.push_back(std::move(item));
}

void ResponsesWriter::Close(std::string_view status, std::vector<StreamPiece>& out) {
  if (open_ == Open::kThought) CloseThought(status, out);
  if (open_ == Open::kText) CloseText(status, out);
  open_ = Open::kNothing;
  text_.clear();
  logprobs_.clear();
}

void ResponsesWriter::End(const Answer& answer, std::vector<StreamPiece>& out) {
  const bool whole = report_.end == AnswerEnd::kStop || report_.end == AnswerEnd::kStopString ||
                     report_.end == AnswerEnd::kToolCalls;
  Close(whole ? "completed" : "incomplete", out);
  ended_ = true;
  // The dialect has no event for a response that was cancelled; its status says so.
  const std::string_view status = Status();
  Emit(status == "completed" ? "response.completed"
       : status == "failed"  ? "response.failed"
                             : "response.incomplete",
       Member("response", Response(answer)), out);
}

Json ResponseOf(const ResponseFrame& frame, const Answer& answer) {
  ResponsesWriter writer(frame);
  std::vector<StreamPiece> pieces;
  AnswerEvent event;
  for (size_t i = 0; answer.Wait(i, std::chrono::milliseconds(0), event) == Answer::Next::kEvent;
       ++i) {
    writer.Push(event, answer, pieces);
    pieces.clear();
  }
  return writer.Response(answer);
}

}  // namespace carat
