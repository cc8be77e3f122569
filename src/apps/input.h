// What the commands share: where a prompt comes from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "chat/template.h"
#include "engine/engine.h"
#include "engine/prompt.h"

namespace carat {

// One of these must be given.
struct PromptSource {
  std::string ids;       // file with a JSON array of ids
  std::string messages;  // file with OpenAI-style messages
  std::string prompt;  // file with a rendered prompt; control tokens are parsed, no <bos> is added
  std::string text;    // plain text
  std::string tools;   // file with OpenAI-style tools, beside messages
  bool thinking = false;
  bool preserve_thinking = false;
  bool no_generation_prompt = false;
};

Result<Json> ReadJsonFile(const std::string& path);
// Renders --messages (and --tools).
Result<RenderedPrompt> RenderSource(const PromptSource& source);
// The ids of whichever source is given.
Result<Prompt> ReadPrompt(const PromptSource& source, const Tokenizer* tokenizer);

// A path as it stands, or the name of a model in `folder`.
std::filesystem::path FindModel(const std::string& name, const std::filesystem::path& folder);
// The same; without a name, the only text model in `folder`. Errors list what is there.
Result<std::filesystem::path> ChooseModel(const std::string& name,
                                          const std::filesystem::path& folder);
// $XDG_DATA_HOME/carat/models, or ~/.local/share/carat/models.
std::filesystem::path ModelFolder();

}  // namespace carat
