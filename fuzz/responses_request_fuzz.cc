// Input: a request of OpenAI's Responses. What is accepted must be a conversation that the chat
// template renders, and go on from a stored one.
//
// DEPS: api
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/openai/response_items.h"
#include "api/openai/responses_request.h"
#include "base/check.h"
#include "chat/media_request.h"
#include "chat/template.h"
#include "io/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = carat::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!body.has_value()) return 0;
  carat::ResponseStore store({});
  carat::StoredResponse stored{.id = "resp_1", .owner = "ann"};
  stored.input = *carat::ParseJson(R"([{"id":"msg_1","role":"user","content":"x"}])");
  stored.response = *carat::ParseJson(
      R"({"output":[{"id":"fc_1","type":"function_call","call_id":"c","name":"f","arguments":"{}"}]})");
  store.Add(stored);
  const auto request = carat::ReadResponsesRequest(*body, "ann", store);
  if (!request.has_value()) {
    CARAT_CHECK(!request.error().what.empty() && !request.error().where.empty());
    return 0;
  }
  const carat::Ask& ask = request->ask;
  const auto prompt = carat::RenderPrompt(ask.messages, ask.tools.is_null() ? nullptr : &ask.tools,
                                          {.enable_thinking = ask.think});
  if (prompt.has_value()) CARAT_CHECK(carat::MediaRequestsOf(*prompt).has_value());
  CARAT_CHECK(prompt.has_value() || prompt.error().where.starts_with("tools"));
  for (const carat::Json& item : request->input.array()) {
    CARAT_CHECK(carat::KeptItem(item, "1").Find("id") != nullptr);
  }
  return 0;
}
