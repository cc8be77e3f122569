// Damage: whether all of a recording or a film could be read.
#pragma once

#include <cstdint>
#include <string_view>

namespace carat {

// kSome: a part could not be read and was left out, or was mended.
enum class Damage : uint8_t { kNone, kSome };

// What a user is told of it.
inline constexpr std::string_view kDamagedText = "it is damaged, and parts of it may be missing";

}  // namespace carat
