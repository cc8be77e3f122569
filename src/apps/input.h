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

// "~/…" with the home directory in front.
std::string ExpandHome(const std::string& path);

// A path as it stands, the name of a model in ModelFolder(), or "point"; without a name, the only
// text model in ModelFolder(), or carat-point where that holds none. Errors say where was looked
// and what is there.
Result<std::filesystem::path> ChooseModel(const std::string& name);
// Opens the model that ChooseModel takes; `options` say the rest. Warnings go to standard error,
// and with `say` also which model it is, where nobody named one or it is carat-point.
Result<std::unique_ptr<Engine>> OpenModel(const std::string& name, EngineOptions options, bool say);
// carat-point, which carat brings along: beside the installed program or in its source tree. Absent
// where neither holds it.
std::optional<std::filesystem::path> PointModel();
// $XDG_DATA_HOME/carat/models, or ~/.local/share/carat/models.
std::filesystem::path ModelFolder();

}  // namespace carat
