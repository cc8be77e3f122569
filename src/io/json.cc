#include "io/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/utf8.h"

namespace carat {
namespace {

// Builds our value from nlohmann's events. Returning false stops the parser; `error_` says why.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return Add(Json()); }
  bool boolean(bool value) override { return Add(Json(value)); }
  bool number_integer(number_integer_t value) override { return Add(Json(int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<uint64_t>(INT64_MAX)) return Add(Json(static_cast<int64_t>(value)));
    return Add(Json(Json::BigInteger{std::to_string(value)}));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == std::string::npos) return Add(Json(Json::BigInteger{text}));
    return Add(Json(double{value}));
  }
  bool string(string_t& value) override { return Add(Json(std::move(value))); }
  bool binary(binary_t&) override { return Stop("binary values are not JSON"); }
  bool start_object(size_t) override { return Open(Json(Json::Object())); }
  bool key(string_t& value) override {
    keys_.push_back(std::move(value));
    return true;
  }
  bool end_object() override {
    if (const std::string* twice = DuplicateName(stack_.back().object())) {
      return Stop("a member name stands twice in one object: \"" +
                  SanitizeUtf8(twice->substr(0, 80)) + '"');
    }
    return Close();
  }
  bool start_array(size_t) override { return Open(Json(Json::Array())); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& e) override {
    // nlohmann's text is "[json.exception.parse_error.101] parse error at line 1, column 2: WHY".
    std::string_view why = e.what();
    if (const size_t colon = why.find(": "); colon != std::string_view::npos)
      why.remove_prefix(colon + 2);
    if (error_.what.empty()) {
      error_.what = "not valid JSON: " + SanitizeUtf8(why.substr(0, 200));
      // `position` counts the bytes read, the wrong one (or the end) included.
      error_.where = "offset " + std::to_string(position == 0 ? 0 : position - 1);
    }
    return false;
  }

  Json TakeRoot() { return std::move(root_); }
  Error TakeError() { return std::move(error_); }

 private:
  bool Stop(std::string what) {
    error_.what = std::move(what);
    return false;
  }
  bool Count() {
    if (++nodes_ <= limits_.max_nodes) return true;
    return Stop("the JSON text has more than " + std::to_string(limits_.max_nodes) + " values");
  }
  bool Open(Json container) {
    if (!Count()) return false;
    if (stack_.size() >= limits_.max_depth) {
      return Stop("the JSON text is nested deeper than " + std::to_string(limits_.max_depth) +
                  " levels");
    }
    stack_.push_back(std::move(container));
    return true;
  }
  bool Close() {
    Json done = std::move(stack_.back());
    stack_.pop_back();
    return Place(std::move(done));
  }
  bool Add(Json value) { return Count() && Place(std::move(value)); }
  bool Place(Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().is_array()) {
      stack_.back().array().push_back(std::move(value));
    } else {
      stack_.back().object().emplace_back(std::move(keys_.back()), std::move(value));
      keys_.pop_back();
    }
    return true;
  }
  static const std::string* DuplicateName(const Json::Object& object) {
    if (object.size() <= 8) {
      for (size_t i = 0; i < object.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
          if (object[i].first == object[j].first) return &object[i].first;
        }
      }
      return nullptr;
    }
    std::unordered_set<std::string_view> seen;
    seen.reserve(object.size());
    for (const auto& [name, value] : object) {
      if (!seen.insert(name).second) return &name;
    }
    return nullptr;
  }

  JsonLimits limits_;
  std::vector<Json> stack_;        // open containers
  std::vector<std::string> keys_;  // names whose value is being read
  Json root_;
  Error error_;
  size_t nodes_ = 0;
};

void DumpString(const std::string& text, std::string& out) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = DecodeUtf8(text, at);
    const char32_t c = step.code;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (IsTerminalControl(c)) {
      static constexpr char kHex[] = "0123456789abcdef";  // such characters have at most 16 bits
      out += "\\u";
      for (const int shift : {12, 8, 4, 0}) out += kHex[(c >> shift) & 15];
    } else {
      AppendUtf8(c, out);
    }
    at += step.size;
  }
  out += '"';
}

void DumpDouble(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";  // JSON has no such numbers
    return;
  }
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void Break(int indent, int depth, std::string& out) {
  if (indent <= 0) return;
  out += '\n';
  out.append(static_cast<size_t>(indent) * static_cast<size_t>(depth), ' ');
}

void DumpTo(const Json& value, int indent, int depth, std::string& out) {
  if (value.is_null()) {
    out += "null";
  } else if (value.is_bool()) {
    out += value.boolean() ? "true" : "false";
  } else if (value.is_int()) {
    out += std::to_string(value.integer());
  } else if (value.is_big_integer()) {
    out += value.big_integer().digits;
  } else if (value.is_double()) {
    DumpDouble(value.number(), out);
  } else if (value.is_string()) {
    DumpString(value.string(), out);
  } else if (value.is_array()) {
    // Arrays of plain numbers stay on one line: ids and shapes are read that way.
    const bool flat =
        std::ranges::all_of(value.array(), [](const Json& v) { return v.is_number(); });
    const int inner = flat ? 0 : indent;
    out += '[';
    bool first = true;
    for (const Json& item : value.array()) {
      if (!first) out += inner > 0 ? "," : ", ";
      first = false;
      Break(inner, depth + 1, out);
      DumpTo(item, inner, depth + 1, out);
    }
    if (!first) Break(inner, depth, out);
    out += ']';
  } else {
    out += '{';
    bool first = true;
    for (const auto& [name, item] : value.object()) {
      if (!first) out += indent > 0 ? "," : ", ";
      first = false;
      Break(indent, depth + 1, out);
      DumpString(name, out);
      out += ": ";
      DumpTo(item, indent, depth + 1, out);
    }
    if (!first) Break(indent, depth, out);
    out += '}';
  }
}

}  // namespace

