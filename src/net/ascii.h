// Characters as the wire has them: no locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace carat::net {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

inline bool IsAlphanumeric(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 9110, section 5.6.2: methods and names of fields.
inline bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return IsAlphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

inline std::string LowerAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace carat::net
