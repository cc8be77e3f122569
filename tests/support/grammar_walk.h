// Random answers under a grammar, and what must hold at every step of one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "grammar/vocabulary.h"
#include "sampling/constraint.h"

namespace carat {

inline bool HasBit(const std::vector<uint64_t>& bits, TokenId id) {
  return (bits[static_cast<size_t>(id) / 64] >> (static_cast<size_t>(id) % 64) & 1) != 0;
}

struct GrammarWalk {
  const GrammarVocabulary& vocabulary;
  TokenId stop;
  size_t wander = 60;         // steps at random; then towards the end
  size_t most = 4000;         // steps in all
  size_t check_every = 1;     // steps, of mask against Allows for every token
  bool follow_drafts = true;  // sometimes

  // The ids of an answer, the stop token at its end. Empty: not ended after `most` steps.
  // `chosen` is called with each step's rank in [0, n).
  template <class Choose>
  std::vector<TokenId> Run(Constraint& constraint, Choose choose) const {
    std::vector<uint64_t> bits(vocabulary.num_words());
    std::vector<TokenId> ids, drafts;
    for (size_t step = 0; step < most; ++step) {
      constraint.FillMask(bits);
      if (step % check_every == 0) CheckMask(constraint, bits);
      drafts.clear();
      constraint.AppendForced(8, drafts);
      CARAT_CHECK(drafts.size() <= 8 && constraint.CountAllowed(drafts) == drafts.size());
      if (follow_drafts && !drafts.empty() && choose(2) == 0) {
        for (const TokenId id : drafts) {
          CARAT_CHECK(constraint.Allows(id));
          constraint.Push(id);
          ids.push_back(id);
        }
        continue;
      }
      const TokenId next = step < wander ? Random(bits, choose) : TowardsEnd(bits, choose);
      CARAT_CHECK(constraint.Allows(next));
      constraint.Push(next);
      ids.push_back(next);
      if (next == stop) return ids;
    }
    return {};
  }

 private:
  void CheckMask(Constraint& constraint, const std::vector<uint64_t>& bits) const {
    bool any = false;
    for (TokenId id = 0; id < static_cast<TokenId>(vocabulary.size()); ++id) {
      any |= HasBit(bits, id);
      CARAT_CHECK(HasBit(bits, id) == constraint.Allows(id));
      const TokenId one[] = {id};
      if (id % 16 == 0) CARAT_CHECK(constraint.CountAllowed(one) == (HasBit(bits, id) ? 1 : 0));
    }
    CARAT_CHECK(any);
    if (constraint.allows_all()) {
      for (TokenId id = 0; id < static_cast<TokenId>(vocabulary.size()); ++id)
        CARAT_CHECK(HasBit(bits, id));
    }
  }

  template <class Choose>
  TokenId Random(const std::vector<uint64_t>& bits, Choose& choose) const {
    std::vector<TokenId> all;
    for (TokenId id = 0; id < static_cast<TokenId>(vocabulary.size()); ++id) {
      if (HasBit(bits, id)) all.push_back(id);
    }
    return all[choose(all.size())];
  }

  template <class Choose>
  TokenId TowardsEnd(const std::vector<uint64_t>& bits, Choose& choose) const {
    const SpecialIds& special = vocabulary.tokenizer().special();
    const auto find = [&](const char* text) {
      return vocabulary.tokenizer().Find(text).value_or(-1);
    };
    // Quotes before brackets: within a string, all may come.
    for (const TokenId id : {stop, special.channel_end, special.tool_call_end, special.quote,
                             find("\""), find("}"), find("]")}) {
      if (id >= 0 && HasBit(bits, id) && choose(8) != 0) return id;
    }
    return Random(bits, choose);
  }
};

}  // namespace carat
