#include "chat/tool_call_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20; }

class Reader {
 public:
  explicit Reader(const ToolCallText& call) : text_(call.text), quotes_(call.quotes) {}

  Result<ToolCall> Call() {
    SkipSpace();
    constexpr std::string_view kPrefix = "call:";
    if (text_.substr(at_).starts_with(kPrefix)) at_ += kPrefix.size();
    const std::string_view name = Trim(Bare("{}[]\""));
    if (name.empty() || std::ranges::any_of(name, IsControl)) return Wrong("the tool's name");
    if (!At('{')) return Wrong("'{' behind the tool's name");
    ToolCall call{.name = SanitizeUtf8(name), .arguments = {}};
    CARAT_ASSIGN(call.arguments, Object(1));
    SkipSpace();
    if (at_ != text_.size()) return Wrong("the end of the call");
    return call;
  }

 private:
  std::unexpected<Error> Wrong(std::string wanted) const {
    std::string found = "the end";
    if (at_ < text_.size()) found = Json(SanitizeUtf8(text_.substr(at_, 20))).Dump();
    return Fail({.what = "malformed tool call",
                 .where = fmt::format("offset {}", at_),
                 .wanted = std::move(wanted),
                 .found = std::move(found)});
  }

  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }

  // Whether the next byte is `c`. A delimiter token is no byte.
  bool At(char c) { return at_ < text_.size() && text_[at_] == c && !AtQuote(); }

  // Skips space, and `c` if it stands there.
  bool Take(char c) {
    SkipSpace();
    if (!At(c)) return false;
    ++at_;
    return true;
  }

  // The offset of the first delimiter token from here on; the end of the text if there is none.
  size_t NextQuote() {
    while (next_quote_ < quotes_.size() && quotes_[next_quote_] < at_) ++next_quote_;
    return next_quote_ < quotes_.size() ? quotes_[next_quote_] : text_.size();
  }
  bool AtQuote() { return at_ < text_.size() && NextQuote() == at_; }

  // Everything up to a byte of `stops` or a delimiter token.
  std::string_view Bare(std::string_view stops) {
    const size_t begin = at_;
    at_ = std::min(text_.find_first_of(stops, begin), NextQuote());
    return text_.substr(begin, at_ - begin);
  }

  Result<Json> Value(int depth) {
    SkipSpace();
    if (AtQuote() || At('"')) {
      CARAT_ASSIGN(std::string text, String());
      return Json(std::move(text));
    }
    if (At('{')) return Object(depth);
    if (At('[')) return Array(depth);
    const std::string_view bare = Trim(Bare(",}]{[\""));
    if (bare.empty() || AtQuote() || At('{') || At('[') || At('"')) return Wrong("a value");
    const Result<Json> scalar = ParseJson(bare);
    if (scalar.has_value()) return *scalar;  // a number, true, false or null: all else has quotes
    return Json(SanitizeUtf8(bare));
  }

  Result<Json> Object(int depth) {
    if (depth > kMaxArgumentDepth)
      return Wrong(fmt::format("at most {} levels", kMaxArgumentDepth));
    Json::Object object;
    std::unordered_set<std::string> seen;
    Take('{');
    if (Take('}')) return Json(std::move(object));
    while (true) {
      CARAT_ASSIGN(std::string key, Key());
      if (!seen.insert(key).second) return Wrong("no second value for \"" + key + "\"");
      if (!Take(':')) return Wrong("':' behind the key \"" + key + "\"");
      CARAT_ASSIGN(Json value, Value(depth + 1));
      object.emplace_back(std::move(key), std::move(value));
      if (Take('}')) return Json(std::move(object));
      if (!Take(',')) return Wrong("',' or '}'");
    }
  }

  Result<Json> Array(int depth) {
    if (depth > kMaxArgumentDepth)
      return Wrong(fmt::format("at most {} levels", kMaxArgumentDepth));
    Json::Array array;
    Take('[');
    if (Take(']')) return Json(std::move(array));
    while (true) {
      CARAT_ASSIGN(Json value, Value(depth + 1));
      array.push_back(std::move(value));
      if (Take(']')) return Json(std::move(array));
      if (!Take(',')) return Wrong("',' or ']'");
    }
  }

  Result<std::string> Key() {
    SkipSpace();
    if (AtQuote() || At('"')) return String();
    const std::string_view key = Trim(Bare(":,{}[]\""));
    if (key.empty() || !At(':')) return Wrong("a key and ':'");
    return SanitizeUtf8(key);
  }

  // Between two delimiter tokens anything goes; between plain quotes a JSON string.
  Result<std::string> String() {
    if (!AtQuote()) return PlainString();
    const size_t begin = at_ + kQuoteToken.size();
    at_ = begin;
    const size_t end = NextQuote();
    if (end == text_.size()) return Wrong("a string's closing <|\"|>");
    at_ = end + kQuoteToken.size();
    return SanitizeUtf8(text_.substr(begin, end - begin));
  }

  Result<std::string> PlainString() {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size() || end > NextQuote()) return Wrong("a string's closing quote");
    std::string json;
    for (const char c : SanitizeUtf8(text_.substr(at_, end + 1 - at_))) {
      if (IsControl(c)) {  // models break lines inside strings, which JSON would refuse
        json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        json += c;
      }
    }
    Result<Json> value = ParseJson(json);
    if (!value.has_value() || !value->is_string()) return Wrong("a JSON string");
    at_ = end + 1;
    return value->string();
  }

  std::string_view text_;              // borrows
  const std::vector<size_t>& quotes_;  // borrows
  size_t at_ = 0;
  size_t next_quote_ = 0;  // index into quotes_
};

}  // namespace

Result<ToolCall> ParseToolCall(const ToolCallText& call) { return Reader(call).Call(); }

}  // namespace carat
