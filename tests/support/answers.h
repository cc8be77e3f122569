// Answers of a session, for tests that compare ways to make them.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "engine/generate.h"
#include "engine/session.h"

namespace carat {

// Sanitizers look at memory, not at numbers: fewer answers do.
#ifdef CARAT_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

using Ids = std::vector<TokenId>;

inline Ids Answer(Session& session, GenerateOptions options) {
  Ids answer;
  Generation generation = Generation::Create(session, std::move(options)).value();
  while (!generation.done()) {
    const auto step = generation.Step();
    EXPECT_TRUE(step.has_value()) << step.error().Message();
    if (!step) break;
    if (step->id >= 0) answer.push_back(step->id);
  }
  return answer;
}

inline GenerateOptions Greedy(const Engine& engine, size_t max_tokens) {
  GenerateOptions options = OptionsFrom(engine.defaults());
  options.sampling.temperature = 0;
  options.repetition_guard = false;
  options.max_tokens = max_tokens;
  return options;
}

inline std::vector<int> AllDepths() {
  if (kSanitized) return {SessionOptions::kAutoDrafts, 3, 8};
  return {SessionOptions::kAutoDrafts, 1, 2, 3, 4, 5, 6, 7, 8};
}

}  // namespace carat
