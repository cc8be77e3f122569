// Byte-pair encoding over code points, near-linear in the length of the text.
//
// The definition (gguf specification 4.3, step 6) works on the whole text between added tokens as
// one word: merge the adjacent pair of lowest rank, the leftmost on ties, until none is left. Two
// facts make that fast without changing a result:
// A merge can only cross the border between characters a and b if some merge has a left side ending
// in a and a right side beginning with b: at every other border the text falls into independent
// parts. And inside a part a heap gives the next pair in O(log n).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "tokenizer/pair_table.h"

namespace carat {

class Bpe {
 public:
  struct Merge {
    TokenId left, right, result;
    char32_t last_of_left, first_of_right;
  };
  // Best first; no pair twice.
  explicit Bpe(std::span<const Merge> merges);

  // One character of the text: its code point, and the one token it stands for.
  struct Symbol {
    char32_t code;
    TokenId id;
    bool is_byte;  // one of several byte tokens of a character that the vocabulary lacks
  };
  // Appends the ids of the whole word.
  void Encode(std::span<const Symbol> word, std::vector<TokenId>& out) const;
  size_t bytes() const { return rules_.bytes() + borders_.bytes(); }

 private:
  struct Rule {
    uint32_t rank = 0;
    TokenId result = -1;
  };
  struct Work;
  void EncodePart(std::span<const Symbol> part, Work& work, std::vector<TokenId>& out) const;
  bool MayJoin(const Symbol& a, const Symbol& b) const {
    return a.is_byte || b.is_byte || borders_.Find(a.code, b.code) != nullptr;
  }

  PairTable<Rule> rules_;       // (left id, right id)
  PairTable<uint8_t> borders_;  // (last character, first character)
};

}  // namespace carat
