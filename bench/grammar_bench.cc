// What grammars cost on Gemma's vocabulary: CARAT_TEST_TOKENIZER or build/models names its
// tokenizer.json. A decode step of the 12B takes about 80 ms; a mask may take 0.8.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "grammar/grammar.h"
#include "io/file.h"
#include "io/json.h"

namespace carat {
namespace {

struct Fixture {
  Tokenizer tokenizer;
  GrammarVocabulary vocabulary{tokenizer};
};

const Fixture* TheFixture() {
  static const std::unique_ptr<Fixture> fixture = []() -> std::unique_ptr<Fixture> {
    const char* path = std::getenv("CARAT_TEST_TOKENIZER");
    const std::string name =
        path != nullptr ? path : CARAT_SOURCE_DIR "/build/models/gemma4-tokenizer.json";
    const auto file = MappedFile::Open(name);
    if (!file.has_value()) return nullptr;
    const auto bytes = file->bytes();
    auto tokenizer =
        Tokenizer::FromJson({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!tokenizer.has_value()) return nullptr;
    return std::unique_ptr<Fixture>(new Fixture{.tokenizer = *std::move(tokenizer)});
  }();
  return fixture.get();
}

constexpr const char* kSchema = R"({"type":"object","properties":{
  "name":{"type":"string","maxLength":80},"age":{"type":"integer","minimum":0,"maximum":150},
  "tags":{"type":"array","items":{"type":"string"},"maxItems":10},
  "address":{"type":"object","properties":{"street":{"type":"string"},
    "zip":{"type":"string","pattern":"^[0-9]{5}$"},"country":{"enum":["DE","FR","US","JP"]}},
    "required":["street","zip","country"],"additionalProperties":false},
  "score":{"type":"number"},"kind":{"anyOf":[{"type":"string"},{"type":"null"}]}},
  "required":["name","age","tags","address","score","kind"],"additionalProperties":false})";

std::string AgentTools() {
  std::string tools = "[";
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    tools += std::string(i > 0 ? "," : "") + R"({"type":"function","function":{"name":"tool_)" + n +
             R"(","parameters":{"type":"object","properties":{"path":{"type":"string"},"n":{"type":
             "integer"},"mode":{"enum":["a","b","c"]},"opts":{"type":"object","properties":{"x":{
             "type":"boolean"},"l":{"type":"array","items":{"type":"string"}}},
             "additionalProperties":false}},"required":["path"]}}})";
  }
  return tools + "]";
}

std::shared_ptr<const Grammar> Compile(bool calls) {
  if (calls) {
    const Json tools = *ParseJson(AgentTools());
    return *Grammar::FromTools(TheFixture()->vocabulary,
                               {.tools = &tools, .choice = ToolChoice::kRequired}, {});
  }
  return *Grammar::FromJsonSchema(TheFixture()->vocabulary, *ParseJson(kSchema), "schema", {});
}

void BenchCompile(benchmark::State& state, bool calls) {
  if (TheFixture() == nullptr) return state.SkipWithError("no tokenizer.json of Gemma");
  for (auto _ : state) benchmark::DoNotOptimize(Compile(calls));
}
BENCHMARK_CAPTURE(BenchCompile, schema, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchCompile, tools_20, true)->Unit(benchmark::kMicrosecond);

void BenchVocabulary(benchmark::State& state) {
  if (TheFixture() == nullptr) return state.SkipWithError("no tokenizer.json of Gemma");
  for (auto _ : state) benchmark::DoNotOptimize(GrammarVocabulary(TheFixture()->tokenizer).size());
}
BENCHMARK(BenchVocabulary)->Unit(benchmark::kMillisecond);

// The mask behind `text`; "first" with nothing kept from before.
void BenchMask(benchmark::State& state, bool calls, std::string_view text) {
  if (TheFixture() == nullptr) return state.SkipWithError("no tokenizer.json of Gemma");
  const Tokenizer& tokenizer = TheFixture()->tokenizer;
  const auto grammar = Compile(calls);
  const auto constraint = grammar->Start(false, {tokenizer.special().turn_end});
  for (const TokenId id : tokenizer.EncodeControl(text)) {
    CARAT_CHECK(constraint->Allows(id));
    constraint->Push(id);
  }
  std::vector<uint64_t> bits(TheFixture()->vocabulary.num_words());
  constraint->FillMask(bits);
  for (auto _ : state) constraint->FillMask(bits);
}
BENCHMARK_CAPTURE(BenchMask, start, false, "")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchMask, in_key, false, R"({"na)")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchMask, limited_string, false, R"({"name":"Ada)")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchMask, number, false, R"({"name":"Ada","age":3)")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchMask, between_keys, false, R"({"name":"Ada","age":36,)")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchMask, string, false, R"({"name":"Ada","age":36,"tags":["math)")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(
    BenchMask, enumeration, false,
    R"({"name":"Ada","age":36,"tags":["m"],"address":{"street":"x","zip":"12345","country":")")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchMask, call_name, true, "<|tool_call>call:tool_1")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchMask, call_key, true, "<|tool_call>call:tool_1{")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BenchMask, call_string, true, "<|tool_call>call:tool_1{path:<|\"|>/usr")
    ->Unit(benchmark::kMicrosecond);

// A whole text, a mask and a push for each token, the drafts asked for as well.
void BenchAnswer(benchmark::State& state, bool first) {
  if (TheFixture() == nullptr) return state.SkipWithError("no tokenizer.json of Gemma");
  const Tokenizer& tokenizer = TheFixture()->tokenizer;
  const auto ids = tokenizer.EncodeControl(
      R"({"name":"Ada Lovelace of London and elsewhere","age":36,"tags":["mathematics","engine",)"
      R"("poetry and other things"],"address":{"street":"12 St James's Square","zip":"12345",)"
      R"("country":"FR"},"score":12.75,"kind":null})");
  std::vector<uint64_t> bits(TheFixture()->vocabulary.num_words());
  std::vector<TokenId> drafts;
  for (auto _ : state) {
    const GrammarVocabulary* own = first ? new GrammarVocabulary(tokenizer) : nullptr;
    const auto grammar = *Grammar::FromJsonSchema(first ? *own : TheFixture()->vocabulary,
                                                  *ParseJson(kSchema), "schema", {});
    const auto constraint = grammar->Start(false, {tokenizer.special().turn_end});
    for (const TokenId id : ids) {
      constraint->FillMask(bits);
      drafts.clear();
      constraint->AppendForced(8, drafts);
      constraint->Push(id);
    }
    delete own;
  }
  state.counters["tokens"] = static_cast<double>(ids.size());
}
BENCHMARK_CAPTURE(BenchAnswer, kept, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BenchAnswer, first_with_vocabulary, true)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace carat

BENCHMARK_MAIN();
