// Runs a machine: byte by byte, in all places at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grammar/machine.h"

namespace carat {

// The most places at once; what goes beyond is dropped. Every place can go on to the end on its
// own, so that dropping one forbids texts but never leaves none. Compilers keep below it where
// schemas are sane.
inline constexpr size_t kMaxPlaces = 256;

// Of those, the most in states of a grammar's own where most tokens may come (patterns): a mask is
// made for each at first, which takes about 10 ms on 262,144 tokens.
inline constexpr size_t kMaxWidePlaces = 4;

// A state with its registers, and the frame it returns to.
struct Place {
  StateId state = 0;
  uint32_t remaining = kNoLimit;
  uint32_t needed = 0;
  uint32_t keys = 0;   // the keys that this object has had: an index, 0 is none
  uint64_t seen = 0;   // marked properties, or the hash of the key being read
  uint32_t frame = 0;  // index of the frame to return to
  uint32_t depth = 0;  // arrays and objects around this
  bool operator==(const Place&) const = default;
};

// Frames that are no frames: behind the first the whole ends, behind the second all is unknown.
inline constexpr uint32_t kNoFrame = UINT32_MAX;
inline constexpr uint32_t kUnknownFrame = UINT32_MAX - 1;

// One owner thread. Allocates only while its buffers grow to what a text needs.
class Walker {
 public:
  // Borrows the machine.
  explicit Walker(const Machine& machine) : machine_(machine) {}

  const Machine& machine() const { return machine_; }

  // Where the machine starts, or another of its rules.
  void Start(std::vector<Place>& out) { Start(machine_.start, out); }
  void Start(StateId state, std::vector<Place>& out);
  // Appends where `byte` leads from `from`, which may be part of `out`: each place once, each ready
  // to take something (kBytes, kQuote, kAccept).
  // True if a path came to where it depends on what is unknown (kUnknownFrame); it ends there.
  bool Step(const std::vector<Place>& all, size_t begin, size_t end, uint8_t byte,
            std::vector<Place>& out);
  // The same for the token <|"|>.
  void StepQuote(std::span<const Place> from, std::vector<Place>& out);

  // What Step has stored since may be forgotten: for tries that are taken back.
  struct Mark {
    size_t frames, keys;
  };
  Mark Now() const { return {frames_.size(), keys_.size()}; }
  void Forget(Mark mark) {
    frames_.resize(mark.frames);
    keys_.resize(mark.keys);
  }
  // Forgets all that `places` do not need, and moves them accordingly.
  void Compact(std::vector<Place>& places);

 private:
  struct Key {
    uint64_t hash;
    uint32_t before;
  };

  void Add(const Place& place, std::vector<Place>& out, size_t begin) const;
  bool ReachAtOnce(Place& place, std::vector<Place>& out, size_t begin) const;
  bool Reach(const Place& place, std::vector<Place>& out, size_t begin);
  bool Advance(Place& place, std::vector<Place>& out, size_t begin, bool& unknown);
  void Push(Place& place, const State& state);
  bool AddKey(Place& place, const State& state);
  uint32_t Move(uint32_t frame, std::vector<uint32_t>& moved, std::vector<Place>& frames) const;

  const Machine& machine_;
  std::vector<Place> frames_;
  std::vector<Key> keys_{{0, 0}};
  std::vector<Place> todo_;     // of Reach
  std::vector<Place> visited_;  // splits that Reach has seen
};

}  // namespace carat
