#include "grammar/machine.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace carat {
namespace {

constexpr size_t kWideBytes = 40;

}  // namespace

size_t Machine::MemoryBytes() const {
  return states.capacity() * sizeof(State) + edges.capacity() * sizeof(Edge) +
         targets.capacity() * sizeof(StateId) +
         (masks.capacity() + names.capacity()) * sizeof(uint64_t);
}

uint64_t HashKey(std::string_view key) {
  uint64_t hash = kKeyHashStart;
  for (const char c : key) hash = HashKey(hash, static_cast<uint8_t>(c));
  return hash;
}

MachineBuilder::MachineBuilder() : return_(Add({.op = Op::kReturn})) {
  AddCommonRules();
  machine_.num_common = machine_.states.size();
}

StateId MachineBuilder::Add(State state) {
  machine_.states.push_back(state);
  return static_cast<StateId>(machine_.states.size() - 1);
}

StateId MachineBuilder::Range(uint8_t low, uint8_t high, StateId next) {
  return Bytes({{low, high, next}});
}

StateId MachineBuilder::Bytes(std::vector<Edge> edges, bool hashes) {
  std::ranges::sort(edges, {}, &Edge::low);
  const size_t at = machine_.edges.size();
  size_t width = 0;
  for (const Edge& edge : edges) {
    width += size_t{edge.high} - edge.low + 1;
    if (machine_.edges.size() > at) {
      Edge& last = machine_.edges.back();
      CARAT_DCHECK(last.high < edge.low);
      if (last.next == edge.next && last.high + 1 == edge.low) {
        last.high = edge.high;
        continue;
      }
    }
    machine_.edges.push_back(edge);
  }
  return Add({.op = Op::kBytes,
              .hashes = hashes,
              .wide = width >= kWideBytes,
              .a = static_cast<uint32_t>(at),
              .b = static_cast<uint32_t>(machine_.edges.size() - at)});
}

StateId MachineBuilder::Text(std::string_view text, StateId next) {
  for (size_t i = text.size(); i > 0; --i) next = Byte(static_cast<uint8_t>(text[i - 1]), next);
  return next;
}

StateId MachineBuilder::Split(const std::vector<StateId>& targets) {
  if (targets.size() == 1) return targets[0];
  const size_t at = machine_.targets.size();
  machine_.targets.insert(machine_.targets.end(), targets.begin(), targets.end());
  return Add({.op = Op::kSplit,
              .a = static_cast<uint32_t>(at),
              .b = static_cast<uint32_t>(targets.size())});
}

StateId MachineBuilder::Marked(uint64_t mask, StateId next) {
  machine_.masks.push_back(mask);
  return Make(Op::kMarked, next, static_cast<uint32_t>(machine_.masks.size() - 1));
}

StateId MachineBuilder::NewKey(std::vector<uint64_t> names, StateId next) {
  std::ranges::sort(names);
  const size_t at = machine_.names.size();
  machine_.names.insert(machine_.names.end(), names.begin(), names.end());
  return Make(Op::kNewKey, next, static_cast<uint32_t>(at), static_cast<uint32_t>(names.size()));
}

StateId MachineBuilder::Reserve() {
  machine_.targets.push_back(0);
  return Add({.op = Op::kSplit, .a = static_cast<uint32_t>(machine_.targets.size() - 1), .b = 1});
}

void MachineBuilder::Lead(StateId reserved, StateId to) {
  machine_.targets[machine_.states[reserved].a] = to;
}

Machine MachineBuilder::Finish(StateId start) {
  machine_.start = start;
  return std::move(machine_);
}

}  // namespace carat