double Json::number() const {
  if (is_int()) return static_cast<double>(integer());
  if (is_big_integer()) {
    double value = 0;
    const std::string& digits = big_integer().digits;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  return std::get<double>(value_);
}

const Json* Json::Find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const auto& [name, value] : object()) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Json::Set(std::string_view key, Json value) {
  if (is_null()) value_ = Object();
  for (auto& [name, old] : object()) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  object().emplace_back(std::string(key), std::move(value));
}

std::string StringIn(const Json& object, std::string_view key) {
  const Json* const value = object.Find(key);
  return value != nullptr && value->is_string() ? value->string() : std::string();
}

std::string_view Json::KindName() const {
  static constexpr std::string_view kNames[] = {"null",     "a boolean", "an integer", "an integer",
                                                "a number", "a string",  "an array",   "an object"};
  return kNames[value_.index()];
}

std::string Json::Dump(int indent) const {
  std::string out;
  DumpTo(*this, indent, 0, out);
  return out;
}

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  // nlohmann takes a NUL byte for the end of the text and would pass over what follows. (A byte
  // order mark at the beginning it skips.)
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return Fail({.what = "not valid JSON: a NUL byte", .where = "offset " + std::to_string(nul)});
  }
  Builder builder(limits);
  try {
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
      Error error = builder.TakeError();
      if (error.what.empty()) error.what = "not valid JSON";
      return Fail(std::move(error));
    }
  } catch (const std::exception& e) {
    return Fail({.what = std::string("not valid JSON: ") + e.what()});
  }
  return builder.TakeRoot();
}

bool JsonView::Has(std::string_view key) const {
  const Json* found = value_->Find(key);
  return found != nullptr && !found->is_null();
}

Result<JsonView> JsonView::Get(std::string_view key) const {
  if (!value_->is_object()) return Fail(Wrong("an object"));
  const std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  const Json* found = value_->Find(key);
  if (found == nullptr || found->is_null()) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "missing",
                 .where = path,
                 .found = found == nullptr ? "" : "null"});
  }
  return JsonView(*found, path);
}

Error JsonView::Wrong(std::string wanted) const {
  std::string found(value_->KindName());
  if (value_->is_number() || value_->is_bool()) found = value_->Dump();
  if (value_->is_string()) found = Json(SanitizeUtf8(value_->string().substr(0, 80))).Dump();
  return {.what = "wrong value",
          .where = path_,
          .wanted = std::move(wanted),
          .found = std::move(found)};
}

JsonView JsonView::At(size_t index) const {
  return JsonView(value_->array()[index], path_ + "[" + std::to_string(index) + "]");
}

Result<int64_t> JsonView::Int(std::string_view key, int64_t low, int64_t high) const {
  CARAT_ASSIGN(const JsonView view, Get(key));
  if (!view.value().is_int() || view.value().integer() < low || view.value().integer() > high) {
    return Fail(
        view.Wrong("an integer from " + std::to_string(low) + " to " + std::to_string(high)));
  }
  return view.value().integer();
}

Result<double> JsonView::Number(std::string_view key) const {
  CARAT_ASSIGN(const JsonView view, Get(key));
  if (!view.value().is_number()) return Fail(view.Wrong("a number"));
  return view.value().number();
}

Result<bool> JsonView::Bool(std::string_view key) const {
  CARAT_ASSIGN(const JsonView view, Get(key));
  if (!view.value().is_bool()) return Fail(view.Wrong("true or false"));
  return view.value().boolean();
}

Result<std::string> JsonView::String(std::string_view key) const {
  CARAT_ASSIGN(const JsonView view, Get(key));
  if (!view.value().is_string()) return Fail(view.Wrong("a string"));
  return view.value().string();
}

Result<JsonView> JsonView::Object(std::string_view key) const {
  CARAT_ASSIGN(JsonView view, Get(key));
  if (!view.value().is_object()) return Fail(view.Wrong("an object"));
  return view;
}

Result<JsonView> JsonView::Array(std::string_view key) const {
  CARAT_ASSIGN(JsonView view, Get(key));
  if (!view.value().is_array()) return Fail(view.Wrong("an array"));
  return view;
}

Result<int64_t> JsonView::IntOr(std::string_view key, int64_t fallback, int64_t low,
                                int64_t high) const {
  return Has(key) ? Int(key, low, high) : fallback;
}
Result<double> JsonView::NumberOr(std::string_view key, double fallback) const {
  return Has(key) ? Number(key) : fallback;
}
Result<bool> JsonView::BoolOr(std::string_view key, bool fallback) const {
  return Has(key) ? Bool(key) : fallback;
}
Result<std::string> JsonView::StringOr(std::string_view key, std::string_view fallback) const {
  return Has(key) ? String(key) : std::string(fallback);
}

}  // namespace carat
