#include "io/digest.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace carat {
namespace {

// FIPS 180-4's own examples.
TEST(Digest, KnownValues) {
  EXPECT_EQ(Sha256Hex(AsBytes("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Digest sha1(Digest::Kind::kSha1);
  sha1.Add(AsBytes("abc"));
  EXPECT_EQ(sha1.Hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(Digest, InPiecesIsWhole) {
  const std::string text(100000, 'x');
  Digest digest;
  for (size_t at = 0; at < text.size(); at += 333)
    digest.Add(AsBytes(std::string_view(text).substr(at, 333)));
  EXPECT_EQ(digest.Hex(), Sha256Hex(AsBytes(text)));
}

TEST(Digest, KnowsItsOwnForm) {
  const std::string hex = Sha256Hex({});
  EXPECT_TRUE(IsDigest(Digest::Kind::kSha256, hex));
  EXPECT_FALSE(IsDigest(Digest::Kind::kSha1, hex));
  EXPECT_FALSE(IsDigest(Digest::Kind::kSha256, hex.substr(1)));
  for (const char bad : {'A', 'g', '/', '.', '\0'}) {
    std::string wrong = hex;
    wrong[5] = bad;
    EXPECT_FALSE(IsDigest(Digest::Kind::kSha256, wrong));
  }
}

// RFC 4231, cases 2 and 6.
TEST(Digest, HasTheValuesOfTheHmacStandard) {
  EXPECT_EQ(HmacSha256Hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HmacSha256Hex(std::string(131, '\xaa'),
                          "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace carat
