// Blocks that a user or a tool sends, as parts of messages (chat/media_request.h).
#pragma once

#include <string>

#include "base/result.h"
#include "io/json.h"

namespace carat {

enum class BlockMedia { kAllowed, kRefused };

// A string or an array of blocks: text, image, document, search_result, audio, video. `what` names
// the value in errors.
Result<Json> ContentOf(const Json& content, const std::string& where, BlockMedia media);
// Appends the parts of one such block.
Status AppendBlock(const Json& block, const std::string& where, BlockMedia media,
                   Json::Array& parts);

}  // namespace carat
