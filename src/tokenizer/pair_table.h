// PairTable: a flat hash table from a pair of 32-bit numbers to a small value, built once, read
// often.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace carat {

// Open addressing with linear probing at a load of at most one half. The value type must be cheap
// to copy. Not for pairs equal to (0xFFFFFFFF, 0xFFFFFFFF).
template <class Value>
class PairTable {
 public:
  void Reserve(size_t entries) {
    slots_.assign(std::bit_ceil(entries * 2 + 16), Slot{});
    mask_ = slots_.size() - 1;
  }
  // Inserts unless the pair is there; says whether it did. Reserve must have counted it.
  bool Insert(uint32_t left, uint32_t right, Value value) {
    const uint64_t key = Key(left, right);
    size_t at = Hash(key) & mask_;
    while (slots_[at].key != kEmpty) {
      if (slots_[at].key == key) return false;
      at = (at + 1) & mask_;
    }
    slots_[at] = {key, value};
    return true;
  }
  const Value* Find(uint32_t left, uint32_t right) const {
    const uint64_t key = Key(left, right);
    for (size_t at = Hash(key) & mask_; slots_[at].key != kEmpty; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return &slots_[at].value;
    }
    return nullptr;
  }
  size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key = kEmpty;
    Value value{};
  };
  static uint64_t Key(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }
  // The finalizer of MurmurHash3: spreads consecutive keys over the table.
  static size_t Hash(uint64_t key) {
    key ^= key >> 33;
    key *= 0xff51afd7ed558ccdULL;
    key ^= key >> 33;
    return static_cast<size_t>(key);
  }
  std::vector<Slot> slots_ = std::vector<Slot>(16);
  size_t mask_ = 15;
};

}  // namespace carat
