// `carat inspect media` and `carat inspect embed`.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "chat/media_request.h"
#include "engine/engine.h"
#include "io/json.h"

namespace carat {

// What is in a media file, and what it would cost: kind, type, sizes, seconds, and the soft tokens
// of a picture at each budget, of sound, and of a film's frames.
Result<Json> DescribeMedia(const std::string& path);
void PrintMedia(const Json& description);

// Writes the soft tokens of the media in order as float32 .npy [n, H].
Status WriteSoftTokens(Engine& engine, const std::vector<MediaRequest>& media,
                       const std::string& out);

}  // namespace carat
