#include "api/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

constexpr std::string_view kLine = "\r\n";
constexpr size_t kMaxBoundary = 70;  // RFC 2046, 5.1.1

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool Take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

struct Parameter {
  std::string name;  // lower case
  std::string value;
};

// The next of "; name=value", quoted or not; `rest` begins behind the one before.
Result<Parameter> NextParameter(std::string_view& rest) {
  const Error broken{.what = "no parameter of the form ; name=value or ; name=\"value\""};
  rest = Trimmed(rest);
  if (!Take(rest, ";")) return Fail(broken);
  const size_t equals = rest.find('=');
  if (equals == std::string_view::npos) return Fail(broken);
  Parameter found{.name = Lower(Trimmed(rest.substr(0, equals))), .value = {}};
  if (found.name.empty()) return Fail(broken);
  rest.remove_prefix(equals + 1);
  if (!Take(rest, "\"")) {
    const size_t end = std::min(rest.find(';'), rest.size());
    found.value = Trimmed(rest.substr(0, end));
    rest.remove_prefix(end);
    return found;
  }
  for (;;) {
    if (rest.empty()) return Fail(broken);
    if (Take(rest, "\"")) return found;
    // curl escapes with a backslash, browsers and httpx by percent.
    if (rest.starts_with("\\\"") || rest.starts_with("\\\\")) rest.remove_prefix(1);
    if (Take(rest, "%22")) {
      found.value += '"';
      continue;
    }
    found.value += rest.front();
    rest.remove_prefix(1);
  }
}

bool IsBoundaryCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("'()+_,-./:=? ").contains(c);
}

Result<std::string> BoundaryOf(std::string_view content_type) {
  const auto fail = [&](std::string what) {
    return Fail({.what = std::move(what),
                 .where = "Content-Type",
                 .wanted = "multipart/form-data; boundary=…",
                 .found = Quoted(content_type)});
  };
  const size_t end = std::min(content_type.find(';'), content_type.size());
  if (Lower(Trimmed(content_type.substr(0, end))) != "multipart/form-data") {
    return fail("not a form with files");
  }
  std::string_view rest = content_type.substr(end);
  std::string boundary;
  while (!Trimmed(rest).empty()) {
    const auto parameter = NextParameter(rest);
    if (!parameter) return fail(parameter.error().what);
    if (parameter->name != "boundary") continue;
    if (!boundary.empty()) return fail("two boundaries");
    boundary = parameter->value;
  }
  if (boundary.empty() || boundary.size() > kMaxBoundary || boundary.ends_with(' ') ||
      !std::ranges::all_of(boundary, IsBoundaryCharacter)) {
    return fail("no usable boundary");
  }
  return boundary;
}

Status ReadDisposition(std::string_view value, FormPart& part) {
  const size_t end = std::min(value.find(';'), value.size());
  if (Lower(Trimmed(value.substr(0, end))) != "form-data") {
    return Fail({.what = "wrong disposition", .wanted = "form-data"});
  }
  std::string_view rest = value.substr(end);
  bool named = false;
  while (!Trimmed(rest).empty()) {
    CARAT_ASSIGN(Parameter parameter, NextParameter(rest));
    const bool is_name = parameter.name == "name";
    if (!is_name && parameter.name != "filename") continue;
    if (is_name ? named : part.filename.has_value()) {
      return Fail({.what = fmt::format("two of {}", parameter.name)});
    }
    if (!IsValidUtf8(parameter.value)) {
      return Fail({.what = fmt::format("{} is no UTF-8", parameter.name)});
    }
    if (is_name) {
      named = true;
      part.name = std::move(parameter.value);
    } else {
      part.filename = std::move(parameter.value);
    }
  }
  if (!named || part.name.empty()) return Fail({.what = "a part without a name"});
  return {};
}

// One line "Name: value" of a part's head.
Status ReadLine(std::string_view line, FormPart& part) {
  if (std::ranges::any_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    return Fail({.what = "a control character in a header line"});
  }
  const size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos || line.substr(0, colon).contains(' ')) {
    return Fail({.what = "not a header line", .wanted = "Name: value", .found = Quoted(line)});
  }
  const std::string name = Lower(line.substr(0, colon));
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (name == "content-disposition") {
    if (!part.name.empty()) return Fail({.what = "two dispositions"});
    return ReadDisposition(value, part);
  }
  if (name == "content-type") part.content_type = value;
  if (name == "content-transfer-encoding" && Lower(value) != "binary" && Lower(value) != "8bit" &&
      Lower(value) != "7bit") {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "an encoded part",
                 .wanted = "binary, 8bit or 7bit",
                 .found = Quoted(value)});
  }
  return {};
}

// The head of the part at the beginning of `rest`, with the empty line behind it.
Status ReadHead(std::string_view& rest, const MultipartLimits& limits, FormPart& part) {
  const std::string_view most = rest.substr(0, limits.max_head_bytes);
  for (size_t at = 0;;) {
    const size_t end = most.find(kLine, at);
    if (end == std::string_view::npos) {
      return Fail({.what = "no end of the header lines",
                   .wanted = fmt::format("an empty line within {} bytes", limits.max_head_bytes)});
    }
    if (end == at) {
      rest.remove_prefix(end + kLine.size());
      break;
    }
    CARAT_TRY(ReadLine(most.substr(at, end - at), part));
    at = end + kLine.size();
  }
  if (part.name.empty()) {
    return Fail({.what = "missing", .wanted = "Content-Disposition: form-data; name=\"…\""});
  }
  return {};
}

}  // namespace

Result<std::vector<FormPart>> ParseMultipart(std::string_view content_type, std::string_view body,
                                             const MultipartLimits& limits) {
  CARAT_ASSIGN(const std::string boundary, BoundaryOf(content_type));
  const std::string delimiter = fmt::format("\r\n--{}", boundary);
  std::string_view rest = body;
  if (!Take(rest, std::string_view(delimiter).substr(kLine.size()))) {
    return Fail({.what = "does not begin with its boundary", .where = "the form"});
  }
  std::vector<FormPart> parts;
  for (;;) {  // behind a delimiter
    if (Take(rest, "--")) break;
    const std::string where = fmt::format("part {} of the form", parts.size());
    if (!Take(rest, kLine)) return Fail({.what = "no line end behind a boundary", .where = where});
    if (parts.size() == limits.max_parts) {
      return Fail({.what = "too many parts",
                   .where = "the form",
                   .wanted = fmt::format("at most {}", limits.max_parts)});
    }
    FormPart& part = parts.emplace_back();
    if (const Status head = ReadHead(rest, limits, part); !head) {
      return Fail(Within(where, head.error()));
    }
    const size_t end = rest.find(delimiter);
    if (end == std::string_view::npos) {
      return Fail({.what = "it ends in a part, without its last boundary", .where = where});
    }
    part.data = rest.substr(0, end);
    rest.remove_prefix(end + delimiter.size());
  }
  if (!rest.empty() && rest != kLine) {
    return Fail({.what = "more behind its last boundary", .where = "the form"});
  }
  return parts;
}

}  // namespace carat
