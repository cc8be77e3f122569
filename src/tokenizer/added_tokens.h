// AddedTokens: finds the longest added token at a place of a text, by a tree of bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace carat {

class AddedTokens {
 public:
  // Gemma's longest added token has 31 bytes. The bounds keep the time per byte of a text and the
  // memory small whatever a file says.
  static constexpr size_t kMaxBytes = 512;       // of one token
  static constexpr size_t kMaxNodes = 1u << 20;  // bytes of all tokens that no other shares

  struct Match {
    TokenId id;
    size_t size;  // bytes
  };

  // False if a bound is exceeded. `text` is not empty.
  bool Insert(std::string_view text, TokenId id) {
    if (text.size() > kMaxBytes) return false;
    uint32_t* link = &first_[static_cast<unsigned char>(text[0])];
    for (size_t i = 0;; ++i) {
      if (*link == 0) {
        if (nodes_.size() > kMaxNodes) return false;
        *link = static_cast<uint32_t>(nodes_.size());
        nodes_.emplace_back();
      }
      Node& node = nodes_[*link];
      if (i + 1 == text.size()) {
        node.id = id;
        return true;
      }
      auto next = std::ranges::lower_bound(node.next, text[i + 1], {}, &Link::first);
      if (next == node.next.end() || next->first != text[i + 1])
        next = node.next.insert(next, {text[i + 1], 0});
      link = &next->second;
    }
  }

  // The longest token at text[at] for which accept(match) is true.
  template <class Accept>
  std::optional<Match> Longest(std::string_view text, size_t at, const Accept& accept) const {
    std::optional<Match> best;
    uint32_t here = first_[static_cast<unsigned char>(text[at])];
    for (size_t size = 1; here != 0; ++size) {
      const Node& node = nodes_[here];
      if (const Match match{node.id, size}; node.id >= 0 && accept(match)) best = match;
      if (at + size == text.size()) break;
      here = 0;
      const auto next = std::ranges::lower_bound(node.next, text[at + size], {}, &Link::first);
      if (next != node.next.end() && next->first == text[at + size]) here = next->second;
    }
    return best;
  }

 private:
  using Link = std::pair<char, uint32_t>;
  struct Node {
    std::vector<Link> next;  // sorted by byte
    TokenId id = -1;
  };
  std::array<uint32_t, 256> first_{};               // by first byte; 0: none
  std::vector<Node> nodes_ = std::vector<Node>(1);  // 0 is no node
};

}  // namespace carat
