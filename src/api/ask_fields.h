// Members of requests that several dialects share, into an Ask.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/fields.h"
#include "base/result.h"
#include "service/ask.h"

namespace carat {

inline constexpr size_t kMaxStops = 4, kMaxStopBytes = 1024, kMaxBiases = 1024;

// Reads temperature, top_p and seed; and top_k, min_p and repetition_penalty, which no dialect has
// but most local servers take.
Status TakeSampling(Fields& fields, Ask& ask);
// Reads {"token id": number from -100 to 100}.
Status TakeLogitBias(Fields& fields, Ask& ask);
// Reads a string or an array of at most `most`.
Status TakeStop(Fields& fields, std::string_view key, Ask& ask, size_t most = kMaxStops);
// `stream`: the request's own; progress is told in a stream only.
// Reads carat's own member: {"progress", "background", "preserve_thinking", "ignore_stop",
// "detached"}, all booleans. Gives `detached`: the answer goes on where its client goes away, and
// can be read again (carat/answers.h).
Result<bool> TakeCarat(Fields& fields, Ask& ask, bool stream);

// Whether to think, which clients say in several ways: they must not contradict one another.
class ThinkingWish {
 public:
  Status Say(bool think, std::optional<size_t> budget, const std::string& where);
  // "none" and "minimal": no thoughts. "low", "medium" and "high": thoughts of at most 1024, 4096
  // and 16384 tokens; "xhigh" and "max": no limit but the
  // answer's.
  Status TakeEffort(Fields& fields, std::string_view key);
  // Anthropic's object: {"type": "enabled" or "disabled" or "adaptive", "budget_tokens"}.
  Status TakeThinking(Fields& fields);
  // llama.cpp's and vLLM's object: {"enable_thinking", "preserve_thinking"}.
  Status TakeTemplateOptions(Fields& fields, Ask& ask);
  // Unsaid: no thoughts.
  void Apply(Ask& ask) const;

 private:
  std::optional<bool> think_;
  std::optional<size_t> budget_;
};

}  // namespace carat
