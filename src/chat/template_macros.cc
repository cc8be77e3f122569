#include "chat/template_macros.h"

#include "chat/python_text.h"
#include "chat/python_values.h"

namespace carat {
namespace {

void FormatMapping(const Json::Object& object, Keys keys, PromptText& out) {
  out.Template("{");
  Commas commas(out);
  for (const Json::Member* const member : DictSort(object)) {
    commas.Next();
    if (keys == Keys::kQuoted) {
      Quoted(member->first, out);
    } else {
      out.Literal(member->first);
    }
    out.Template(":");
    FormatArgument(&member->second, keys, out);
  }
  out.Template("}");
}

}  // namespace

void Quoted(std::string_view text, PromptText& out) {
  static constexpr std::string_view kQuote = "<|\"|>";
  out.Template(kQuote);
  out.Literal(text);
  out.Template(kQuote);
}

void FormatArgument(const Json* value, Keys keys, PromptText& out) {
  if (value == nullptr) {
    out.Template("[]");
  } else if (value->is_null()) {
    out.Template("null");
  } else if (value->is_string()) {
    Quoted(value->string(), out);
  } else if (value->is_bool()) {
    out.Template(value->boolean() ? "true" : "false");
  } else if (value->is_object()) {
    FormatMapping(value->object(), keys, out);
  } else if (value->is_array()) {
    out.Template("[");
    Commas commas(out);
    for (const Json& item : value->array()) {
      commas.Next();
      FormatArgument(&item, keys, out);
    }
    out.Template("]");
  } else {
    out.Literal(PythonStr(value));
  }
}

void FormatToolResponse(const std::string* name, const Json* response, PromptText& out) {
  out.Template("<|tool_response>response:");
  if (name == nullptr) {
    out.Template("unknown");
  } else {
    out.Literal(*name);
  }
  if (response != nullptr && response->is_object()) {
    FormatMapping(response->object(), Keys::kBare, out);
  } else {
    out.Template("{value:");
    FormatArgument(response, Keys::kBare, out);
    out.Template("}");
  }
  out.Template("<tool_response|>");
}

std::string StripThinking(std::string_view text) {
  static constexpr std::string_view kOpen = "<|channel>";
  static constexpr std::string_view kClose = "<channel|>";
  std::string kept;
  while (true) {
    const size_t close = text.find(kClose);
    const std::string_view piece = text.substr(0, close);
    kept += piece.substr(0, piece.find(kOpen));
    if (close == std::string_view::npos) break;
    text.remove_prefix(close + kClose.size());
  }
  return std::string(PythonStrip(kept));
}

}  // namespace carat
