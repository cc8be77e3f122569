// Input: a request of Anthropic's Messages. What is accepted must be a conversation that the chat
// template renders.
//
// DEPS: api
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/anthropic/messages_request.h"
#include "base/check.h"
#include "chat/media_request.h"
#include "chat/template.h"
#include "io/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = carat::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!body.has_value()) return 0;
  for (const bool count : {false, true}) {
    const auto request = carat::ReadMessagesRequest(*body, count);
    if (!request.has_value()) {
      CARAT_CHECK(!request.error().what.empty() && !request.error().where.empty());
      continue;
    }
    const carat::Ask& ask = request->ask;
    const auto prompt = carat::RenderPrompt(
        ask.messages, ask.tools.is_null() ? nullptr : &ask.tools, {.enable_thinking = ask.think});
    if (prompt.has_value()) CARAT_CHECK(carat::MediaRequestsOf(*prompt).has_value());
    // A tool's schema may still be one that the template can't render.
    CARAT_CHECK(prompt.has_value() || prompt.error().where.starts_with("tools"));
  }
  return 0;
}
