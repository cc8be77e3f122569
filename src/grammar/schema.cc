#include "grammar/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "grammar/formats.h"
#include "grammar/regex_parser.h"

namespace carat {
namespace {

constexpr int kMaxNesting = 256;  // of schemas inside schemas, references and all

constexpr std::array kAnnotations = {
    "title",           "description", "default",     "examples",
    "example",         "$schema",     "$id",         "id",
    "$comment",        "$defs",       "definitions", "deprecated",
    "readOnly",        "writeOnly",   "$anchor",     "contentMediaType",
    "contentEncoding", "strict"};

std::string Within(const std::string& where, std::string_view step) {
  return where + "." + std::string(step);
}
std::string Within(const std::string& where, std::string_view step, size_t i) {
  return fmt::format("{}.{}[{}]", where, step, i);
}

std::unexpected<Error> NoSchema(const std::string& where, std::string wanted, const Json& found) {
  return Fail({.what = "not a JSON schema",
               .where = where,
               .wanted = std::move(wanted),
               .found = std::string(found.KindName())});
}

bool FitsType(const Json& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_int() || value.is_big_integer();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  return type == "object" && value.is_object();
}

// The types that a schema allows; where it does not say, what its keywords are about.
std::vector<std::string> TypesOf(const Json& schema) {
  std::vector<std::string> types;
  if (const Json* type = schema.Find("type")) {
    if (type->is_string()) types.push_back(type->string());
    if (type->is_array()) {
      for (const Json& one : type->array()) {
        if (one.is_string()) types.push_back(one.string());
      }
    }
    // Gemma's declarations have upper-case types.
    for (std::string& name : types) {
      for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    // Whatever is an integer is a number as well.
    if (std::ranges::find(types, "number") != types.end()) std::erase(types, "integer");
    return types;
  }
  const auto has = [&](std::initializer_list<std::string_view> keys) {
    return std::ranges::any_of(keys, [&](auto key) { return schema.Find(key) != nullptr; });
  };
  if (has({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}))
    return {"object"};
  if (has({"items", "prefixItems", "minItems", "maxItems"})) return {"array"};
  if (has({"pattern", "format", "minLength", "maxLength"})) return {"string"};
  if (has({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})) return {"number"};
  return {};
}

bool IsHandled(std::string_view key) {
  constexpr std::array kHandled = {"type",
                                   "properties",
                                   "required",
                                   "additionalProperties",
                                   "items",
                                   "prefixItems",
                                   "minItems",
                                   "maxItems",
                                   "enum",
                                   "const",
                                   "anyOf",
                                   "oneOf",
                                   "allOf",
                                   "$ref",
                                   "minLength",
                                   "maxLength",
                                   "pattern",
                                   "format",
                                   "minimum",
                                   "maximum",
                                   "nullable",
                                   "minProperties",
                                   "exclusiveMinimum",
                                   "exclusiveMaximum",
                                   "maxProperties"};
  return std::ranges::find(kHandled, key) != kHandled.end();
}

bool IsAnnotation(std::string_view key) {
  return key.starts_with("x-") || std::ranges::find(kAnnotations, key) != kAnnotations.end();
}

}  // namespace

PartId SchemaReader::Add(SchemaPart part) {
  parts_.push_back(std::move(part));
  return static_cast<PartId>(parts_.size() - 1);
}

PartId SchemaReader::Choice(std::vector<PartId> children) {
  if (children.size() == 1) return children[0];
  return Add({.kind = Kind::kAnyOf, .children = std::move(children)});
}

void SchemaReader::Refuse(const std::string& where, std::string_view keyword) {
  constexpr size_t kMost = 100;
  if (unsupported_.size() >= kMost) return;
  for (const Unsupported& one : unsupported_) {
    if (one.where == where && one.keyword == keyword) return;
  }
  unsupported_.push_back({where, std::string(keyword)});
}

void SchemaReader::RefuseOthers(const Json& schema, const std::string& where) {
  for (const auto& [key, value] : schema.object()) {
    if (key == "uniqueItems" && value.is_bool() && !value.boolean()) continue;
    if (!IsHandled(key) && !IsAnnotation(key)) Refuse(where, key);
  }
}

Result<PartId> SchemaReader::Read(const Json& schema, const std::string& where) {
  document_ = &schema;
  references_.clear();
  CARAT_ASSIGN(const PartId part, Value(schema, where));
  while (!waiting_.empty()) {
    const Waiting next = std::move(waiting_.back());
    waiting_.pop_back();
    CARAT_ASSIGN(const PartId target, Value(*next.target, next.where));
    parts_[next.part].children = {target};
  }
  CheckOverlaps();
  return part;
}

void SchemaReader::CheckOverlaps() {
  size_t steps = 1'000'000;
  for (const auto& [where, choices] : overlaps_) {
    bool disjoint = choices.size() <= kMaxAlternatives;
    for (size_t i = 0; disjoint && i < choices.size(); ++i) {
      for (size_t j = i + 1; disjoint && j < choices.size(); ++j)
        disjoint = AreDisjoint(parts_, choices[i], choices[j], steps);
    }
    if (!disjoint) Refuse(where, "oneOf (whose alternatives may overlap)");
  }
  overlaps_.clear();
}

Result<PartId> SchemaReader::Value(const Json& schema, const std::string& where) {
  CARAT_TRY(budget_.SpendNode());
  CARAT_TRY(budget_.Check(parts_.size()));
  if (schema.is_bool()) {
    return schema.boolean() ? Any() : Add({.kind = Kind::kLiterals});
  }
  if (!schema.is_object()) return NoSchema(where, "an object or a boolean", schema);
  if (nesting_ >= kMaxNesting) return TooMuch("levels", kMaxNesting);
  ++nesting_;
  Result<PartId> part = [&]() -> Result<PartId> {
    RefuseOthers(schema, where);
    if (schema.Find("$ref") != nullptr) return Reference(schema, where);
    if (schema.Find("allOf") != nullptr) return AllOf(schema, where);
    if (schema.Find("anyOf") != nullptr) return AnyOf(schema, "anyOf", where);
    if (schema.Find("oneOf") != nullptr) return AnyOf(schema, "oneOf", where);
    if (schema.Find("enum") != nullptr || schema.Find("const") != nullptr)
      return Literals(schema, where);
    const std::vector<std::string> types = TypesOf(schema);
    if (types.empty()) {
      if (schema.Find("type") != nullptr) return NoSchema(where, "a type", *schema.Find("type"));
      return Any();
    }
    std::vector<PartId> choices;
    for (const std::string& type : types) {
      CARAT_ASSIGN(const PartId choice, Typed(schema, type, where));
      choices.push_back(choice);
      parts_[choices.back()].typed = schema.Find("type") != nullptr;
    }
    return Choice(std::move(choices));
  }();
  --nesting_;
  if (!part.has_value()) return part;
  const Json* nullable = schema.Find("nullable");  // OpenAPI's
  if (nullable != nullptr && nullable->is_bool() && nullable->boolean()) {
    return Choice({*part, Add({.kind = Kind::kLiterals, .values = {Json()}})});
  }
  return part;
}

Result<PartId> SchemaReader::Typed(const Json& schema, const std::string& type,
                                   const std::string& where) {
  if (type == "null") return Add({.kind = Kind::kLiterals, .values = {Json()}});
  if (type == "boolean") return Add({.kind = Kind::kLiterals, .values = {Json(true), Json(false)}});
  if (type == "integer" || type == "number") return Number(schema, type == "integer", where);
  if (type == "string") return String(schema, where);
  if (type == "array") return Array(schema, where);
  if (type == "object") return Object(schema, where);
  if (loosen_) {
    Refuse(where, "type");
    return Any();
  }
  return Fail({.what = "not a JSON schema",
               .where = Within(where, "type"),
               .wanted = "null, boolean, integer, number, string, array or object",
               .found = Json(type).Dump()});
}

// A JSON pointer into the document.
Result<const Json*> SchemaReader::Resolve(const std::string& reference,
                                          const std::string& where) const {
  const auto unknown = [&] {
    return Fail({.what = "a reference that leads nowhere",
                 .where = Within(where, "$ref"),
                 .wanted = "a part of this schema, as in #/$defs/name",
                 .found = Json(reference).Dump().substr(0, 80)});
  };
  if (!reference.starts_with('#')) return unknown();
  const Json* at = document_;
  for (size_t begin = 1; begin < reference.size();) {
    if (reference[begin] != '/') return unknown();
    const size_t end = std::min(reference.find('/', begin + 1), reference.size());
    std::string step;
    for (size_t i = begin + 1; i < end; ++i) {
      if (reference[i] == '~' && i + 1 < end &&
          (reference[i + 1] == '0' || reference[i + 1] == '1')) {
        step += reference[++i] == '0' ? '~' : '/';
      } else {
        step += reference[i];
      }
    }
    const Json* next = at->Find(step);
    if (next == nullptr && at->is_array() && step.size() < 6 && !step.empty() &&
        step.find_first_not_of("0123456789") == std::string::npos) {
      size_t index = 0;
      for (const char digit : step) index = index * 10 + static_cast<size_t>(digit - '0');
      if (index < at->array().size()) next = &at->array()[index];
    }
    if (next == nullptr) return unknown();
    at = next;
    begin = end;
  }
  return at;
}

Result<PartId> SchemaReader::Reference(const Json& schema, const std::string& where) {
  const Json* reference = schema.Find("$ref");
  if (!reference->is_string()) return NoSchema(Within(where, "$ref"), "a string", *reference);
  CARAT_ASSIGN(const Json* const target, Resolve(reference->string(), where));
  for (const auto& [key, value] : schema.object()) {
    if (key != "$ref" && key != "nullable" && IsHandled(key)) Refuse(where, key + " beside $ref");
  }
  const auto known = references_.find(target);
  if (known != references_.end()) return known->second;
  const PartId hold = Add({.kind = Kind::kAnyOf});
  references_[target] = hold;
  waiting_.push_back({target, reference->string(), hold});
  return hold;
}

Result<PartId> SchemaReader::AllOf(const Json& schema, const std::string& where) {
  const Json* all = schema.Find("allOf");
  if (!all->is_array() || all->array().empty())
    return NoSchema(Within(where, "allOf"), "an array that is not empty", *all);
  Json merged{Json::Object{}};
  for (const auto& [key, value] : schema.object()) {
    if (key != "allOf" && IsHandled(key)) merged.Set(key, value);
  }
  for (size_t i = 0; i < all->array().size(); ++i) {
    const Json* one = &all->array()[i];
    for (int hops = 0; hops < 8; ++hops) {
      const Json* reference = one->Find("$ref");
      if (reference == nullptr || !reference->is_string()) break;
      CARAT_ASSIGN(one, Resolve(reference->string(), where));
    }
    CARAT_TRY(budget_.SpendNode());
    CARAT_TRY(budget_.Check(parts_.size()));
    if (one->is_object()) RefuseOthers(*one, Within(where, "allOf", i));
    Json both;
    if (!MergeSchemas(merged, *one, both)) {
      Refuse(where, "allOf");
      return Any();
    }
    merged = std::move(both);
  }
  return Value(merged, where);
}

Result<PartId> SchemaReader::AnyOf(const Json& schema, std::string_view keyword,
                                   const std::string& where) {
  const Json* any = schema.Find(keyword);
  if (!any->is_array() || any->array().empty())
    return NoSchema(Within(where, keyword), "an array that is not empty", *any);
  Json beside{Json::Object{}};
  for (const auto& [key, value] : schema.object()) {
    if (key != keyword && key != "nullable" && IsHandled(key)) beside.Set(key, value);
  }
  std::vector<PartId> choices;
  for (size_t i = 0; i < any->array().size(); ++i) {
    const std::string at = Within(where, keyword, i);
    const Json* one = &any->array()[i];
    Json merged;
    if (!beside.object().empty()) {
      if (!MergeSchemas(beside, *one, merged)) {
        Refuse(where, std::string(keyword) + " beside " + beside.object()[0].first);
        return Any();
      }
      if (one->is_object()) RefuseOthers(*one, at);
      one = &merged;
    }
    CARAT_ASSIGN(const PartId choice, Value(*one, at));
    choices.push_back(choice);
  }
  if (keyword == "oneOf") overlaps_.push_back({where, choices});
  return Choice(std::move(choices));
}

Result<PartId> SchemaReader::Literals(const Json& schema, const std::string& where) {
  SchemaPart part{.kind = Kind::kLiterals};
  if (const Json* values = schema.Find("enum")) {
    if (!values->is_array()) return NoSchema(Within(where, "enum"), "an array", *values);
    part.values = values->array();
  }
  if (const Json* value = schema.Find("const")) {
    const std::string text = value->Dump();
    if (schema.Find("enum") == nullptr) part.values = {*value};
    std::erase_if(part.values, [&](const Json& one) { return one.Dump() != text; });
  }
  if (schema.Find("type") != nullptr) {
    const std::vector<std::string> types = TypesOf(schema);
    std::erase_if(part.values, [&](const Json& value) {
      return std::ranges::none_of(types, [&](const auto& type) { return FitsType(value, type); });
    });
  }
  for (const auto& [key, value] : schema.object()) {
    if (key != "enum" && key != "const" && key != "type" && key != "nullable" && IsHandled(key))
      Refuse(where, key + " beside enum or const");
  }
  for (const Json& value : part.values) CARAT_TRY(budget_.SpendEnumBytes(value.Dump().size() + 1));
  return Add(std::move(part));
}

Result<PartId> SchemaReader::String(const Json& schema, const std::string& where) {
  SchemaPart part{.kind = Kind::kString};
  CARAT_ASSIGN(const auto counts, Counts(schema, "minLength", "maxLength", where));
  part.least = counts.first;
  part.most = counts.second;
  if (const Json* pattern = schema.Find("pattern")) {
    if (!pattern->is_string()) return NoSchema(Within(where, "pattern"), "a string", *pattern);
    const Result<CodeAutomaton> parsed = ParseRegex(pattern->string());
    if (parsed.has_value()) {
      part.pattern = pattern->string();
    } else {
      Refuse(where, "pattern (" + parsed.error().Message() + ")");
    }
  }
  if (const Json* format = schema.Find("format")) {
    const std::string_view known = format->is_string() ? FormatPattern(format->string()) : "";
    if (known.empty() || !part.pattern.empty()) {
      Refuse(where, "format " + format->Dump().substr(0, 40));
    } else {
      part.pattern = known;
    }
  }
  return Add(std::move(part));
}

Result<std::pair<uint32_t, uint32_t>> SchemaReader::Counts(const Json& schema,
                                                           std::string_view least,
                                                           std::string_view most,
                                                           const std::string& where) {
  std::pair<uint32_t, uint32_t> counts{0, kNoLimit};
  for (const bool is_most : {false, true}) {
    const std::string_view key = is_most ? most : least;
    const Json* value = schema.Find(key);
    if (value == nullptr) continue;
    if (!value->is_number() || value->number() < 0 ||
        value->number() != std::floor(value->number()))
      return NoSchema(Within(where, key), "an integer from 0", *value);
    const double bounded = std::min(value->number(), double{kNoLimit - 1});
    (is_most ? counts.second : counts.first) = static_cast<uint32_t>(bounded);
  }
  return counts;
}

Result<PartId> SchemaReader::Array(const Json& schema, const std::string& where) {
  SchemaPart part{.kind = Kind::kArray};
  CARAT_ASSIGN(const auto counts, Counts(schema, "minItems", "maxItems", where));
  part.least = counts.first;
  part.most = counts.second;
  if (const Json* prefix = schema.Find("prefixItems")) {
    if (!prefix->is_array()) return NoSchema(Within(where, "prefixItems"), "an array", *prefix);
    for (size_t i = 0; i < prefix->array().size(); ++i) {
      CARAT_ASSIGN(const PartId child, Value(prefix->array()[i], Within(where, "prefixItems", i)));
      part.children.push_back(child);
    }
  }
  const Json* items = schema.Find("items");
  if (items != nullptr) {
    CARAT_ASSIGN(part.rest, Value(*items, Within(where, "items")));
  } else {
    part.rest = Any();
  }
  return Add(std::move(part));
}

Result<PartId> SchemaReader::Object(const Json& schema, const std::string& where) {
  SchemaPart part{.kind = Kind::kObject};
  std::map<std::string, size_t> places;
  if (const Json* properties = schema.Find("properties")) {
    if (!properties->is_object())
      return NoSchema(Within(where, "properties"), "an object", *properties);
    for (const auto& [name, value] : properties->object()) {
      places[name] = part.properties.size();
      CARAT_TRY(budget_.SpendEnumBytes(name.size() + 1));
      part.properties.push_back({.name = name});
      CARAT_ASSIGN(part.properties.back().part,
                   Value(value, Within(Within(where, "properties"), name)));
    }
  }
  const Json* rest = schema.Find("additionalProperties");
  if (rest != nullptr ? !(rest->is_bool() && !rest->boolean()) : part.properties.empty()) {
    CARAT_ASSIGN(part.rest, rest != nullptr ? Value(*rest, Within(where, "additionalProperties"))
                                            : Result<PartId>(Any()));
  }
  if (const Json* required = schema.Find("required")) {
    if (!required->is_array()) return NoSchema(Within(where, "required"), "an array", *required);
    for (const Json& name : required->array()) {
      if (!name.is_string()) return NoSchema(Within(where, "required"), "strings", name);
      const auto [at, is_new] = places.try_emplace(name.string(), part.properties.size());
      // Required, but not described: whatever additional properties are.
      if (is_new) {
        part.properties.push_back({.name = name.string(), .part = part.rest});
        if (part.rest == kNoPart) {
          const bool closed = rest != nullptr;  // false
          part.properties.back().part = closed ? Add({.kind = Kind::kLiterals}) : Any();
        }
      }
      part.properties[at->second].required = true;
    }
  }
  CARAT_ASSIGN(const auto counts, Counts(schema, "minProperties", "maxProperties", where));
  if (part.properties.empty()) {
    part.least = counts.first;
    part.most = counts.second;
  } else {
    for (const std::string_view key : {"minProperties", "maxProperties"}) {
      if (schema.Find(key) != nullptr) Refuse(where, std::string(key) + " beside properties");
    }
  }
  return Add(std::move(part));
}

}  // namespace carat
