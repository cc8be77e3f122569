#include "base/base64.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/files.h"

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

TEST(Base64, EncodesWhatItDecodes) {
  const struct {
    std::string_view bytes, text;
  } cases[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"}};
  for (const auto& c : cases) {
    const auto* data = reinterpret_cast<const uint8_t*>(c.bytes.data());
    EXPECT_EQ(EncodeBase64({data, c.bytes.size()}), c.text);
  }
  std::vector<uint8_t> all(256);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i);
  ASSERT_VALUE(const std::vector<uint8_t> back, DecodeBase64(EncodeBase64(all)));
  EXPECT_EQ(back, all);
}

}  // namespace
}  // namespace carat
