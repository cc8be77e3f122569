// An answer under a grammar (grammar.h): which part it is in, and where its machine is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "grammar/machine.h"
#include "grammar/masks.h"
#include "grammar/vocabulary.h"
#include "grammar/walker.h"
#include "sampling/constraint.h"

namespace carat {

// What constraints share.
struct GrammarBody {
  enum class Kind : uint8_t { kJson, kText, kTextAndCalls, kCalls, kJsonOrCalls };

  const GrammarVocabulary& vocabulary;  // borrows
  Kind kind = Kind::kJson;
  bool parallel = true;
  Machine machine = {};  // of the JSON text, or of one call between its two tokens
  StateId calls = 0;     // of kJsonOrCalls: where a call starts in it
  mutable MaskCache masks;
};

class AnswerConstraint : public Constraint {
 public:
  AnswerConstraint(std::shared_ptr<const GrammarBody> body, bool in_thought,
                   std::vector<TokenId> stop);

  bool Allows(TokenId id) override;
  void FillMask(std::span<uint64_t> bits) override;
  void Push(TokenId id) override;
  bool allows_all() const override;
  void AppendForced(size_t most, std::vector<TokenId>& out) override;
  size_t CountAllowed(std::span<const TokenId> drafts) override;

 private:
  enum class Phase : uint8_t {
    kStart,  // of the body: a thought may come yet
    kThought,
    kText,
    kInside,  // of the JSON text, or of a call
    kBehind,  // a call
    kStopped,
  };

  bool IsStop(TokenId id) const;
  bool AllowsCalls() const;
  bool WritesJson() const;  // as far as it writes anything but thoughts
  bool AllowsSpecial(TokenId id);
  bool AllowsQuote();
  bool Spells(TokenId id);  // in the machine
  void Move(TokenId id);    // Push without tidying up
  void MoveInside(TokenId id);
  void Enter();
  bool All(Op op) const;
  bool Any(Op op) const;
  int OnlyByte() const;
  bool AppendForcedText(size_t most_bytes, std::vector<TokenId>& out);
  void AppendText(std::string text, bool ends, std::vector<TokenId>& out) const;

  std::shared_ptr<const GrammarBody> body_;
  std::vector<TokenId> stop_;
  Phase phase_;
  bool in_call_ = false;  // kInside, kBehind
  Walker walker_;
  MaskMaker masks_;
  std::vector<Place> places_;  // kStart of JSON, kInside
  std::vector<Place> from_, saved_, try_;
  size_t tidy_at_;
};

}  // namespace carat
