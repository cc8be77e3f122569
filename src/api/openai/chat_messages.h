// The messages of Chat Completions to those of chat/template.h, one to one.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/json.h"

namespace carat {

// The array under the same paths ("messages[2].content[0]"). Roles are system, developer (which
// becomes system), user, assistant and tool; function, the old form, is refused. Media may stand in
// messages of users and tools. Every tool message must answer a call of the assistant message
// before it, since the template leaves others out. `warnings`: what the model will not see.
Result<Json> ReadChatMessages(const Json& messages, std::vector<std::string>& warnings);

}  // namespace carat
