#include "chat/media_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

Result<std::vector<MediaRequest>> RequestsOf(const std::string& messages) {
  const Json json = MustParse(messages);
  CARAT_ASSIGN(const RenderedPrompt rendered, RenderPrompt(json, nullptr, {}));
  return MediaRequestsOf(rendered);
}

Result<std::vector<MediaRequest>> RequestsOfPart(const std::string& part) {
  return RequestsOf(R"([{"role": "user", "content": [)" + part + "]}]");
}

TEST(MediaRequest, TakesEveryFormOfPart) {
  ASSERT_VALUE(const auto requests, RequestsOfPart(R"(
      {"type": "image", "path": "a.png", "budget": 140}, {"type": "text", "text": "x"},
      {"type": "audio", "path": "b.wav"}, {"type": "video", "path": "c.mp4", "fps": 0.5},
      {"type": "video", "path": "d.mp4", "frames": 3},
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}, "budget": 280},
      {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
      {"type": "input_audio", "input_audio": {"data": "data:audio/wav;base64,CCCC"}},
      {"type": "image", "path": "e.png", "budget": "auto"})"));
  ASSERT_EQ(requests.size(), 8u);
  EXPECT_EQ(requests[0].path, "a.png");
  EXPECT_EQ(requests[0].budget, 140u);
  EXPECT_EQ(requests[1].kind, PartKind::kAudio);
  EXPECT_EQ(requests[2].fps, 0.5);
  EXPECT_EQ(requests[3].frames, 3);
  EXPECT_EQ(requests[4].budget, 280u);
  EXPECT_EQ(requests[4].path, "data:image/png;base64,AAAA");
  EXPECT_EQ(requests[5].kind, PartKind::kAudio);
  EXPECT_EQ(requests[5].path, "data:audio;base64,BBBB");
  EXPECT_EQ(requests[6].path, "data:audio/wav;base64,CCCC");
  EXPECT_EQ(requests[7].budget, kAutoBudget);
  EXPECT_EQ(requests[1].budget, std::nullopt);
}

// A tool's response is rendered before the content of the message that called it.
TEST(MediaRequest, FollowsThePlaceholdersAndNotTheMessages) {
  ASSERT_VALUE(const auto requests, RequestsOf(R"([
      {"role": "user", "content": [{"type": "image", "path": "first"}]},
      {"role": "assistant", "content": [{"type": "image", "path": "third"}],
       "tool_calls": [{"id": "1", "function": {"name": "look", "arguments": {}}}]},
      {"role": "tool", "tool_call_id": "1", "content": [{"type": "image", "path": "second"}]}])"));
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].path, "first");
  EXPECT_EQ(requests[1].path, "second");
  EXPECT_EQ(requests[2].path, "third");
}

TEST(MediaRequest, WhatMeansNothingIsNamed) {
  const std::string place = "messages[0].content[0]";
  ExpectError(RequestsOfPart(R"({"type": "image"})"), {place, "path"});
  ExpectError(RequestsOfPart(R"({"type": "image", "path": 3})"), {place, "path"});
  ExpectError(RequestsOfPart(R"({"type": "image", "path": "a", "budget": 100})"),
              {place + ".budget", "70, 140, 280, 560, 1120 or", "100"});
  ExpectError(RequestsOfPart(R"({"type": "image", "path": "a", "budget": 0})"), {"budget", "0"});
  ExpectError(RequestsOfPart(R"({"type": "input_audio", "input_audio": {"data": "A"}, "fps": 1})"),
              {place + ".fps"});
  ExpectError(RequestsOfPart(R"({"type": "image", "path": "a", "frames": 3})"),
              {place + ".frames", "video"});
  ExpectError(RequestsOfPart(R"({"type": "audio", "path": "a", "budget": 70})"),
              {place + ".budget", "image", "audio"});
  ExpectError(RequestsOfPart(R"({"type": "video", "path": "a", "frames": 0})"), {place, "frames"});
  ExpectError(RequestsOfPart(R"({"type": "video", "path": "a", "fps": 0})"), {place + ".fps"});
  ExpectError(RequestsOfPart(R"({"type": "video", "path": "a", "fps": 1, "frames": 1})"),
              {place, "exclude"});
  ExpectError(RequestsOfPart(R"({"type": "image_url", "image_url": {"url": "http://a/b.png"}})"),
              {place + ".image_url.url", "opens no addresses", "http://a/b.png"});
}

TEST(MediaRequest, GoesThroughAConversation) {
  const MediaRequest requests[] = {
      {.kind = PartKind::kImage, .path = "a", .budget = 70, .place = "input[3]"},
      {.kind = PartKind::kAudio, .path = "b", .place = "x"},
      {.kind = PartKind::kVideo, .path = "c", .frames = 5, .place = "x"},
      {.kind = PartKind::kVideo, .path = "d", .fps = 2, .place = "x"},
  };
  for (const MediaRequest& request : requests) {
    ASSERT_VALUE(const auto back, RequestsOfPart(ToJson(request).Dump()));
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(ToJson(back[0]).Dump(), ToJson(request).Dump());
  }
}

}  // namespace
}  // namespace carat
