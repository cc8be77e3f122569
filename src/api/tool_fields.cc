#include "api/tool_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/fields.h"
#include "base/utf8.h"

namespace carat {
namespace {

bool IsToolName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxToolName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::string_view NameOf(const Json& tool) {
  return tool.Find("function")->Find("name")->string();  // as AddTool made it
}

Status AddChatTool(const Json& tool, const std::string& where, Ask& ask) {
  CARAT_ASSIGN(Fields fields, Fields::Of(tool, where));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type != "function") {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "carat runs no tools of its own",
                 .where = fields.PathOf("type"),
                 .wanted = "function",
                 .found = Quoted(type, 40)});
  }
  CARAT_ASSIGN(const Json* const function, fields.Require("function"));
  fields.Ignore({"cache_control"});
  CARAT_TRY(fields.Done());
  CARAT_ASSIGN(Fields inner, Fields::Of(*function, fields.PathOf("function")));
  ToolDeclaration declared;
  CARAT_ASSIGN(declared.name, inner.RequireString("name"));
  declared.description = inner.Take("description");
  declared.parameters = inner.Take("parameters");
  // Calls always follow the schema as far as the grammar knows its keywords.
  CARAT_TRY(inner.Bool("strict"));
  CARAT_TRY(inner.Done());
  return AddTool(declared, inner.path(), "parameters", ask);
}

// {"type": "function", "function": {"name"}}: the name.
Result<std::string> NamedFunction(Fields& fields) {
  CARAT_ASSIGN(const Json* const function, fields.Require("function"));
  CARAT_TRY(fields.Done());
  CARAT_ASSIGN(Fields inner, Fields::Of(*function, fields.PathOf("function")));
  CARAT_ASSIGN(std::string name, inner.RequireString("name"));
  CARAT_TRY(inner.Done());
  return name;
}

Status ReadAllowedTools(const Json& allowed, const std::string& where, Ask& ask) {
  CARAT_ASSIGN(Fields fields, Fields::Of(allowed, where));
  CARAT_ASSIGN(const std::optional<std::string> mode, fields.OneOf("mode", {"auto", "required"}));
  CARAT_ASSIGN(const Json* const tools, fields.Require("tools"));
  CARAT_TRY(fields.Done());
  const std::string place = fields.PathOf("tools");
  if (!tools->is_array())
    return Fail({.what = "wrong value", .where = place, .wanted = "an array"});
  std::vector<std::string> names;
  for (size_t i = 0; i < tools->array().size(); ++i) {
    CARAT_ASSIGN(Fields tool, Fields::Of(tools->array()[i], fmt::format("{}[{}]", place, i)));
    CARAT_TRY(tool.OneOf("type", {"function"}));
    CARAT_ASSIGN(std::string name, NamedFunction(tool));
    names.push_back(std::move(name));
  }
  CARAT_TRY(AllowOnly(names, place, ask));
  return mode == "required" ? RequireAnyTool(where, ask) : Status{};
}

}  // namespace

bool IsTool(const Ask& ask, std::string_view name) {
  return ask.tools.is_array() && std::ranges::any_of(ask.tools.array(), [&](const Json& tool) {
           return NameOf(tool) == name;
         });
}

