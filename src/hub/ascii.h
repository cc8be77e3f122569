// Letters as the wire has them: no locale.
#pragma once

#include <string>
#include <string_view>

namespace carat {

inline std::string LowerAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace carat
