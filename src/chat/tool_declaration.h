// The template's macros for tool schemas: format_function_declaration and format_parameters. Errors
// are the places where Jinja would raise, with the path of the value in the request
// ("tools[0].function.parameters.required").
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "chat/prompt_text.h"
#include "io/json.h"

namespace carat {

// format_function_declaration: one element of `tools`, found at `where`.
Status FormatFunctionDeclaration(const Json& tool, const std::string& where, PromptText& out);

// One sentence, beginning with its path, for every schema keyword of the tool that the declaration
// does not show the model (minimum, anyOf, $ref, additionalProperties, …) or shows as something
// else. Appends. Cannot fail; says nothing of what is not a schema.
void AppendSchemaWarnings(const Json& tool, const std::string& where,
                          std::vector<std::string>& warnings);

}  // namespace carat
