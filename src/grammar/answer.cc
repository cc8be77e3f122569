#include "grammar/answer.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"

namespace carat {
namespace {

constexpr size_t kTidyAt = 1024;       // frames
constexpr size_t kBytesPerDraft = 32;  // more do not come of one token
constexpr size_t kMaxForcedBytes = 4096;

}  // namespace

AnswerConstraint::AnswerConstraint(std::shared_ptr<const GrammarBody> body, bool in_thought,
                                   std::vector<TokenId> stop)
    : body_(std::move(body)),
      stop_(std::move(stop)),
      phase_(in_thought ? Phase::kThought : Phase::kStart),
      walker_(body_->machine),
      masks_(body_->vocabulary, body_->masks),
      tidy_at_(kTidyAt) {
  CARAT_CHECK(!stop_.empty());
  if (WritesJson()) walker_.Start(places_);
}

bool AnswerConstraint::IsStop(TokenId id) const {
  return std::ranges::find(stop_, id) != stop_.end();
}

bool AnswerConstraint::AllowsCalls() const {
  return body_->kind == GrammarBody::Kind::kTextAndCalls ||
         body_->kind == GrammarBody::Kind::kCalls || body_->kind == GrammarBody::Kind::kJsonOrCalls;
}

bool AnswerConstraint::WritesJson() const {
  using Kind = GrammarBody::Kind;
  return !in_call_ && (body_->kind == Kind::kJson || body_->kind == Kind::kJsonOrCalls);
}

bool AnswerConstraint::All(Op op) const {
  return !places_.empty() && std::ranges::all_of(places_, [&](const Place& place) {
    return body_->machine.states[place.state].op == op;
  });
}

bool AnswerConstraint::Any(Op op) const {
  return std::ranges::any_of(
      places_, [&](const Place& place) { return body_->machine.states[place.state].op == op; });
}

// A quote may end a key, and a key that the object has had has no way on.
bool AnswerConstraint::AllowsQuote() {
  const Walker::Mark mark = walker_.Now();
  try_.clear();
  walker_.StepQuote(places_, try_);
  walker_.Forget(mark);
  return !try_.empty();
}

// With calls at the model's own choice all else is its own as well.
bool AnswerConstraint::allows_all() const {
  return body_->kind == GrammarBody::Kind::kTextAndCalls &&
         (phase_ == Phase::kStart || phase_ == Phase::kThought || phase_ == Phase::kText);
}

// Of what is not spelled out: tokens that have a meaning of their own here.
bool AnswerConstraint::AllowsSpecial(TokenId id) {
  using Kind = GrammarBody::Kind;
  const SpecialIds& special = body_->vocabulary.tokenizer().special();
  const Kind kind = body_->kind;
  if (id < 0) return false;
  switch (phase_) {
    case Phase::kThought:
      return id == special.channel_end;
    case Phase::kStart:
      if (id == special.channel) return true;
      if (id == special.tool_call) return AllowsCalls();
      if (id == special.quote && WritesJson()) return AllowsQuote();
      return kind == Kind::kText && IsStop(id);
    case Phase::kText:
      return IsStop(id);
    case Phase::kInside:
      if (WritesJson()) return IsStop(id) && Any(Op::kAccept);
      if (id == special.quote) return AllowsQuote();
      return id == special.tool_call_end && Any(Op::kAccept);
    case Phase::kBehind:
      return IsStop(id) || (id == special.tool_call && body_->parallel);
    case Phase::kStopped:
      return IsStop(id);
  }
  return false;
}

bool AnswerConstraint::Spells(TokenId id) {
  const std::string_view bytes = body_->vocabulary.tokenizer().TokenBytes(id);
  const Walker::Mark mark = walker_.Now();
  bool spells = false;
  for (size_t i = 0; i < places_.size() && !spells; ++i) {
    try_.assign(1, places_[i]);
    size_t begin = 0;
    for (const char byte : bytes) {
      const size_t stop = try_.size();
      walker_.Step(try_, begin, stop, static_cast<uint8_t>(byte), try_);
      begin = stop;
      if (try_.size() == begin) break;
    }
    spells = try_.size() > begin;
    walker_.Forget(mark);
  }
  return spells;
}

bool AnswerConstraint::Allows(TokenId id) {
  if (id < 0 || static_cast<size_t>(id) >= body_->vocabulary.size()) return false;
  if (allows_all() || AllowsSpecial(id)) return true;
  if (!body_->vocabulary.IsOrdinary(id)) return false;
  switch (phase_) {
    case Phase::kThought:
    case Phase::kText:
      return true;
    case Phase::kStart:
      if (body_->kind == GrammarBody::Kind::kText) return true;
      return WritesJson() && Spells(id);
    case Phase::kInside:
      return Spells(id);
    default:
      return false;
  }
}

void AnswerConstraint::FillMask(std::span<uint64_t> bits) {
  const GrammarVocabulary& vocabulary = body_->vocabulary;
  // A model may have more rows than its tokenizer has tokens.
  CARAT_CHECK(bits.size() >= vocabulary.num_words());
  std::ranges::fill(bits.subspan(vocabulary.num_words()), uint64_t{0});
  bits = bits.first(vocabulary.num_words());
  if (allows_all()) {
    std::ranges::fill(bits, ~uint64_t{0});
    if (vocabulary.size() % 64 != 0) bits.back() = (uint64_t{1} << (vocabulary.size() % 64)) - 1;
    return;
  }
  const bool free_start = phase_ == Phase::kStart && body_->kind == GrammarBody::Kind::kText;
  if (phase_ == Phase::kThought || phase_ == Phase::kText || free_start) {
    std::ranges::copy(vocabulary.ordinary(), bits.begin());
  } else {
    std::ranges::fill(bits, uint64_t{0});
    if (phase_ == Phase::kInside || phase_ == Phase::kStart) {
      for (const Place& place : places_) masks_.Add(walker_, place, bits);
    }
  }
  const SpecialIds& special = vocabulary.tokenizer().special();
  const auto set = [&](TokenId id) {
    if (static_cast<size_t>(id) < vocabulary.size() && AllowsSpecial(id))
      bits[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
  };
  for (const TokenId id : {special.channel, special.channel_end, special.tool_call,
                           special.tool_call_end, special.quote})
    set(id);
  for (const TokenId id : stop_) set(id);
}

// Begins the machine of a call anew.
void AnswerConstraint::Enter() {
  phase_ = Phase::kInside;
  in_call_ = true;
  places_.clear();
  const bool both = body_->kind == GrammarBody::Kind::kJsonOrCalls;
  walker_.Start(both ? body_->calls : body_->machine.start, places_);
}

void AnswerConstraint::MoveInside(TokenId id) {
  const SpecialIds& special = body_->vocabulary.tokenizer().special();
  from_.swap(places_);
  places_.clear();
  if (id == special.quote) return walker_.StepQuote(from_, places_);
  const std::string_view bytes = body_->vocabulary.tokenizer().TokenBytes(id);
  const auto run = [&] {
    size_t begin = 0;
    for (const char byte : bytes) {
      const size_t stop = try_.size();
      walker_.Step(try_, begin, stop, static_cast<uint8_t>(byte), try_);
      begin = stop;
    }
    places_.assign(try_.begin() + static_cast<ptrdiff_t>(begin), try_.end());
  };
  try_ = from_;
  run();
  // So many places that the bound dropped all that this token needs: then without the others.
  for (size_t i = 0; places_.empty() && i < from_.size(); ++i) {
    try_.assign(1, from_[i]);
    run();
  }
}

void AnswerConstraint::Move(TokenId id) {
  const SpecialIds& special = body_->vocabulary.tokenizer().special();
  const bool own_choice = allows_all();
  if (phase_ != Phase::kThought || own_choice) {
    const bool inside = phase_ == Phase::kInside && !Any(Op::kAccept);
    if (!inside && IsStop(id)) {
      phase_ = Phase::kStopped;
      return;
    }
  }
  if (id == special.tool_call && AllowsCalls() && phase_ != Phase::kInside) return Enter();
  if (id == special.channel && (phase_ == Phase::kStart || own_choice)) {
    phase_ = Phase::kThought;
    return;
  }
  switch (phase_) {
    case Phase::kThought:
      if (id == special.channel_end) phase_ = Phase::kStart;
      break;
    case Phase::kStart:
      if (WritesJson()) {
        phase_ = Phase::kInside;
        MoveInside(id);
      } else {
        phase_ = Phase::kText;
      }
      break;
    case Phase::kInside:
      if (in_call_ && id == special.tool_call_end) {
        phase_ = Phase::kBehind;
      } else {
        MoveInside(id);
      }
      break;
    default:
      break;
  }
}

void AnswerConstraint::Push(TokenId id) {
  CARAT_DCHECK(Allows(id));
  Move(id);
  if (walker_.Now().frames < tidy_at_) return;
  walker_.Compact(places_);
  tidy_at_ = std::max(kTidyAt, 2 * walker_.Now().frames);
}

size_t AnswerConstraint::CountAllowed(std::span<const TokenId> drafts) {
  const Phase phase = phase_;
  const bool in_call = in_call_;
  const Walker::Mark mark = walker_.Now();
  saved_ = places_;
  size_t count = 0;
  for (; count < drafts.size() && Allows(drafts[count]); ++count) Move(drafts[count]);
  phase_ = phase;
  in_call_ = in_call;
  places_.swap(saved_);
  walker_.Forget(mark);
  return count;
}

// The byte that must come next in all places, or -1.
int AnswerConstraint::OnlyByte() const {
  int only = -1;
  for (const Place& place : places_) {
    const State& state = body_->machine.states[place.state];
    if (state.op != Op::kBytes || state.b != 1) return -1;
    const Edge& edge = body_->machine.edges[state.a];
    if (edge.low != edge.high || (only >= 0 && only != edge.low)) return -1;
    only = edge.low;
  }
  return only;
}

// `ends`: a special token follows. Otherwise the last token might be spelled together with more.
void AnswerConstraint::AppendText(std::string text, bool ends, std::vector<TokenId>& out) const {
  if (!ends) text.resize(text.size() - IncompleteUtf8Tail(text));
  if (text.empty() || !IsValidUtf8(text)) return;
  std::vector<TokenId> ids = body_->vocabulary.tokenizer().EncodeText(text);
  if (!ends && !ids.empty()) ids.pop_back();
  out.insert(out.end(), ids.begin(), ids.end());
}

// One stretch of text, and the special token behind it. False if nothing more is forced.
bool AnswerConstraint::AppendForcedText(size_t most_bytes, std::vector<TokenId>& out) {
  const SpecialIds& special = body_->vocabulary.tokenizer().special();
  std::string text;
  for (int byte = OnlyByte(); byte >= 0 && text.size() < most_bytes; byte = OnlyByte()) {
    text += static_cast<char>(byte);
    from_.swap(places_);
    places_.clear();
    walker_.Step(from_, 0, from_.size(), static_cast<uint8_t>(byte), places_);
  }
  const bool quote = All(Op::kQuote);
  const bool ends = All(Op::kAccept) && in_call_;
  AppendText(std::move(text), quote || ends, out);
  if (ends) out.push_back(special.tool_call_end);
  if (!quote) return false;
  out.push_back(special.quote);
  from_.swap(places_);
  places_.clear();
  walker_.StepQuote(from_, places_);
  return true;
}

void AnswerConstraint::AppendForced(size_t most, std::vector<TokenId>& out) {
  if (phase_ != Phase::kInside || most == 0) return;
  const size_t before = out.size();
  const Walker::Mark mark = walker_.Now();
  std::vector<Place> saved = places_;
  const size_t most_bytes = std::min(most * kBytesPerDraft, kMaxForcedBytes);
  while (out.size() - before < most && AppendForcedText(most_bytes, out)) {
  }
  places_ = std::move(saved);
  walker_.Forget(mark);
  // A text may be spelled by tokens that stand for another one: U+2581 is the blank's own sign.
  const size_t count = std::min(most, out.size() - before);
  out.resize(before + CountAllowed(std::span(out).subspan(before, count)));
}

}  // namespace carat
