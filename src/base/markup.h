// Text in the languages of angle brackets: SVG, WebVTT.
#pragma once

#include <string>
#include <string_view>

namespace carat {

// Marks that SVG and WebVTT would read in a text, as text.
std::string EscapeMarkup(std::string_view text);

}  // namespace carat
