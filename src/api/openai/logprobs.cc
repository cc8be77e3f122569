#include "api/openai/logprobs.h"

#include <string_view>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

// OpenAI's own stand-in for what is too improbable to say; JSON has no infinity.
constexpr double kLeast = -9999.0;

Json OneOf(const Tokenizer& tokenizer, TokenId id, float logprob) {
  const std::string_view bytes = tokenizer.TokenBytes(id);
  Json::Array numbers;
  for (const char byte : bytes)
    numbers.emplace_back(static_cast<int>(static_cast<unsigned char>(byte)));
  Json one;
  one.Set("token", SanitizeUtf8(bytes));
  one.Set("logprob", logprob > kLeast ? static_cast<double>(logprob) : kLeast);
  one.Set("bytes", Json(std::move(numbers)));
  return one;
}

}  // namespace

void AppendLogprobs(const Tokenizer& tokenizer, std::span<const TokenLogprob> tokens,
                    Json::Array& out) {
  for (const TokenLogprob& token : tokens) {
    if (tokenizer.IsSpecial(token.id)) continue;
    Json one = OneOf(tokenizer, token.id, token.logprob);
    Json::Array top;
    for (const auto& [id, logprob] : token.top) top.push_back(OneOf(tokenizer, id, logprob));
    one.Set("top_logprobs", Json(std::move(top)));
    out.push_back(std::move(one));
  }
}

}  // namespace carat
