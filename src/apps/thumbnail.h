// A small picture in the terminal, where it can show one.
#pragma once

#include <string>
#include <string_view>

#include "media/resize.h"

namespace carat {

enum class Graphics { kNone, kKitty, kSixel };

// By the terminal's name in the environment; kNone if standard error is none.
Graphics NamedGraphics();
// Asks the terminal on standard input and standard error whether it knows sixel, and waits a moment
// for the answer; `typed` gets what a person typed meanwhile. For a program in the foreground that
// gives the terminal back when it is ended (line_editor.h).
Graphics AskedGraphics(std::string& typed);
// The first whole answer to the question for a terminal's attributes (ECMA-48, DA) in what was
// read,
// "\x1b[?…c"; empty if there is none.
std::string_view Attributes(std::string_view read);
bool HasSixel(std::string_view attributes);

// The picture, reduced, as the escape sequence that shows it, with a newline; empty for kNone.
std::string Thumbnail(const Pixels& pixels, Graphics graphics);

}  // namespace carat
