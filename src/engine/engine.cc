#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/file.h"
#include "model/interleave.h"
#include "ops/thread_choice.h"
#include "ops/usable_tables.h"
#include "sys/cpu_features.h"
#include "sys/memory.h"

namespace carat {
namespace {

constexpr int kMaxThreads = 1024;
constexpr size_t kPreloadStep = size_t{32} << 20;  // bytes

// Every mmproj*.gguf in the model's folder.
std::vector<std::filesystem::path> EmbeddersBeside(const std::filesystem::path& model) {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  const auto folder = model.has_parent_path() ? model.parent_path() : std::filesystem::path(".");
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("mmproj") && name.ends_with(".gguf")) found.push_back(entry->path());
  }
  return found;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return Fail({.what = "number of threads out of range",
                 .where = "threads",
                 .wanted = fmt::format("1 to {}, or 0 for as many as help", kMaxThreads),
                 .found = std::to_string(options.threads)});
  }
  std::unique_ptr<Engine> engine(new Engine);
  engine->tables_ = UsableTables();
  engine->table_ =
      options.kernels.empty() ? &engine->tables_.best() : engine->tables_.Find(options.kernels);
  if (engine->table_ == nullptr) {
    std::string names;
    for (const kernels::Table* table : engine->tables_.all())
      names += (names.empty() ? "" : ", ") + std::string(table->name);
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "no such kernel table on this processor",
                 .where = "kernels",
                 .wanted = names,
                 .found = options.kernels});
  }
  CARAT_ASSIGN(ModelFiles files, OpenModelFiles(options.model));
  CARAT_ASSIGN(LoadedModel model, LoadTextModel(std::move(files)));
  engine->embedders_ = std::move(model.embedders);
  engine->warnings_ = std::move(model.warnings);
  engine->pool_ =
      std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : UsableProcessors());
  if (options.threads > engine->pool_->threads()) {
    engine->warnings_.push_back(fmt::format("{} threads were wanted, the system gave {}",
                                            options.threads, engine->pool_->threads()));
  }
  CARAT_TRY(engine->FindEmbedders(options.embedders, model.files, model.config.hidden));
  CARAT_TRY(engine->Prepare(options, model));
  engine->files_ = std::move(model.files);
  engine->tokenizer_ = std::move(model.tokenizer);
  engine->defaults_ = std::move(model.defaults);
  engine->decoder_ = std::make_unique<Decoder>(std::move(model.config), std::move(model.weights));
  return engine;
}

// A file that was named must fit; one that merely lies beside the model may belong to another.
Status Engine::FindEmbedders(const std::filesystem::path& named, const ModelFiles& files,
                             int64_t hidden) {
  if (!files.gguf) {
    if (named.empty()) return {};
    return Fail({.what = "a model folder has its own embedders",
                 .where = named.string(),
                 .wanted = "an mmproj file beside a GGUF model only"});
  }
  if (!named.empty()) return OpenEmbedders(named, hidden);
  const auto beside = EmbeddersBeside(files.path);
  if (beside.size() > 1) {
    warnings_.push_back(fmt::format(
        "{} mmproj files lie beside the model, and none is used: name one to see and hear",
        beside.size()));
  }
  if (beside.size() != 1) return {};
  if (const Status done = OpenEmbedders(beside.front(), hidden); !done) {
    embedders_ = {};
    embedder_files_.reset();
    warnings_.push_back("not used: " + done.error().Message());
  }
  return {};
}

Status Engine::OpenEmbedders(const std::filesystem::path& path, int64_t hidden) {
  CARAT_ASSIGN(embedder_files_, OpenModelFiles(path));
  if (embedder_files_->kind != FileKind::kEmbedders) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this file holds no embedders",
                 .where = path.string(),
                 .found = std::string(FileKindName(embedder_files_->kind))});
  }
  CARAT_ASSIGN(embedders_, LoadEmbedders(*embedder_files_));
  if (embedders_.config.hidden != hidden) {
    return Fail({.what = "these embedders belong to another model",
                 .where = path.string(),
                 .wanted = fmt::format("hidden width {}", hidden),
                 .found = std::to_string(embedders_.config.hidden)});
  }
  const auto& more = embedders_.weights.warnings;
  warnings_.insert(warnings_.end(), more.begin(), more.end());
  return {};
}

