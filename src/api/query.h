// What stands behind the '?' of an address.
#pragma once

#include <string_view>

#include "base/result.h"
#include "io/json.h"

namespace carat {

// An object, for Fields: "true" and "false" become booleans, digits integers, the rest strings; of
// "name[]" the values become an array. Errors: a name twice, a percent sign without two digits, no
// UTF-8, more than 64 members.
Result<Json> ParseQuery(std::string_view query);
// The same, with every value as a string.
Result<Json> ParseTexts(std::string_view query);

}  // namespace carat
