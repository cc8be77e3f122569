#include "apps/terminal.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace carat {
namespace {

bool IsUnsafe(char32_t c) {
  if (c == '\n' || c == '\t') return false;
  const bool control = c < 0x20 || (c >= 0x7F && c <= 0x9F);
  const bool direction = c == 0x061C || c == 0x200E || c == 0x200F ||
                         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  return control || direction;
}

}  // namespace

std::string EscapeForTerminal(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = DecodeUtf8(text, at);
    if (IsUnsafe(step.code)) {
      out += fmt::format("<U+{:04X}>", static_cast<unsigned>(step.code));
    } else {
      AppendUtf8(step.code, out);
    }
    at += step.size;
  }
  return out;
}

}  // namespace carat
