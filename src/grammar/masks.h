// Which tokens may come next at a place: a walk of the vocabulary's tree with a walker.
//
// Where most tokens may come (inside strings) the walk is long, so what does not depend on the text
// around the string is kept; only tokens that go beyond the string's end are tried each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "grammar/vocabulary.h"
#include "grammar/walker.h"

namespace carat {

// What is known of a state without the frame it returns to.
struct StateMask {
  // Nodes of the vocabulary's tree at whose byte the unknown begins, and which are reached in the
  // same places: behind the first `length` bytes of `sample`.
  struct Group {
    TokenId sample = -1;
    size_t length = 0;
    std::vector<uint32_t> nodes;  // by their byte
  };
  std::vector<uint64_t> bits;
  std::vector<Group> groups;
  // Where something is counted: the tokens of `bits`, those first that count least, and how many
  // of them count at most 0, 1, … (the last: all).
  std::vector<TokenId> by_count;
  std::vector<uint32_t> at_most;

  size_t MemoryBytes() const;
};

// Thread-safe. Holds a bounded number of masks, 32 KiB each for 262,144 tokens.
class MaskCache {
 public:
  using Key = std::pair<StateId, bool>;  // whether what remains may run out within a token

  explicit MaskCache(size_t capacity) : capacity_(capacity) {}

  std::shared_ptr<const StateMask> Find(const Key& key) const;
  void Insert(const Key& key, std::shared_ptr<const StateMask> mask);
  size_t MemoryBytes() const;

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<const StateMask>> masks_;
};

// One owner thread.
class MaskMaker {
 public:
  // Borrows all.
  MaskMaker(const GrammarVocabulary& vocabulary, MaskCache& own_masks)
      : vocabulary_(vocabulary), own_masks_(own_masks) {}

  // Adds the ordinary tokens that may come at `place`.
  void Add(Walker& walker, const Place& place, std::span<uint64_t> bits);

 private:
  struct Level {
    uint32_t end;        // of the node's subtree
    size_t begin, stop;  // its places, in stack_
    Walker::Mark mark;
  };

  std::shared_ptr<const StateMask> MaskOf(Walker& walker, const Place& place);
  void AddCounted(const StateMask& mask, uint32_t remaining, std::span<uint64_t> bits);
  void SortByCount(StateMask& mask);
  void AddUnknown(Walker& walker, const Place& place, const StateMask& mask,
                  std::span<uint64_t> bits);
  // Walks nodes [begin, end) from the places of stack_ from `from` on.
  void Walk(Walker& walker, size_t from, uint32_t begin, uint32_t end, std::span<uint64_t> bits,
            StateMask* known);
  void Remember(uint32_t node, size_t begin, size_t stop, size_t length, StateMask& known);

  const GrammarVocabulary& vocabulary_;
  MaskCache& own_masks_;
  std::vector<Place> stack_;
  std::vector<Level> levels_;
  std::vector<std::vector<Place>> group_places_;  // beside the groups of a mask that is being made
  std::vector<std::pair<uint32_t, TokenId>> counts_;  // of a mask that is being made
  std::vector<uint64_t> scratch_;
};

}  // namespace carat
