// What drafting costs on this machine, measured before the first answer.
#pragma once

#include "engine/speculative/policy.h"
#include "model/decoder.h"
#include "model/mtp.h"
#include "ops/context.h"

namespace carat {

// Passes of 1, 2, … tokens and steps of the drafter, in turns and the fastest of each, in some
// tenths of a second: of a large model, two layers and a part of the head stand for the rest.
Result<DraftCosts> MeasureDraftCosts(OpContext& context, const Decoder& target,
                                     MtpDrafter& drafter);

}  // namespace carat
