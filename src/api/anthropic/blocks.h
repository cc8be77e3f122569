// Content blocks of Anthropic's Messages, as messages in OpenAI's Chat form.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/json.h"

namespace carat {

// `system` may be null: none. Tool results become tool messages; what an assistant says and what it
// calls become two messages, in the order in which a model writes them. Errors name the value.
Result<Json> ReadAnthropicMessages(const Json* system, const Json& messages);

// The signature of a thought. It proves nothing: it is the same for the same text. `whole`: the
// text can be read from it.
std::string ThoughtSignature(std::string_view text, bool whole);

}  // namespace carat
