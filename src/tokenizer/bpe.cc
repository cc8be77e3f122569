#include "tokenizer/bpe.h"

#include <algorithm>
#include <limits>

namespace carat {
namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kNoRank = kNone;

}  // namespace

// Buffers of one Encode call, reused over its parts.
struct Bpe::Work {
  struct Candidate {
    uint32_t rank, at;
    // std::push_heap keeps the largest on top; we want the lowest rank, then the leftmost.
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  std::vector<TokenId> id;
  std::vector<uint32_t> previous, next;
  std::vector<uint32_t> rank;  // of the pair (at, next[at]); a candidate of another rank is stale
  std::vector<Candidate> heap;
};

Bpe::Bpe(std::span<const Merge> merges) {
  rules_.Reserve(merges.size());
  borders_.Reserve(merges.size());
  uint32_t rank = 0;
  for (const Merge& merge : merges) {
    rules_.Insert(static_cast<uint32_t>(merge.left), static_cast<uint32_t>(merge.right),
                  {rank++, merge.result});
    borders_.Insert(merge.last_of_left, merge.first_of_right, 1);
  }
}

void Bpe::EncodePart(std::span<const Symbol> part, Work& work, std::vector<TokenId>& out) const {
  const auto n = static_cast<uint32_t>(part.size());
  if (n == 1) {
    out.push_back(part[0].id);
    return;
  }
  work.id.resize(n);
  work.previous.resize(n);
  work.next.resize(n);
  work.rank.assign(n, kNoRank);
  work.heap.clear();
  for (uint32_t i = 0; i < n; ++i) {
    work.id[i] = part[i].id;
    work.previous[i] = i == 0 ? kNone : i - 1;
    work.next[i] = i + 1 < n ? i + 1 : kNone;
  }
  const auto look = [&](uint32_t at, bool push) {
    const uint32_t right = work.next[at];
    const Rule* rule = right == kNone ? nullptr
                                      : rules_.Find(static_cast<uint32_t>(work.id[at]),
                                                    static_cast<uint32_t>(work.id[right]));
    work.rank[at] = rule == nullptr ? kNoRank : rule->rank;
    if (rule == nullptr) return;
    work.heap.push_back({rule->rank, at});
    if (push) std::push_heap(work.heap.begin(), work.heap.end());
  };
  for (uint32_t i = 0; i + 1 < n; ++i) look(i, false);
  std::make_heap(work.heap.begin(), work.heap.end());

  while (!work.heap.empty()) {
    const Work::Candidate best = work.heap.front();
    std::pop_heap(work.heap.begin(), work.heap.end());
    work.heap.pop_back();
    if (work.rank[best.at] != best.rank) continue;
    const uint32_t right = work.next[best.at];
    work.id[best.at] =
        rules_.Find(static_cast<uint32_t>(work.id[best.at]), static_cast<uint32_t>(work.id[right]))
            ->result;
    work.rank[right] = kNoRank;
    work.next[best.at] = work.next[right];
    if (work.next[right] != kNone) work.previous[work.next[right]] = best.at;
    look(best.at, true);
    if (work.previous[best.at] != kNone) look(work.previous[best.at], true);
  }
  for (uint32_t at = 0; at != kNone; at = work.next[at]) out.push_back(work.id[at]);
}

void Bpe::Encode(std::span<const Symbol> word, std::vector<TokenId>& out) const {
  Work work;
  for (size_t begin = 0; begin < word.size();) {
    size_t end = begin + 1;
    while (end < word.size() && MayJoin(word[end - 1], word[end])) ++end;
    EncodePart(word.subspan(begin, end - begin), work, out);
    begin = end;
  }
}

}  // namespace carat
