// A small picture in the terminal, where it can show one.
#pragma once

#include <string>
#include <string_view>

#include "media/resize.h"

namespace carat {

enum class Graphics { kNone, kKitty, kSixel };

// What the terminal on standard input and standard error shows: by its name in the environment, or
// it is asked, and a moment waited for the answer. kNone where they are no terminal.
Graphics TerminalGraphics();
// Whether a terminal's answer to the question for its attributes (ECMA-48, DA) has sixel.
bool HasSixel(std::string_view answer);

// The picture, reduced, as the escape sequence that shows it, with a newline; empty for kNone.
std::string Thumbnail(const Pixels& pixels, Graphics graphics);

}  // namespace carat
