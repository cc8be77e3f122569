// Tools of OpenAI's Responses.
#pragma once

#include "api/fields.h"
#include "api/openai/responses_request.h"
#include "base/result.h"

namespace carat {

// Reads tools, tool_choice, parallel_tool_calls and max_tool_calls; functions in namespaces too.
// Web search is left out with a warning, other tools of a server are kUnsupported.
Status ReadResponseTools(Fields& fields, ResponsesRequest& out);

}  // namespace carat
