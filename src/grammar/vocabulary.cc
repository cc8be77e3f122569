#include "grammar/vocabulary.h"

#include <algorithm>
#include <string_view>

#include "grammar/masks.h"

namespace carat {
namespace {

constexpr size_t kCommonMasks = 16;

}  // namespace

GrammarVocabulary::GrammarVocabulary(const Tokenizer& tokenizer)
    : tokenizer_(tokenizer),
      ordinary_(num_words()),
      common_masks_(std::make_unique<MaskCache>(kCommonMasks)) {
  for (TokenId id = 0; id < static_cast<TokenId>(size()); ++id) {
    if (tokenizer.IsSpecial(id) || tokenizer.TokenBytes(id).empty()) continue;
    tokens_.push_back(id);
    ordinary_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
    max_bytes_ = std::max(max_bytes_, tokenizer.TokenBytes(id).size());
  }
  std::ranges::sort(tokens_, [&](TokenId a, TokenId b) {
    const int order = tokenizer.TokenBytes(a).compare(tokenizer.TokenBytes(b));
    return order != 0 ? order < 0 : a < b;
  });
  AddNodes();
}

GrammarVocabulary::~GrammarVocabulary() = default;

void GrammarVocabulary::AddNodes() {
  std::vector<uint32_t> open;  // the nodes on the way to the last token
  std::string_view last;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::string_view bytes = tokenizer_.TokenBytes(tokens_[i]);
    const size_t common =
        static_cast<size_t>(std::ranges::mismatch(last, bytes).in1 - last.begin());
    while (open.size() > common) {
      nodes_[open.back()].end = static_cast<uint32_t>(nodes_.size());
      open.pop_back();
    }
    for (size_t at = common; at < bytes.size(); ++at) {
      open.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({.end = 0,
                        .first_token = static_cast<uint32_t>(i),
                        .byte = static_cast<uint8_t>(bytes[at]),
                        .num_tokens = 0});
    }
    ++nodes_[open.back()].num_tokens;
    last = bytes;
  }
  for (const uint32_t node : open) nodes_[node].end = static_cast<uint32_t>(nodes_.size());
}

bool GrammarVocabulary::IsOrdinary(TokenId id) const {
  const auto at = static_cast<size_t>(id);
  return id >= 0 && at < size() && (ordinary_[at / 64] >> (at % 64) & 1) != 0;
}

size_t GrammarVocabulary::MemoryBytes() const {
  return nodes_.capacity() * sizeof(Node) + tokens_.capacity() * sizeof(TokenId) +
         ordinary_.capacity() * sizeof(uint64_t) + common_masks_->MemoryBytes();
}

}  // namespace carat
