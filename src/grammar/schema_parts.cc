// Numbers, how deep parts are, and what schemas have in common (schema.h).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <utility>

#include "grammar/regex.h"
#include "grammar/schema.h"

namespace carat {
namespace {

constexpr int64_t kMostInteger = 999'999'999'999'999'999;  // 18 digits
constexpr double kMostBound = 1e15;          // of numbers: exact, and room for a fraction
constexpr double kMostExclusiveBound = 1e6;  // nine digits of fraction do not round up to it

struct Bounds {
  std::optional<double> low, high;
  bool low_exclusive = false, high_exclusive = false;
};

int64_t ClampedInteger(double value) {
  return static_cast<int64_t>(
      std::clamp(value, -static_cast<double>(kMostInteger), static_cast<double>(kMostInteger)));
}

// The integers within bounds, as a range that may be empty.
std::pair<int64_t, int64_t> Integers(const Bounds& bounds) {
  int64_t low = -kMostInteger, high = kMostInteger;
  if (bounds.low) {
    low = ClampedInteger(std::ceil(*bounds.low));
    if (bounds.low_exclusive && std::ceil(*bounds.low) == *bounds.low) ++low;
  }
  if (bounds.high) {
    high = ClampedInteger(std::floor(*bounds.high));
    if (bounds.high_exclusive && std::floor(*bounds.high) == *bounds.high) --high;
  }
  return {std::max(low, -kMostInteger), std::min(high, kMostInteger)};
}

// Numbers between integral bounds: the integers, and what has a fraction between two of them.
std::string NumberPattern(const Bounds& bounds) {
  std::string out;
  const auto [first, last] = Integers(bounds);
  if (first <= last) out = IntegerRange(first, last);
  const int64_t low = bounds.low ? ClampedInteger(*bounds.low) : -kMostInteger;
  const int64_t high = bounds.high ? ClampedInteger(*bounds.high) : kMostInteger;
  const bool exclusive = bounds.low_exclusive || bounds.high_exclusive;
  const std::string fraction = exclusive ? "\\.[0-9]{0,8}[1-9]" : "\\.[0-9]{1,9}";
  const auto add = [&](std::string_view sign, int64_t begin, int64_t end) {
    if (begin > end) return;
    out +=
        fmt::format("{}{}{}{}", out.empty() ? "" : "|", sign, IntegerRange(begin, end), fraction);
  };
  add("", std::max<int64_t>(0, low), high - 1);
  add("-", std::max<int64_t>(0, -high), -low - 1);
  return out.empty() ? "" : "^(?:" + out + ")$";
}

}  // namespace

Result<PartId> SchemaReader::Number(const Json& schema, bool integer, const std::string& where) {
  Bounds bounds;
  bool usable = true;
  for (const std::string_view key :
       {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
    const Json* value = schema.Find(key);
    if (value == nullptr) continue;
    if (!value->is_number()) {
      Refuse(where, std::string(key) + " that is no number");
      continue;
    }
    const bool is_low = key.ends_with("inimum"), exclusive = key.starts_with("exclusive");
    const double number = value->number();
    std::optional<double>& bound = is_low ? bounds.low : bounds.high;
    bool& bound_exclusive = is_low ? bounds.low_exclusive : bounds.high_exclusive;
    if (!bound || (is_low ? number > *bound : number < *bound)) {
      bound = number;
      bound_exclusive = exclusive;
    } else if (number == *bound) {
      bound_exclusive |= exclusive;
    }
    const double most = exclusive ? kMostExclusiveBound : kMostBound;
    if (!integer && (number != std::floor(number) || std::abs(number) > most)) {
      Refuse(where,
             fmt::format("{} {} of a number (only integers up to {:.0f})", key, number, most));
      usable = false;
    }
  }
  if (!usable || (!bounds.low && !bounds.high))
    return Add({.kind = Kind::kNumber, .integer = integer});
  const auto [low, high] = Integers(bounds);
  const std::string pattern = !integer      ? NumberPattern(bounds)
                              : low <= high ? "^" + IntegerRange(low, high) + "$"
                                            : "";
  if (pattern.empty()) return Add({.kind = Kind::kLiterals});
  return Add({.kind = Kind::kBare, .integer = integer, .pattern = pattern});
}

namespace {

uint32_t LevelsOf(const Json& value) {
  uint32_t most = 0;
  if (value.is_array()) {
    for (const Json& one : value.array()) most = std::max(most, LevelsOf(one));
    return most + 1;
  }
  if (value.is_object()) {
    for (const auto& [key, one] : value.object()) most = std::max(most, LevelsOf(one));
    return most + 1;
  }
  return 0;
}

// From what is known of the others so far; kNoLimit: nothing yet.
uint32_t DepthOf(const std::vector<SchemaPart>& parts, const SchemaPart& part) {
  using Kind = SchemaPart::Kind;
  const auto depth = [&](PartId id) { return id == kNoPart ? kNoLimit : parts[id].depth; };
  if (part.least > part.most) return kNoLimit;
  uint32_t most = 0;
  switch (part.kind) {
    case Kind::kLiterals: {
      uint32_t least = kNoLimit;
      for (const Json& value : part.values) least = std::min(least, LevelsOf(value));
      return least;
    }
    case Kind::kAnyOf: {
      uint32_t least = kNoLimit;
      for (const PartId child : part.children) least = std::min(least, depth(child));
      return least;
    }
    case Kind::kArray:
      for (size_t i = 0; i < part.children.size() && i < part.least; ++i)
        most = std::max(most, depth(part.children[i]));
      if (part.least > part.children.size()) most = std::max(most, depth(part.rest));
      break;
    case Kind::kObject:
      for (const SchemaPart::Property& property : part.properties) {
        if (property.required) most = std::max(most, depth(property.part));
      }
      if (part.least > 0) most = std::max(most, depth(part.rest));
      break;
    default:
      return 0;
  }
  return most >= kMaxGrammarDepth ? kNoLimit : most + 1;
}

}  // namespace

SchemaParts SchemaReader::Finish() {
  for (SchemaPart& part : parts_) part.depth = kNoLimit;
  // Each round settles what is one level deeper, or one choice further.
  for (bool changed = true; changed;) {
    changed = false;
    for (SchemaPart& part : parts_) {
      const uint32_t depth = DepthOf(parts_, part);
      changed |= depth != part.depth;
      part.depth = depth;
    }
  }
  return {.parts = std::move(parts_), .root = kNoPart};
}

namespace {

enum Type : unsigned { kNull = 1, kBool = 2, kNumeric = 4, kText = 8, kList = 16, kMembers = 32 };

unsigned TypeOf(const Json& value) {
  if (value.is_null()) return kNull;
  if (value.is_bool()) return kBool;
  if (value.is_number()) return kNumeric;
  if (value.is_string()) return kText;
  return value.is_array() ? kList : kMembers;
}

unsigned TypesOfPart(const SchemaPart& part) {
  using Kind = SchemaPart::Kind;
  unsigned types = 0;
  switch (part.kind) {
    case Kind::kNumber:
    case Kind::kBare:
      return kNumeric;
    case Kind::kString:
      return kText;
    case Kind::kArray:
      return kList;
    case Kind::kObject:
      return kMembers;
    case Kind::kLiterals:
      for (const Json& value : part.values) types |= TypeOf(value);
      return types;
    default:
      return 63;
  }
}

bool SameValue(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (TypeOf(a) == kList || TypeOf(a) == kMembers) return TypeOf(a) == TypeOf(b);  // to be safe
  return a.Dump() == b.Dump();
}

}  // namespace

bool AreDisjoint(const std::vector<SchemaPart>& parts, PartId a, PartId b, size_t& steps,
                 int depth) {
  using Kind = SchemaPart::Kind;
  constexpr int kMost = 6;
  const auto spend = [&](size_t n) { return steps >= n ? (steps -= n, true) : (steps = 0, false); };
  if (depth > kMost || !spend(1)) return false;
  const SchemaPart &x = parts[a], &y = parts[b];
  const auto all = [&](const SchemaPart& choice, PartId other) {
    return !choice.children.empty() && std::ranges::all_of(choice.children, [&](PartId child) {
      return AreDisjoint(parts, child, other, steps, depth + 1);
    });
  };
  if (x.kind == Kind::kAnyOf) return all(x, b);
  if (y.kind == Kind::kAnyOf) return all(y, a);
  if (!x.typed || !y.typed) return false;
  if ((TypesOfPart(x) & TypesOfPart(y)) == 0) return true;
  if (x.kind == Kind::kLiterals && y.kind == Kind::kLiterals) {
    if (!spend(x.values.size() * y.values.size())) return false;
    return std::ranges::none_of(x.values, [&](const Json& v) {
      return std::ranges::any_of(y.values, [&](const Json& w) { return SameValue(v, w); });
    });
  }
  if (x.kind != Kind::kObject || y.kind != Kind::kObject) return false;
  if (!spend(x.properties.size() * y.properties.size())) return false;
  for (const SchemaPart::Property& p : x.properties) {
    for (const SchemaPart::Property& q : y.properties) {
      if (p.required && q.required && p.name == q.name && p.part != kNoPart && q.part != kNoPart &&
          AreDisjoint(parts, p.part, q.part, steps, depth + 1))
        return true;
    }
  }
  return false;
}

namespace {

Json::Array AsArray(const Json& types) {
  return types.is_array() ? types.array() : Json::Array{types};
}

// Names of types that both have.
Json CommonTypes(const Json& a, const Json& b) {
  Json::Array out;
  const Json::Array left = AsArray(a), right = AsArray(b);
  const auto has = [](const Json::Array& in, std::string_view name) {
    return std::ranges::any_of(in,
                               [&](const Json& one) { return one.Dump() == Json(name).Dump(); });
  };
  for (const Json::Array* from : {&left, &right}) {
    const Json::Array& other = from == &left ? right : left;
    for (const Json& one : *from) {
      const std::string name = one.is_string() ? one.string() : "";
      if ((has(other, name) || (name == "integer" && has(other, "number"))) && !has(out, name))
        out.push_back(one);
    }
  }
  return out;
}

bool MergeProperties(const Json& a, const Json& b, Json& out) {
  if (!a.is_object() || !b.is_object()) return false;
  out = a;
  for (const auto& [name, schema] : b.object()) {
    const Json* there = a.Find(name);
    Json both = schema;
    if (there != nullptr && there->Dump() != schema.Dump() && !MergeSchemas(*there, schema, both))
      return false;
    out.Set(name, std::move(both));
  }
  return true;
}

bool MergeKeyword(const std::string& key, const Json& a, const Json& b, Json& out) {
  out = a;
  if (a.Dump() == b.Dump()) return true;
  if (key == "type") {
    out = CommonTypes(a, b);
    return !out.array().empty();
  }
  if (key == "properties") return MergeProperties(a, b, out);
  if (key == "required" && a.is_array() && b.is_array()) {
    for (const Json& name : b.array()) out.array().push_back(name);
    return true;
  }
  if (!a.is_number() || !b.is_number()) return false;
  const bool take_b = key.starts_with("max") || key.ends_with("aximum") ? b.number() < a.number()
                                                                        : b.number() > a.number();
  if (take_b) out = b;
  return true;
}

// Keywords that say something about properties, or items, which another keyword does not name.
bool Interferes(const Json& a, const Json& b) {
  const Json* rest = a.Find("additionalProperties");
  if (rest != nullptr && !(rest->is_bool() && rest->boolean())) {
    const Json *mine = a.Find("properties"), *others = b.Find("properties");
    if (others != nullptr && others->is_object()) {
      for (const auto& [name, schema] : others->object()) {
        if (mine == nullptr || mine->Find(name) == nullptr) return true;
      }
    }
  }
  return (a.Find("prefixItems") != nullptr) && (b.Find("items") != nullptr);
}

}  // namespace

bool MergeSchemas(const Json& a, const Json& b, Json& out) {
  if (a.is_bool() || b.is_bool()) {
    const bool first = a.is_bool();
    out = (first ? a.boolean() : b.boolean()) ? (first ? b : a) : Json(false);
    return true;
  }
  if (!a.is_object() || !b.is_object() || Interferes(a, b) || Interferes(b, a)) return false;
  out = a;
  for (const auto& [key, value] : b.object()) {
    const Json* there = a.Find(key);
    Json both = value;
    const bool says_nothing = key == "title" || key == "description" || key == "default" ||
                              key == "examples" || key.starts_with('$');
    if (there != nullptr && !(says_nothing && key != "$ref") &&
        !MergeKeyword(key, *there, value, both))
      return false;
    out.Set(key, std::move(both));
  }
  return true;
}

}  // namespace carat
