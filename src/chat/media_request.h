// What a conversation asks to be seen or heard: from the parts of messages to requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/media_parts.h"
#include "chat/template.h"
#include "io/json.h"

namespace carat {

inline constexpr size_t kAutoBudget = 0;  // chosen from the picture

// A medium as it was asked for.
struct MediaRequest {
  PartKind kind = PartKind::kImage;
  std::string path = {};  // or a data: URL
  // Of a picture in soft tokens, or kAutoBudget; absent: as MediaReading says.
  std::optional<size_t> budget = {};
  int64_t frames = 0;      // of a video; 0: kDefaultFrames
  double fps = 0;          // of a video, if > 0: frames per second instead
  std::string place = {};  // what errors call it; empty: its path in the messages
};

inline constexpr int64_t kDefaultFrames = 32;  // as the reference processor
inline constexpr double kMaxFps = 1000;

std::string_view TypeOf(PartKind kind);  // "image", "audio", "video"

// A text as a part of a message.
Json TextPart(std::string text);
// A request as a part of a message: {"type", "path"} and what else it says.
Json ToJson(const MediaRequest& request);

// The requests of a rendered conversation in the order of its placeholders. Parts are those of
// ToJson, {"type": "image_url", "image_url": {"url"}} and {"type": "input_audio", "input_audio":
// {"data"}}; URLs are data: URLs, others are refused. A member that the kind does not have is an
// error.
Result<std::vector<MediaRequest>> MediaRequestsOf(const RenderedPrompt& rendered);

}  // namespace carat
