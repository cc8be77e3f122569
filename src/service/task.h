// Task: one choice of an answer, from its prompt to its last event.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/output_parser.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "engine/stop_strings.h"
#include "service/answer.h"
#include "service/prepared.h"

namespace carat {

// What the choices of one answer share. Of the model thread, but for what it points to.
struct Asked {
  std::shared_ptr<const Prepared> prepared;
  std::shared_ptr<Answer> answer;
  double submitted_s = 0;  // Now()
  AnswerUsage usage = {};
  size_t open = 1;           // choices that have not ended
  bool prompt_read = false;  // once: the other choices take it from there
  bool failed = false;       // before that: the other choices end too
};

// Owned by the model thread.
class Task {
 public:
  Task(std::shared_ptr<Asked> asked, size_t choice, const Tokenizer& tokenizer);

  const Prepared& prepared() const { return *asked_->prepared; }
  const std::string& owner() const { return prepared().owner; }
  const Answer& answer() const { return *asked_->answer; }
  double submitted_s() const { return asked_->submitted_s; }  // Now()
  // May begin: the first choice reads the prompt for the others.
  bool due() const { return choice_ == 0 || asked_->prompt_read; }
  // Will never answer: its answer is cancelled, or its prompt could not be read.
  bool hopeless() const { return asked_->failed || answer().cancelled(); }
  // What a hopeless one ends with.
  AnswerEnd hopeless_end() const {
    return asked_->failed ? AnswerEnd::kFailed : AnswerEnd::kCancelled;
  }

  // The session is lent until the task is done. Errors end the task.
  void Begin(Session& session);
  bool reading() const { return reading_.has_value(); }
  // The next positions of the prompt, at most so many; and what came of reading them.
  Slice NextSlice(Pos most) { return {.session = session_, .reading = &*reading_, .most = most}; }
  void Read(const Slice& slice);
  size_t left() const { return reading_ ? reading_->left() : 0; }  // of the prompt

  // After reading: what is to be appended before the next choice, if anything, then the choice.
  std::optional<Appending> Wants();
  // True where a token was chosen.
  bool Choose(const Appending* appended);
  bool done() const { return ended_ != AnswerEnd::kNone; }
  AnswerEnd ended() const { return ended_; }
  bool wrote() const { return generation_.has_value(); }  // it got as far as its first token
  bool thought() const { return thought_; }               // the answer holds a thought

  // Ends it, if it has not ended, with events that say so.
  void End(AnswerEnd end);
  // Time that a pass took, of all of the task's own.
  void AddSeconds(double prefill_s, double decode_s);
  // Of the sampling constraint, so far.
  double mask_seconds() const { return generation_ ? generation_->constraint_seconds() : 0; }

 private:
  void Fail(Error error);
  void Started();
  void EndThoughtIfDue();
  void Take(TokenId id);
  void EndIfDue(StopReason reason);
  // `cut`: the answer ends here, though the model had not ended it.
  void Emit(std::vector<OutputEvent>& events, bool cut = false);
  void EmitText(std::string text);
  void KeepLogits();
  void NoteLogprob(TokenId id);
  void Send(AnswerEvent event);
  void Finish(AnswerEnd end, const std::string& stop_string);

  std::shared_ptr<Asked> asked_;
  size_t choice_;
  const Tokenizer& tokenizer_;
  Session* session_ = nullptr;
  std::optional<Reading> reading_;
  std::optional<Generation> generation_;
  OutputParser parser_;
  StopStrings stops_;
  std::vector<OutputEvent> events_;
  std::vector<float> logits_;           // before they are changed, where they are asked for
  std::vector<TokenLogprob> logprobs_;  // not sent yet
  size_t thinking_ = 0;                 // tokens
  bool thought_ = false, called_ = false;
  AnswerEnd ended_ = AnswerEnd::kNone;
};

}  // namespace carat
