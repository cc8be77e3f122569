// A branch of a kept conversation, as a request for Chat Completions.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "history/history.h"
#include "io/json.h"

namespace carat {

// What stands for a medium in a request: a data: URL. Errors: kNotFound.
using MediumUrl = std::function<Result<std::string>(const std::string& hash)>;

// {"messages", and what the conversation's settings say}: the messages from the first to `leaf`,
// behind the settings' "system". Other members of the settings are those of the dialect, but for
// "page", which is of whoever shows the conversation.
//
// A part of a kept message is {"type": "text", "text", "name"?}, {"type": "image", "media",
// "budget"?}, {"type": "audio", "media"} or {"type": "video", "media", "frames"?}. Answers without
// any text are left out with the question before them, since the template would show them as
// silence.
Result<Json> ChatRequestOf(const HistoryConversation& conversation, const std::string& leaf,
                           const MediumUrl& url);

// The messages from the first to `leaf`, oldest first. kNotFound.
Result<std::vector<const HistoryMessage*>> BranchTo(const HistoryConversation& conversation,
                                                    const std::string& leaf);

// Whether settings are such that a request can be made of them. Errors name the member.
Status CheckSettings(const Json& settings);

}  // namespace carat
