// Whether a value fits a JSON schema, by the specification (2020-12): the keywords that
// grammar/grammar.h honours, said as plainly as can be.
#pragma once

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "io/json.h"

namespace carat {

class SchemaValidator {
 public:
  // Borrows the schema.
  explicit SchemaValidator(const Json& document) : document_(document) {}

  bool Fits(const Json& value) const { return Fits(value, document_); }

 private:
  bool Fits(const Json& value, const Json& schema) const {
    if (schema.is_bool()) return schema.boolean();
    if (const Json* nullable = schema.Find("nullable");
        nullable != nullptr && nullable->boolean() && value.is_null())
      return true;
    for (const auto& [key, of] : schema.object()) {
      if (!Keyword(value, schema, key, of)) return false;
    }
    return true;
  }

  bool Keyword(const Json& value, const Json& schema, const std::string& key,
               const Json& of) const {
    if (key == "$ref") return Fits(value, *Resolve(of.string()));
    if (key == "type") {
      if (of.is_string()) return IsOf(value, of.string());
      return std::ranges::any_of(of.array(),
                                 [&](const Json& t) { return IsOf(value, t.string()); });
    }
    const auto same = [&](const Json& one) { return one.Dump() == value.Dump(); };
    if (key == "enum") return std::ranges::any_of(of.array(), same);
    if (key == "const") return same(of);
    const auto fits = [&](const Json& one) { return Fits(value, one); };
    if (key == "anyOf") return std::ranges::any_of(of.array(), fits);
    if (key == "oneOf") return std::ranges::count_if(of.array(), fits) == 1;
    if (key == "allOf") return std::ranges::all_of(of.array(), fits);
    if (value.is_number()) return NumberKeyword(value.number(), key, of);
    if (value.is_string()) return StringKeyword(value.string(), key, of);
    if (value.is_array()) return ArrayKeyword(value.array(), schema, key, of);
    if (value.is_object()) return ObjectKeyword(value, schema, key, of);
    return true;
  }

  static bool IsOf(const Json& value, std::string_view type) {
    if (type == "null") return value.is_null();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_number() && value.number() == std::floor(value.number());
    if (type == "number") return value.is_number();
    if (type == "string") return value.is_string();
    return type == "array" ? value.is_array() : value.is_object();
  }

  static bool NumberKeyword(double value, const std::string& key, const Json& of) {
    if (key == "minimum") return value >= of.number();
    if (key == "maximum") return value <= of.number();
    if (key == "exclusiveMinimum") return value > of.number();
    return key != "exclusiveMaximum" || value < of.number();
  }

  static bool StringKeyword(const std::string& value, const std::string& key, const Json& of) {
    double length = 0;
    for (size_t at = 0; at < value.size(); ++length) at += DecodeUtf8(value, at).size;
    if (key == "minLength") return length >= of.number();
    if (key == "maxLength") return length <= of.number();
    return key != "pattern" || std::regex_search(value, std::regex(of.string()));
  }

  bool ArrayKeyword(const Json::Array& value, const Json& schema, const std::string& key,
                    const Json& of) const {
    if (key == "minItems") return static_cast<double>(value.size()) >= of.number();
    if (key == "maxItems") return static_cast<double>(value.size()) <= of.number();
    const Json* prefix = schema.Find("prefixItems");
    const size_t num_prefix = prefix != nullptr ? prefix->array().size() : 0;
    for (size_t i = 0; i < value.size(); ++i) {
      if (key == "prefixItems" && i < num_prefix && !Fits(value[i], of.array()[i])) return false;
      if (key == "items" && i >= num_prefix && !Fits(value[i], of)) return false;
    }
    return true;
  }

  bool ObjectKeyword(const Json& value, const Json& schema, const std::string& key,
                     const Json& of) const {
    const auto size = static_cast<double>(value.object().size());
    if (key == "minProperties") return size >= of.number();
    if (key == "maxProperties") return size <= of.number();
    if (key == "required") {
      return std::ranges::all_of(of.array(),
                                 [&](const Json& n) { return value.Find(n.string()) != nullptr; });
    }
    const Json* properties = schema.Find("properties");
    for (const auto& [name, member] : value.object()) {
      const Json* named = properties != nullptr ? properties->Find(name) : nullptr;
      if (key == "properties" && named != nullptr && !Fits(member, *named)) return false;
      if (key == "additionalProperties" && named == nullptr && !Fits(member, of)) return false;
    }
    return true;
  }

  const Json* Resolve(std::string_view reference) const {
    const Json* at = &document_;
    for (size_t begin = 1; begin < reference.size();) {
      const size_t end = std::min(reference.find('/', begin + 1), reference.size());
      at = at->Find(reference.substr(begin + 1, end - begin - 1));
      begin = end;
    }
    return at;
  }

  const Json& document_;
};

}  // namespace carat
