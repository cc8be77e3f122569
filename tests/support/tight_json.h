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

}  // namespace carat
