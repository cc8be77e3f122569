// tests/golden/template/cases.json: conversations and what jinja2 renders from Google's own file.
#include <gtest/gtest.h>

#include <string>

#include "chat/template.h"
#include "io/file.h"
#include "io/json.h"

namespace carat {
namespace {

bool Flag(const Json& entry, std::string_view name, bool fallback) {
  const Json* const value = entry.Find(name);
  return value != nullptr && value->is_bool() ? value->boolean() : fallback;
}

void CheckCase(const Json& entry) {
  const Json* const messages = entry.Find("messages");
  ASSERT_NE(messages, nullptr);
  const TemplateOptions options{
      .add_generation_prompt = Flag(entry, "add_generation_prompt", false),
      .enable_thinking = Flag(entry, "enable_thinking", false),
      .preserve_thinking = Flag(entry, "preserve_thinking", false)};
  const auto prompt = RenderPrompt(*messages, entry.Find("tools"), options);
  if (Flag(entry, "error", false)) {
    EXPECT_FALSE(prompt.has_value()) << prompt->text;
    return;
  }
  ASSERT_TRUE(prompt.has_value()) << prompt.error().Message();
  EXPECT_EQ(prompt->text, entry.Find("expected")->string());
}

TEST(TemplateGolden, EveryCaseRendersAsJinjaRendersIt) {
  const auto text = ReadFile(CARAT_SOURCE_DIR "/tests/golden/template/cases.json", 64u << 20);
  ASSERT_TRUE(text.has_value()) << text.error().Message();
  // A case may hold a conversation as deep as a request may be, inside the array of cases.
  const auto cases = ParseJson(*text, {.max_depth = 80});
  ASSERT_TRUE(cases.has_value()) << cases.error().Message();
  ASSERT_TRUE(cases->is_array());
  EXPECT_GE(cases->array().size(), 300u);
  for (const Json& entry : cases->array()) {
    const Json* const name = entry.Find("name");
    SCOPED_TRACE(name != nullptr && name->is_string() ? name->string() : "a case without a name");
    CheckCase(entry);
  }
}

}  // namespace
}  // namespace carat
