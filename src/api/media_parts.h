// Media in the messages of every dialect: to the parts that chat/media_request.h reads. No part
// leads to a file or an address: what is not a data: URL ends here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/fields.h"
#include "base/result.h"
#include "chat/media_request.h"
#include "io/json.h"

namespace carat {

// The part for a medium whose `path` is a URL as a client wrote it at `where`. kUnsupported: http:,
// https: and file: addresses, and whatever else is no data: URL in base64; the message says why.
Result<Json> MediaPartOf(const MediaRequest& medium, const std::string& where);
// The data: URL of base64 text without one. `type`: "image/png", or "wav", which becomes
// "audio/wav" by the kind. Errors: a type that is none.
Result<std::string> DataUrlOf(PartKind kind, std::string_view type, std::string_view base64,
                              const std::string& where);

// Reads `detail`: "low" is 70 soft tokens, "high" and "original" 1120, "auto" absent.
Result<std::optional<size_t>> TakeDetail(Fields& fields);
// Reads carat's own `budget`: 70, 140, 280, 560, 1120 or "auto".
Result<std::optional<size_t>> TakeBudget(Fields& fields);
// Reads `frames` and `fps` of a film into `medium`.
Status TakeFilm(Fields& fields, MediaRequest& medium);

// A part of a message in the form of Chat Completions:
//   {"type": "text", "text"}, {"type": "refusal", "refusal"}
//   {"type": "image_url", "image_url": {"url", "detail"}, "budget"}
//   {"type": "input_audio", "input_audio": {"data", "format"}}
//   {"type": "audio_url", "audio_url": {"url"}}                        as vLLM
//   {"type": "video_url", "video_url": {"url"}, "frames" or "fps"}     as vLLM
Result<Json> ChatPart(const Json& part, const std::string& path);

}  // namespace carat
