// The items of OpenAI's Responses: what a conversation consists of there, as messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/json.h"

namespace carat {

// An item and its place in the request ("input[2]"). Borrows.
struct PlacedItem {
  const Json* item = nullptr;
  std::string path = {};
};

// Items to messages in OpenAI's Chat form, as Ask wants them:
//   message                 a message; what the assistant said, as one message each
//   function_call           calls in a row become one assistant message with tool_calls
//   function_call_output    a tool message; it must answer a call before it, and every call must
//                           have one before anybody speaks again
//   reasoning               goes with the assistant's next message; the template decides whether
//   the
//                           model sees it. Of other servers' encrypted thoughts nothing is left.
// `instructions` and the system and developer messages at the beginning become one system message.
// Errors name the value; other types of items are kUnsupported.
Result<Json> MessagesOf(const std::string& instructions, const std::vector<PlacedItem>& items);

// An item as it is listed and kept: with an id, a type, and content as a list of parts. `id` counts
// where it has none.
Json KeptItem(Json item, const std::string& id);

// The text of a thought as `encrypted_content` has it, for clients that keep the conversation
// themselves. It is no secret: the same text stands in the item's content.
std::string SealedThought(std::string_view text);

}  // namespace carat
