#include "apps/terminal.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace carat {
namespace {

std::string Escape(std::string_view text, std::string_view allowed) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = DecodeUtf8(text, at);
    const bool passes = step.size == 1 && allowed.find(text[at]) != std::string_view::npos;
    if (IsTerminalControl(step.code) && !passes) {
      out += fmt::format("<U+{:04X}>", static_cast<unsigned>(step.code));
    } else {
      AppendUtf8(step.code, out);
    }
    at += step.size;
  }
  return out;
}

}  // namespace

std::string EscapeForTerminal(std::string_view text) { return Escape(text, "\n\t"); }
std::string EscapeLine(std::string_view text) { return Escape(text, ""); }

}  // namespace carat
