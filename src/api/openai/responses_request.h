// A request for one of OpenAI's Responses.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "api/response_store.h"
#include "base/result.h"
#include "io/json.h"
#include "service/ask.h"

namespace carat {

struct ResponsesRequest {
  Ask ask = {};  // its owner is set
  std::optional<std::string> model = {};
  bool stream = false, background = false, store = true;
  bool detached = false;  // goes on where its client goes away
  Json input = {};        // the new items with their ids, for the store
  // The members of a Response that repeat the request, from "background" to "user", with the
  // dialect's defaults.
  Json echo = {};
  bool progress = false;  // is to be told of the prompt
  bool summary = false;   // the thought is wanted as a summary too
  bool sealed = false;    // likewise as encrypted_content
  bool logprobs = false;
  // Tools in namespaces: the name by which the model calls one, its namespace and its name there.
  std::map<std::string, std::pair<std::string, std::string>> spaced = {};
};

// `store`: where previous_response_id and item references lead. Errors name the value; what carat
// does not do is kUnsupported. `count`: a request of /v1/responses/input_tokens, which has a member
// more.
Result<ResponsesRequest> ReadResponsesRequest(const Json& body, const std::string& owner,
                                              ResponseStore& store, bool count = false);

}  // namespace carat
