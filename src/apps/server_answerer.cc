#include "apps/server_answerer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>

#include "api/carat/branch.h"
#include "apps/interrupt.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/terminal.h"
#include "base/base64.h"
#include "io/file.h"
#include "net/client.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr int kStatusMs = 3000;
constexpr int kTries = 90;                       // a second apart
constexpr int kPatienceMs = 600'000;             // a model may be loaded first
constexpr size_t kMaxMedium = size_t{48} << 20;  // the server takes bodies of 64 MiB, in base64

size_t Count(const Json& json, std::string_view key) {
  const Json* const value = json.Find(key);
  return value != nullptr && value->is_int() ? static_cast<size_t>(value->integer()) : 0;
}

// The events of one answer's stream, shown and kept.
class Stream {
 public:
  // `cancel` ends the answer of that id; false: it can't.
  Stream(AnswerView& view, std::function<bool(const std::string& id)> cancel)
      : view_(view), cancel_(std::move(cancel)) {}

  // False: enough.
  bool Take(std::string_view piece) {
    // The end comes by the stream, with what it took.
    if (Interrupted() && !cancelled_) {
      cancelled_ = true;
      if (id_.empty() || !cancel_(id_)) return false;
    }
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
    if (id_.empty()) id_ = StringIn(chunk, "id");
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
  const std::function<bool(const std::string&)> cancel_;
  bool cancelled_ = false;
  std::string id_;
  std::string buffer_;
  Status status_;
  std::vector<OutputEvent> all_;
  AnswerStats stats_;
  std::string reason_ = "cancelled";
};

// The server's own words.
Error Refusal(const net::Reply& reply, const std::string& url) {
  const ServerError error = ErrorIn(reply);
  if (error.message.empty()) {
    return {.code = ErrorCode::kIo,
            .what = "the server refuses",
            .where = url,
            .found = fmt::format("status {}", reply.status)};
  }
  const bool full = error.code == "context_length_exceeded";
  return {.code = full ? ErrorCode::kContextFull : ErrorCode::kInvalid, .what = error.message};
}

Result<Json> StatusOf(const OwnServer& server) {
  CARAT_ASSIGN(const net::Reply reply, net::Ask({.url = server.url,
                                                 .target = "/v1/carat/status",
                                                 .fields = server.KeyFields(),
                                                 .timeout_ms = kStatusMs}));
  return ParseJson(reply.body);
}

// Where too many ask at one time, or this key has asked too often, it is asked again.
Result<net::Reply> AskUntilTaken(const net::ClientRequest& request,
                                 const std::function<bool(std::string_view)>& take) {
  for (int tries = 0;; ++tries) {
    auto reply = net::AskStream(request, take);
    const bool busy = reply && (reply->status == 429 || reply->status == 503);
    if (!busy || tries == kTries) return reply;
    for (int i = 0; i < 10 && !Interrupted(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (Interrupted()) return Fail({.code = ErrorCode::kCancelled, .what = "cancelled"});
  }
}

// From the form of files that are here to that of Chat Completions.
Json PartOf(const Json& part, const MediaPart& read,
            const std::map<const Medium*, std::string>& urls) {
  const auto url = urls.find(read.media.front().get());
  const std::string key = StringIn(part, "type") + "_url";
  Json inner, sent;
  inner.Set("url", url != urls.end() ? url->second : StringIn(part, "path"));
  sent.Set("type", key);
  sent.Set(key, std::move(inner));
  for (const char* const member : {"budget", "frames", "fps"})
    if (const Json* const value = part.Find(member)) sent.Set(member, *value);
  return sent;
}

// Models by path may have the names of others.
bool IsSame(const ModelChoice& choice, const OwnServer& server, const std::string& model) {
  std::error_code ignored;
  const fs::path served = server.model_path;
  const bool by_path =
      fs::exists(model, ignored) || (!served.empty() && served.stem() == choice.name);
  return !by_path || fs::weakly_canonical(choice.model, ignored) == served;
}

}  // namespace

ServerAnswerer::ServerAnswerer(OwnServer server, std::string model, Pos context, Json sampling)
    : server_(std::move(server)),
      model_(std::move(model)),
      context_(context),
      sampling_(std::move(sampling)) {}

std::unique_ptr<ServerAnswerer> ServerAnswerer::Find(const std::string& model, Json sampling) {
  const auto choice = ChooseModel(model);
  if (!choice) return nullptr;  // opening it says why
  const auto server = FindOwnServer();
  const auto status = server ? StatusOf(*server) : Result<Json>(Fail(server.error()));
  if (!status) {
    if (status.error().code != ErrorCode::kNotFound) {
      PrintErr("carat: the server that runs can't be asked, so the model is loaded here: {}\n",
               EscapeLine(status.error().Message()));
    }
    return nullptr;
  }
  const Json* const plan = status->Find("plan");
  if (plan == nullptr || StringIn(*status, "model") != choice->name ||
      !IsSame(*choice, *server, model))
    return nullptr;
  PrintErr("carat: {} answers on the server that runs; --own loads it here\n",
           EscapeLine(choice->name));
  return std::unique_ptr<ServerAnswerer>(new ServerAnswerer(
      *server, choice->name, static_cast<Pos>(Count(*plan, "context")), std::move(sampling)));
}

Status ServerAnswerer::Take(const MediaRequest& request, const MediaPart& part) {
  auto bytes = ReadFile(request.path, kMaxMedium);
  if (!bytes) {
    Error error = std::move(bytes).error();
    error.wanted += error.wanted.empty() ? "--own takes larger ones" : "; --own takes larger ones";
    return Fail(std::move(error));
  }
  media_[part.media.front().get()] = "data:;base64," + EncodeBase64(*bytes);
  return {};
}

Json ServerAnswerer::RequestOf(const Question& question) const {
  Json::Array messages;
  size_t next = 0;  // of the question's media, which stand in the order of their parts
  for (const Json& kept : question.messages.array()) {
    Json message;
    for (const char* const member :
         {"role", "content", "reasoning", "tool_calls", "tool_call_id", "name"}) {
      if (const Json* const value = kept.Find(member)) message.Set(member, *value);
    }
    const Json* const content = kept.Find("content");
    if (content != nullptr && content->is_array()) {
      Json::Array parts;
      for (const Json& part : content->array()) {
        const bool medium = part.Find("path") != nullptr && next < question.media.size();
        parts.push_back(medium ? PartOf(part, question.media[next++], media_) : part);
      }
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
  std::erase_if(media_, [&](const auto& kept) {
    return std::ranges::none_of(question.media, [&](const MediaPart& part) {
      return part.media.front().get() == kept.first;
    });
  });
  // The key and what is asked go to nobody else, whoever listens there by now.
  CARAT_ASSIGN(server_, FindOwnServer());
  net::ClientRequest sent{.url = server_.url,
                          .method = "POST",
                          .target = "/v1/chat/completions",
                          .fields = server_.KeyFields(),
                          .body = RequestOf(question).Dump(),
                          .timeout_ms = kPatienceMs};
  sent.fields.emplace_back("content-type", "application/json");
  Stream stream(view, [&](const std::string& id) {
    const auto reply = net::Ask({.url = server_.url,
                                 .method = "POST",
                                 .target = "/v1/carat/answers/" + id + "/cancel",
                                 .fields = server_.KeyFields()});
    return reply && reply->status == 200;
  });
  const auto reply =
      AskUntilTaken(sent, [&](std::string_view piece) { return stream.Take(piece); });
  if (!stream.status()) return Fail(stream.status().error());
  const bool stopped = !reply && reply.error().code == ErrorCode::kCancelled;
  if (!reply && !stopped) return Fail(reply.error());
  if (reply && reply->status != 200) return Fail(Refusal(*reply, server_.url));
  if (stopped && stream.all().empty()) return Fail(reply.error());
  MadeAnswer made{.message = {}, .stats = stream.stats()};
  if (!stream.all().empty() || made.stats.reason != "cancelled")
    made.message = AssistantMessage(stream.all());
  made.stats.used = static_cast<Pos>(made.stats.prompt_tokens + made.stats.tokens);
  made.stats.context = context_;
  view.Done(made.stats);
  return made;
}

std::string ServerAnswerer::Describe() const {
  return fmt::format("{} on the server at {}; carat status says more\n", model_, server_.url);
}

bool ServerTakes(const RunOptions& o) {
  // The server takes 0 for the most probable token, a model here refuses it.
  if (o.top_p && !(*o.top_p >= 1e-6)) return false;
  if (o.seed.value_or(0) > uint64_t{INT64_MAX} || !o.logit_bias.empty() || o.no_repetition_guard)
    return false;
  Json sampling = SamplingOf(o);
  if (!o.stop.empty()) sampling.Set("stop", Json(Json::Array(o.stop.begin(), o.stop.end())));
  return ServerTakes(sampling);
}

bool ServerTakes(const Json& sampling) { return CheckSettings(sampling).has_value(); }

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
  if (max_tokens != SIZE_MAX) sampling.Set("max_tokens", static_cast<int64_t>(max_tokens));
  return sampling;
}

}  // namespace carat
