#include "apps/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <span>
#include <utility>

#include "apps/input.h"
#include "apps/interrupt.h"
#include "apps/media_options.h"
#include "apps/output.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "base/bytes.h"
#include "chat/prompt.h"
#include "engine/stop_strings.h"
#include "io/file.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr size_t kQuestionAndAnswer = 256;  // positions

// The soft tokens of media, and the marks and times around them.
size_t Places(std::span<const MediaPart> parts) {
  constexpr size_t kMarks = 10;  // "<|image>", "<image|>", "MM:SS" and spaces
  size_t places = 0;
  for (const MediaPart& part : parts) places += NumTokens(part) + kMarks * part.media.size();
  return places;
}

OutputEvent TextEvent(std::string text) {
  OutputEvent event;
  event.text = std::move(text);
  return event;
}

// Shows events and keeps them for the history. Stop strings look at the answer's text only.
Status Take(std::vector<OutputEvent>& fresh, StopStrings& stops, AnswerView& view,
            std::vector<OutputEvent>& all) {
  const auto show = [&](OutputEvent event) -> Status {
    CARAT_TRY(view.Event(event));
    all.push_back(std::move(event));
    return {};
  };
  for (OutputEvent& event : fresh) {
    if (stops.hit()) break;
    const bool text = event.kind == OutputEvent::Kind::kText;
    // What was held back stands before an event of another kind.
    std::string ready = text ? stops.Push(event.text) : stops.Finish();
    if (!ready.empty()) {
      CARAT_TRY(show(TextEvent(std::move(ready))));
    }
    if (!text) {
      CARAT_TRY(show(std::move(event)));
    }
  }
  fresh.clear();
  return {};
}

// Content as one text: a string, or the texts of its parts.
std::string TextOf(const Json* content) {
  std::string text;
  if (content != nullptr && content->is_string()) text = content->string();
  if (content != nullptr && content->is_array()) {
    for (const Json& part : content->array()) {
      const Json* piece = part.Find("text");
      if (piece != nullptr && piece->is_string()) text += piece->string();
    }
  }
  return text;
}

// Messages that `carat run` can go on with: text and media of the known roles.
Result<RenderedPrompt> CheckLoaded(const Json& messages, const std::string& path) {
  const JsonView view(messages, path);
  if (!messages.is_array()) return Fail(view.Wrong("an array of messages"));
  for (size_t i = 0; i < messages.array().size(); ++i) {
    const JsonView message = view.At(i);
    CARAT_ASSIGN(const std::string role, message.String("role"));
    if (role != "system" && role != "developer" && role != "user" && role != "assistant" &&
        role != "tool") {
      return Fail({.what = "no such role",
                   .where = message.path() + ".role",
                   .wanted = "system, developer, user, assistant or tool",
                   .found = role.substr(0, 40)});
    }
  }
  auto rendered = RenderPrompt(messages, nullptr, {});
  if (!rendered) return Fail(Within(path, rendered.error()));
  return rendered;
}

}  // namespace

Conversation::Conversation(Session& session, const Tokenizer& tokenizer, Options options)
    : session_(session),
      tokenizer_(tokenizer),
      options_(std::move(options)),
      reader_(MediaReading::kConversation, AppDecoder()) {
  Clear();
}

void Conversation::Clear() {
  messages_ = Json(Json::Array());
  media_.clear();
  Detach();
  file_.clear();
  if (!options_.system.empty()) AddMessage("system", options_.system);
}

void Conversation::SetSystem(const std::string& text) {
  options_.system = text;
  Clear();
}

Status Conversation::Save(const std::string& path) {
  std::error_code ignored;
  if (path != file_ && std::filesystem::is_regular_file(path, ignored)) {
    return Fail({.what = "the file exists already, and this conversation did not write it",
                 .where = path,
                 .wanted = "another name"});
  }
  CARAT_TRY(WriteFileAtomic(path, AsBytes(messages_.Dump(2) + "\n"), 0600));
  file_ = path;
  return {};
}

Status Conversation::Load(const std::string& path) {
  CARAT_ASSIGN(Json messages, ReadJsonFile(path));
  CARAT_ASSIGN(const RenderedPrompt rendered, CheckLoaded(messages, path));
  const auto requests = MediaRequestsOf(rendered);
  if (!requests) return Fail(Within(path, requests.error()));
  const size_t text = ToPrompt(tokenizer_, rendered).ids.size();  // without the media
  std::vector<MediaPart> media;
  for (const MediaRequest& request : *requests) {
    auto part = Read(request, text + Places(media));
    if (!part) return Fail(Within(path, part.error()));
    media.push_back(*std::move(part));
  }
  if (const size_t all = text + Places(media); all > static_cast<size_t>(session_.context())) {
    return Fail({.code = ErrorCode::kContextFull,
                 .what = "the conversation does not fit the context",
                 .where = path,
                 .wanted = fmt::format("at most {} tokens", session_.context()),
                 .found = std::to_string(all)});
  }
  messages_ = std::move(messages);
  media_ = std::move(media);
  Detach();
  options_.system.clear();
  if (num_messages() > 0) {
    const Json& first = messages_.array().front();
    const std::string& role = first.Find("role")->string();
    const Json* content = first.Find("content");
    if (role == "system" || role == "developer") options_.system = TextOf(content);
  }
  file_ = path;
  return {};
}

