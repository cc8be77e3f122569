// Constraint: which tokens may come next in an answer, as a grammar says it (grammar/grammar.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"

namespace carat {

// A position in an answer, moved on token by token. One owner thread. No method fails or blocks:
// what a grammar costs is bounded where it is made.
class Constraint {
 public:
  virtual ~Constraint() = default;

  // Whether `id` may come next. Microseconds.
  virtual bool Allows(TokenId id) = 0;
  // Sets bit id % 64 of word id / 64 for every token that may come next, and clears all others.
  // `bits` [ceil(V / 64) or more]. At least one bit is set.
  virtual void FillMask(std::span<uint64_t> bits) = 0;
  // Moves on. Precondition: Allows(id).
  virtual void Push(TokenId id) = 0;
  // Nothing is forbidden now, nor will be without Push having seen a special token: a quick way
  // out.
  virtual bool allows_all() const = 0;
  // Appends up to `most` tokens that spell text which must come next, the way the tokenizer would
  // spell it. They are good drafts, no more: another spelling of the same text may be allowed too.
  virtual void AppendForced(size_t most, std::vector<TokenId>& out) = 0;
  // How many of `drafts` could follow one another from here.
  virtual size_t CountAllowed(std::span<const TokenId> drafts) = 0;
};

}  // namespace carat
