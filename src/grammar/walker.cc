#include "grammar/walker.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace carat {
namespace {

// States between two bytes. Alternatives are bounded where schemas are compiled, far below this.
constexpr size_t kMaxReached = 20'000;
constexpr size_t kMaxVisited = 64;  // splits that are compared; more only cost time
constexpr size_t kFramesToCompare = 8;

}  // namespace

void Walker::Start(StateId state, std::vector<Place>& out) {
  Reach({.state = state, .frame = kNoFrame}, out, out.size());
}

// Two alternatives that call the same rule from the same place share its frame.
void Walker::Push(Place& place, const State& state) {
  Place back = place;
  back.state = state.next;
  uint32_t frame = 0;
  const size_t n = frames_.size();
  for (size_t i = n; i > 0 && n - i < kFramesToCompare; --i) {
    if (frames_[i - 1] == back) {
      frame = static_cast<uint32_t>(i - 1);
      place = {.state = state.a, .frame = frame, .depth = place.depth};
      return;
    }
  }
  frames_.push_back(back);
  place = {.state = state.a, .frame = static_cast<uint32_t>(n), .depth = place.depth};
}

bool Walker::AddKey(Place& place, const State& state) {
  const auto names = std::span(machine_.names).subspan(state.a, state.b);
  if (std::ranges::binary_search(names, place.seen)) return false;
  for (uint32_t key = place.keys; key != 0; key = keys_[key].before) {
    if (keys_[key].hash == place.seen) return false;
  }
  keys_.push_back({place.seen, place.keys});
  place.keys = static_cast<uint32_t>(keys_.size() - 1);
  return true;
}

// A place that is ready to take something.
void Walker::Add(const Place& place, std::vector<Place>& out, size_t begin) const {
  if (out.size() - begin >= kMaxPlaces) return;
  const auto is_own_wide = [&](StateId id) {
    return machine_.states[id].wide && id >= machine_.num_common;
  };
  const bool wide = is_own_wide(place.state);
  size_t num_wide = 0;
  for (size_t i = begin; i < out.size(); ++i) {
    if (out[i] == place) return;
    if (wide && is_own_wide(out[i].state)) ++num_wide;
  }
  if (num_wide < kMaxWidePlaces) out.push_back(place);
}

// The quick way, for most states of patterns and words: where `place` leads without conditions and
// calls. False: not so; then `place` is where the slow way goes on.
bool Walker::ReachAtOnce(Place& place, std::vector<Place>& out, size_t begin) const {
  const auto skip = [&](StateId id) {
    while (machine_.states[id].op == Op::kSplit && machine_.states[id].b == 1)
      id = machine_.targets[machine_.states[id].a];
    return id;
  };
  const auto takes = [&](StateId id) { return machine_.states[id].op <= Op::kAccept; };
  place.state = skip(place.state);
  const State& state = machine_.states[place.state];
  if (takes(place.state)) {
    Add(place, out, begin);
    return true;
  }
  if (state.op != Op::kSplit || state.b > 2) return false;
  const auto targets = std::span(machine_.targets).subspan(state.a, state.b);
  Place next = place;
  for (const StateId target : targets) {
    if (!takes(skip(target))) return false;
  }
  for (const StateId target : targets) {
    next.state = skip(target);
    Add(next, out, begin);
  }
  return true;
}