Result<MediaPart> Conversation::Read(const MediaRequest& request, size_t taken) const {
  const auto context = static_cast<size_t>(session_.context());
  taken += std::min(kQuestionAndAnswer, context / 8);
  CARAT_ASSIGN(MediaReader::Read read, reader_.Get(request, context > taken ? context - taken : 0));
  PrintErr("{}\n", EscapeLine(read.summary));
  if (!read.warning.empty()) PrintWarnings({read.warning});
  return std::move(read.part);
}

Result<MediaPart> Conversation::Attach(const MediaRequest& request) {
  CARAT_ASSIGN(const RenderedPrompt rendered, RenderPrompt(messages_, nullptr, {}));
  size_t taken = ToPrompt(tokenizer_, rendered).ids.size() + Places(media_);
  for (const Attached& other : attached_) taken += Places(std::span(&other.part, 1));
  CARAT_ASSIGN(MediaPart part, Read(request, taken));
  attached_.push_back({request, part});
  return part;
}

void Conversation::Detach(size_t keep) { attached_.resize(std::min(keep, attached_.size())); }

Status Conversation::Answer(const std::string& text, AnswerView& view) {
  const size_t before = num_messages(), media_before = media_.size();
  if (attached_.empty()) {
    AddMessage("user", text);
  } else {
    Json::Array parts;  // media before text, as the model was taught
    for (const Attached& one : attached_) {
      parts.push_back(ToJson(one.request));
      media_.push_back(one.part);
    }
    if (!text.empty()) parts.push_back(TextPart(text));
    AddMessage("user", std::move(parts));
  }
  Status done = Stream(view);
  if (!done) view.Broken(done.error());
  // Without an answer it is as if nobody had asked.
  if (!done || num_messages() == before + 1) {
    messages_.array().resize(before);
    media_.resize(media_before);
  } else {
    Detach();
  }
  return done;
}

void Conversation::AddMessage(std::string_view role, Json content) {
  Json message;
  message.Set("role", role);
  message.Set("content", std::move(content));
  messages_.array().push_back(std::move(message));
}

Status Conversation::Stream(AnswerView& view) {
  CARAT_ASSIGN(const RenderedPrompt rendered,
               RenderPrompt(messages_, nullptr, {.enable_thinking = options_.think}));
  CARAT_ASSIGN(const Prompt prompt, ToPrompt(tokenizer_, rendered, media_));
  AnswerStats stats;
  stats.prompt_tokens = prompt.ids.size();
  const double start = Now();
  CARAT_ASSIGN(stats.sync, session_.SyncTo(prompt, [&](size_t done, size_t total) {
    view.Prefill(done, total);
    return !Interrupted();
  }));
  const double read = Now();
  GenerateOptions generating = options_.generating;
  generating.sampling.seed = stats.seed = seed_ =
      options_.seed ? *options_.seed : std::random_device()();
  CARAT_ASSIGN(Generation answer, Generation::Create(session_, std::move(generating)));
  const Speculator* speculator = session_.speculator();
  const DraftCounts before = speculator != nullptr ? speculator->counts() : DraftCounts();
  std::vector<OutputEvent> all;
  CARAT_ASSIGN(stats.reason, Decode(answer, rendered.opens_thought, view, all));
  // An answer without a word is one all the same, unless Ctrl-C came before it began.
  if (!all.empty() || stats.reason != "cancelled")
    messages_.array().push_back(AssistantMessage(all));
  stats.tokens = answer.num_tokens();
  stats.prefill_seconds = read - start;
  stats.seconds = Now() - read;
  stats.drafting = DescribeDrafting(session_, before);
  if (speculator != nullptr) stats.drafts = speculator->counts() - before;
  stats.used = session_.size();
  stats.context = session_.context();
  view.Done(stats);
  return {};
}

// The answer's events into `all`; why it ended.
Result<std::string_view> Conversation::Decode(Generation& answer, bool opens_thought,
                                              AnswerView& view, std::vector<OutputEvent>& all) {
  OutputParser parser(tokenizer_, opens_thought);
  StopStrings stops(options_.stop);
  std::vector<OutputEvent> fresh;
  StopReason reason = StopReason::kNone;
  while (!answer.done() && !Interrupted() && !stops.hit()) {
    CARAT_ASSIGN(const GenerateStep step, answer.Step(parser.text_kind()));
    reason = step.reason;
    if (step.id < 0) continue;
    parser.Push(step.id, fresh);
    CARAT_TRY(Take(fresh, stops, view, all));
  }
  parser.Finish(fresh);
  CARAT_TRY(Take(fresh, stops, view, all));
  if (std::string rest = stops.Finish(); !rest.empty()) {
    all.push_back(TextEvent(std::move(rest)));
    CARAT_TRY(view.Event(all.back()));
  }
  if (stops.hit()) return "stop_string";
  return reason == StopReason::kNone ? "cancelled" : StopReasonName(reason);
}

}  // namespace carat
