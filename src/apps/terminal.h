// Text that carat did not write, made safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace carat {

// Control characters other than newline and tab, and characters that change the direction of text,
// become <U+XXXX>. Input is whole code points (StreamDecoder), so nothing can hide in a split.
std::string EscapeForTerminal(std::string_view text);

}  // namespace carat