// Runs one state that takes nothing. False if the path ends here. One case for each kind of state.
// NOLINTNEXTLINE(readability-function-size)
bool Walker::Advance(Place& place, std::vector<Place>& out, size_t begin, bool& unknown) {
  const State& state = machine_.states[place.state];
  bool passes = true;
  switch (state.op) {
    case Op::kBytes:
    case Op::kQuote:
    case Op::kAccept:
      Add(place, out, begin);
      return false;
    case Op::kSplit:
      if (state.b > 1 && visited_.size() < kMaxVisited) {
        if (std::ranges::find(visited_, place) != visited_.end()) return false;
        visited_.push_back(place);
      }
      for (uint32_t i = state.b; i > 0; --i) {  // the first target on top
        todo_.push_back(place);
        todo_.back().state = machine_.targets[state.a + i - 1];
      }
      return false;
    case Op::kCall:
      Push(place, state);
      return true;
    case Op::kReturn:
      if (place.frame == kUnknownFrame) unknown = true;
      if (place.frame >= kUnknownFrame) return false;
      place = frames_[place.frame];
      return true;
    case Op::kInit:
      place.remaining = state.a;
      place.needed = state.b;
      break;
    case Op::kMore:
      passes = place.remaining > 0;
      if (place.remaining != kNoLimit) --place.remaining;
      if (place.needed > 0) --place.needed;
      break;
    case Op::kEnough:
      passes = place.needed == 0;
      break;
    case Op::kEnter:
      passes = place.depth++ + state.a <= kMaxGrammarDepth;
      break;
    case Op::kRoom:
      passes = place.depth + state.a <= kMaxGrammarDepth;
      break;
    case Op::kMark:
      passes = (place.seen >> state.a & 1) == 0;
      place.seen |= uint64_t{1} << state.a;
      break;
    case Op::kMarked:
      passes = (place.seen & machine_.masks[state.a]) == machine_.masks[state.a];
      break;
    case Op::kKey:
      place.seen = kKeyHashStart;
      break;
    case Op::kNewKey:
      if (place.frame == kUnknownFrame) {
        unknown = true;
        return false;
      }
      passes = AddKey(place, state);
      break;
  }
  place.state = state.next;
  return passes;
}

bool Walker::Reach(const Place& place, std::vector<Place>& out, size_t begin) {
  bool unknown = false;
  visited_.clear();
  todo_.clear();
  todo_.push_back(place);
  for (size_t steps = 0; !todo_.empty() && steps < kMaxReached; ++steps) {
    Place next = todo_.back();
    todo_.pop_back();
    while (Advance(next, out, begin, unknown)) ++steps;
  }
  return unknown;
}

bool Walker::Step(const std::vector<Place>& all, size_t begin, size_t end, uint8_t byte,
                  std::vector<Place>& out) {
  bool unknown = false;
  const size_t out_begin = out.size();
  for (size_t i = begin; i < end; ++i) {
    const State& state = machine_.states[all[i].state];
    if (state.op != Op::kBytes) continue;
    const auto edges = std::span(machine_.edges).subspan(state.a, state.b);
    for (const Edge& edge : edges) {
      if (byte < edge.low) break;
      if (byte > edge.high) continue;
      Place next = all[i];
      next.state = edge.next;
      if (state.hashes) next.seen = HashKey(next.seen, byte);
      if (!ReachAtOnce(next, out, out_begin)) unknown |= Reach(next, out, out_begin);
      break;
    }
  }
  return unknown;
}

void Walker::StepQuote(std::span<const Place> from, std::vector<Place>& out) {
  const size_t begin = out.size();
  for (const Place& place : from) {
    const State& state = machine_.states[place.state];
    if (state.op != Op::kQuote) continue;
    Place next = place;
    next.state = state.next;
    Reach(next, out, begin);
  }
}

uint32_t Walker::Move(uint32_t frame, std::vector<uint32_t>& moved,
                      std::vector<Place>& frames) const {
  if (frame >= kUnknownFrame) return frame;
  if (moved[frame] != kNoFrame) return moved[frame];
  Place copy = frames_[frame];  // as deep as the text is nested, which is bounded
  copy.frame = Move(copy.frame, moved, frames);
  frames.push_back(copy);
  return moved[frame] = static_cast<uint32_t>(frames.size() - 1);
}

// Keys stay: an object's are a chain, and their number is bounded with that of its members.
void Walker::Compact(std::vector<Place>& places) {
  std::vector<uint32_t> moved(frames_.size(), kNoFrame);
  std::vector<Place> frames;
  for (Place& place : places) place.frame = Move(place.frame, moved, frames);
  frames_ = std::move(frames);
}

}  // namespace carat
