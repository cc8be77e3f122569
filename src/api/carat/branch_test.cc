// A branch of a conversation as a request.
#include "api/carat/branch.h"

#include <gtest/gtest.h>

#include "api/carat/kept_content.h"
#include "api/openai/chat_request.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/tight_json.h"

namespace carat {
namespace {

HistoryMessage Kept(std::string id, std::string parent, std::string role, const char* body) {
  return {.id = std::move(id),
          .parent = std::move(parent),
          .role = std::move(role),
          .body = MustParse(body)};
}

HistoryConversation Conversation() {
  HistoryConversation conversation{
      .settings = MustParse(R"({"system": "Be brief.", "temperature": 0.5, "page": {"x": 1}})")};
  conversation.messages = {
      Kept("q", "", "user", R"({"content": "Hi"})"),
      Kept("a", "q", "assistant", R"({"content": "Hello!", "reasoning": "Hm", "carat": {}})"),
      Kept("b", "q", "assistant", R"({"content": ""})"), Kept("r", "a", "user", R"({"content": [
          {"type": "image", "media": "HASH", "name": "a.png", "budget": 70},
          {"type": "video", "media": "FILM", "frames": 4},
          {"type": "text", "name": "notes.txt", "text": "N"}, {"type": "text", "text": "So?"}]})"),
      Kept("s", "b", "user", R"({"content": "Again"})")};
  return conversation;
}

Result<std::string> Url(const std::string& hash) {
  if (hash == "gone") return Fail({.code = ErrorCode::kNotFound, .what = "gone"});
  return "data:image/png;base64," + hash;
}

TEST(Branch, IsWhatWasSaidUpToTheLeaf) {
  ASSERT_VALUE(const Json request, ChatRequestOf(Conversation(), "r", Url));
  EXPECT_EQ(
      Tight(request.Dump()),
      R"({"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},)"
      R"({"role":"assistant","content":"Hello!"},{"role":"user","content":[)"
      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,HASH"},"budget":70},)"
      R"({"type":"video_url","video_url":{"url":"data:image/png;base64,FILM"},"frames":4},)"
      R"({"type":"text","text":"notes.txt:\nN"},{"type":"text","text":"So?"}]}],"temperature":0.5})");
  EXPECT_TRUE(ReadChatRequest(request).has_value());
}

TEST(Branch, LeavesOutWhatWasNotAnswered) {
  ASSERT_VALUE(const Json request, ChatRequestOf(Conversation(), "s", Url));
  EXPECT_EQ(Tight(request.Find("messages")->Dump()),
            R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Again"}])");
}

TEST(Branch, SaysWhatIsNotThere) {
  EXPECT_EQ(ChatRequestOf(Conversation(), "x", Url).error().code, ErrorCode::kNotFound);
  HistoryConversation conversation = Conversation();
  conversation.messages[0].body = MustParse(R"({"content": [{"type": "image", "media": "gone"}]})");
  EXPECT_EQ(ChatRequestOf(conversation, "q", Url).error().code, ErrorCode::kNotFound);
}

TEST(Settings, AreThoseOfARequest) {
  for (const char* const sound :
       {"{}", R"({"system": "x", "page": 7, "reasoning_effort": "low", "max_tokens": 5})",
        R"({"temperature": 1, "top_k": 3, "seed": 4, "stop": ["a"]})"}) {
    EXPECT_TRUE(CheckSettings(MustParse(sound)).has_value()) << sound;
  }
  ExpectError(CheckSettings(MustParse(R"({"temperature": 9})")), "settings.temperature");
  ExpectError(CheckSettings(MustParse(R"({"temperatur": 1})")), "settings.temperatur");
  ExpectError(CheckSettings(MustParse(R"({"messages": []})")), "settings.messages");
  ExpectError(CheckSettings(MustParse(R"({"n": 2})")), "settings.n");
  ExpectError(CheckSettings(MustParse(R"({"system": 2})")), "settings.system");
  ExpectError(CheckSettings(MustParse("3")), "settings");
}

TEST(KeptContent, IsChecked) {
  const std::string hash(64, 'a');
  for (const std::string& sound :
       {std::string(R"({"content": "x"})"),
        R"({"content": [{"type": "image", "media": ")" + hash +
            R"(", "name": "a", "budget": 70}]})",
        R"({"content": [{"type": "video", "media": ")" + hash + R"(", "frames": 4}]})"}) {
    EXPECT_TRUE(CheckedBody(MustParse(sound), "", true).has_value()) << sound;
  }
  for (const auto& [bad, where] :
       {std::pair<std::string, std::string>(R"({})", "content"),
        {R"({"content": 3})", "content"},
        {R"({"content": "x", "reasoning": "y"})", "reasoning"},
        {R"({"content": [{"type": "text"}]})", "content[0].text"},
        {R"({"content": [{"type": "file", "text": ""}]})", "content[0].type"},
        {R"({"content": [{"type": "image", "media": "../x"}]})", "content[0].media"},
        {R"({"content": [{"type": "image", "media": ")" + hash + R"(", "url": "x"}]})",
         "content[0].url"}}) {
    ExpectError(CheckedBody(MustParse(bad), "", true), where);
  }
  EXPECT_TRUE(
      CheckedBody(MustParse(R"({"content": "x", "reasoning": "y", "carat": {}})"), "", false)
          .has_value());
  ExpectError(CheckedBody(MustParse(R"({"content": []})"), "m.body", false), "m.body.content");
  for (const char* const calls : {"{}", "[null]", R"([{"arguments": 1}])"}) {
    ExpectError(
        CheckedBody(MustParse(R"({"content": "", "tool_calls": )" + std::string(calls) + "}"), "",
                    false),
        "tool_calls");
  }
}

}  // namespace
}  // namespace carat
