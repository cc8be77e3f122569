// The routes of OpenAI's Audio: speech to text.
#pragma once

#include "api/api.h"

namespace carat {

// A recording is decoded whole and cut at pauses; each piece is an Ask of its own, a few at a time.
// Silence is passed over. Longer recordings than kMaxRecordingSeconds are refused.
void CreateTranscription(Api& api, Call& call);  // POST /v1/audio/transcriptions
void CreateTranslation(Api& api, Call& call);    // POST /v1/audio/translations

// Its samples take 230 MB.
inline constexpr int kMaxRecordingSeconds = 3600;

}  // namespace carat
