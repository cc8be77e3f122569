// Media in a rendered conversation: placeholders become marks and soft tokens (gemma4-12b
// specification, 5.7, section 6 and section 7).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/template.h"
#include "engine/medium.h"
#include "engine/prompt.h"
#include "tokenizer/tokenizer.h"

namespace carat {

enum class PartKind { kImage, kAudio, kVideo };

// What stands for one placeholder.
struct MediaPart {
  PartKind kind = PartKind::kImage;
  // One; of a video its frames; of a long recording its clips, in order.
  std::vector<std::shared_ptr<const Medium>> media;
  // When each of several stands in the film or the recording; empty for one picture or clip.
  std::vector<int64_t> seconds = {};
  std::string name = {};  // for errors
};

// The soft tokens of a part.
size_t NumTokens(const MediaPart& part);

// "MM:SS"; minutes may have more digits.
std::string TimeStamp(int64_t seconds);

// The prompt with its media: the parts take the places of the placeholders in order. Errors: more
// placeholders than parts, more parts than placeholders, or a part of another kind; each names the
// first one.
Result<Prompt> ToPrompt(const Tokenizer& tokenizer, const RenderedPrompt& rendered,
                        std::span<const MediaPart> parts);

}  // namespace carat
