#include "apps/bench.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <functional>

#include "apps/bench_timeline.h"
#include "apps/input.h"
#include "apps/models.h"
#include "engine/session.h"
#include "model/cost.h"
#include "model/decoder.h"
#include "ops/machine_limits.h"
#include "sys/clock.h"
#include "sys/cpu_features.h"
#include "sys/memory.h"

namespace carat {
namespace {

constexpr Pos kBase = 512;                  // where several tokens are checked
const Pos kChunk = SessionOptions().chunk;  // tokens of a pass of a prompt, as sessions take them
constexpr size_t kMost = 16;                // of verify

struct Name {
  std::string_view kind;
  Pos number = 0;
};

std::optional<Name> Split(std::string_view name) {
  if (name == "load" || name == "first_token") return Name{name};
  for (const std::string_view kind : {"decode", "verify", "prefill"}) {
    if (!name.starts_with(kind) || name.size() < kind.size() + 2 || name[kind.size()] != '_')
      continue;
    Pos number = 0;
    const char* begin = name.data() + kind.size() + 1;
    const auto [end, failed] = std::from_chars(begin, name.data() + name.size(), number);
    const Pos most = kind == "verify" ? Pos{kMost} : static_cast<Pos>(kLongestContext) - 1;
    if (failed != std::errc() || end != name.data() + name.size() || number < 1 || number > most)
      return std::nullopt;
    return Name{kind, number};
  }
  return std::nullopt;
}

using Bytes = std::vector<std::span<const std::byte>>;

size_t SizeOf(const Bytes& bytes) {
  size_t sum = 0;
  for (const auto part : bytes) sum += part.size();
  return sum;
}

class Bench {
 public:
  Bench(const BenchOptions& options, const std::function<bool(std::string_view)>& begin)
      : options_(options), begin_(begin) {}

  Result<BenchReport> Run() {
    CARAT_TRY(Load());
    for (const std::string& name : options_.names) {
      const auto [kind, number] = *Split(name);
      if (kind == "decode" || kind == "verify") {
        const Pos position = kind == "verify" ? kBase : number;
        if (std::ranges::find(positions_, position) == positions_.end())
          positions_.push_back(position);
      }
    }
    for (const Pos position : positions_) CARAT_TRY(Generate(position));
    for (const std::string& name : options_.names) {
      if (const auto [kind, number] = *Split(name); kind == "prefill") CARAT_TRY(Prefill(number));
    }
    report_.machine = MachineOf(*engine_);
    report_.settings = SettingsOf(*engine_, options_.cache, options_.rounds);
    SortAsWanted();
    return std::move(report_);
  }

 private:
  bool Wants(std::string_view name) const {
    return std::ranges::find(options_.names, name) != options_.names.end();
  }

  Status Begin(std::string_view name) const {
    if (!begin_ || begin_(name)) return {};
    return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while measuring"});
  }

  Status Load() {
    CARAT_TRY(Begin("load"));
    const double start = Now();
    CARAT_ASSIGN(engine_, OpenModel(options_.model, options_.engine, false));
    const double loaded = Now();
    bytes_ = BytesOfPass(engine_->decoder().weights());
    if (Wants("first_token")) {
      CARAT_TRY(Begin("first_token"));
      CARAT_ASSIGN(Session session,
                   Session::Create(*engine_, {.cache = options_.cache, .context = 64}));
      Prompt prompt;
      for (Pos p = 0; p < 3; ++p) prompt.ids.push_back(IdAt(engine_->config(), p));
      CARAT_TRY(session.SyncTo(prompt));
      Add({.name = "first_token", .seconds = Now() - start}, bytes_);
    }
    if (Wants("load")) Add({.name = "load", .seconds = loaded - start}, bytes_);
    return {};
  }

  // The record with its bytes, and what reading them once takes if it does not say.
  void Add(BenchRecord record, const Bytes& bytes) {
    record.bytes = static_cast<double>(SizeOf(bytes));
    if (record.limit_seconds == 0) record.limit_seconds = Read(bytes);
    report_.records.push_back(std::move(record));
  }

  double Read(const Bytes& bytes) const {
    return SecondsToRead(engine_->pool(), engine_->table(), bytes);
  }
  double MatrixPeak() const { return ProductsPerSecond(engine_->pool(), engine_->table(), 0.2); }

  std::optional<std::string> TooLarge(Pos positions) const {
    const KvCache::Bytes cache = KvCache::BytesOf(
        engine_->config(), {.dtype = options_.cache, .max_positions = positions, .margin = kChunk});
    const size_t bytes = cache.sliding + cache.global;
    if (const size_t room = AvailableMemory(); bytes > room - room / 16) {
      return fmt::format("the cache takes {:.1f} GiB and {:.1f} GiB of memory are available",
                         static_cast<double>(bytes) / (1 << 30),
                         static_cast<double>(room) / (1 << 30));
    }
    if (positions > engine_->config().max_positions)
      return fmt::format("the model has {} positions", engine_->config().max_positions);
    return std::nullopt;
  }

