// A small vocabulary for tests and fuzz targets.
#pragma once

#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tests/support/added_tokens.h"
#include "tokenizer/tokenizer.h"

namespace carat {

// The 24 added tokens, the 256 byte tokens, every printable ASCII character, newline, U+2581 for
// the space, and some pieces of several characters. No merges: Encode gives single characters.
inline Tokenizer SmallTokenizer() {
  std::vector<std::string> pieces(std::begin(kAddedTokens), std::end(kAddedTokens));
  for (int byte = 0; byte < 256; ++byte) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    pieces.push_back(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">");
  }
  for (char c = '!'; c <= '~'; ++c) pieces.emplace_back(1, c);
  for (const char* piece : {"\n", "▁", "thought", "thought\n", "\n\n", "call", "call:", "{}", "é",
                            "日本", "😀", "▁hello", "\":\"", "e\u0301", "<|", "|>", "true", "42"}) {
    pieces.emplace_back(piece);
  }
  VocabularyParts parts;
  parts.pieces.assign(pieces.begin(), pieces.end());
  Result<Tokenizer> tokenizer = Tokenizer::FromParts(parts);
  CARAT_CHECK(tokenizer.has_value());
  return *std::move(tokenizer);
}

// The token of one byte in SmallTokenizer().
inline TokenId ByteToken(char byte) {
  return static_cast<TokenId>(std::size(kAddedTokens)) + static_cast<unsigned char>(byte);
}

// Cuts text into the longest tokens of SmallTokenizer(), control tokens included. Borrows it.
class LongestTokens {
 public:
  explicit LongestTokens(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
    for (TokenId id = 0; id < static_cast<TokenId>(tokenizer.size()); ++id) {
      by_first_byte_[static_cast<unsigned char>(tokenizer.TokenBytes(id).front())].push_back(id);
    }
  }

  // The token that stands for most of the beginning of a text that is not empty.
  TokenId First(std::string_view text) const {
    TokenId best = ByteToken(text.front());
    for (const TokenId id : by_first_byte_[static_cast<unsigned char>(text.front())]) {
      const std::string_view bytes = tokenizer_.TokenBytes(id);
      if (bytes.size() > tokenizer_.TokenBytes(best).size() && text.starts_with(bytes)) best = id;
    }
    return best;
  }

 private:
  const Tokenizer& tokenizer_;
  std::array<std::vector<TokenId>, 256> by_first_byte_;
};

}  // namespace carat
