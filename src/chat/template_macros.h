// The small macros of the chat template: values in the model's own notation, tool responses, and
// the removal of thoughts. format_function_declaration is in tool_declaration.h. Pure; none can
// fail.
#pragma once

#include <string>
#include <string_view>

#include "chat/prompt_text.h"
#include "io/json.h"

namespace carat {

// Writes a comma before every member of a list but the first. Borrows `out`.
class Commas {
 public:
  explicit Commas(PromptText& out) : out_(out) {}
  void Next() {
    if (!first_) out_.Template(",");
    first_ = false;
  }

 private:
  PromptText& out_;
  bool first_ = true;
};

// <|"|>text<|"|>
void Quoted(std::string_view text, PromptText& out);

// How a mapping's keys are written: bare in calls and responses, between <|"|> in schemas.
enum class Keys { kBare, kQuoted };

// format_argument. A null pointer is Jinja's undefined, which the macro takes for an empty
// sequence.
void FormatArgument(const Json* value, Keys keys, PromptText& out);

// format_tool_response_block. Without a name the template's own "unknown" stands there; a null
// `response` is undefined.
void FormatToolResponse(const std::string* name, const Json* response, PromptText& out);

// strip_thinking: of every piece that ends at <channel|>, what stands before its first <|channel>.
std::string StripThinking(std::string_view text);

}  // namespace carat
