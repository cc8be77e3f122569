#include "api/openai/chat_writer.h"

#include <fmt/format.h>

#include <utility>

#include "api/api_error.h"
#include "api/openai/logprobs.h"
#include "base/check.h"

namespace carat {
namespace {

std::string_view FinishReason(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::kToolCalls:
      return "tool_calls";
    case AnswerEnd::kMaxTokens:
    case AnswerEnd::kContextFull:
    case AnswerEnd::kRepetition:
    case AnswerEnd::kCancelled:  // it is not whole, which the dialect can only say so
      return "length";
    default:
      return "stop";
  }
}

// Unique over all answers, as the answer's id is.
std::string CallId(const std::string& answer_id, size_t choice, size_t number) {
  const size_t dash = answer_id.find('-');
  const std::string rest = dash == std::string::npos ? answer_id : answer_id.substr(dash + 1);
  return fmt::format("call_{}{}{}", rest, static_cast<char>('a' + choice), number);
}

Json ErrorPiece(const Answer& answer) {
  return BodyOf(ToApiError(answer.error()), Dialect::kOpenAi);
}

}  // namespace

Json ChatUsage(const AnswerUsage& usage) {
  Json prompt, completion, all;
  prompt.Set("cached_tokens", usage.cached);
  prompt.Set("audio_tokens", usage.sound);
  completion.Set("reasoning_tokens", usage.thinking);
  completion.Set("audio_tokens", 0);
  // Of the parameter `prediction`, which carat does not have; its own drafts stand in `carat`.
  completion.Set("accepted_prediction_tokens", 0);
  completion.Set("rejected_prediction_tokens", 0);
  all.Set("prompt_tokens", usage.prompt);
  all.Set("completion_tokens", usage.generated);
  all.Set("total_tokens", usage.prompt + usage.generated);
  all.Set("prompt_tokens_details", std::move(prompt));
  all.Set("completion_tokens_details", std::move(completion));
  return all;
}

ChatWriter::ChatWriter(ChatWriterOptions options)
    : options_(std::move(options)), choices_(options_.choices) {}

Json ChatWriter::Envelope(std::string_view object, const Answer& answer) const {
  Json body;
  body.Set("id", options_.id);
  body.Set("object", object);
  body.Set("created", answer.created());
  body.Set("model", options_.model);
  body.Set("system_fingerprint", options_.fingerprint);
  return body;
}

// A chunk of one choice that goes on.
void ChatWriter::Chunk(const AnswerEvent& event, const Answer& answer, Json delta,
                       std::vector<StreamPiece>& out) {
  Json choice;
  choice.Set("index", event.choice);
  choice.Set("delta", std::move(delta));
  choice.Set("logprobs", TakeLogprobs(event, choices_[event.choice]));
  choice.Set("finish_reason", Json());
  Json body = Envelope("chat.completion.chunk", answer);
  body.Set("choices", Json(Json::Array{std::move(choice)}));
  if (options_.include_usage) body.Set("usage", Json());
  out.push_back({.data = body.Dump()});
}

Json ChatWriter::TakeLogprobs(const AnswerEvent& event, Choice& choice) const {
  if (options_.tokenizer == nullptr) return {};
  // Calls are no text; their tokens have no place in the dialect.
  if (event.kind == AnswerEvent::Kind::kToolCall) return {};
  const bool thought = event.kind == AnswerEvent::Kind::kThinking;
  Json::Array tokens;
  AppendLogprobs(*options_.tokenizer, event.logprobs, tokens);
  if (tokens.empty()) return {};
  Json::Array& all = thought ? choice.thought_logprobs : choice.logprobs;
  all.insert(all.end(), tokens.begin(), tokens.end());
  Json logprobs;
  logprobs.Set("content", thought ? Json() : Json(tokens));
  logprobs.Set("refusal", Json());
  if (thought) logprobs.Set("reasoning_content", Json(std::move(tokens)));
  return logprobs;
}

void ChatWriter::TakeText(const AnswerEvent& event, Choice& choice, Json& delta) {
  const bool thought = event.kind == AnswerEvent::Kind::kThinking;
  (thought ? choice.thoughts : choice.content) += event.text;
  (thought ? choice.report.has_thought : choice.report.has_text) = true;
  if (event.kind == AnswerEvent::Kind::kMalformedCall) {
    choice.report.malformed.push_back(event.problem);
  }
  delta.Set(thought ? "reasoning_content" : "content", event.text);
}

void ChatWriter::TakeCall(const AnswerEvent& event, Choice& choice, Json& delta) const {
  Json function, call, indexed;
  function.Set("name", event.name);
  function.Set("arguments", event.arguments.Dump());
  call.Set("id", CallId(options_.id, event.choice, choice.calls.size()));
  call.Set("type", "function");
  call.Set("function", std::move(function));
  indexed.Set("index", choice.calls.size());
  for (const Json::Member& member : call.object()) indexed.Set(member.first, member.second);
  choice.calls.push_back(std::move(call));
  choice.report.has_calls = true;
  delta.Set("tool_calls", Json(Json::Array{std::move(indexed)}));
}

