// Base64 (RFC 4648, section 4), as data: URLs carry it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace carat {

// White space between the letters is passed over; padding may be missing. Errors: another
// character, or a length that no bytes have.
Result<std::vector<uint8_t>> DecodeBase64(std::string_view text);

// With padding and without line breaks.
std::string EncodeBase64(std::span<const uint8_t> bytes);
std::string EncodeBase64(std::string_view bytes);

}  // namespace carat
