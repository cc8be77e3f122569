// Writes messages to the parent.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "media/resize.h"
#include "media/wire.h"

namespace carat::decode {

// Each writes one message to standard output. A parent that is gone ends the process.
void SendError(const Error& error);
void SendInfo(const wire::Info& info);
void SendPicture(wire::Kind kind, const Pixels& pixels, int64_t index, double seconds);
void SendSamples(std::span<const float> samples);
// At most every kProgressMs; more often it does nothing.
void SendProgress(double share);
void SendDamaged();
void SendEnd();

}  // namespace carat::decode
