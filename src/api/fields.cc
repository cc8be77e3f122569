#include "api/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

// What a client sent, short enough for a message.
std::string Shown(const Json& value) {
  if (value.is_string()) return Json(SanitizeUtf8(value.string().substr(0, 60))).Dump();
  if (value.is_array() || value.is_object()) return std::string(value.KindName());
  return value.Dump().substr(0, 60);
}

Error Wrong(std::string where, std::string wanted, const Json& found) {
  return {.what = "wrong value",
          .where = std::move(where),
          .wanted = std::move(wanted),
          .found = Shown(found)};
}

}  // namespace

std::unexpected<Error> WrongKind(std::string where, std::string wanted, const Json& found) {
  return Fail({.what = "wrong value",
               .where = std::move(where),
               .wanted = std::move(wanted),
               .found = std::string(found.KindName())});
}

std::unexpected<Error> NotSupported(std::string what, std::string where, std::string_view found) {
  return Fail({.code = ErrorCode::kUnsupported,
               .what = std::move(what),
               .where = std::move(where),
               .found = Quoted(found, 40)});
}

Fields::Fields(const Json& value, std::string path)
    : value_(&value), path_(std::move(path)), read_(value.object().size(), false) {}

Result<Fields> Fields::Of(const Json& value, std::string path) {
  if (!value.is_object()) {
    if (path.empty()) path = "the request";
    return Fail(Wrong(std::move(path), "an object", value));
  }
  return Fields(value, std::move(path));
}

std::string Fields::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const Json* Fields::Take(std::string_view key) {
  const Json::Object& members = value_->object();
  const auto found = std::ranges::find(members, key, &Json::Member::first);
  if (found == members.end()) return nullptr;
  read_[static_cast<size_t>(found - members.begin())] = true;
  return found->second.is_null() ? nullptr : &found->second;
}

bool Fields::Has(std::string_view key) const {
  const Json* const value = value_->Find(key);
  return value != nullptr && !value->is_null();
}

Result<const Json*> Fields::Require(std::string_view key) {
  const Json* const value = Take(key);
  if (value == nullptr) return Fail({.what = "missing", .where = PathOf(key)});
  return value;
}

Result<std::optional<bool>> Fields::Bool(std::string_view key) {
  const Json* const value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return Fail(Wrong(PathOf(key), "true or false", *value));
  return value->boolean();
}

Result<std::optional<int64_t>> Fields::Int(std::string_view key, int64_t low, int64_t high) {
  const Json* const value = Take(key);
  if (value == nullptr) return std::nullopt;
  // 100.0 is an integer too, as some clients write it.
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const bool whole = value->is_double() && std::abs(value->number()) < kExact &&
                     std::trunc(value->number()) == value->number();
  const int64_t number = value->is_int() ? value->integer()
                         : whole         ? static_cast<int64_t>(value->number())
                                         : 0;
  if (!(value->is_int() || whole) || number < low || number > high) {
    return Fail(Wrong(PathOf(key), fmt::format("an integer from {} to {}", low, high), *value));
  }
  return number;
}

Result<std::optional<double>> Fields::Number(std::string_view key, double low, double high) {
  const Json* const value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !(value->number() >= low && value->number() <= high)) {
    return Fail(Wrong(PathOf(key), fmt::format("a number from {} to {}", low, high), *value));
  }
  return value->number();
}

Result<std::optional<std::string>> Fields::String(std::string_view key) {
  const Json* const value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return Fail(Wrong(PathOf(key), "a string", *value));
  return value->string();
}

Result<std::string> Fields::RequireString(std::string_view key) {
  CARAT_ASSIGN(const Json* const value, Require(key));
  if (!value->is_string()) return Fail(Wrong(PathOf(key), "a string", *value));
  return value->string();
}

Result<std::optional<std::string>> Fields::OneOf(std::string_view key,
                                                 std::vector<std::string_view> values) {
  CARAT_ASSIGN(std::optional<std::string> value, String(key));
  if (value && std::ranges::find(values, std::string_view(*value)) == values.end()) {
    return Fail(Wrong(PathOf(key), fmt::format("one of {}", fmt::join(values, ", ")), *value));
  }
  return value;
}

void Fields::Ignore(const std::vector<std::string_view>& keys) {
  for (const std::string_view key : keys) Take(key);
}

Status Fields::Only(std::string_view key, const std::vector<Json>& harmless) {
  const Json* const value = Take(key);
  if (value == nullptr) return {};
  std::string wanted;
  for (const Json& allowed : harmless) {
    // Numbers by value: 0 and 0.0 are the same wish.
    if (allowed.is_number() && value->is_number() && allowed.number() == value->number()) return {};
    const std::string text = allowed.Dump();
    if (text == value->Dump()) return {};
    wanted += (wanted.empty() ? "" : " or ") + text;
  }
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "carat does not do this",
               .where = PathOf(key),
               .wanted = harmless.empty() ? "no such member" : wanted,
               .found = Shown(*value)});
}

Status Fields::Done() const {
  const Json::Object& members = value_->object();
  for (size_t i = 0; i < members.size(); ++i) {
    if (read_[i]) continue;
    const std::string& name = members[i].first;
    const bool plain = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("_-$.[]").find(c) != std::string_view::npos;
    });
    Error error{.what = "carat knows no such parameter",
                .where = PathOf(SanitizeUtf8(name.substr(0, 80)))};
    if (!plain || name.empty() || name.size() > 80) {  // `where` would not be a path
      error.where = path_.empty() ? "the request" : path_;
      error.found = Quoted(name, 80);
    }
    return Fail(std::move(error));
  }
  return {};
}

}  // namespace carat
