// str.upper(), str.lower(), str.strip() and str.isprintable() as Python 3 has them, on UTF-8.
//
// The chat template is written for Jinja on Python, so these decide bytes of the prompt. Case
// mapping is the Unicode Standard's full, untailored one. Newly assigned characters follow
// libutf8proc's Unicode version (15 on Debian 12), not that of some Python. Ill-formed bytes pass
// through unchanged. Pure functions; cannot fail; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace carat {

std::string PythonUpper(std::string_view text);
std::string PythonLower(std::string_view text);

// Without the whitespace (str.isspace) at both ends. A view into `text`.
std::string_view PythonStrip(std::string_view text);

// Whether repr() shows the character itself instead of an escape.
bool PythonIsPrintable(char32_t code);

}  // namespace carat
