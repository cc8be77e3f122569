// Input: a tokenizer.json. With whatever it makes, texts are encoded: the ids are valid, literal
// text gives no special token, and text comes back, but for vocabularies without U+2581 and for
// what spells that or a byte token ("<0x41>").
//
// DEPS: tokenizer
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/utf8.h"
#include "tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = carat::Tokenizer::FromJson(text);
  if (!tokenizer.has_value()) {
    CARAT_CHECK(!tokenizer.error().what.empty());
    return 0;
  }
  const bool has_space = tokenizer->Decode(tokenizer->EncodeText(" ")) == " ";
  for (const std::string_view part : {std::string_view("a b ab <bos>abc<|turn>\n\xC3\xA9\xFF"),
                                      std::string_view("<0x41>"), text.substr(0, 2000)}) {
    for (const carat::TokenId id : tokenizer->EncodeControl(part)) {
      CARAT_CHECK(id >= 0 && static_cast<size_t>(id) < tokenizer->size());
    }
    const auto plain = tokenizer->EncodeText(part);
    bool comes_back = has_space && !part.contains("\xE2\x96\x81") && !part.contains("<0x");
    for (const carat::TokenId id : plain) {
      CARAT_CHECK(!tokenizer->IsSpecial(id));
      const std::string_view piece = tokenizer->Piece(id);
      comes_back &= piece.size() <= 6 || !piece.contains("<0x");
    }
    CARAT_CHECK(!comes_back || tokenizer->Decode(plain) == carat::SanitizeUtf8(part));
  }
  return 0;
}
