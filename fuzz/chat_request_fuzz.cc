// Input: bytes as the body of a request of Chat Completions. Whatever is read keeps within the
// bounds that the rooms below rely on, and no part leads to a file or an address.
//
// DEPS: api
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/openai/chat_request.h"
#include "base/check.h"
#include "io/json.h"

namespace {

void CheckParts(const carat::Json& content) {
  if (!content.is_array()) return;
  for (const carat::Json& part : content.array()) {
    const carat::Json* const path = part.Find("path");
    if (path == nullptr) continue;
    CARAT_CHECK(path->is_string() && path->string().starts_with("data:"));
  }
}

void Check(const carat::ChatRequest& request) {
  const carat::Ask& ask = request.ask;
  CARAT_CHECK(ask.choices >= 1 && ask.choices <= carat::Ask::kMaxChoices);
  CARAT_CHECK(!ask.logprobs || *ask.logprobs <= carat::Ask::kMaxLogprobs);
  CARAT_CHECK(ask.stop.size() <= 4);
  CARAT_CHECK(!ask.sampling.temperature || std::isfinite(*ask.sampling.temperature));
  CARAT_CHECK(!ask.sampling.top_p || (*ask.sampling.top_p > 0 && *ask.sampling.top_p <= 1));
  for (const auto& [id, bias] : ask.sampling.logit_bias)
    CARAT_CHECK(id >= 0 && std::isfinite(bias));
  for (const carat::Json& message : ask.messages.array()) {
    CARAT_CHECK(message.Find("role") != nullptr && message.Find("content") != nullptr);
    CheckParts(*message.Find("content"));
  }
  CARAT_CHECK(!ask.only_tool || ask.tool_choice == carat::ToolChoice::kRequired);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = carat::ParseJson(text, {.max_nodes = 100'000});
  if (!json) return 0;
  const auto request = carat::ReadChatRequest(*json);
  if (request) {
    Check(*request);
  } else {
    CARAT_CHECK(!request.error().what.empty());
  }
  return 0;
}
