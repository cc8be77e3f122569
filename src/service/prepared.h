// From an Ask to what the model thread needs: rendered, read, encoded and checked.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/media_reader.h"
#include "engine/engine.h"
#include "engine/generate.h"
#include "engine/prompt.h"
#include "grammar/grammar.h"
#include "service/ask.h"
#include "service/service.h"

namespace carat {

struct Prepared {
  std::string owner = {};
  bool background = false;
  Prompt prompt = {};
  PromptCount count = {};
  bool opens_thought = false;       // the prompt ends inside a thought
  GenerateOptions generating = {};  // without a constraint; the seed is that of the first choice
  std::vector<std::string> stop = {};
  std::optional<size_t> thinking_budget = {};
  std::shared_ptr<const Grammar> grammar = {};  // null: everything may be written
  std::optional<size_t> logprobs = {};
  bool progress = false;
  size_t choices = 1;
  std::vector<std::string> warnings = {};
};

// Thread-safe. Borrows the engine.
class Preparer {
 public:
  // `context`: positions of a cache.
  static Result<std::unique_ptr<Preparer>> Create(const Engine& engine, MediaDecoder decoder,
                                                  Pos context);

  // Errors as Service::Submit's, but for kBusy.
  Result<Prepared> Prepare(const Ask& ask) const;
  Result<PromptCount> Count(const Ask& ask) const;

 private:
  Preparer(const Engine& engine, const Tokenizer& tokenizer, MediaDecoder decoder, Pos context);
  Status ReadPrompt(const Ask& ask, size_t room, Prepared& out) const;
  Status CheckFits(const Ask& ask, const Prepared& prepared) const;
  Result<GenerateOptions> OptionsOf(const Ask& ask) const;
  Result<std::shared_ptr<const Grammar>> GrammarOf(const Ask& ask) const;

  const Engine& engine_;
  const Tokenizer& tokenizer_;
  MediaReader reader_;
  Pos context_;
  std::vector<TokenId> reserved_;  // what no answer may hold
  std::unique_ptr<const GrammarVocabulary> vocabulary_;
  // Agents send the same tools with every request.
  mutable std::mutex mutex_;
  struct Compiled {
    std::string of;
    std::shared_ptr<const Grammar> grammar;
  };
  mutable std::vector<Compiled> compiled_;  // the newest last
};

}  // namespace carat
