// Ask: what somebody wants answered, in no dialect's words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "grammar/grammar.h"
#include "io/json.h"

namespace carat {

// Absent: what the model's files say.
struct SamplingWishes {
  std::optional<double> temperature = {};
  std::optional<int64_t> top_k = {};
  std::optional<double> top_p = {};
  std::optional<double> min_p = {};
  std::optional<double> repetition_penalty = {};
  std::optional<uint64_t> seed = {};  // absent: another one each time
  std::vector<std::pair<TokenId, float>> logit_bias = {};
};

enum class AnswerFormat {
  kText,
  kJson,        // any JSON object
  kJsonSchema,  // one that fits `schema`
};

struct Ask {
  // Whose it is: prefixes are shared within an owner, and turns are fair between owners.
  std::string owner = {};
  bool background = false;  // may wait while others ask

  Json messages =
      {};           // an array in OpenAI's form, as chat/template.h takes it; media as data: URLs
  Json tools = {};  // an array in OpenAI's form, or null
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::optional<std::string> only_tool = {};  // with kRequired
  bool parallel_tools = true;

  AnswerFormat format = AnswerFormat::kText;
  Json schema = {};
  std::string schema_where = {};  // what errors call it

  bool think = false;
  std::optional<size_t> thinking_budget = {};  // tokens; then the thought is ended
  bool preserve_thinking = false;              // as TemplateOptions

  SamplingWishes sampling = {};
  std::optional<size_t> max_tokens = {};   // of an answer, thoughts included
  std::vector<std::string> stop = {};      // texts that end an answer
  bool ignore_stop = false;                // goes on past stop tokens (measurements)
  size_t choices = 1;                      // answers to the same prompt, 1 to kMaxChoices
  std::optional<size_t> logprobs = {};     // of each token, and of so many others beside it
  bool progress = false;                   // wants kPrefill events
  std::vector<std::string> warnings = {};  // of whoever made it, passed on to its Answer

  // What errors call things: the member that holds the conversation, and each tool's schema.
  std::string messages_where = "messages";
  std::vector<std::string> tool_places = {};  // empty: as in `tools`

  static constexpr size_t kMaxChoices = 8;
  static constexpr size_t kMaxLogprobs = 20;
};

}  // namespace carat
