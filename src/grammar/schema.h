// JSON schemas (draft 2020-12, in part) as what may be written: the first half of compiling them.
//
// Whatever is written by the parts fits the schema; not every text that fits can be written:
//   properties stand in the schema's order; those not in "required" may be left out; others come
//   behind them, and only where "additionalProperties" is given and not false, or where there are
//   no "properties". Without "type", the other keywords say which type is meant.
// Annotations and keywords beginning with "x-" are passed over. What is not honoured (README of the
// room's contract: grammar.h) is collected, never overlooked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "grammar/budget.h"
#include "grammar/machine.h"
#include "io/json.h"

namespace carat {

using PartId = uint32_t;
inline constexpr PartId kNoPart = UINT32_MAX;

struct SchemaPart {
  enum class Kind : uint8_t {
    kAny,
    kLiterals,  // one of `values`; none: nothing fits
    kNumber,    // `integer`, or any
    kBare,      // text without quotes that matches `pattern`: a number within bounds
    kString,    // `least` to `most` code points; `pattern` unless it is empty
    kArray,     // `children`, then `rest`; `least` to `most` items
    kObject,    // `properties`, then any others as `rest`; `least` to `most` of the others
    kAnyOf,     // one of `children`
  };
  struct Property {
    std::string name;
    PartId part = kNoPart;
    bool required = false;
  };

  Kind kind = Kind::kAny;
  bool integer = false;
  bool typed =
      true;  // false: the schema lets pass what is of another type, though it is not written
  uint32_t least = 0, most = kNoLimit;
  std::string pattern = {};
  std::vector<Json> values = {};
  std::vector<Property> properties = {};
  std::vector<PartId> children = {};
  PartId rest = kNoPart;  // none: nothing may follow
  uint32_t depth = 0;     // levels that the shortest text takes; kNoLimit: nothing fits
};

struct SchemaParts {
  std::vector<SchemaPart> parts;
  PartId root = kNoPart;
};

// A keyword that is not honoured.
struct Unsupported {
  std::string where;    // the schema's path
  std::string keyword;  // or what else
};

class SchemaReader {
 public:
  // Borrows the budget. `loosen`: what is not supported widens what may be written.
  SchemaReader(GrammarBudget& budget, bool loosen) : budget_(budget), loosen_(loosen) {}

  // One schema and all that it refers to. Errors: no schema, or over the limits.
  Result<PartId> Read(const Json& schema, const std::string& where);
  // Fills in every part's depth. Then the parts are done.
  SchemaParts Finish();

  const std::vector<Unsupported>& unsupported() const { return unsupported_; }

 private:
  using Kind = SchemaPart::Kind;
  // A target of $ref that is still to be read into `part`, so that chains of references do not
  // become recursion.
  struct Waiting {
    const Json* target;
    std::string where;
    PartId part;
  };
  // A "oneOf" that is the same as an "anyOf" only if no two of `choices` overlap.
  struct Overlap {
    std::string where;
    std::vector<PartId> choices;
  };

  Result<PartId> Value(const Json& schema, const std::string& where);
  Result<PartId> Typed(const Json& schema, const std::string& type, const std::string& where);
  Result<PartId> Reference(const Json& schema, const std::string& where);
  Result<PartId> AnyOf(const Json& schema, std::string_view keyword, const std::string& where);
  Result<PartId> AllOf(const Json& schema, const std::string& where);
  Result<PartId> Literals(const Json& schema, const std::string& where);
  Result<PartId> Number(const Json& schema, bool integer, const std::string& where);
  Result<PartId> String(const Json& schema, const std::string& where);
  Result<PartId> Array(const Json& schema, const std::string& where);
  Result<PartId> Object(const Json& schema, const std::string& where);
  Result<const Json*> Resolve(const std::string& reference, const std::string& where) const;
  Result<std::pair<uint32_t, uint32_t>> Counts(const Json& schema, std::string_view least,
                                               std::string_view most, const std::string& where);

  PartId Add(SchemaPart part);
  PartId Choice(std::vector<PartId> children);
  PartId Any() { return Add({}); }
  // Notes the keyword, unless it is noted already.
  void Refuse(const std::string& where, std::string_view keyword);
  void CheckOverlaps();
  void RefuseOthers(const Json& schema, const std::string& where);

  GrammarBudget& budget_;
  bool loosen_;
  const Json* document_ = nullptr;  // of the schema that is being read
  std::vector<SchemaPart> parts_;
  std::map<const Json*, PartId> references_;  // targets of $ref that are read or being read
  std::vector<Waiting> waiting_;
  std::vector<Overlap> overlaps_;
  std::vector<Unsupported> unsupported_;
  int nesting_ = 0;
};

// The schema that takes what both take, as one. False if that is not exactly possible by joining
// their keywords.
bool MergeSchemas(const Json& a, const Json& b, Json& out);

// Whether no text fits both: what makes "oneOf" the same as "anyOf".
// `steps` is what finding out may still take; at 0 the answer is no.
bool AreDisjoint(const std::vector<SchemaPart>& parts, PartId a, PartId b, size_t& steps,
                 int depth = 0);

}  // namespace carat