// The weights to where they are fast to read, if there is memory for them and for a session.
Status Engine::Prepare(const EngineOptions& options, LoadedModel& model) {
  const bool copy = !options.exact && table_ != &kernels::ReferenceTable();
  const size_t available = AvailableMemory(), room = available - Spare(available);
  memory_ = MemoryOfModel(model, copy, embedder_files_ ? &*embedder_files_ : nullptr);
  if (!options.load || (!copy && !options.preload)) return {};
  const Pos usual = options.session.context > 0 ? options.session.context : kLeastContext;
  const size_t session =
      MemoryOfSession(model.config, embedders_.weights.vision.has_value(), options.session,
                      std::min(usual, model.config.max_positions))
          .needed();
  // The vocabulary and the program are there already.
  if (memory_.weights + memory_.embedders + session > room)
    return std::unexpected(DoesNotFit(memory_, session, available));
  std::vector<std::span<const std::byte>> stored;
  if (copy) {
    stored = StoredMatrices(model.weights);
    OpContext context(*pool_, *table_);
    CARAT_TRY(Interleave(context, model.weights, options.progress));
    WarnOfSlowFormats(model.weights);
    if (options.threads == 0) {
      const LazyBuffer& order = model.weights.interleaved;
      const int helps = ThreadsThatHelp(*table_, {order.data(), order.size()}, pool_->threads());
      if (helps < pool_->threads()) pool_ = std::make_unique<ThreadPool>(helps);
    }
  } else {
    for (const TensorEntry& entry : model.files.tensors().entries()) stored.push_back(entry.bytes);
  }
  return options.preload ? Preload(stored, options.progress) : Status();
}

// What takes the slower way, where it is so much that it is felt.
void Engine::WarnOfSlowFormats(const Weights& weights) {
  constexpr size_t kFelt = size_t{64} << 20;
  size_t stored = 0;
  for (const auto matrix : StoredMatrices(weights)) stored += matrix.size();
  if (stored < kFelt) return;
  const size_t all = stored + weights.interleaved.size();
  warnings_.push_back(fmt::format(
      "{:.0f} % of the weights ({}) have no fast kernel and take a slower, exact way",
      100 * static_cast<double>(stored) / static_cast<double>(all), SlowFormats(weights)));
}

Status Engine::Preload(std::span<const std::span<const std::byte>> parts,
                       const std::function<bool(size_t, size_t)>& progress) {
  size_t total = 0, done = 0, told = 0;
  for (const auto part : parts) total += part.size();
  for (const auto part : parts) {
    for (size_t at = 0; at < part.size(); at += kPreloadStep) {
      const auto step = part.subspan(at, std::min(kPreloadStep, part.size() - at));
      TouchPages(step);
      done += step.size();
      if (done < told + kPreloadStep && done < total) continue;
      told = done;
      if (progress && !progress(done, total)) {
        return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while loading the model"});
      }
    }
  }
  return {};
}

std::string Engine::FindBrokenWeight() const {
  std::string where = FindNonFinite(files_.tensors());
  if (where.empty() && embedder_files_) where = FindNonFinite(embedder_files_->tensors());
  return where;
}

Result<const Tokenizer*> Engine::RequireTokenizer() const {
  if (tokenizer_) return &*tokenizer_;
  return Fail({.code = ErrorCode::kNotFound,
               .what = "the model files carry no tokenizer, so only ids can be read",
               .where = files_.path.string(),
               .wanted = "tokenizer.json, or the tokenizer keys of a GGUF file"});
}

}  // namespace carat
