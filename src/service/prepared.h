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
#include "service/fair_places.h"
#include "service/held_media.h"
#include "service/media_cache.h"
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
  std::shared_ptr<HeldMedia::Share> media_share = {};  // of the prompt's media
};

// Thread-safe. Borrows the engine.
class Preparer {
 public:
  // `context`: positions of a cache.
  static Result<std::unique_ptr<Preparer>> Create(const Engine& engine, MediaDecoder decoder,
                                                  Pos context, bool several_owners);

  // Errors as Service's; kBusy where too much media is held.
  Result<Prepared> Prepare(const Ask& ask, const MediaWatch& goes_on) const;
  Result<PromptCount> Count(const Ask& ask, const MediaWatch& goes_on) const;
  // Turns at the decoders.
  FairPlaces& decoders() { return decoders_; }

 private:
  Preparer(const Engine& engine, const Tokenizer& tokenizer, MediaDecoder decoder, Pos context,
           bool several_owners);
  // `most`: tokens of the prompt.
  Status ReadPrompt(const Ask& ask, size_t most, const MediaWatch& goes_on, Prepared& out) const;
  Result<std::vector<MediaPart>> ReadMedia(const Ask& ask,
                                           const std::vector<MediaRequest>& requests, size_t text,
                                           size_t most, const MediaWatch& goes_on,
                                           Prepared& out) const;
  Result<GenerateOptions> OptionsOf(const Ask& ask) const;
  Result<std::shared_ptr<const Grammar>> GrammarOf(const Ask& ask) const;

  const Engine& engine_;
  const Tokenizer& tokenizer_;
  MediaDecoder decoder_;
  mutable FairPlaces decoders_;
  HeldMedia held_;
  mutable MediaCache media_;
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
