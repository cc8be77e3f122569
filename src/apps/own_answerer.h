// Answers by a model in this program.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "apps/answerer.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "tokenizer/tokenizer.h"

namespace carat {

class OwnAnswerer : public Answerer {
 public:
  // Borrows the engine, which has a tokenizer.
  static Result<std::unique_ptr<OwnAnswerer>> Create(Engine& engine, const SessionOptions& options,
                                                     GenerateOptions generating);

  Result<MadeAnswer> Answer(const Question& question, AnswerView& view) override;
  // What was read is all that it needs.
  Status Take(const MediaRequest&, const MediaPart&) override { return {}; }
  Pos context() const override { return session_.context(); }
  size_t Positions(const RenderedPrompt& rendered) const override;
  std::string Describe() const override;
  Error WithAdvice(Error error) const override;

 private:
  Result<std::string_view> Decode(Generation& answer, const Question& question, bool opens_thought,
                                  AnswerView& view, std::vector<OutputEvent>& all);

  OwnAnswerer(Session session, const Tokenizer& tokenizer, GenerateOptions generating);

  Session session_;
  const Tokenizer& tokenizer_;
  const GenerateOptions generating_;
};

// As few surprises as possible: the most probable token each time, at most `max_tokens`.
GenerateOptions GreedyOptions(const Engine& engine, size_t max_tokens);

}  // namespace carat
