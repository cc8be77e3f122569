// Patterns for the formats of strings that are honoured exactly.
#pragma once

#include <string_view>

namespace carat {

// An expression (regex.h), or nothing if the format is not known.
std::string_view FormatPattern(std::string_view format);

}  // namespace carat
