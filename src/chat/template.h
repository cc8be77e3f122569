// Google's chat template for Gemma 4, in C++: messages and tools to the text of a prompt.
//
// template.cc follows the official Jinja file (kTemplateSha256) block by block and renders what
// jinja2 renders from it in transformers' environment, byte for byte, for every JSON input; where
// Jinja would raise, RenderPrompt returns an error that names the field. One deviation, because
// OpenAI clients send it: tool_calls[].function.arguments may be the JSON text of an object.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/json.h"
#include "tokenizer/tokenizer.h"

namespace carat {

inline constexpr std::string_view kTemplateVersion = "2026-07-09";
inline constexpr std::string_view kTemplateSha256 =
    "ae53464bf3be25802b3a5b37def7fd89667067d7577049b3b2d74c4d8de4c6d4";

// Whether a file's template is the one that RenderPrompt renders, white space at its end aside.
bool IsOurTemplate(std::string_view text);

struct TemplateOptions {
  bool add_generation_prompt = true;  // end with the beginning of the model's turn
  bool enable_thinking = false;       // let the model think before it answers
  bool preserve_thinking = false;     // keep earlier turns' thoughts where they led to tool calls
};

// A part of a message that is a medium.
struct MediaSlot {
  const Json* part;  // borrowed from the messages
  std::string path;  // "messages[2].content[0]"
};

struct RenderedPrompt {
  // Begins with "<bos>". Media stand as <|image|>, <|audio|> and <|video|>, one per part, in order.
  std::string text;

  // The media parts in the order of their placeholders.
  std::vector<MediaSlot> media;

  // Every byte of `text` that came from messages or tools, so must never be read as a control
  // token. Sorted, disjoint, merged where they touch. What the template wrote itself lies outside.
  std::vector<TextRange> literal;

  // Offsets in `text` where a snapshot of the cache pays, ascending and unique: behind the system
  // block, if there is one, and before what add_generation_prompt adds (which may be nothing, after
  // an open tool response), if it is set.
  std::vector<size_t> boundaries;

  // The prompt ends inside a thought that the generation prompt opened: the model's first token is
  // thinking already (OutputParser's starts_in_thought).
  bool opens_thought = false;

  // Sentences for people, each with the path of a tool's schema keyword that the model will not
  // see.
  std::vector<std::string> warnings;
};

// `messages` is the array of messages, `tools` the array of tool definitions or a null pointer,
// both in OpenAI's form. Errors: `where` is a path such as
// "messages[2].tool_calls[0].function.arguments". Thread-safe; linear in the input but for the
// case-insensitive sorting of object members and the template's own look-ahead over runs of tool
// messages.
Result<RenderedPrompt> RenderPrompt(const Json& messages, const Json* tools,
                                    const TemplateOptions& options);

}  // namespace carat
