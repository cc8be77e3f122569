#include "chat/tool_declaration.h"

#include <algorithm>
#include <string_view>

#include "chat/python_text.h"
#include "chat/python_values.h"
#include "chat/template_macros.h"

namespace carat {
namespace {

// required:[<|"|>a<|"|>,<|"|>b<|"|>]
Status FormatRequired(const Json* required, const std::string& where, PromptText& out) {
  out.Template("required:[");
  CARAT_TRY(ForEach(required, where, [&](const Json& item, size_t, bool last) -> Status {
    Quoted(PythonStr(&item), out);
    if (!last) out.Template(",");
    return {};
  }));
  out.Template("]");
  return {};
}

// 'type' inside items: upper-cased, a list of types each by itself (Jinja's map('upper'), which
// gives an empty list for any falsy value).
Status FormatItemsType(const Json& type, const std::string& where, PromptText& out) {
  out.Template("type:");
  if (type.is_string()) {
    Quoted(PythonUpper(type.string()), out);
    return {};
  }
  out.Template("[");
  if (PythonTruthy(&type)) {
    CARAT_TRY(ForEach(&type, where, [&](const Json& item, size_t, bool last) -> Status {
      Quoted(PythonUpper(PythonStr(&item)), out);
      if (!last) out.Template(",");
      return {};
    }));
  }
  out.Template("]");
  return {};
}

bool IsStandardKey(std::string_view key) {
  return key == "description" || key == "type" || key == "properties" || key == "required" ||
         key == "nullable";
}

Status FormatParameters(const Json::Object& properties, bool filter_keys, const std::string& where,
                        PromptText& out);

// items:{…}, the schema of a list's elements.
Status FormatItems(const Json::Object& items, const std::string& where, PromptText& out) {
  out.Template("items:{");
  Commas commas(out);
  for (const Json::Member* const member : DictSort(items)) {
    const auto& [key, value] = *member;
    if (value.is_null()) continue;
    commas.Next();
    const std::string place = where + "." + key;
    if (key == "properties") {
      out.Template("properties:{");
      if (value.is_object()) CARAT_TRY(FormatParameters(value.object(), false, place, out));
      out.Template("}");
    } else if (key == "required") {
      CARAT_TRY(FormatRequired(&value, place, out));
    } else if (key == "type") {
      CARAT_TRY(FormatItemsType(value, place, out));
    } else {
      out.Literal(key);
      out.Template(":");
      FormatArgument(&value, Keys::kQuoted, out);
    }
  }
  out.Template("}");
  return {};
}

// properties:{…},required:[…] of a property of type object. Without 'properties' the template takes
// the schema's own unknown keywords for properties.
Status FormatObject(const Json& schema, const std::string& where, Commas& commas, PromptText& out) {
  const Json* const properties = schema.Find("properties");
  const bool filter_keys = !IsMapping(properties);
  commas.Next();
  out.Template("properties:{");
  CARAT_TRY(FormatParameters(filter_keys ? schema.object() : properties->object(), filter_keys,
                             filter_keys ? where : where + ".properties", out));
  out.Template("}");
  const Json* const required = schema.Find("required");
  if (!PythonTruthy(required)) return {};
  commas.Next();
  return FormatRequired(required, where + ".required", out);
}

// One property: name:{description,enum,items,nullable,properties,required,type}.
Status FormatProperty(const std::string& name, const Json& schema, const std::string& where,
                      PromptText& out) {
  out.Literal(name);
  out.Template(":{");
  Commas commas(out);
  const Json* const description = schema.Find("description");
  if (PythonTruthy(description)) {
    commas.Next();
    out.Template("description:");
    Quoted(PythonStr(description), out);
  }
  const std::string type = PythonUpper(PythonStr(schema.Find("type")));
  const Json* const choices = schema.Find("enum");
  const Json* const items = schema.Find("items");
  if (type == "STRING" && PythonTruthy(choices)) {
    commas.Next();
    out.Template("enum:");
    FormatArgument(choices, Keys::kQuoted, out);
  } else if (type == "ARRAY" && IsMapping(items) && PythonTruthy(items)) {
    commas.Next();
    CARAT_TRY(FormatItems(items->object(), where + ".items", out));
  }
  if (PythonTruthy(schema.Find("nullable"))) {
    commas.Next();
    out.Template("nullable:true");
  }
  if (type == "OBJECT") CARAT_TRY(FormatObject(schema, where, commas, out));
  commas.Next();
  out.Template("type:");
  Quoted(type, out);
  out.Template("}");
  return {};
}

Status FormatParameters(const Json::Object& properties, bool filter_keys, const std::string& where,
                        PromptText& out) {
  Commas commas(out);
  for (const Json::Member* const member : DictSort(properties)) {
    const auto& [key, value] = *member;
    if (filter_keys && IsStandardKey(key)) continue;
    commas.Next();
    CARAT_TRY(FormatProperty(key, value, where + "." + key, out));
  }
  return {};
}

// ,parameters:{properties:{…},required:[…],type:…}. The closing brace comes with the type, as in
// the template, so that a schema without a type leaves it open.
Status FormatFunctionParameters(const Json& params, const std::string& where, PromptText& out) {
  out.Template(",parameters:{");
  const Json* const properties = params.Find("properties");
  if (PythonTruthy(properties)) {
    const std::string place = where + ".properties";
    if (!properties->is_object()) return Fail(WrongKind(properties, place, "an object"));
    out.Template("properties:{");
    CARAT_TRY(FormatParameters(properties->object(), false, place, out));
    out.Template("},");
  }
  const Json* const required = params.Find("required");
  if (PythonTruthy(required)) {
    CARAT_TRY(FormatRequired(required, where + ".required", out));
    out.Template(",");
  }
  const Json* const type = params.Find("type");
  if (PythonTruthy(type)) {
    out.Template("type:");
    Quoted(PythonUpper(PythonStr(type)), out);
    out.Template("}");
  }
  return {};
}

// The template's `'response' in tool_data['function']`, Python's `in` for any kind of value.
Result<bool> HasResponse(const Json& function, const std::string& where) {
  if (function.is_object()) return function.Find("response") != nullptr;
  if (function.is_string()) return function.string().find("response") != std::string::npos;
  if (!function.is_array()) return Fail(WrongKind(&function, where, "an object"));
  return std::ranges::any_of(function.array(),
                             [](const Json& item) { return PythonIs(&item, "response"); });
}

Status FormatResponse(const Json* response, const std::string& where, PromptText& out) {
  if (response == nullptr) return Fail(WrongKind(response, where, "an object"));
  out.Template(",response:{");
  const Json* const description = response->Find("description");
  if (PythonTruthy(description)) {
    out.Template("description:");
    Quoted(PythonStr(description), out);
    out.Template(",");
  }
  const std::string type = PythonUpper(PythonStr(response->Find("type")));
  if (type == "OBJECT") {
    out.Template("type:");
    Quoted(type, out);
    out.Template("}");
  }
  return {};
}

}  // namespace

Status FormatFunctionDeclaration(const Json& tool, const std::string& where, PromptText& out) {
  const Json* const function = tool.Find("function");
  const std::string place = where + ".function";
  if (function == nullptr) return Fail(WrongKind(function, place, "an object"));
  out.Template("declaration:");
  out.Literal(PythonStr(function->Find("name")));
  out.Template("{description:");
  Quoted(PythonStr(function->Find("description")), out);
  const Json* const params = function->Find("parameters");
  if (PythonTruthy(params)) {
    CARAT_TRY(FormatFunctionParameters(*params, place + ".parameters", out));
  }
  CARAT_ASSIGN(const bool has_response, HasResponse(*function, place));
  if (has_response) {
    CARAT_TRY(FormatResponse(function->Find("response"), place + ".response", out));
  }
  out.Template("}");
  return {};
}

}  // namespace carat
