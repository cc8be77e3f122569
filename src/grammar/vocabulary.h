// The tokens as a tree of bytes, which grammars walk to learn which tokens may come next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "tokenizer/tokenizer.h"

namespace carat {

class MaskCache;

// Immutable, shared between threads; made once per tokenizer, whose 262,144 pieces take about 14 MB
// and 0.15 s here. The masks of the common states are made when they are first asked for: 3 MB and
// about 40 ms each for the inside of a JSON string, of one that is limited, and the same of calls.
class GrammarVocabulary {
 public:
  // A byte behind the bytes of the nodes above it. Nodes stand in the order of a depth-first walk.
  struct Node {
    uint32_t end;          // index behind the last node below this one
    uint32_t first_token;  // in tokens(): those of this node and all below it begin here
    uint8_t byte;
    uint8_t num_tokens;  // that end here
  };

  // Borrows the tokenizer.
  explicit GrammarVocabulary(const Tokenizer& tokenizer);
  GrammarVocabulary(const GrammarVocabulary&) = delete;
  GrammarVocabulary& operator=(const GrammarVocabulary&) = delete;
  ~GrammarVocabulary();

  const Tokenizer& tokenizer() const { return tokenizer_; }
  size_t size() const { return tokenizer_.size(); }
  size_t num_words() const { return (size() + 63) / 64; }  // of a mask
  size_t max_bytes() const { return max_bytes_; }          // of a token
  size_t MemoryBytes() const;

  std::span<const Node> nodes() const { return nodes_; }
  // Every ordinary token, sorted by its bytes. Special tokens and holes of the numbering are none.
  std::span<const TokenId> tokens() const { return tokens_; }
  // All ordinary tokens as a mask.
  std::span<const uint64_t> ordinary() const { return ordinary_; }
  bool IsOrdinary(TokenId id) const;
  // What is known of the states that all grammars share. Thread-safe.
  MaskCache& common_masks() const { return *common_masks_; }

 private:
  void AddNodes();

  const Tokenizer& tokenizer_;  // borrows
  size_t max_bytes_ = 0;
  std::vector<Node> nodes_;
  std::vector<TokenId> tokens_;
  std::vector<uint64_t> ordinary_;
  std::unique_ptr<MaskCache> common_masks_;
};

}  // namespace carat
