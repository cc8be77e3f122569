// Text that carat did not write, made safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace carat {

// Characters that steer a terminal (IsTerminalControl) become <U+XXXX>, but for newlines and tabs.
// Input is whole code points, as OutputParser gives them, so that nothing can hide in a split.
std::string EscapeForTerminal(std::string_view text);

// The same for what must stay on one line: names, error texts, metadata. Newlines and tabs too.
std::string EscapeLine(std::string_view text);

}  // namespace carat
