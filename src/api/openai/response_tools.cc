#include "api/openai/response_tools.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "api/tool_fields.h"
#include "base/utf8.h"

namespace carat {
namespace {

constexpr int64_t kMostCalls = int64_t{1} << 31;

// "web_search", "web_search_preview", "web_search_2025_08_26", …
bool IsWebSearch(std::string_view type) { return type.starts_with("web_search"); }

// `prefix`: of the name, as the model calls it.
Status ReadFunction(Fields& fields, const std::string& prefix, ResponsesRequest& out,
                    Json::Array& echo) {
  ToolDeclaration declared;
  CARAT_ASSIGN(const std::string name, fields.RequireString("name"));
  declared.name = prefix + name;
  if (!prefix.empty()) out.spaced[declared.name] = {prefix.substr(0, prefix.size() - 1), name};
  declared.description = fields.Take("description");
  declared.parameters = fields.Take("parameters");
  // Calls follow the schema always, as far as the grammar knows its keywords.
  CARAT_ASSIGN(const std::optional<bool> strict, fields.Bool("strict"));
  CARAT_TRY(fields.Only("allowed_callers", {Json(Json::Array{"direct"})}));
  CARAT_TRY(fields.Only("defer_loading", {false}));
  CARAT_TRY(fields.Only("async", {false}));
  CARAT_TRY(fields.Only("output_schema", {}));
  CARAT_TRY(fields.Done());
  CARAT_TRY(AddTool(declared, fields.path(), "parameters", out.ask));
  Json shown;
  shown.Set("type", "function");
  shown.Set("name", name);
  shown.Set("description", declared.description == nullptr ? Json() : *declared.description);
  shown.Set("parameters", declared.parameters == nullptr ? Json() : *declared.parameters);
  shown.Set("strict", strict.value_or(true));
  echo.push_back(std::move(shown));
  return {};
}

// Functions of one origin, which the model sees as NAMESPACE.NAME.
Status ReadNamespace(Fields& fields, ResponsesRequest& out, Json::Array& echo) {
  CARAT_ASSIGN(const std::string name, fields.RequireString("name"));
  CARAT_ASSIGN(const auto description, fields.String("description"));
  CARAT_ASSIGN(const Json* const tools, fields.Require("tools"));
  CARAT_TRY(fields.Done());
  const std::string where = fields.PathOf("tools");
  if (!tools->is_array()) return WrongKind(where, "an array", *tools);
  if (name.empty() || name.find('.') != std::string::npos) {
    return Fail({.what = "not a name of a namespace",
                 .where = fields.PathOf("name"),
                 .wanted = "letters, digits, '_' and '-'",
                 .found = Quoted(name, 40)});
  }
  Json::Array inner;
  for (size_t i = 0; i < tools->array().size(); ++i) {
    CARAT_ASSIGN(Fields tool, Fields::Of(tools->array()[i], fmt::format("{}[{}]", where, i)));
    CARAT_ASSIGN(const std::string type, tool.RequireString("type"));
    if (type != "function") {
      return NotSupported("a namespace holds functions", tool.PathOf("type"), type);
    }
    CARAT_TRY(ReadFunction(tool, name + ".", out, inner));
  }
  if (description) {
    out.ask.warnings.push_back(fields.PathOf("description") +
                               ": the model does not see it; say it with the functions");
  }
  Json shown;
  shown.Set("type", "namespace");
  shown.Set("name", name);
  shown.Set("description", description ? Json(*description) : Json());
  shown.Set("tools", Json(std::move(inner)));
  echo.push_back(std::move(shown));
  return {};
}

Status ReadTool(const Json& tool, const std::string& where, ResponsesRequest& out,
                Json::Array& echo) {
  CARAT_ASSIGN(Fields fields, Fields::Of(tool, where));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type == "function") return ReadFunction(fields, "", out, echo);
  if (type == "namespace") return ReadNamespace(fields, out, echo);
  if (IsWebSearch(type)) {
    // Agents send it always, as something that a model may do without.
    out.ask.warnings.push_back(fmt::format("{}: {} is left out: nothing leaves this machine",
                                           fields.PathOf("type"), type));
    return {};
  }
  return NotSupported("carat runs no tools of its own", fields.PathOf("type"), type);
}

// As the model calls it: NAMESPACE.NAME, also where the client names it without, if one has it.
std::string CalledName(const ResponsesRequest& out, const std::optional<std::string>& space,
                       const std::string& name) {
  if (space) return *space + "." + name;
  std::string called = name;
  for (const auto& [full, parts] : out.spaced) {
    if (parts.second != name) continue;
    if (called != name) return name;  // several have it
    called = full;
  }
  return IsTool(out.ask, name) ? name : called;
}

// Tools that were left out are left out here too.
Result<std::vector<std::string>> AllowedNames(const Json& tools, const std::string& where,
                                              const ResponsesRequest& out) {
  if (!tools.is_array()) return WrongKind(where, "an array", tools);
  std::vector<std::string> names;
  for (size_t i = 0; i < tools.array().size(); ++i) {
    CARAT_ASSIGN(Fields fields, Fields::Of(tools.array()[i], fmt::format("{}[{}]", where, i)));
    CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
    if (IsWebSearch(type)) continue;
    CARAT_TRY(fields.OneOf("type", {"function"}));
    CARAT_ASSIGN(const auto space, fields.String("namespace"));
    CARAT_ASSIGN(const std::string name, fields.RequireString("name"));
    CARAT_TRY(fields.Done());
    names.push_back(CalledName(out, space, name));
  }
  return names;
}

Status ReadToolChoice(const Json& choice, ResponsesRequest& out) {
  Ask& ask = out.ask;
  const std::string where = "tool_choice";
  if (choice.is_string()) {
    const std::string& name = choice.string();
    if (name == "none") ask.tool_choice = ToolChoice::kNone;
    if (name == "required") return RequireAnyTool(where, ask);
    if (name == "none" || name == "auto") return {};
    return Fail({.what = "wrong value",
                 .where = where,
                 .wanted = "none, auto, required or an object",
                 .found = Quoted(name, 40)});
  }
  CARAT_ASSIGN(Fields fields, Fields::Of(choice, where));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type == "function") {
    CARAT_ASSIGN(const auto space, fields.String("namespace"));
    CARAT_ASSIGN(const std::string name, fields.RequireString("name"));
    CARAT_TRY(fields.Done());
    return RequireTool(CalledName(out, space, name), fields.PathOf("name"), ask);
  }
  if (type != "allowed_tools") {
    return NotSupported("carat runs no tools of its own", fields.PathOf("type"), type);
  }
  CARAT_ASSIGN(const std::optional<std::string> mode, fields.OneOf("mode", {"auto", "required"}));
  CARAT_ASSIGN(const Json* const tools, fields.Require("tools"));
  CARAT_TRY(fields.Done());
  CARAT_ASSIGN(const auto names, AllowedNames(*tools, fields.PathOf("tools"), out));
  CARAT_TRY(AllowOnly(names, fields.PathOf("tools"), ask));
  return mode == "required" ? RequireAnyTool(where, ask) : Status{};
}

}  // namespace

Status ReadResponseTools(Fields& fields, ResponsesRequest& out) {
  Json::Array shown;
  if (const Json* const tools = fields.Take("tools"); tools != nullptr) {
    if (!tools->is_array()) return WrongKind("tools", "an array", *tools);
    for (size_t i = 0; i < tools->array().size(); ++i) {
      CARAT_TRY(ReadTool(tools->array()[i], fmt::format("tools[{}]", i), out, shown));
    }
  }
  const Json* const choice = fields.Take("tool_choice");
  if (choice != nullptr) CARAT_TRY(ReadToolChoice(*choice, out));
  CARAT_ASSIGN(const std::optional<bool> parallel, fields.Bool("parallel_tool_calls"));
  out.ask.parallel_tools = parallel.value_or(true);
  // Of the tools that a server runs itself: there are none.
  CARAT_ASSIGN(const auto most, fields.Int("max_tool_calls", 1, kMostCalls));
  out.echo.Set("tools", std::move(shown));
  out.echo.Set("tool_choice", choice == nullptr ? Json("auto") : *choice);
  out.echo.Set("parallel_tool_calls", out.ask.parallel_tools);
  out.echo.Set("max_tool_calls", most ? Json(*most) : Json());
  return {};
}

}  // namespace carat
