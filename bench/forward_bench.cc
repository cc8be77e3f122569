// Tokens per second of a whole model by the length of the context, as CSV on stdout:
//
//   forward_bench [MODEL [CONTEXT [INTERVAL [THREADS [KERNELS]]]]]
//
// MODEL is a GGUF file or a folder (tests/fixtures/tiny), CONTEXT the positions to fill (the
// smaller of 4096 and the model's), INTERVAL the positions of one row (CONTEXT / 8), THREADS 0 for
// all processors. Each interval is read as a prompt, then up to 32 tokens are decoded one by one
// from its end and taken back. Options of Google Benchmark ("--…") are ignored, so that
// tools/bench.sh can pass them to all.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/session.h"
#include "sys/clock.h"

namespace carat {
namespace {

struct Arguments {
  std::string model = CARAT_SOURCE_DIR "/tests/fixtures/tiny";
  int64_t context = 0, interval = 0, threads = 0;
  std::string kernels;
};

Result<int64_t> Number(std::string_view name, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= 0) return value;
  return Fail({.what = "not a number", .where = std::string(name), .found = text});
}

Result<Arguments> Read(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    if (!std::string_view(argv[i]).starts_with("--")) words.emplace_back(argv[i]);
  }
  Arguments out;
  if (words.size() > 5) return Fail({.what = "too many arguments", .found = words[5]});
  if (words.size() > 0) out.model = words[0];
  if (words.size() > 1) {
    CARAT_ASSIGN(out.context, Number("CONTEXT", words[1]));
  }
  if (words.size() > 2) {
    CARAT_ASSIGN(out.interval, Number("INTERVAL", words[2]));
  }
  if (words.size() > 3) {
    CARAT_ASSIGN(out.threads, Number("THREADS", words[3]));
  }
  if (words.size() > 4) out.kernels = words[4];
  return out;
}

void Print(std::string_view phase, Pos begin, Pos end, double seconds) {
  const auto tokens = static_cast<double>(end - begin);
  fmt::print("{},{},{},{},{:.6f},{:.2f}\n", phase, begin, end, end - begin, seconds,
             tokens / seconds);
  std::fflush(stdout);
}

Status Run(const Arguments& arguments) {
  CARAT_ASSIGN(
      const auto engine,
      Engine::Open({.model = arguments.model,
                    .drafts = false,
                    .threads = static_cast<int>(std::min<int64_t>(arguments.threads, 100000)),
                    .kernels = arguments.kernels}));
  const Pos most = engine->config().max_positions;
  const Pos context = arguments.context > 0 ? arguments.context : std::min<Pos>(most, 4096);
  const Pos interval = arguments.interval > 0 ? arguments.interval : std::max<Pos>(context / 8, 1);
  CARAT_ASSIGN(Session session, Session::Create(*engine, {.context = context}));
  fmt::print(stderr, "{}: kernels {}, {} threads\n", arguments.model, engine->table().name,
             engine->pool().threads());
  fmt::print("phase,context_begin,context_end,tokens,seconds,tokens_per_second\n");

  // What the ids are does not matter; they only have to differ.
  const auto id_at = [&](Pos p) {
    return static_cast<TokenId>((p * 7919 + 3) % engine->config().vocab_size);
  };
  Prompt prompt;
  for (Pos begin = 0; begin < context; begin += interval) {
    const Pos end = std::min(begin + interval, context);
    for (Pos p = begin; p < end; ++p) prompt.ids.push_back(id_at(p));
    double start = Now();
    CARAT_TRY(session.SyncTo(prompt));
    Print("prefill", begin, end, Now() - start);
    const Pos last = std::min(end + 32, context);
    if (last == end) continue;
    start = Now();
    for (Pos p = end; p < last; ++p) {
      CARAT_TRY(session.Append(id_at(p)));
    }
    Print("decode", end, last, Now() - start);
    // Takes the decoded tokens back, or the next prompt would find them in the cache.
    CARAT_TRY(session.SyncTo(prompt));
  }
  return {};
}

}  // namespace
}  // namespace carat

int main(int argc, char** argv) {
  const auto arguments = carat::Read(argc, argv);
  const carat::Status status =
      arguments ? carat::Run(*arguments) : carat::Status(std::unexpected(arguments.error()));
  if (status) return 0;
  fmt::print(stderr, "forward_bench: {}\n", status.error().Message());
  return 1;
}
