// Tools as all dialects have them, into an Ask.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/json.h"
#include "service/ask.h"

namespace carat {

inline constexpr size_t kMaxTools = 1024, kMaxToolName = 128;

// A tool that a client runs. Members may be null.
struct ToolDeclaration {
  std::string name = {};
  const Json* description = nullptr;  // a string
  const Json* parameters = nullptr;   // a JSON schema, of an object
};

// Appends it to `ask.tools`. `where` is the path of the declaration, `schema_key` that of the
// parameters in it. Errors: a name that is none (letters, digits, '_', '-', '.') or is there
// already, too many tools, a schema that is no object.
Status AddTool(const ToolDeclaration& tool, const std::string& where, std::string_view schema_key,
               Ask& ask);
bool IsTool(const Ask& ask, std::string_view name);
// The tools must be there: a choice that asks for one, or for any, where there is none is an error.
Status RequireAnyTool(const std::string& where, Ask& ask);
Status RequireTool(std::string_view name, const std::string& where, Ask& ask);
// Leaves only these.
Status AllowOnly(const std::vector<std::string>& names, const std::string& where, Ask& ask);

// Chat Completions: `tools` is [{"type": "function", "function": {"name", "description",
// "parameters", "strict"}}]; the choice is "none", "auto", "required", {"type": "function",
// "function": {"name"}} or {"type": "allowed_tools", "allowed_tools": {"mode", "tools"}}. Tools
// must be read before the choice.
Status ReadChatTools(const Json& tools, const std::string& where, Ask& ask);
Status ReadChatToolChoice(const Json& choice, const std::string& where, Ask& ask);

}  // namespace carat
