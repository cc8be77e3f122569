#include "chat/python_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "chat/python_text.h"

namespace carat {
namespace {

// repr(float): the shortest digits that read back the same, with an exponent where Python uses one
// (float_repr_style 'short': below 1e-4 and from 1e16 on).
std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));  // "d.ddde+XX"
  const size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  const std::string sign = std::signbit(value) ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    const std::string fraction = digits.size() > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}{}e{}{:02}", sign, digits[0], fraction, exponent < 0 ? '-' : '+',
                       std::abs(exponent));
  }
  if (exponent < 0)
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

void AppendEscape(char32_t c, std::string& out) {
  const auto code = static_cast<uint32_t>(c);
  if (c == '\t') {
    out += "\\t";
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c < 0x100) {
    out += fmt::format("\\x{:02x}", code);
  } else if (c < 0x10000) {
    out += fmt::format("\\u{:04x}", code);
  } else {
    out += fmt::format("\\U{:08x}", code);
  }
}

std::string StringRepr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = DecodeUtf8(text, at);
    if (step.code == static_cast<char32_t>(quote) || step.code == '\\') {
      out += '\\';
      out += static_cast<char>(step.code);
    } else if (PythonIsPrintable(step.code)) {
      AppendUtf8(step.code, out);
    } else {
      AppendEscape(step.code, out);
    }
    at += step.size;
  }
  return out + quote;
}

std::string Repr(const Json& value) {
  if (value.is_null()) return "None";
  if (value.is_bool()) return value.boolean() ? "True" : "False";
  if (value.is_int()) return std::to_string(value.integer());
  if (value.is_big_integer()) return value.big_integer().digits;
  if (value.is_double()) return FloatRepr(value.number());
  if (value.is_string()) return StringRepr(value.string());
  std::string out;
  if (value.is_array()) {
    for (const Json& item : value.array()) out += (out.empty() ? "" : ", ") + Repr(item);
    return "[" + out + "]";
  }
  for (const auto& [name, item] : value.object()) {
    out += (out.empty() ? "" : ", ") + StringRepr(name) + ": " + Repr(item);
  }
  return "{" + out + "}";
}

// A number's exact value as decimal text when it is whole, which is how Python compares int with
// float.
std::string WholeDigits(const Json& value) {
  if (!value.is_double()) return Repr(value);
  const double number = value.number();
  if (number != std::trunc(number)) return "";
  return number == 0 ? "0" : fmt::format("{:.0f}", number);
}

bool NumbersEqual(const Json& a, const Json& b) {
  if (a.is_int() && b.is_int()) return a.integer() == b.integer();
  if (a.is_double() && b.is_double()) return a.number() == b.number();
  const std::string digits = WholeDigits(a);
  return !digits.empty() && digits == WholeDigits(b);
}

bool ObjectsEqual(const Json& a, const Json& b) {
  if (a.object().size() != b.object().size()) return false;
  return std::ranges::all_of(a.object(), [&](const Json::Member& member) {
    const Json* const other = b.Find(member.first);
    return other != nullptr && PythonEqual(&member.second, other);
  });
}

}  // namespace

bool PythonTruthy(const Json* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is_bool()) return value->boolean();
  if (value->is_int()) return value->integer() != 0;
  if (value->is_big_integer()) return true;
  if (value->is_double()) return value->number() != 0;
  if (value->is_string()) return !value->string().empty();
  if (value->is_array()) return !value->array().empty();
  return !value->object().empty();
}

std::string PythonStr(const Json* value) {
  if (value == nullptr) return "";
  return value->is_string() ? value->string() : Repr(*value);
}

bool PythonEqual(const Json* a, const Json* b) {
  const Json none;
  const Json& left = a == nullptr ? none : *a;
  const Json& right = b == nullptr ? none : *b;
  if (left.is_null() || right.is_null()) return left.is_null() && right.is_null();
  if (left.is_bool()) {
    const Json number(left.boolean() ? 1 : 0);
    return PythonEqual(&number, &right);
  }
  if (right.is_bool()) return PythonEqual(&right, &left);
  if (left.is_number() && right.is_number()) return NumbersEqual(left, right);
  if (left.is_string() && right.is_string()) return left.string() == right.string();
  if (left.is_object() && right.is_object()) return ObjectsEqual(left, right);
  if (!left.is_array() || !right.is_array()) return false;
  return std::ranges::equal(left.array(), right.array(),
                            [](const Json& x, const Json& y) { return PythonEqual(&x, &y); });
}

bool PythonIs(const Json* value, std::string_view text) {
  return IsString(value) && value->string() == text;
}

bool IsSequence(const Json* value) {
  return value == nullptr || value->is_string() || value->is_array() || value->is_object();
}

std::vector<const Json::Member*> DictSort(const Json::Object& object) {
  std::vector<std::pair<std::string, const Json::Member*>> sorted;
  sorted.reserve(object.size());
  for (const Json::Member& member : object) sorted.emplace_back(PythonLower(member.first), &member);
  std::ranges::sort(sorted);  // UTF-8 bytes sort as code points do; then by place in `object`
  std::vector<const Json::Member*> members;
  members.reserve(sorted.size());
  for (const auto& [lower, member] : sorted) members.push_back(member);
  return members;
}

Error WrongKind(const Json* value, std::string where, std::string wanted) {
  return {.what = value == nullptr ? "missing" : "wrong kind of value",
          .where = std::move(where),
          .wanted = std::move(wanted),
          .found = value == nullptr ? "" : std::string(value->KindName())};
}

}  // namespace carat
