#include "apps/server_answerer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apps/interrupt.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/terminal.h"
#include "base/base64.h"
#include "io/file.h"
#include "net/client.h"

namespace carat {
namespace {

constexpr int kPatienceMs = 600'000;             // a model may be loaded first
constexpr size_t kMaxMedium = size_t{48} << 20;  // the server takes bodies of 64 MiB, in base64

size_t Count(const Json& json, std::string_view key) {
  const Json* const value = json.Find(key);
  return value != nullptr && value->is_int() ? static_cast<size_t>(value->integer()) : 0;
}

// The events of one answer's stream, shown and kept.
class Stream {
 public:
  explicit Stream(AnswerView& view) : view_(view) {}

  // False: enough.
  bool Take(std::string_view piece) {
    if (Interrupted()) return false;
    buffer_ += piece;
    for (size_t end = buffer_.find("\n\n"); end != std::string::npos; end = buffer_.find("\n\n")) {
      const std::string event = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      constexpr std::string_view kData = "data: ";
      if (!event.starts_with(kData)) continue;
      status_ = Event(event.substr(kData.size()));
      if (!status_) return false;
    }
    return true;
  }

  const Status& status() const { return status_; }
  const std::vector<OutputEvent>& all() const { return all_; }
  // As far as it came.
  AnswerStats stats() const {
    AnswerStats stats = stats_;
    stats.reason = reason_;
    return stats;
  }

 private:
  Status Event(const std::string& data) {
    if (data == "[DONE]") return {};
    CARAT_ASSIGN(const Json chunk, ParseJson(data));
    if (const Json* const error = chunk.Find("error")) {
      return Fail({.code = ErrorCode::kIo, .what = StringIn(*error, "message"), .where = "server"});
    }
    const Json* const own = chunk.Find("carat");
    if (const Json* const read = own != nullptr ? own->Find("prefill") : nullptr) {
      view_.Prefill(Count(*read, "done"), Count(*read, "total"));
      return {};
    }
    if (const Json* const usage = chunk.Find("usage"); usage != nullptr && usage->is_object()) {
      Usage(*usage, own != nullptr ? *own : Json());
    }
    const Json* const choices = chunk.Find("choices");
    if (choices == nullptr || !choices->is_array() || choices->array().empty()) return {};
    const Json& choice = choices->array().front();
    if (const Json* const report = choice.Find("carat")) reason_ = StringIn(*report, "reason");
    const Json* const delta = choice.Find("delta");
    return delta != nullptr ? Delta(*delta) : Status();
  }

  Status Delta(const Json& delta) {
    for (const auto& [key, kind] : {std::pair("reasoning_content", OutputEvent::Kind::kThinking),
                                    std::pair("content", OutputEvent::Kind::kText)}) {
      OutputEvent event;
      event.kind = kind;
      event.text = StringIn(delta, key);
      if (event.text.empty()) continue;
      CARAT_TRY(view_.Event(event));
      all_.push_back(std::move(event));
    }
    return {};
  }

  void Usage(const Json& usage, const Json& own) {
    stats_.prompt_tokens = Count(usage, "prompt_tokens");
    stats_.tokens = Count(usage, "completion_tokens");
    if (const Json* const prompt = usage.Find("prompt_tokens_details"))
      stats_.sync.reused = Count(*prompt, "cached_tokens");
    stats_.sync.prefilled =
        stats_.prompt_tokens - std::min(stats_.prompt_tokens, stats_.sync.reused);
    stats_.prefill_seconds = Number(own, "prefill_s");
    stats_.seconds = Number(own, "decode_s");
    stats_.seed = Count(own, "seed");
    stats_.drafts.drafted = stats_.drafts.checked = Count(own, "drafted");
    stats_.drafts.accepted = Count(own, "accepted");
    stats_.drafting =
        stats_.drafts.drafted == 0
            ? "none"
            : fmt::format("{} of {} kept", stats_.drafts.accepted, stats_.drafts.drafted);
  }

  static double Number(const Json& json, std::string_view key) {
    const Json* const value = json.Find(key);
    return value != nullptr && value->is_number() ? value->number() : 0;
  }

