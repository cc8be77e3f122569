// The two integers that every room passes around.
#pragma once

#include <cstdint>

namespace carat {

using TokenId = int32_t;  // an index into the vocabulary; never negative in valid data
using Pos = int64_t;      // a position in a timeline, 0 = first token

}  // namespace carat
