// UTF-8, as the Unicode Standard 15 defines well-formed sequences (section 3.9, table 3-7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace carat {

inline constexpr char32_t kReplacement = 0xFFFD;

// One step of decoding. `size` is the number of bytes to advance, at least 1 where input is left.
// For ill-formed input `valid` is false, `code` is U+FFFD and `size` covers the maximal subpart
// (Unicode 3.9, "best practice", which is also what Python's errors="replace" does).
struct Utf8Step {
  char32_t code = 0;
  size_t size = 0;
  bool valid = false;
};

// Decodes at `text[at]`; at < text.size().
Utf8Step DecodeUtf8(std::string_view text, size_t at);

// Appends the code point's bytes. Surrogates and values above U+10FFFF become U+FFFD.
void AppendUtf8(char32_t code, std::string& out);

bool IsValidUtf8(std::string_view text);

// The same text with every ill-formed part replaced by U+FFFD.
std::string SanitizeUtf8(std::string_view text);

// The beginning of a text in quotes, sanitized, for error messages.
std::string Quoted(std::string_view text, size_t most_bytes = 80);

// Characters that steer a terminal or turn the direction of text: C0 and C1 controls (newline and
// tab included), DEL, and the bidirectional controls of Unicode's annex 9.
bool IsTerminalControl(char32_t code);

// How many bytes at the end of `text` may be the beginning of a sequence that is not complete yet
// (0 to 3). What stands before them can be shown at once.
size_t IncompleteUtf8Tail(std::string_view text);

}  // namespace carat
