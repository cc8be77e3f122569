// Jinja's and Python's rules for the values a chat template meets, on our Json.
//
// A value is a `const Json*`; the null pointer is Jinja's undefined, which is falsy, prints as
// nothing, iterates as empty and counts as a sequence. Json::Find is the template's x['key']: a
// member, or undefined for any other kind of value. (Jinja finds the method dict.items for a
// mapping without a member 'items'. The template only asks whether that is a mapping, so undefined
// does as well.) x['key'] of an undefined x raises; the caller checks.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/utf8.h"
#include "io/json.h"

namespace carat {

// Python's bool(value).
bool PythonTruthy(const Json* value);

// Python's str(value): a string is itself, containers print their repr().
std::string PythonStr(const Json* value);

// Python's a == b for JSON kinds: True == 1 == 1.0, mappings without regard to order. Here a null
// pointer is None, as dict.get() returns for a missing member.
bool PythonEqual(const Json* a, const Json* b);

// Whether the value is a string equal to `text`.
bool PythonIs(const Json* value, std::string_view text);

// Jinja's test `is sequence`: strings, lists, mappings and undefined.
bool IsSequence(const Json* value);
inline bool IsMapping(const Json* value) { return value != nullptr && value->is_object(); }
inline bool IsString(const Json* value) { return value != nullptr && value->is_string(); }

// Jinja's filter dictsort: members sorted by lower-cased name, equal ones in their order. Borrows.
std::vector<const Json::Member*> DictSort(const Json::Object& object);

// The error of a value of the wrong kind at a place in the request, such as "messages[2].role".
Error WrongKind(const Json* value, std::string where, std::string wanted);

// Python's `for item in value`: the elements of a list, the names of a mapping, the characters of a
// string, nothing for undefined. Calls body(const Json& item, size_t idx, bool last), which returns
// a Status. Any other kind of value is an error at `where`.
template <std::invocable<const Json&, size_t, bool> Body>
Status ForEach(const Json* value, const std::string& where, Body body) {
  if (value == nullptr) return {};
  if (value->is_array()) {
    const Json::Array& items = value->array();
    for (size_t i = 0; i < items.size(); ++i) CARAT_TRY(body(items[i], i, i + 1 == items.size()));
    return {};
  }
  if (value->is_object()) {
    const Json::Object& members = value->object();
    for (size_t i = 0; i < members.size(); ++i) {
      CARAT_TRY(body(Json(members[i].first), i, i + 1 == members.size()));
    }
    return {};
  }
  if (!value->is_string()) return Fail(WrongKind(value, where, "an array"));
  const std::string_view text = value->string();
  for (size_t at = 0, i = 0; at < text.size(); ++i) {
    const size_t size = DecodeUtf8(text, at).size;
    CARAT_TRY(body(Json(text.substr(at, size)), i, at + size == text.size()));
    at += size;
  }
  return {};
}

}  // namespace carat
