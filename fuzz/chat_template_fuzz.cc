// Input: one JSON object {"messages", "tools"?, "generate"?, "think"?, "keep"?}.
//
// DEPS: chat
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "chat/template.h"
#include "io/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto input = carat::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!input.has_value()) return 0;
  const carat::Json* const messages = input->Find("messages");
  if (messages == nullptr) return 0;
  const auto prompt =
      carat::RenderPrompt(*messages, input->Find("tools"),
                          {.add_generation_prompt = input->Find("generate") != nullptr,
                           .enable_thinking = input->Find("think") != nullptr,
                           .preserve_thinking = input->Find("keep") != nullptr});
  if (!prompt.has_value()) {
    CARAT_CHECK(!prompt.error().what.empty() && !prompt.error().where.empty());
    return 0;
  }
  const std::string_view text = prompt->text;
  CARAT_CHECK(text.starts_with("<bos>"));
  size_t end = 0;
  for (const carat::TextRange& range : prompt->literal) {
    CARAT_CHECK(end < range.begin && range.begin < range.end && range.end <= text.size());
    end = range.end;
  }
  size_t last = 0;
  for (const size_t boundary : prompt->boundaries) {
    CARAT_CHECK(last < boundary && boundary <= text.size());
    last = boundary;
  }
  return 0;
}
