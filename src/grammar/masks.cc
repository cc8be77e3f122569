#include "grammar/masks.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace carat {
namespace {

constexpr size_t kGroupsToCompare = 64;
// Remaining, where a mask is made for all that may run out: more than any token counts.
constexpr uint32_t kCounted = 1U << 30;

void SetBit(std::span<uint64_t> bits, TokenId id) {
  bits[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
}

}  // namespace

size_t StateMask::MemoryBytes() const {
  size_t bytes = bits.capacity() * sizeof(uint64_t) + groups.capacity() * sizeof(Group) +
                 by_count.capacity() * sizeof(TokenId) + at_most.capacity() * sizeof(uint32_t);
  for (const Group& group : groups) bytes += group.nodes.capacity() * sizeof(uint32_t);
  return bytes;
}

std::shared_ptr<const StateMask> MaskCache::Find(const Key& key) const {
  const std::scoped_lock lock(mutex_);
  const auto found = masks_.find(key);
  return found == masks_.end() ? nullptr : found->second;
}

void MaskCache::Insert(const Key& key, std::shared_ptr<const StateMask> mask) {
  const std::scoped_lock lock(mutex_);
  if (masks_.size() >= capacity_) masks_.clear();  // rare: what is still in use comes back soon
  masks_[key] = std::move(mask);
}

size_t MaskCache::MemoryBytes() const {
  const std::scoped_lock lock(mutex_);
  size_t bytes = 0;
  for (const auto& [key, mask] : masks_) bytes += mask->MemoryBytes();
  return bytes;
}

void MaskMaker::Add(Walker& walker, const Place& place, std::span<uint64_t> bits) {
  const State& state = walker.machine().states[place.state];
  if (state.op != Op::kBytes) return;
  if (!state.wide) {
    stack_.assign(1, place);
    Walk(walker, 0, 0, static_cast<uint32_t>(vocabulary_.nodes().size()), bits, nullptr);
    return;
  }
  const std::shared_ptr<const StateMask> mask = MaskOf(walker, place);
  if (mask->at_most.empty() || place.remaining + 1 >= mask->at_most.size()) {
    for (size_t i = 0; i < bits.size(); ++i) bits[i] |= mask->bits[i];
  } else {
    AddCounted(*mask, place.remaining, bits);
  }
  AddUnknown(walker, place, *mask, bits);
}

// Tokens that count at most `remaining`.
void MaskMaker::AddCounted(const StateMask& mask, uint32_t remaining, std::span<uint64_t> bits) {
  const std::span<const TokenId> all = mask.by_count;
  const size_t fit = mask.at_most[remaining];
  if (fit < all.size() / 2) {
    for (const TokenId id : all.first(fit)) SetBit(bits, id);
    return;
  }
  scratch_ = mask.bits;
  for (const TokenId id : all.subspan(fit))
    scratch_[static_cast<size_t>(id) / 64] &= ~(uint64_t{1} << (static_cast<size_t>(id) % 64));
  for (size_t i = 0; i < bits.size(); ++i) bits[i] |= scratch_[i];
}

void MaskMaker::SortByCount(StateMask& mask) {
  uint32_t most = 0;
  for (const auto& [count, id] : counts_) most = std::max(most, count);
  mask.at_most.assign(most + 1, 0);
  for (const auto& [count, id] : counts_) ++mask.at_most[count];
  std::vector<uint32_t> next(most + 1, 0);
  for (size_t i = 1; i <= most; ++i) {
    next[i] = mask.at_most[i - 1];
    mask.at_most[i] += mask.at_most[i - 1];
  }
  mask.by_count.resize(counts_.size());
  for (const auto& [count, id] : counts_) mask.by_count[next[count]++] = id;
  counts_ = {};
}

// `needed` is taken for 0: it forbids only what ends the rule, which is tried each time.
std::shared_ptr<const StateMask> MaskMaker::MaskOf(Walker& walker, const Place& place) {
  // No token counts more than it has bytes.
  const bool counted = place.remaining <= vocabulary_.max_bytes();
  const bool is_common = place.state < walker.machine().num_common;
  MaskCache& cache = is_common ? vocabulary_.common_masks() : own_masks_;
  const MaskCache::Key key{place.state, counted};
  if (auto found = cache.Find(key)) return found;
  auto mask = std::make_shared<StateMask>();
  mask->bits.resize(vocabulary_.num_words());
  group_places_.clear();
  counts_.clear();
  stack_.assign(
      1,
      {.state = place.state, .remaining = counted ? kCounted : kNoLimit, .frame = kUnknownFrame});
  Walk(walker, 0, 0, static_cast<uint32_t>(vocabulary_.nodes().size()), mask->bits, mask.get());
  if (counted) SortByCount(*mask);
  for (StateMask::Group& group : mask->groups) {
    std::ranges::sort(group.nodes, {}, [&](uint32_t node) {
      return std::pair(vocabulary_.nodes()[node].byte, node);
    });
  }
  cache.Insert(key, mask);
  return mask;
}

void MaskMaker::Remember(uint32_t node, size_t begin, size_t stop, size_t length,
                         StateMask& known) {
  const auto places = std::span(stack_).subspan(begin, stop - begin);
  // Frames that were made on the way may be forgotten by now: their numbers say nothing.
  const bool comparable =
      std::ranges::all_of(places, [](const Place& p) { return p.frame == kUnknownFrame; });
  const size_t n = known.groups.size();
  for (size_t i = n; comparable && i > 0 && n - i < kGroupsToCompare; --i) {
    if (!std::ranges::equal(group_places_[i - 1], places)) continue;
    known.groups[i - 1].nodes.push_back(node);
    return;
  }
  const TokenId sample = vocabulary_.tokens()[vocabulary_.nodes()[node].first_token];
  known.groups.push_back({.sample = sample, .length = length, .nodes = {node}});
  group_places_.emplace_back();
  if (comparable) group_places_.back().assign(places.begin(), places.end());
}

void MaskMaker::Walk(Walker& walker, size_t from, uint32_t begin, uint32_t end,
                     std::span<uint64_t> bits, StateMask* known) {
  const auto nodes = vocabulary_.nodes();
  const auto tokens = vocabulary_.tokens();
  levels_.assign(1, {end, from, stack_.size(), walker.Now()});
  for (uint32_t i = begin; i < end;) {
    while (levels_.back().end <= i) {
      levels_.pop_back();
      stack_.resize(levels_.back().stop);
      walker.Forget(levels_.back().mark);
    }
    const Level level = levels_.back();
    const GrammarVocabulary::Node& node = nodes[i];
    const bool unknown = walker.Step(stack_, level.begin, level.stop, node.byte, stack_);
    if (unknown && known != nullptr) {
      Remember(i, level.begin, level.stop, levels_.size() - 1, *known);
    } else if (stack_.size() > level.stop) {
      uint32_t remaining = 0;
      for (size_t p = level.stop; known != nullptr && p < stack_.size(); ++p)
        remaining = std::max(remaining, stack_[p].remaining);
      for (uint32_t t = 0; t < node.num_tokens; ++t) {
        const TokenId id = tokens[node.first_token + t];
        SetBit(bits, id);
        if (known != nullptr && remaining <= kCounted)
          counts_.emplace_back(kCounted - remaining, id);
      }
      if (node.end > i + 1) {
        levels_.push_back({node.end, level.stop, stack_.size(), walker.Now()});
        ++i;
        continue;
      }
    }
    stack_.resize(level.stop);
    walker.Forget(level.mark);
    i = node.end;
  }
  stack_.resize(levels_.front().stop);
  walker.Forget(levels_.front().mark);
}

// The places behind one byte serve all nodes of a group that have it.
void MaskMaker::AddUnknown(Walker& walker, const Place& place, const StateMask& mask,
                           std::span<uint64_t> bits) {
  const auto nodes = vocabulary_.nodes();
  const Walker::Mark mark = walker.Now();
  for (const StateMask::Group& group : mask.groups) {
    stack_.assign(1, place);
    size_t begin = 0;
    const std::string_view bytes = vocabulary_.tokenizer().TokenBytes(group.sample);
    for (size_t i = 0; i < group.length; ++i) {
      const size_t stop = stack_.size();
      walker.Step(stack_, begin, stop, static_cast<uint8_t>(bytes[i]), stack_);
      begin = stop;
    }
    const size_t before = stack_.size();
    int last = -1;
    for (const uint32_t at : group.nodes) {
      const GrammarVocabulary::Node& node = nodes[at];
      if (node.byte != last) {
        stack_.resize(before);
        walker.Step(stack_, begin, before, node.byte, stack_);
        last = node.byte;
      }
      if (stack_.size() == before) continue;
      for (uint32_t t = 0; t < node.num_tokens; ++t)
        SetBit(bits, vocabulary_.tokens()[node.first_token + t]);
      if (node.end > at + 1) Walk(walker, before, at + 1, node.end, bits, nullptr);
    }
    walker.Forget(mark);
  }
}

}  // namespace carat
