// DraftedRows: what the last pass computed for the timeline's last token and for the drafts behind
// it. A draft stands exactly if it is the token that is then chosen, by whatever rule, from the row
// before it; its own row is then the one that a pass of its own would have given, bit for bit
// (tests/roles_test.cc). So drafting changes no text and no distribution.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/ids.h"

namespace carat {

// Needs no model. One owner thread.
class DraftedRows {
 public:
  DraftedRows(size_t vocab, size_t hidden) : vocab_(vocab), hidden_(hidden), logits_(vocab) {}

  // A pass is to run a token and then `drafts`: gives the place of its logits, [1 + drafts, V].
  // Until Filled there is no row.
  std::span<float> Begin(std::span<const TokenId> drafts) {
    drafts_.assign(drafts.begin(), drafts.end());
    filled_ = false;
    at_ = 0;
    if (const size_t size = (drafts.size() + 1) * vocab_; logits_.size() < size)
      logits_.resize(size);
    return std::span(logits_).first((drafts.size() + 1) * vocab_);
  }
  // The pass has run; its normed hidden states [1 + drafts, H] are kept.
  void Filled(const float* hidden) {
    states_.assign(hidden, hidden + (drafts_.size() + 1) * hidden_);
    filled_ = true;
  }
  void Clear() {
    drafts_.clear();
    at_ = 0;
    filled_ = false;
  }

  // It is the next draft.
  bool IsNext(TokenId id) const { return filled_ && at_ < drafts_.size() && drafts_[at_] == id; }
  // `id` was chosen: true, and its row is the current one, if it is the next draft.
  bool Take(TokenId id) {
    if (!IsNext(id)) return false;
    ++at_;
    return true;
  }

  bool valid() const { return filled_; }
  std::span<const float> all_logits() const {
    return std::span(logits_).first((drafts_.size() + 1) * vocab_);
  }
  // The current row: logits [V], which may be changed, and the hidden state [H] that gave them.
  std::span<float> logits() { return std::span(logits_).subspan(at_ * vocab_, vocab_); }
  std::span<const float> hidden() const {
    return std::span(states_).subspan(at_ * hidden_, hidden_);
  }

 private:
  size_t vocab_, hidden_;
  std::vector<TokenId> drafts_;
  size_t at_ = 0;  // drafts that stood
  bool filled_ = false;
  std::vector<float> logits_, states_;
};

}  // namespace carat
