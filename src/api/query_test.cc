#include "api/query.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

TEST(ParseQuery, GivesValuesByTheirLooks) {
  EXPECT_EQ(ParseQuery("")->Dump(), "{}");
  EXPECT_EQ(ParseQuery("stream=true&starting_after=7&after=msg%5F1+x&limit=")->Dump(),
            R"({"stream": true, "starting_after": 7, "after": "msg_1 x", "limit": ""})");
  EXPECT_EQ(ParseQuery("include[]=a&x&include%5B%5D=1&&")->Dump(),
            R"({"include": ["a", "1"], "x": ""})");
}

TEST(ParseQuery, RefusesWhatIsUnclear) {
  for (const char* wrong : {"a=1&a=2", "a=%", "a=%4", "a=%zz", "%ff=1", "a=%FF", "a=%+1"}) {
    EXPECT_FALSE(ParseQuery(wrong).has_value()) << wrong;
  }
  std::string many, listed;
  for (int i = 0; i < 65; ++i) {
    many += "&a" + std::to_string(i) + "=1";
    listed += "&a[]=1";
  }
  EXPECT_FALSE(ParseQuery(many).has_value());
  EXPECT_FALSE(ParseQuery(listed).has_value());
}

}  // namespace
}  // namespace carat
