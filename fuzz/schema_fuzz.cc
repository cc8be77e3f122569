// Input: a byte that says how, bytes that choose, and behind a NUL a JSON text that is taken as a
// schema: of an answer, and of a tool's parameters. What compiles is walked: the mask must be what
// Allows says, and a JSON text that ends must parse.
//
// DEPS: grammar
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "grammar/grammar.h"
#include "tests/support/grammar_walk.h"
#include "tests/support/small_tokenizer.h"

namespace {

constexpr carat::GrammarLimits kLimits = {
    .max_schema_nodes = 2000, .max_states = 20'000, .max_seconds = 0.5, .max_enum_bytes = 1 << 14};

struct Choices {
  std::string_view bytes;
  size_t at = 0;
  size_t operator()(size_t n) {
    size_t value = at * 7;  // behind the end anything that varies
    for (int i = 0; i < 2; ++i, ++at)
      value = value * 256 + (at < bytes.size() ? static_cast<uint8_t>(bytes[at]) : 3 * at);
    return value % n;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const carat::Tokenizer tokenizer = carat::SmallTokenizer();
  static const carat::GrammarVocabulary vocabulary(tokenizer);
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = rest.find('\0');
  if (cut == std::string_view::npos) return 0;
  const carat::Result<carat::Json> schema = carat::ParseJson(rest.substr(cut + 1));
  if (!schema.has_value()) return 0;
  const bool calls = (data[0] & 1) != 0;
  carat::Result<std::shared_ptr<const carat::Grammar>> grammar;
  if (calls) {
    const carat::Json tools(carat::Json::Array{carat::Json(carat::Json::Object{
        {"function", carat::Json(carat::Json::Object{{"name", "f"}, {"parameters", *schema}})}})});
    grammar = carat::Grammar::FromTools(
        vocabulary, {.tools = &tools, .choice = carat::ToolChoice::kRequired, .parallel = false},
        kLimits);
  } else {
    grammar = carat::Grammar::FromJsonSchema(vocabulary, *schema, "schema", kLimits);
  }
  if (!grammar.has_value()) return 0;
  const carat::SpecialIds& special = tokenizer.special();
  const auto constraint = (*grammar)->Start((data[0] & 2) != 0, {special.turn_end});
  const carat::GrammarWalk walk{.vocabulary = vocabulary,
                                .stop = special.turn_end,
                                .wander = rest.size() % 64,
                                .most = 200,
                                .check_every = 5};
  Choices choices{rest.substr(0, cut)};
  std::vector<carat::TokenId> ids = walk.Run(*constraint, choices);
  if (ids.empty() || calls) return 0;
  std::string text;
  for (const carat::TokenId id : ids) {
    if (id == special.channel_end) text.clear();
    if (!tokenizer.IsSpecial(id)) text += tokenizer.TokenBytes(id);
  }
  CARAT_CHECK(carat::ParseJson(text).has_value());
  return 0;
}
