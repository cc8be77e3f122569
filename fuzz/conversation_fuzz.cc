// Input: a kept conversation as a client imports it. What is accepted of its settings and messages
// makes a request that Chat Completions reads.
//
// DEPS: api
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/carat/branch.h"
#include "api/carat/kept_content.h"
#include "api/openai/chat_request.h"
#include "base/check.h"
#include "io/json.h"

namespace carat {
namespace {

void Try(const Json& whole) {
  HistoryConversation conversation;
  if (const Json* const settings = whole.Find("settings")) {
    if (CheckSettings(*settings)) conversation.settings = *settings;
  }
  const Json* const messages = whole.Find("messages");
  if (messages == nullptr || !messages->is_array()) return;
  std::string before;
  for (const Json& body : messages->array()) {
    const bool question = conversation.messages.size() % 2 == 0;
    auto sound = CheckedBody(body, "body", question);
    if (!sound) {
      CARAT_CHECK(!sound.error().what.empty() && sound.error().where.starts_with("body"));
      continue;
    }
    conversation.messages.push_back({.id = std::to_string(conversation.messages.size() + 1),
                                     .parent = before,
                                     .role = question ? "user" : "assistant",
                                     .body = *std::move(sound)});
    before = conversation.messages.back().id;
  }
  const auto url = [](const std::string& hash) -> Result<std::string> {
    CARAT_CHECK(hash.size() == 64);
    return std::string("data:image/png;base64,AAAA");
  };
  const auto request = ChatRequestOf(conversation, before, url);
  CARAT_CHECK(request.has_value());
  const auto read = ReadChatRequest(*request);
  // Nothing may be left of it, or a part be of a kind that its type does not have.
  CARAT_CHECK(read.has_value() || read.error().where.starts_with("messages"));
}

}  // namespace
}  // namespace carat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto whole = carat::ParseJson({reinterpret_cast<const char*>(data), size});
  if (whole.has_value()) carat::Try(*whole);
  return 0;
}
