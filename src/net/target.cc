#include "net/target.h"

#include <algorithm>

#include "base/utf8.h"
#include "net/ascii.h"

namespace carat::net {
namespace {

std::unexpected<Error> Bad(std::string_view what) { return Fail({.what = std::string(what)}); }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// With %XX decoded and slashes merged.
Result<std::string> DecodePath(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Bad("the path has a % without two hexadecimal digits");
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '/') return Bad("the path has an encoded slash");
    } else if (c == '/' && path.ends_with('/')) {
      continue;
    }
    if (c == '\\') return Bad("the path has a backslash");
    path.push_back(c);
  }
  return path;
}

Status CheckPath(std::string_view path) {
  for (size_t at = 0; at < path.size();) {
    const Utf8Step step = DecodeUtf8(path, at);
    if (!step.valid) return Bad("the path is not UTF-8");
    if (IsTerminalControl(step.code)) return Bad("the path has a control character");
    at += step.size;
  }
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") return Bad("the path has a segment \".\" or \"..\"");
    begin = end + 1;
  }
  return {};
}

}  // namespace

bool IsAuthority(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return IsAlphanumeric(c) || std::string_view("-._~!$&'()*+;=:[]%").contains(c);
  });
}

Result<Target> ParseTarget(std::string_view method, std::string_view text) {
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '#'; }))
    return Bad("the target has a character that must be encoded");
  if (text == "*" && method == "OPTIONS") return Target{.path = "*"};
  Target target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (LowerAscii(text.substr(0, scheme.size())) != scheme) continue;
    text.remove_prefix(scheme.size());
    const size_t end = std::min(text.find_first_of("/?"), text.size());
    target.authority = text.substr(0, end);
    if (end == 0 || !IsAuthority(target.authority)) return Bad("the target names no proper host");
    text.remove_prefix(end);
    break;
  }
  const size_t mark = std::min(text.find('?'), text.size());
  if (mark < text.size()) target.query = text.substr(mark + 1);
  text = text.substr(0, mark);
  if (text.empty() && !target.authority.empty()) text = "/";
  if (!text.starts_with('/')) return Bad("the target begins with no slash");
  CARAT_ASSIGN(target.path, DecodePath(text));
  CARAT_TRY(CheckPath(target.path));
  return target;
}

}  // namespace carat::net
