// What may stand in kept messages, and the media that they name.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "history/history.h"
#include "io/json.h"

namespace carat {

// The body of a message as a client sends it, when it is sound. A question is {"content": a text or
// parts} (branch.h); an answer also what a Recorder writes. Errors name the member.
Result<Json> CheckedBody(const Json& body, const std::string& where, bool question);

// Keeps bytes under the type that they show. kUnsupported: none that carat takes.
Result<HistoryMedium> KeepSniffed(History& history, const std::string& owner,
                                  std::span<const std::byte> bytes, const std::string& where);

}  // namespace carat
