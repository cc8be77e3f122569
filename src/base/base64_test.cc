#include "base/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace carat {
namespace {

std::string Decoded(std::string_view text) {
  const auto bytes = DecodeBase64(text);
  return bytes ? std::string(bytes->begin(), bytes->end()) : "error: " + bytes.error().Message();
}

TEST(DecodeBase64, TheVectorsOfTheRfc) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"Zg==", "f"},
                                                         {"Zm8=", "fo"},
                                                         {"Zm9v", "foo"},
                                                         {"Zm9vYg==", "foob"},
                                                         {"Zm9vYmE=", "fooba"},
                                                         {"Zm9vYmFy", "foobar"}};
  for (const auto& [text, bytes] : vectors) EXPECT_EQ(Decoded(text), bytes);
}

TEST(DecodeBase64, PaddingMayBeMissingAndLinesMayBreak) {
  EXPECT_EQ(Decoded("Zm9vYg"), "foob");
  EXPECT_EQ(Decoded("Zm9v\r\nYm Fy"), "foobar");
}

TEST(DecodeBase64, SaysWhatIsWrong) {
  EXPECT_EQ(Decoded("Zm9v-"), "error: character 4: not base64 (wanted letters, digits, + and /)");
  EXPECT_EQ(Decoded("Zm=9"), "error: character 3: not base64 (wanted letters, digits, + and /)");
  EXPECT_EQ(Decoded("Zm9vY"), "error: not base64: it is cut short");
}

}  // namespace
}  // namespace carat
