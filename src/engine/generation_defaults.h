// What a model file says about sampling and stopping.
#pragma once

#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "tokenizer/tokenizer.h"
#include "weights/gguf.h"

namespace carat {

struct GenerationDefaults {
  double temperature = 1.0;  // 0 where the file says do_sample = false
  int64_t top_k = 64;
  double top_p = 0.95;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  std::vector<TokenId> stop;        // ids that end an answer
  std::vector<TokenId> suppressed;  // ids that are never chosen
};

// From generation_config.json. As in transformers, a file without do_sample means greedy.
Result<GenerationDefaults> DefaultsFromHuggingFace(std::string_view generation_config,
                                                   int64_t vocab);
// From GGUF metadata; without a suppress list the end-of-media markers are suppressed (gguf
// spec 4.6).
Result<GenerationDefaults> DefaultsFromGguf(const Gguf& gguf, int64_t vocab,
                                            const Tokenizer* tokenizer);

// Adds <eos>, <turn|> and <|tool_response> to the stop ids: every Gemma 4 answer ends on one of
// them, whatever the file says (gguf specification, 4.5).
void AddModelStops(const Tokenizer& tokenizer, GenerationDefaults& defaults);

// Ids that no answer in a conversation may hold: reserved <unused…> tokens, media and their
// markers, everything that opens a turn or a declaration, and ids of the model's `vocab` for which
// the tokenizer has no text.
std::vector<TokenId> ReservedInConversation(const Tokenizer& tokenizer, int64_t vocab);

}  // namespace carat
