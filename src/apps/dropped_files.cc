#include "apps/dropped_files.h"

#include <algorithm>
#include <charconv>

namespace carat {
namespace {

constexpr std::string_view kBlank = " \t\n";

// The first word as a shell reads it, and where it ends. Empty: no whole word.
struct Word {
  std::string text;
  size_t end = 0;
};
Word FirstWord(std::string_view line) {
  Word word;
  char quote = 0;
  size_t at = 0;
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '\\' && quote != '\'' && at + 1 < line.size()) {
      word.text += line[++at];
    } else if (quote != 0 ? c == quote : c == '\'' || c == '"') {
      quote = quote != 0 ? 0 : c;
    } else if (quote == 0 && kBlank.find(c) != std::string_view::npos) {
      break;
    } else {
      word.text += c;
    }
  }
  if (quote != 0) return {};
  word.end = at;
  return word;
}

// file://HOST/a%20b to /a b; other text as it is.
std::string PathOf(const std::string& text) {
  constexpr std::string_view kScheme = "file://";
  if (!text.starts_with(kScheme)) return text;
  const size_t begin = text.find('/', kScheme.size());
  if (begin == std::string::npos) return text;
  std::string path;
  for (size_t at = begin; at < text.size(); ++at) {
    unsigned value = 0;
    if (text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(&text[at + 1], &text[at + 3], value, 16).ptr == &text[at + 3]) {
      path += static_cast<char>(value);
      at += 2;
    } else {
      path += text[at];
    }
  }
  return path;
}

}  // namespace

DroppedFiles FindDroppedFiles(std::string_view line, const KindOfFile& kind_of) {
  DroppedFiles found;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    const Word word = FirstWord(line);
    const std::string path = PathOf(word.text);
    const auto kind = path.starts_with("/") ? kind_of(path) : std::nullopt;
    if (!kind) break;
    found.files.push_back({path, *kind});
    line.remove_prefix(word.end);
  }
  found.text = std::string(line);
  return found;
}

std::string TypedPath(const std::string& text) {
  const Word word = FirstWord(text);
  return word.end == text.size() && !word.text.empty() ? PathOf(word.text) : text;
}

}  // namespace carat