void ChatWriter::EndChoice(const AnswerEvent& event, const Answer& answer,
                           std::vector<StreamPiece>& out) {
  Choice& ended = choices_[event.choice];
  ended.report.end = event.end;
  if (event.end == AnswerEnd::kStopString) ended.report.stop = event.text;
  failed_ = failed_ || event.end == AnswerEnd::kFailed;
  if (failed_) return;
  Json choice;
  choice.Set("index", event.choice);
  choice.Set("delta", Json(Json::Object()));
  choice.Set("logprobs", TakeLogprobs(event, ended));
  choice.Set("finish_reason", FinishReason(event.end));
  choice.Set("carat", ReportOf(ended.report));
  Json body = Envelope("chat.completion.chunk", answer);
  body.Set("choices", Json(Json::Array{std::move(choice)}));
  if (options_.include_usage) body.Set("usage", Json());
  out.push_back({.data = body.Dump()});
}

void ChatWriter::EndStream(const Answer& answer, std::vector<StreamPiece>& out) const {
  if (failed_) {
    out.push_back({.data = ErrorPiece(answer).Dump()});
  } else if (options_.include_usage) {
    Json body = Envelope("chat.completion.chunk", answer);
    body.Set("choices", Json(Json::Array()));
    body.Set("usage", ChatUsage(answer.usage()));
    body.Set("carat", ReportOf(answer));
    out.push_back({.data = body.Dump()});
  }
  out.push_back({.data = "[DONE]"});
}

void ChatWriter::Push(const AnswerEvent& event, const Answer& answer,
                      std::vector<StreamPiece>& out) {
  using Kind = AnswerEvent::Kind;
  CARAT_CHECK(event.choice < choices_.size());
  Choice& choice = choices_[event.choice];
  Json delta;
  switch (event.kind) {
    case Kind::kPrefill: {
      // Clients know chunks without choices from the one with the usage.
      Json own, body = Envelope("chat.completion.chunk", answer);
      own.Set("prefill", ProgressOf(event));
      body.Set("choices", Json(Json::Array()));
      if (options_.include_usage) body.Set("usage", Json());
      body.Set("carat", std::move(own));
      out.push_back({.data = body.Dump()});
      return;
    }
    case Kind::kStarted:
      delta.Set("role", "assistant");
      delta.Set("content", "");
      for (size_t i = 0; i < choices_.size(); ++i)
        Chunk({.kind = event.kind, .choice = i}, answer, delta, out);
      return;
    case Kind::kText:
    case Kind::kThinking:
    case Kind::kMalformedCall:
      TakeText(event, choice, delta);
      break;
    case Kind::kToolCall:
      TakeCall(event, choice, delta);
      break;
    case Kind::kCutCall:
      choice.report.cut_call = true;
      return;
    case Kind::kChoiceEnd:
      EndChoice(event, answer, out);
      return;
    case Kind::kEnd:
      failed_ = failed_ || event.end == AnswerEnd::kFailed;
      EndStream(answer, out);
      return;
  }
  Chunk(event, answer, std::move(delta), out);
}

Json ChatWriter::WholeChoice(size_t index) const {
  const Choice& choice = choices_[index];
  Json message, logprobs, whole;
  message.Set("role", "assistant");
  // As OpenAI: null where there are calls instead.
  const bool only_calls = choice.content.empty() && !choice.calls.empty();
  message.Set("content", only_calls ? Json() : Json(choice.content));
  message.Set("refusal", Json());
  if (!choice.thoughts.empty()) message.Set("reasoning_content", choice.thoughts);
  if (!choice.calls.empty()) message.Set("tool_calls", Json(choice.calls));
  if (options_.tokenizer != nullptr) {
    logprobs.Set("content", Json(choice.logprobs));
    logprobs.Set("refusal", Json());
    if (!choice.thought_logprobs.empty()) {
      logprobs.Set("reasoning_content", Json(choice.thought_logprobs));
    }
  }
  whole.Set("index", index);
  whole.Set("message", std::move(message));
  whole.Set("logprobs", std::move(logprobs));
  whole.Set("finish_reason", FinishReason(choice.report.end));
  whole.Set("carat", ReportOf(choice.report));
  return whole;
}

net::Reply ChatWriter::Whole(const Answer& answer) const {
  if (failed_) return ReplyOf(ToApiError(answer.error()), Dialect::kOpenAi);
  Json body = Envelope("chat.completion", answer);
  Json::Array choices;
  for (size_t i = 0; i < choices_.size(); ++i) choices.push_back(WholeChoice(i));
  body.Set("choices", Json(std::move(choices)));
  body.Set("usage", ChatUsage(answer.usage()));
  body.Set("carat", ReportOf(answer));
  return {.body = body.Dump()};
}

}  // namespace carat
