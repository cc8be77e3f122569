// The notation in which Gemma 4 writes a tool call: call:NAME{key:value,…} (specification 8.3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/json.h"

namespace carat {

// The text of the token <|"|>, which delimits strings.
inline constexpr std::string_view kQuoteToken = "<|\"|>";

// What stood between <|tool_call> and <tool_call|>. Strings are delimited by a token, not by text:
// only the offsets in `quotes` (ascending) are delimiters, each covering kQuoteToken's bytes in
// `text`. The same bytes anywhere else are content.
struct ToolCallText {
  std::string text;  // may be ill-formed UTF-8
  std::vector<size_t> quotes;
};

struct ToolCall {
  std::string name;
  Json arguments;  // an object; members in the order in which the model wrote them
};

inline constexpr int kMaxArgumentDepth = 64;  // as io/json.h has for what comes back in a request

// Reads
//   call    = "call:" NAME object
//   object  = "{" [ key ":" value { "," key ":" value } ] "}"
//   value   = object | "[" [ value { "," value } ] "]" | string | number | true | false | null
// with whitespace anywhere between the parts, and these known slips of models, without guessing: no
// "call:", keys in quotes (of either sort), strings as JSON strings in plain double quotes, strings
// without quotes (up to the next , } or ]). Everything else is an error that says what was wrong at
// which offset, repeated keys and nesting deeper than kMaxArgumentDepth included. Ill-formed UTF-8
// in names and strings becomes U+FFFD. Linear time.
Result<ToolCall> ParseToolCall(const ToolCallText& call);

}  // namespace carat
