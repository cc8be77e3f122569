#include "api/query.h"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

constexpr size_t kMaxMembers = 64;

std::optional<std::string> Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    unsigned code = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc() || digits.size() < 2 || end != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(code);
    i += 2;
  }
  if (!IsValidUtf8(out)) return std::nullopt;
  return out;
}

Json ValueOf(std::string text) {
  if (text == "true") return true;
  if (text == "false") return false;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return Json(std::move(text));
}

Result<Json> Parse(std::string_view query, Json (*value_of)(std::string)) {
  Json object{Json::Object()};
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view member = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (member.empty()) continue;
    const size_t equals = std::min(member.find('='), member.size());
    const auto name = Decoded(member.substr(0, equals));
    auto value = Decoded(member.substr(std::min(equals + 1, member.size())));
    if (!name || !value) return Fail({.what = "the query of the address can't be decoded"});
    const bool listed = name->ends_with("[]");
    const std::string key = listed ? name->substr(0, name->size() - 2) : *name;
    const Json* const had = object.Find(key);
    if ((had != nullptr && !listed) || object.object().size() == kMaxMembers) {
      return Fail({.what = "the query of the address has a name twice, or too many",
                   .found = Quoted(key, 40)});
    }
    if (!listed) {
      object.Set(key, value_of(*std::move(value)));
      continue;
    }
    Json list = had == nullptr || !had->is_array() ? Json(Json::Array()) : *had;
    if (list.array().size() == kMaxMembers) {
      return Fail(
          {.what = "the query of the address has too many values", .found = Quoted(key, 40)});
    }
    list.array().emplace_back(*std::move(value));
    object.Set(key, std::move(list));
  }
  return object;
}

}  // namespace

Result<Json> ParseQuery(std::string_view query) { return Parse(query, ValueOf); }

Result<Json> ParseTexts(std::string_view query) {
  return Parse(query, [](std::string text) { return Json(std::move(text)); });
}

}  // namespace carat
