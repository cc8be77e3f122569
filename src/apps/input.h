// What the commands share: where a prompt comes from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/media_parts.h"
#include "chat/media_request.h"
#include "chat/template.h"
#include "engine/engine.h"
#include "engine/prompt.h"

namespace carat {

// One of these must be given.
struct PromptSource {
  std::optional<std::string> ids;       // file with a JSON array of ids
  std::optional<std::string> messages;  // file with OpenAI-style messages
  // File with a rendered prompt; control tokens are parsed, no <bos> is added.
  std::optional<std::string> prompt;
  std::optional<std::string> text;   // plain text
  std::optional<std::string> tools;  // file with OpenAI-style tools, beside messages
  bool thinking = false;
  bool preserve_thinking = false;
  bool no_generation_prompt = false;
  std::vector<MediaRequest> media;  // beside --prompt: one for each placeholder, in order
  bool bare = false;                // placeholders of --prompt may stand as they are, without media
};

inline constexpr size_t kLongestContext = 262'144;    // of the family
inline constexpr size_t kMaxPromptBytes = 64u << 20;  // of a prompt, and of a file of messages

Result<Json> ReadJsonFile(const std::string& path);
// Renders --messages (and --tools).
Result<RenderedPrompt> RenderSource(const PromptSource& source);
// Media as the reference reads them; what there is to warn of goes to standard error. `room`: the
// most soft tokens of all of them.
Result<std::vector<MediaPart>> ReadMedia(const std::vector<MediaRequest>& media, size_t room);
// The prompt of whichever source is given, with its media as the reference reads them. What
// rendering warns of goes to standard error. `room`: the most soft tokens of all media.
Result<Prompt> ReadPrompt(const PromptSource& source, const Tokenizer* tokenizer, size_t room);

// Without white space at its ends.
std::string Trimmed(std::string_view text);

}  // namespace carat
