#include "engine/engine.h"

#include <fmt/format.h>

#include "sys/cpu_features.h"

namespace carat {
namespace {

constexpr int kMaxThreads = 1024;

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return Fail({.what = "number of threads out of range",
                 .where = "threads",
                 .wanted = fmt::format("1 to {}, or 0 for all processors", kMaxThreads),
                 .found = std::to_string(options.threads)});
  }
  std::unique_ptr<Engine> engine(new Engine);
  const CpuFeatures cpu = DetectCpuFeatures();
  engine->tables_ = kernels::SupportedTables({.avx2 = cpu.avx2, .avx512 = cpu.avx512});
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
  engine->files_ = std::move(model.files);
  engine->decoder_ = std::make_unique<Decoder>(std::move(model.config), std::move(model.weights));
  engine->tokenizer_ = std::move(model.tokenizer);
  engine->defaults_ = std::move(model.defaults);
  engine->warnings_ = std::move(model.warnings);
  engine->pool_ =
      std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : UsableProcessors());
  return engine;
}

Result<const Tokenizer*> Engine::RequireTokenizer() const {
  if (tokenizer_) return &*tokenizer_;
  return Fail({.code = ErrorCode::kNotFound,
               .what = "the model files carry no tokenizer, so only ids can be read",
               .where = files_.path.string(),
               .wanted = "tokenizer.json, or the tokenizer keys of a GGUF file"});
}

}  // namespace carat
