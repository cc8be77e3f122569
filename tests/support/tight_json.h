// JSON text without the spaces that Json::Dump puts between values, for short expectations.
#pragma once

#include <string>

namespace carat {

// For text whose strings hold neither ", " nor ": ".
inline std::string Tight(std::string text) {
  for (const char* const wide : {"\": ", ", "}) {
    for (size_t at = 0; (at = text.find(wide, at)) != std::string::npos; ++at) {
      text.erase(text.find(' ', at), 1);
    }
  }
  return text;
}

// Without the members "place", by which errors name a medium.
inline std::string WithoutPlaces(std::string text) {
  for (size_t at = 0; (at = text.find(", \"place\": \"", at)) != std::string::npos;) {
    text.erase(at, text.find('"', at + 13) + 1 - at);
  }
  return text;
}

}  // namespace carat
