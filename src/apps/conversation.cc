#include "apps/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "apps/input.h"
#include "apps/media_options.h"
#include "apps/output.h"
#include "apps/terminal.h"
#include "base/bytes.h"
#include "io/file.h"

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

Conversation::Conversation(Answerer& answerer, Options options)
    : answerer_(answerer),
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
  const size_t text = answerer_.Positions(rendered);
  std::vector<MediaPart> media;
  for (const MediaRequest& request : *requests) {
    auto part = Read(request, text + Places(media));
    if (!part) return Fail(Within(path, part.error()));
    if (const Status taken = answerer_.Take(request, *part); !taken)
      return Fail(Within(path, taken.error()));
    media.push_back(*std::move(part));
  }
  const auto context = static_cast<size_t>(answerer_.context());
  if (const size_t all = text + Places(media); context > 0 && all > context) {
    return Fail({.code = ErrorCode::kContextFull,
                 .what = "the conversation does not fit the context",
                 .where = path,
                 .wanted = fmt::format("at most {} tokens", context),
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
  // Whose context is not known here counts itself.
  const auto context =
      answerer_.context() > 0 ? static_cast<size_t>(answerer_.context()) : kLongestContext;
  taken += std::min(kQuestionAndAnswer, context / 8);
  CARAT_ASSIGN(MediaReader::Read read, reader_.Get(request, context > taken ? context - taken : 0));
  PrintErr("{}\n", EscapeLine(read.summary));
  if (!read.warning.empty()) PrintWarnings({read.warning});
  return std::move(read.part);
}

Result<MediaPart> Conversation::Attach(const MediaRequest& request) {
  CARAT_ASSIGN(const RenderedPrompt rendered, RenderPrompt(messages_, nullptr, {}));
  size_t taken = answerer_.Positions(rendered) + Places(media_);
  for (const Attached& other : attached_) taken += Places(std::span(&other.part, 1));
  CARAT_ASSIGN(MediaPart part, Read(request, taken));
  CARAT_TRY(answerer_.Take(request, part));
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
  Status done = Ask(view);
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

Status Conversation::Ask(AnswerView& view) {
  CARAT_ASSIGN(MadeAnswer made, answerer_.Answer({.messages = messages_,
                                                  .media = media_,
                                                  .think = options_.think,
                                                  .stop = options_.stop,
                                                  .seed = options_.seed},
                                                 view));
  seed_ = made.stats.seed;
  if (!made.message.is_null()) messages_.array().push_back(std::move(made.message));
  return {};
}

}  // namespace carat
