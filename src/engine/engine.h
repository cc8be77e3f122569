// Engine: the door. A model is loaded once and shared; sessions run on it.
//
//   CARAT_ASSIGN(auto engine, Engine::Open({.model = "gemma-4-12b.gguf"}));
//   CARAT_ASSIGN(auto session, Session::Create(*engine, {}));
//   CARAT_TRY(session.SyncTo(prompt));            // make the timeline equal the prompt
//   CARAT_ASSIGN(auto answer, Generation::Create(session, options));
//   while (!answer.done()) { CARAT_ASSIGN(auto step, answer.Step()); … }
//
// Nothing above this room knows a tensor.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model_files.h"
#include "engine/plan.h"
#include "engine/speculative/policy.h"
#include "kernels/select.h"
#include "model/decoder.h"
#include "model/mtp.h"
#include "sys/thread_pool.h"

namespace carat {

struct EngineOptions {
  std::filesystem::path model = {};  // a GGUF file, a Hugging Face folder or a bundle
  // The embedders of pictures and sound of a GGUF model: an mmproj GGUF file. Empty: the only
  // mmproj*.gguf beside the model, if there is one. A folder and a bundle have their own.
  std::filesystem::path embedders = {};
  // The drafter: a folder or a GGUF file. Empty: the smallest one beside the model that fits it, if
  // there is one (docs/drafting.md says under which names). It is left out, with a reason
  // (no_drafts), where nobody named it and it does not fit the model or the memory.
  std::filesystem::path drafter = {};
  bool drafts = true;        // false: no drafter
  bool spare_memory = true;  // false: a drafter that was found is not left out for want of memory
  int threads = 0;           // 0: as many as help, at most all usable processors
  std::string kernels = {};  // a table by name; empty: the best this processor runs
  // The weights stay as they are stored and products are summed in f32: slow. Without it
  // activations are rounded to eight bits where weights are quantised. The reference table implies
  // it.
  bool exact = false;
  // Weights that stay as they are stored are read now, so that the first answer need not wait for
  // the disk.
  bool preload = false;
  // Every byte of a bundle is checked against its hash first; an error for other files, which hold
  // no hashes.
  bool verify = false;
  // Of the sessions that will run on it: they must fit beside it.
  SessionOptions session = {};
  // Without it nothing is loaded: the model can be planned, not run.
  bool load = true;
  // Called with bytes done and to do while weights are copied into the kernels' order, and then
  // while others are preloaded; false cancels.
  std::function<bool(size_t done, size_t total)> progress = {};
};

// Immutable after Open. The model is thread-safe; the thread pool serves one running session at a
// time.
class Engine {
 public:
  // kNoMemory where what is read into memory, and a session beside it, do not fit what there is
  // (plan.h): not with `exact` or the reference table, unless they preload.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const Config& config() const { return decoder_->config(); }
  const Decoder& decoder() const { return *decoder_; }
  const ModelFiles& files() const { return files_; }
  // Of embedders that have files of their own, and of the drafter; null: none.
  const ModelFiles* embedder_files() const { return embedder_files_ ? &*embedder_files_ : nullptr; }
  const ModelFiles* drafter_files() const { return drafter_files_ ? &*drafter_files_ : nullptr; }
  // The drafter as its files hold it, until it is loaded; null: none.
  const Drafter* found_drafter() const { return found_drafter_ ? &*found_drafter_ : nullptr; }
  // What sees and hears; parts may be absent.
  const Embedders& embedders() const { return embedders_; }
  const Tokenizer* tokenizer() const { return tokenizer_ ? &*tokenizer_ : nullptr; }
  // The tokenizer, or an error that says why text needs one.
  Result<const Tokenizer*> RequireTokenizer() const;
  const GenerationDefaults& defaults() const { return defaults_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  // The first weight that is no finite number, of the model and its embedders, as FindNonFinite
  // says it. Reads all of them.
  std::string FindBrokenWeight() const;
  // What drafts; null: nothing does, and no_drafts says why.
  MtpDrafter* drafter() { return drafter_ ? &*drafter_ : nullptr; }
  const std::string& no_drafts() const { return no_drafts_; }
  const DraftCosts& draft_costs() const { return draft_costs_; }  // measured while loading
  // What was planned for it (plan.h).
  const ModelMemory& memory() const { return memory_; }
  const kernels::Table& table() const { return *table_; }
  ThreadPool& pool() const { return *pool_; }

 private:
  Engine() = default;
  Status FindEmbedders(const std::filesystem::path& named, const ModelFiles& files, int64_t hidden);
  Status OpenEmbedders(const std::filesystem::path& path, int64_t hidden);
  Status TakeEmbedders(ModelFiles files, int64_t hidden);
  Status FindDrafter(const EngineOptions& options, const LoadedModel& model);
  Status TakeDrafter(ModelFiles files, const Config& config);
  void LeaveDrafterOut(std::string why);
  Status PrepareDrafter(const EngineOptions& options);
  bool Copies(const EngineOptions& options) const;
  Status Prepare(const EngineOptions& options, LoadedModel& model);
  Status Arrange(const EngineOptions& options, LoadedModel& model);
  void ChooseThreads(const LoadedModel& model);
  void WarnOfSlowFormats(const Weights& weights);
  Status Preload(std::span<const std::span<const std::byte>> parts,
                 const std::function<bool(size_t, size_t)>& progress);

  ModelFiles files_;
  std::optional<ModelFiles> embedder_files_;  // of their own
  std::unique_ptr<Decoder> decoder_;
  Embedders embedders_;
  std::optional<ModelFiles> drafter_files_;
  std::optional<Drafter> found_drafter_;  // until it is prepared
  std::optional<MtpDrafter> drafter_;
  std::string no_drafts_;
  DraftCosts draft_costs_;
  std::optional<Tokenizer> tokenizer_;
  GenerationDefaults defaults_;
  std::vector<std::string> warnings_;
  ModelMemory memory_;
  kernels::TableList tables_;
  const kernels::Table* table_ = nullptr;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace carat