  // All passes of generated tokens at a position, in turns, so that their seconds can be compared.
  Status Generate(Pos position) {
    struct Kind {
      BenchRecord record;
      std::vector<double> seconds = {};
      std::vector<std::array<double, kNumStages>> profiles = {};
    };
    std::vector<Kind> kinds;
    const std::string decode = fmt::format("decode_{}", position);
    kinds.push_back({{.name = decode, .rows = 1}});
    if (position == kBase) {
      for (const std::string& name : options_.names) {
        if (const auto [kind, number] = *Split(name); kind == "verify")
          kinds.push_back({{.name = name, .rows = static_cast<size_t>(number)}});
      }
    }
    for (const Kind& kind : kinds) CARAT_TRY(Begin(kind.record.name));
    if (const auto why = TooLarge(position + 64)) {
      for (Kind& kind : kinds) {
        kind.record.skipped = *why;
        report_.records.push_back(kind.record);
      }
      return {};
    }
    CARAT_ASSIGN(Timeline timeline, Timeline::Create(*engine_, options_.cache, position));
    Bytes bytes = bytes_;
    for (const auto part : BytesSeen(engine_->config(), timeline.cache(), position))
      bytes.push_back(part);
    std::vector<double> limits;
    for (Kind& kind : kinds) {
      CARAT_TRY(timeline.Generate(kind.record.rows));  // memory is touched, threads are awake
    }
    for (int round = 0; round < options_.rounds; ++round) {
      limits.push_back(Read(bytes));
      for (Kind& kind : kinds) {
        timeline.profile().Clear();
        CARAT_ASSIGN(const double seconds, timeline.Generate(kind.record.rows));
        kind.seconds.push_back(seconds);
        kind.profiles.push_back(timeline.profile().seconds());
        CARAT_TRY(Begin(kind.record.name));
      }
    }
    const double one = Median(kinds[0].seconds);
    for (Kind& kind : kinds) {
      kind.record.seconds = Median(kind.seconds);
      kind.record.limit_seconds = Median(limits);
      if (kind.record.name.starts_with("verify"))
        kind.record.ratio_to_one_token = kind.record.seconds / one;
      if (options_.profile) {  // of the pass whose seconds are next to the median
        const auto nearest = std::ranges::min_element(kind.seconds, {}, [&](double seconds) {
          return std::abs(seconds - kind.record.seconds);
        });
        kind.record.profile = kind.profiles[static_cast<size_t>(nearest - kind.seconds.begin())];
      }
      if (Wants(kind.record.name)) Add(kind.record, bytes);
    }
    return {};
  }

  Status Prefill(Pos tokens) {
    BenchRecord record{.name = fmt::format("prefill_{}", tokens),
                       .rows = static_cast<size_t>(tokens)};
    CARAT_TRY(Begin(record.name));
    if (const auto why = TooLarge(tokens)) {
      record.skipped = *why;
      report_.records.push_back(record);
      return {};
    }
    const Engine& engine = *engine_;
    std::vector<TokenId> ids(static_cast<size_t>(tokens));
    for (Pos p = 0; p < tokens; ++p) ids[static_cast<size_t>(p)] = IdAt(engine.config(), p);
    std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
    OpContext context(engine.pool(), engine.table());
    Activations activations;
    const int rounds = tokens > 2 * kChunk ? 1 : std::max(1, options_.rounds / 2);
    std::vector<double> seconds, peaks = {MatrixPeak()};
    record.profile.emplace();
    for (int round = 0; round < rounds; ++round) {
      CARAT_ASSIGN(KvCache cache, KvCache::Create(engine.config(), {.dtype = options_.cache,
                                                                    .max_positions = tokens,
                                                                    .margin = kChunk}));
      const double start = Now();
      while (cache.size() < tokens) {
        const auto part =
            std::span(ids).subspan(static_cast<size_t>(cache.size()),
                                   static_cast<size_t>(std::min(kChunk, tokens - cache.size())));
        const bool last = cache.size() + static_cast<Pos>(part.size()) == tokens;
        context.profile().Start();
        CARAT_TRY(engine.decoder().Forward(context, activations, cache, {.ids = part},
                                           last ? LogitRows::kLast : LogitRows::kNone,
                                           last ? std::span(logits) : std::span<float>()));
        CARAT_TRY(Begin(record.name));
      }
      seconds.push_back(Now() - start);
      peaks.push_back(MatrixPeak());
    }
    for (size_t s = 0; s < kNumStages; ++s)
      (*record.profile)[s] = context.profile().seconds()[s] / rounds;
    if (!options_.profile) record.profile.reset();
    const Weights& weights = engine.decoder().weights();
    const double products = LayerProducts(weights) * static_cast<double>(tokens) +
                            HeadProducts(weights) + AttentionProducts(engine.config(), 0, tokens);
    record.seconds = Median(seconds);
    record.limit_seconds = products / Median(peaks);
    Add(record, bytes_);
    return {};
  }

