// JSON (RFC 8259) as a value. Wraps nlohmann::json's SAX parser, whose exceptions end here.
//
// Objects keep the order of their members and numbers keep what Python's json module would keep
// (big integers as integers), because the chat template prints them the way Python does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace carat {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;
  // An integer beyond 64 bits, as its decimal text.
  struct BigInteger {
    std::string digits;
    bool operator==(const BigInteger&) const = default;
  };

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(int64_t{value}) {}
  Json(int64_t value) : value_(value) {}
  Json(size_t value) : value_(static_cast<int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(BigInteger value) : value_(std::move(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_big_integer() const { return std::holds_alternative<BigInteger>(value_); }
  bool is_double() const { return std::holds_alternative<double>(value_); }
  bool is_number() const { return is_int() || is_big_integer() || is_double(); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  // Precondition: the matching is_…() is true.
  bool boolean() const { return std::get<bool>(value_); }
  int64_t integer() const { return std::get<int64_t>(value_); }
  const BigInteger& big_integer() const { return std::get<BigInteger>(value_); }
  double number() const;  // any of the three kinds of number
  const std::string& string() const { return std::get<std::string>(value_); }
  const Array& array() const { return std::get<Array>(value_); }
  Array& array() { return std::get<Array>(value_); }
  const Object& object() const { return std::get<Object>(value_); }
  Object& object() { return std::get<Object>(value_); }

  // The member's value, or null pointer if this is no object or has no such member. Linear time.
  const Json* Find(std::string_view key) const;
  // Appends or replaces a member. This must be an object or null (which becomes one).
  void Set(std::string_view key, Json value);

  // "null", "a boolean", "an integer", "a number", "a string", "an array", "an object".
  std::string_view KindName() const;

  // Compact JSON text; ill-formed UTF-8 in strings becomes U+FFFD, and what would steer a terminal
  // (IsTerminalControl) is escaped. `indent` > 0 breaks lines.
  std::string Dump(int indent = 0) const;

 private:
  std::variant<std::monostate, bool, int64_t, BigInteger, double, std::string, Array, Object>
      value_;
};

// The member's text; empty where there is none.
std::string StringIn(const Json& object, std::string_view key);

// Bounds on what a hostile text can cost: a value takes up to about 60 bytes of memory, however
// short its text.
struct JsonLimits {
  size_t max_depth = 64;         // nesting of arrays and objects
  size_t max_nodes = 1'000'000;  // values of any kind
};

// Parses one JSON text; a byte order mark before it is ignored. Syntax errors give the byte offset.
// Refused besides those: ill-formed UTF-8, lone surrogates, numbers beyond double, duplicate member
// names, anything over the limits.
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// Typed reading of members, with errors that name the path ("config.json, text_config.vocab_size").
// The view borrows the Json.
class JsonView {
 public:
  JsonView(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const Json& value() const { return *value_; }
  const std::string& path() const { return path_; }

  bool Has(std::string_view key) const;              // present and not null
  Result<JsonView> Get(std::string_view key) const;  // present and not null, else kNotFound
  Result<int64_t> Int(std::string_view key, int64_t low, int64_t high) const;
  Result<double> Number(std::string_view key) const;
  Result<bool> Bool(std::string_view key) const;
  Result<std::string> String(std::string_view key) const;
  Result<JsonView> Object(std::string_view key) const;
  Result<JsonView> Array(std::string_view key) const;

  // As above, but `fallback` where the member is absent or null.
  Result<int64_t> IntOr(std::string_view key, int64_t fallback, int64_t low, int64_t high) const;
  Result<double> NumberOr(std::string_view key, double fallback) const;
  Result<bool> BoolOr(std::string_view key, bool fallback) const;
  Result<std::string> StringOr(std::string_view key, std::string_view fallback) const;

  // The error for a value of the wrong kind at this place.
  Error Wrong(std::string wanted) const;
  JsonView At(size_t index) const;  // element of an array; the index must exist

 private:
  const Json* value_;
  std::string path_;
};

}  // namespace carat