Status AddTool(const ToolDeclaration& tool, const std::string& where, std::string_view schema_key,
               Ask& ask) {
  if (!IsToolName(tool.name)) {
    return Fail({.what = "not a name of a tool",
                 .where = where + ".name",
                 .wanted = fmt::format("1 to {} letters, digits, '_', '-' and '.'", kMaxToolName),
                 .found = Quoted(tool.name, 40)});
  }
  if (IsTool(ask, tool.name)) {
    return Fail(
        {.what = "two tools have this name", .where = where + ".name", .found = Quoted(tool.name)});
  }
  if (tool.description != nullptr && !tool.description->is_string()) {
    return Fail({.what = "wrong value", .where = where + ".description", .wanted = "a string"});
  }
  if (tool.parameters != nullptr && !tool.parameters->is_object()) {
    return WrongKind(fmt::format("{}.{}", where, schema_key), "a JSON schema of an object",
                     *tool.parameters);
  }
  if (!ask.tools.is_array()) ask.tools = Json(Json::Array());
  if (ask.tools.array().size() == kMaxTools) {
    return Fail({.what = "too many tools", .where = where, .wanted = fmt::format("{}", kMaxTools)});
  }
  Json function, declared;
  function.Set("name", tool.name);
  function.Set("description", tool.description == nullptr ? Json("") : *tool.description);
  if (tool.parameters != nullptr) function.Set("parameters", *tool.parameters);
  declared.Set("type", "function");
  declared.Set("function", std::move(function));
  ask.tools.array().push_back(std::move(declared));
  ask.tool_places.push_back(fmt::format("{}.{}", where, schema_key));
  return {};
}

Status RequireAnyTool(const std::string& where, Ask& ask) {
  if (!ask.tools.is_array() || ask.tools.array().empty()) {
    return Fail({.what = "a call is asked for, but no tools are given", .where = where});
  }
  ask.tool_choice = ToolChoice::kRequired;
  return {};
}

Status RequireTool(std::string_view name, const std::string& where, Ask& ask) {
  if (!IsTool(ask, name)) {
    return Fail({.what = "no tool has this name", .where = where, .found = Quoted(name, 40)});
  }
  ask.tool_choice = ToolChoice::kRequired;
  ask.only_tool = std::string(name);
  return {};
}

Status AllowOnly(const std::vector<std::string>& names, const std::string& where, Ask& ask) {
  for (const std::string& name : names) {
    if (IsTool(ask, name)) continue;
    return Fail({.what = "no tool has this name", .where = where, .found = Quoted(name, 40)});
  }
  if (!ask.tools.is_array()) return {};
  Json::Array& tools = ask.tools.array();
  size_t kept = 0;
  for (size_t i = 0; i < tools.size(); ++i) {
    if (std::ranges::find(names, NameOf(tools[i])) == names.end()) continue;
    std::swap(tools[kept], tools[i]);
    std::swap(ask.tool_places[kept++], ask.tool_places[i]);
  }
  tools.resize(kept);
  ask.tool_places.resize(kept);
  return {};
}

Status ReadChatTools(const Json& tools, const std::string& where, Ask& ask) {
  if (!tools.is_array()) {
    return WrongKind(where, "an array", tools);
  }
  for (size_t i = 0; i < tools.array().size(); ++i) {
    CARAT_TRY(AddChatTool(tools.array()[i], fmt::format("{}[{}]", where, i), ask));
  }
  return {};
}

Status ReadChatToolChoice(const Json& choice, const std::string& where, Ask& ask) {
  if (choice.is_string()) {
    if (choice.string() == "none") ask.tool_choice = ToolChoice::kNone;
    if (choice.string() == "none" || choice.string() == "auto") return {};
    if (choice.string() == "required") return RequireAnyTool(where, ask);
    return Fail({.what = "wrong value",
                 .where = where,
                 .wanted = "none, auto, required or an object",
                 .found = Quoted(choice.string(), 40)});
  }
  CARAT_ASSIGN(Fields fields, Fields::Of(choice, where));
  CARAT_ASSIGN(const std::optional<std::string> type,
               fields.OneOf("type", {"function", "allowed_tools"}));
  if (type == "allowed_tools") {
    CARAT_ASSIGN(const Json* const allowed, fields.Require("allowed_tools"));
    CARAT_TRY(fields.Done());
    return ReadAllowedTools(*allowed, fields.PathOf("allowed_tools"), ask);
  }
  CARAT_ASSIGN(const std::string name, NamedFunction(fields));
  return RequireTool(name, fields.PathOf("function.name"), ask);
}

}  // namespace carat