  void SortAsWanted() {
    std::vector<BenchRecord> sorted;
    for (const std::string& name : options_.names) {
      for (const BenchRecord& record : report_.records)
        if (record.name == name) sorted.push_back(record);
    }
    report_.records = std::move(sorted);
  }

  const BenchOptions& options_;
  const std::function<bool(std::string_view)>& begin_;
  std::unique_ptr<Engine> engine_;
  Bytes bytes_;  // the weights that a pass reads
  std::vector<Pos> positions_;
  BenchReport report_;
};

}  // namespace

Json MachineOf(Engine& engine) {
  const Bytes bytes = BytesOfPass(engine.decoder().weights());
  Json machine;
  std::ifstream info("/proc/cpuinfo");
  std::string line, processor;
  while (processor.empty() && std::getline(info, line)) {
    if (line.starts_with("model name")) processor = line.substr(line.find(':') + 2);
  }
  machine.Set("processor", processor);
  machine.Set("processors", UsableProcessors());
  machine.Set("available_memory_bytes", AvailableMemory());
  machine.Set("read_bytes_per_s", static_cast<double>(SizeOf(bytes)) /
                                      SecondsToRead(engine.pool(), engine.table(), bytes));
  machine.Set("matrix_products_per_s", ProductsPerSecond(engine.pool(), engine.table(), 0.2));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  machine.Set("peak_resident_bytes", static_cast<int64_t>(usage.ru_maxrss) * 1024);
  return machine;
}

Json SettingsOf(const Engine& engine, DType cache, int rounds) {
  Json settings;
  settings.Set("model", engine.files().path.string());
  settings.Set("kernels", engine.table().name);
  settings.Set("threads", engine.pool().threads());
  settings.Set("cache", std::string(Info(cache).name));
  settings.Set("rounds", rounds);
  settings.Set("weight_bytes", SizeOf(BytesOfPass(engine.decoder().weights())));
  return settings;
}

std::vector<std::string> DefaultBenchNames() {
  return {"load",          "first_token", "decode_512",   "decode_4096", "decode_32768",
          "decode_131072", "verify_2",    "verify_4",     "verify_8",    "verify_16",
          "prefill_128",   "prefill_512", "prefill_2048", "prefill_8192"};
}

Status CheckBenchNames(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (!Split(names[i])) {
      return Fail({.what = "nothing is measured under this name",
                   .where = "--only",
                   .wanted = fmt::format("load, first_token, decode_N, verify_N (N to {}) or "
                                         "prefill_N",
                                         kMost),
                   .found = names[i]});
    }
    if (std::ranges::find(names.begin(), names.begin() + static_cast<long>(i), names[i]) !=
        names.begin() + static_cast<long>(i))
      return Fail({.what = "a name stands twice", .where = "--only", .found = names[i]});
  }
  return {};
}

Result<BenchReport> RunBench(const BenchOptions& options,
                             const std::function<bool(std::string_view)>& begin) {
  return Bench(options, begin).Run();
}

Json ToJson(const BenchReport& report) {
  Json::Array records;
  for (const BenchRecord& record : report.records) {
    Json json;
    json.Set("name", record.name);
    if (!record.skipped.empty()) {
      json.Set("skipped", record.skipped);
      records.push_back(std::move(json));
      continue;
    }
    json.Set("seconds", record.seconds);
    json.Set("bytes", static_cast<int64_t>(record.bytes));
    json.Set("tokens_per_s", record.tokens_per_second());
    json.Set("limit_tokens_per_s", record.limit_tokens_per_second());
    json.Set("fraction_of_limit", record.fraction_of_limit());
    if (record.ratio_to_one_token) json.Set("ratio_to_one_token", *record.ratio_to_one_token);
    if (record.profile) {
      Json stages;
      for (size_t s = 0; s < kNumStages; ++s) stages.Set(kStageNames[s], (*record.profile)[s]);
      json.Set("profile", std::move(stages));
    }
    records.push_back(std::move(json));
  }
  Json out;
  out.Set("machine", report.machine);
  out.Set("settings", report.settings);
  out.Set("records", std::move(records));
  return out;
}

}  // namespace carat
