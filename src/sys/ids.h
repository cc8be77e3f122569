// Names for requests and answers that nobody can guess.
#pragma once

#include <string>
#include <string_view>

namespace carat {

// The prefix and 24 letters and digits of 142 random bits.
std::string NewId(std::string_view prefix);

}  // namespace carat