  AnswerView& view_;
  std::string buffer_;
  Status status_;
  std::vector<OutputEvent> all_;
  AnswerStats stats_;
  std::string reason_ = "cancelled";
};

// The server's own words.
Error Refusal(const net::Reply& reply, const std::string& url) {
  const auto json = ParseJson(reply.body);
  const Json* const error = json ? json->Find("error") : nullptr;
  if (error == nullptr) {
    return {.code = ErrorCode::kIo,
            .what = "the server refuses",
            .where = url,
            .found = fmt::format("status {}", reply.status)};
  }
  const bool full = StringIn(*error, "code") == "context_length_exceeded";
  return {.code = full ? ErrorCode::kContextFull : ErrorCode::kInvalid,
          .what = StringIn(*error, "message")};
}

Result<Json> StatusOf(const OwnServer& server) {
  CARAT_ASSIGN(
      const net::Reply reply,
      net::Ask({.url = server.url, .target = "/v1/carat/status", .fields = server.KeyFields()}));
  return ParseJson(reply.body);
}

}  // namespace

ServerAnswerer::ServerAnswerer(OwnServer server, std::string model, Pos context, Json sampling)
    : server_(std::move(server)),
      model_(std::move(model)),
      context_(context),
      sampling_(std::move(sampling)) {}

std::unique_ptr<ServerAnswerer> ServerAnswerer::Find(const std::string& model, Json sampling) {
  if (model.find('/') != std::string::npos) return nullptr;
  const auto choice = ChooseModel(model);
  if (!choice) return nullptr;  // opening it says why
  const auto server = FindOwnServer();
  if (!server) return nullptr;
  const auto status = StatusOf(*server);
  const Json* const plan = status ? status->Find("plan") : nullptr;
  if (plan == nullptr || StringIn(*status, "model") != choice->name) return nullptr;
  PrintErr("carat: {} answers on the server that runs; --own loads it here\n",
           EscapeLine(choice->name));
  return std::unique_ptr<ServerAnswerer>(new ServerAnswerer(
      *server, choice->name, static_cast<Pos>(Count(*plan, "context")), std::move(sampling)));
}

Status ServerAnswerer::Take(const MediaRequest& request) {
  if (request.path.starts_with("data:") || media_.contains(request.path)) return {};
  CARAT_ASSIGN(const std::string bytes, ReadFile(request.path, kMaxMedium));
  media_[request.path] = "data:;base64," + EncodeBase64(bytes);
  return {};
}

// From the form of files that are here to that of Chat Completions.
Json ServerAnswerer::PartOf(const Json& part) const {
  const Json* const path = part.Find("path");
  if (path == nullptr || !path->is_string()) return part;
  const auto read = media_.find(path->string());
  const std::string key = StringIn(part, "type") + "_url";
  Json url, sent;
  url.Set("url", read != media_.end() ? read->second : path->string());
  sent.Set("type", key);
  sent.Set(key, std::move(url));
  for (const char* const member : {"budget", "frames", "fps"})
    if (const Json* const value = part.Find(member)) sent.Set(member, *value);
  return sent;
}

Json ServerAnswerer::RequestOf(const Question& question) const {
  Json::Array messages;
  for (const Json& kept : question.messages.array()) {
    Json message = kept;
    const Json* const content = kept.Find("content");
    if (content != nullptr && content->is_array()) {
      Json::Array parts;
      for (const Json& part : content->array()) parts.push_back(PartOf(part));
      message.Set("content", Json(std::move(parts)));
    }
    messages.push_back(std::move(message));
  }
  Json request = sampling_, options, own, kwargs;
  options.Set("include_usage", true);
  own.Set("progress", true);
  kwargs.Set("enable_thinking", question.think);
  request.Set("model", model_);
  request.Set("messages", Json(std::move(messages)));
  request.Set("stream", true);
  request.Set("stream_options", std::move(options));
  request.Set("carat", std::move(own));
  request.Set("chat_template_kwargs", std::move(kwargs));
  if (!question.stop.empty())
    request.Set("stop", Json(Json::Array(question.stop.begin(), question.stop.end())));
  if (question.seed) request.Set("seed", static_cast<int64_t>(*question.seed));
  return request;
}

Result<MadeAnswer> ServerAnswerer::Answer(const Question& question, AnswerView& view) {
  net::ClientRequest sent{.url = server_.url,
                          .method = "POST",
                          .target = "/v1/chat/completions",
                          .fields = server_.KeyFields(),
                          .body = RequestOf(question).Dump(),
                          .timeout_ms = kPatienceMs};
  sent.fields.emplace_back("content-type", "application/json");
  Stream stream(view);
  const auto reply =
      net::AskStream(sent, [&](std::string_view piece) { return stream.Take(piece); });
  if (!stream.status()) return Fail(stream.status().error());
  const bool stopped = !reply && reply.error().code == ErrorCode::kCancelled;
  if (!reply && !stopped) return Fail(reply.error());
  if (reply && reply->status != 200) return Fail(Refusal(*reply, server_.url));
  if (stopped && stream.all().empty()) return Fail(reply.error());
  MadeAnswer made{.message = AssistantMessage(stream.all()), .stats = stream.stats()};
  made.stats.used = static_cast<Pos>(made.stats.prompt_tokens + made.stats.tokens);
  made.stats.context = context_;
  view.Done(made.stats);
  return made;
}

std::string ServerAnswerer::Describe() const {
  return fmt::format("{} on the server at {}; carat status says more\n", model_, server_.url);
}

Json SamplingOf(const RunOptions& o) {
  Json sampling{Json::Object()};
  const auto set = [&](std::string_view key, const std::optional<double>& value) {
    if (value) sampling.Set(key, *value);
  };
  set("temperature", o.temperature);
  set("top_p", o.top_p);
  set("min_p", o.min_p);
  set("repetition_penalty", o.repetition_penalty);
  if (o.top_k) sampling.Set("top_k", *o.top_k);
  if (o.max_tokens != SIZE_MAX) sampling.Set("max_tokens", static_cast<int64_t>(o.max_tokens));
  return sampling;
}

Json GreedySampling(size_t max_tokens) {
  Json sampling;
  sampling.Set("temperature", 0);
  sampling.Set("max_tokens", static_cast<int64_t>(max_tokens));
  return sampling;
}

}  // namespace carat
