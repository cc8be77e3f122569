// Media to soft tokens with an engine's embedders.
#pragma once

#include <cstddef>
#include <span>

#include "engine/engine.h"
#include "engine/medium.h"
#include "ops/context.h"

namespace carat {

// An error (kUnsupported) if the model's files hold no embedder for this kind, or one that has
// fewer places than the picture has columns or rows.
Status CheckTakes(const Engine& engine, const Medium& medium);
// The first half alone.
Status CheckTakes(const Engine& engine, MediumKind kind);

// The soft tokens first … first + count - 1 of a medium, out [count, H]; of a picture or a frame
// all of them. Precondition: CheckTakes.
void EmbedTokens(const Engine& engine, OpContext& context, const Medium& medium, size_t first,
                 size_t count, std::span<float> out);

}  // namespace carat
