#include "net/sse_writer.h"

#include <gtest/gtest.h>

namespace carat::net {
namespace {

TEST(SseWriter, WritesOneEvent) {
  EXPECT_EQ(Format({.data = "[DONE]"}), "data: [DONE]\n\n");
  EXPECT_EQ(Format({.name = "delta", .data = "{}", .id = 7}), "event: delta\nid: 7\ndata: {}\n\n");
}

TEST(SseWriter, EveryLineOfDataIsAField) {
  EXPECT_EQ(Format({.data = "a\nb"}), "data: a\ndata: b\n\n");
  EXPECT_EQ(Format({.data = "a\rb"}), "data: a\ndata: b\n\n");
  EXPECT_EQ(Format({.data = "a\r\nb"}), "data: a\ndata: b\n\n");
  EXPECT_EQ(Format({.data = "a\n\rb"}), "data: a\ndata: \ndata: b\n\n");
  EXPECT_EQ(Format({.data = "a\n"}), "data: a\ndata: \n\n");
  EXPECT_EQ(Format({.data = " a"}), "data:  a\n\n") << "one space goes, the other is data";
}

TEST(SseWriter, EmptyDataIsDeliveredToo) { EXPECT_EQ(Format({}), "data: \n\n"); }

TEST(SseWriter, KeepAliveIsAComment) { EXPECT_EQ(KeepAlive(), ": keep-alive\n\n"); }

}  // namespace
}  // namespace carat::net
