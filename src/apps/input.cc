#include "apps/input.h"

#include <algorithm>

#include "apps/media_options.h"
#include "apps/output.h"
#include "base/check.h"
#include "chat/media_reader.h"
#include "chat/prompt.h"
#include "io/file.h"
#include "io/json.h"

namespace carat {
namespace {

Result<std::vector<TokenId>> ParseIds(const Json& json, const std::string& path) {
  const JsonView view(json, path);
  if (!json.is_array()) return Fail(view.Wrong("an array of ids"));
  std::vector<TokenId> ids;
  for (size_t i = 0; i < json.array().size(); ++i) {
    const Json& id = json.array()[i];
    if (!id.is_int() || id.integer() < 0 || id.integer() > INT32_MAX)
      return Fail(view.At(i).Wrong("a token id"));
    ids.push_back(static_cast<TokenId>(id.integer()));
  }
  return ids;
}

Result<Prompt> WithMedia(const Tokenizer& tokenizer, const RenderedPrompt& rendered,
                         const std::vector<MediaRequest>& media, size_t room) {
  CARAT_ASSIGN(const std::vector<MediaPart> parts, ReadMedia(media, room));
  return ToPrompt(tokenizer, rendered, parts);
}

Result<RenderedPrompt> Render(const PromptSource& source, const Json& messages) {
  Json tools;
  if (source.tools) {
    CARAT_ASSIGN(tools, ReadJsonFile(*source.tools));
  }
  return RenderPrompt(messages, source.tools ? &tools : nullptr,
                      {.add_generation_prompt = !source.no_generation_prompt,
                       .enable_thinking = source.thinking,
                       .preserve_thinking = source.preserve_thinking});
}

}  // namespace

Result<Json> ReadJsonFile(const std::string& path) {
  CARAT_ASSIGN(const std::string text, ReadFile(path, kMaxPromptBytes));
  auto json = ParseJson(text);
  if (!json) return Fail(Within(path, json.error()));
  return json;
}

Result<std::vector<MediaPart>> ReadMedia(const std::vector<MediaRequest>& media, size_t room) {
  const MediaReader reader(MediaReading::kReference, AppDecoder());
  std::vector<std::string> warnings;
  auto parts = reader.Parts(media, room, warnings);
  PrintWarnings(warnings);
  return parts;
}

Result<RenderedPrompt> RenderSource(const PromptSource& source) {
  CARAT_CHECK(source.messages.has_value());
  CARAT_ASSIGN(const Json messages, ReadJsonFile(*source.messages));
  return Render(source, messages);
}

Result<Prompt> ReadPrompt(const PromptSource& source, const Tokenizer* tokenizer, size_t room) {
  const int given = source.ids.has_value() + source.messages.has_value() +
                    source.prompt.has_value() + source.text.has_value();
  if (given != 1) {
    return Fail({.what = "exactly one source of the prompt is needed",
                 .wanted = "--ids, --messages, --prompt or --text",
                 .found = std::to_string(given)});
  }
  Prompt prompt;
  if (source.ids) {
    CARAT_ASSIGN(const Json json, ReadJsonFile(*source.ids));
    CARAT_ASSIGN(prompt.ids, ParseIds(json, *source.ids));
    return prompt;
  }
  if (tokenizer == nullptr) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "the model files carry no tokenizer, so only --ids can be read"});
  }
  if (source.messages) {
    CARAT_ASSIGN(const Json messages, ReadJsonFile(*source.messages));
    CARAT_ASSIGN(const RenderedPrompt rendered, Render(source, messages));
    PrintWarnings(rendered.warnings);
    CARAT_ASSIGN(const std::vector<MediaRequest> media, MediaRequestsOf(rendered));
    return WithMedia(*tokenizer, rendered, media, room);
  }
  if (source.prompt) {
    RenderedPrompt rendered;
    CARAT_ASSIGN(rendered.text, ReadFile(*source.prompt, kMaxPromptBytes));
    if (source.bare && source.media.empty()) return ToPrompt(*tokenizer, rendered);
    return WithMedia(*tokenizer, rendered, source.media, room);
  }
  prompt.ids = tokenizer->EncodeText(*source.text);
  return prompt;
}

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1));
}

}  // namespace carat
