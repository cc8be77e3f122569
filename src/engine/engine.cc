#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "engine/speculative/measure.h"
#include "io/file.h"
#include "model/interleave.h"
#include "ops/thread_choice.h"
#include "ops/usable_tables.h"
#include "sys/cpu_features.h"
#include "sys/memory.h"

namespace carat {
namespace {

constexpr int kMaxThreads = 1024;
constexpr Pos kRoomyContext = 8192;  // that a drafter which was only found does not take away
constexpr size_t kPreloadStep = size_t{32} << 20;  // bytes

std::filesystem::path FolderOf(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

// The files of a folder whose names are `wanted`; none where it can't be read.
std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& folder,
                                           const std::function<bool(std::string_view)>& wanted) {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (wanted(entry->path().filename().string())) found.push_back(entry->path());
  }
  return found;
}

std::vector<std::filesystem::path> EmbeddersBeside(const std::filesystem::path& model) {
  return FilesIn(FolderOf(model), [](std::string_view name) {
    return name.starts_with("mmproj") && name.ends_with(".gguf");
  });
}

std::string LowerCase(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// What may be a model's drafter by its name, the smallest file first: a folder "assistant" in the
// model's or "NAME-assistant" beside it; for a GGUF file others with "mtp", "assistant" or
// "drafter" in their names, beside it or in a folder "MTP".
std::vector<std::filesystem::path> DraftersBeside(const std::filesystem::path& model) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (fs::is_directory(model, failed)) {
    std::vector<fs::path> found;
    const fs::path whole = fs::weakly_canonical(model, failed);
    for (const fs::path& path : {model / "assistant", fs::path(whole.string() + "-assistant")})
      if (fs::is_regular_file(path / "config.json", failed)) found.push_back(path);
    return found;
  }
  const auto wanted = [](std::string_view file) {
    const std::string name = LowerCase(std::string(file));
    return name.ends_with(".gguf") &&
           (name.contains("mtp") || name.contains("assistant") || name.contains("drafter"));
  };
  std::vector<std::pair<uintmax_t, fs::path>> found;
  for (const fs::path& place : {FolderOf(model), FolderOf(model) / "MTP"}) {
    for (fs::path& path : FilesIn(place, wanted)) {
      if (fs::equivalent(path, model, failed)) continue;
      const uintmax_t size = fs::file_size(path, failed);
      found.emplace_back(size, std::move(path));
    }
  }
  std::ranges::sort(found);
  std::vector<fs::path> paths;
  paths.reserve(found.size());
  for (auto& [size, path] : found) paths.push_back(std::move(path));
  return paths;
}

// The files at a path, or an error that they are of another kind.
Result<ModelFiles> OpenFilesOf(const std::filesystem::path& path, FileKind kind,
                               std::string_view name) {
  CARAT_ASSIGN(ModelFiles files, OpenModelFiles(path));
  if (files.kind == kind) return files;
  return Fail({.code = ErrorCode::kUnsupported,
               .what = fmt::format("this file holds no {}", name),
               .where = path.string(),
               .found = std::string(FileKindName(files.kind))});
}

Status VerifyBundle(const ModelFiles& files, const std::function<bool(size_t, size_t)>& progress) {
  if (files.bundle == nullptr) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "only a bundle holds the hashes that it can be checked against",
                 .where = files.path.string(),
                 .wanted = "a bundle (carat pack), or no --verify"});
  }
  const Status done = files.bundle->Verify(progress);
  return done ? done : Status(Fail(Within(files.path.string(), done.error())));
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
  if (options.verify) CARAT_TRY(VerifyBundle(files, options.progress));
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
  CARAT_TRY(engine->FindDrafter(options, model));
  CARAT_TRY(engine->Prepare(options, model));
  engine->files_ = std::move(model.files);
  engine->tokenizer_ = std::move(model.tokenizer);
  engine->defaults_ = std::move(model.defaults);
  engine->decoder_ = std::make_unique<Decoder>(std::move(model.config), std::move(model.weights));
  CARAT_TRY(engine->PrepareDrafter(options));
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
  if (files.bundle) {
    if (files.bundle->Find(BundleRole::kEmbedders) == nullptr) return {};
    CARAT_ASSIGN(ModelFiles bundled, OpenBundled(files.bundle, FileKind::kEmbedders, files.path));
    return TakeEmbedders(std::move(bundled), hidden);
  }
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
  CARAT_ASSIGN(ModelFiles files, OpenFilesOf(path, FileKind::kEmbedders, "embedders"));
  return TakeEmbedders(std::move(files), hidden);
}

Status Engine::TakeEmbedders(ModelFiles files, int64_t hidden) {
  embedder_files_ = std::move(files);
  CARAT_ASSIGN(embedders_, LoadEmbedders(*embedder_files_));
  if (embedders_.config.hidden != hidden) {
    return Fail({.what = "these embedders belong to another model",
                 .where = embedder_files_->path.string(),
                 .wanted = fmt::format("hidden width {}", hidden),
                 .found = std::to_string(embedders_.config.hidden)});
  }
  const auto& more = embedders_.weights.warnings;
  warnings_.insert(warnings_.end(), more.begin(), more.end());
  return {};
}

// As for embedders: a file that was named must fit, one that was found may belong to another model.
Status Engine::FindDrafter(const EngineOptions& options, const LoadedModel& model) {
  if (!options.drafts) {
    no_drafts_ = "switched off";
    if (options.drafter.empty()) return {};
    return Fail({.what = "a drafter is named, and drafting is switched off",
                 .where = options.drafter.string()});
  }
  if (!options.drafter.empty()) {
    CARAT_ASSIGN(ModelFiles files, OpenFilesOf(options.drafter, FileKind::kDrafter, "drafter"));
    return TakeDrafter(std::move(files), model.config);
  }
  if (model.files.bundle) {
    no_drafts_ = "the bundle holds no drafter";
    if (model.files.bundle->Find(BundleRole::kDrafter) == nullptr) return {};
    CARAT_ASSIGN(ModelFiles bundled,
                 OpenBundled(model.files.bundle, FileKind::kDrafter, model.files.path));
    return TakeDrafter(std::move(bundled), model.config);
  }
  no_drafts_ = "no drafter beside the model";
  for (const std::filesystem::path& path : DraftersBeside(model.files.path)) {
    auto files = OpenModelFiles(path);
    if (files && files->kind != FileKind::kDrafter) continue;  // it only has such a name
    const Status done =
        files ? TakeDrafter(*std::move(files), model.config) : Status(Fail(files.error()));
    if (done) return {};
    LeaveDrafterOut("not used: " + done.error().Message());
  }
  return {};
}

Status Engine::TakeDrafter(ModelFiles files, const Config& config) {
  CARAT_ASSIGN(Drafter drafter, LoadDrafter(files));
  if (const Status fits = MtpDrafter::Fits(drafter.config, config); !fits)
    return Fail(Within(files.path.string(), fits.error()));
  drafter_files_ = std::move(files);
  found_drafter_ = std::move(drafter);
  no_drafts_.clear();
  return {};
}

void Engine::LeaveDrafterOut(std::string why) {
  found_drafter_.reset();
  drafter_files_.reset();
  memory_.drafter = 0;
  warnings_.push_back("nothing drafts: " + why);
  no_drafts_ = std::move(why);
}

Status Engine::PrepareDrafter(const EngineOptions& options) {
  if (!found_drafter_ || !options.load) return {};
  OpContext context(*pool_, *table_);
  const auto prepare = [&]() -> Status {
    CARAT_ASSIGN(drafter_,
                 MtpDrafter::Create(context, std::move(found_drafter_->config),
                                    std::move(found_drafter_->weights), config(), !Copies(options),
                                    found_drafter_->screen, options.progress));
    CARAT_ASSIGN(draft_costs_, MeasureDraftCosts(context, *decoder_, *drafter_));
    return {};
  };
  const Status done = prepare();
  if (!done) {
    drafter_.reset();
    const Error error = Within(drafter_files_->path.string(), done.error());
    if (error.code == ErrorCode::kCancelled || !options.drafter.empty()) return Fail(error);
    LeaveDrafterOut("not used: " + error.Message());
  }
  found_drafter_.reset();
  return {};
}

bool Engine::Copies(const EngineOptions& options) const {
  return !options.exact && table_ != &kernels::ReferenceTable();
}

// The weights to where they are fast to read, if there is memory for them and for a session.
Status Engine::Prepare(const EngineOptions& options, LoadedModel& model) {
  const bool copy = Copies(options);
  const size_t available = AvailableMemory(), room = available - Spare(available);
  memory_ = MemoryOfModel(model, copy, embedder_files_ ? &*embedder_files_ : nullptr);
  if (found_drafter_)
    memory_.drafter = MtpDrafter::Bytes(found_drafter_->config, found_drafter_->weights, !copy);
  const bool sees = embedders_.weights.vision.has_value();
  // The vocabulary and the program are there already.
  const auto session = [&](Pos context, bool drafts) {
    SessionOptions of = options.session;
    if (!drafts) of.drafts = SessionOptions::kNoDrafts;
    if (of.context > 0) context = of.context;
    return MemoryOfSession(model.config, sees, of, std::min(context, model.config.max_positions))
        .needed();
  };
  const size_t plain = memory_.weights + memory_.embedders;
  // A drafter that was only found must leave room for a conversation, where there is room for one.
  if (found_drafter_ && options.drafter.empty() && options.spare_memory &&
      plain + memory_.drafter + session(kRoomyContext, true) > room &&
      (plain + session(kRoomyContext, false) <= room ||
       plain + memory_.drafter + session(kLeastContext, true) > room)) {
    LeaveDrafterOut(fmt::format(
        "the drafter's {:.2f} GiB do not fit the memory beside the model and a conversation",
        static_cast<double>(memory_.drafter) / (1 << 30)));
  }
  const bool moves = copy || model.files.bundle != nullptr;  // rows may have to be put back
  if (!options.load || (!moves && !options.preload)) return {};
  if (const size_t least = session(kLeastContext, found_drafter_.has_value());
      plain + memory_.drafter + least > room)
    return std::unexpected(DoesNotFit(memory_, least, available));
  return Arrange(options, model);
}

// The text model's matrices in the order that products want, and what is left read where that is
// wanted.
Status Engine::Arrange(const EngineOptions& options, LoadedModel& model) {
  OpContext context(*pool_, *table_);
  std::vector<std::span<const std::byte>> stored;
  if (Copies(options)) {
    stored = StoredMatrices(model.weights);
    CARAT_TRY(Interleave(context, model.weights, options.progress));
    WarnOfSlowFormats(model.weights);
    if (options.threads == 0) ChooseThreads(model);
  } else {
    CARAT_TRY(Store(context, model.weights, options.progress));
    for (const TensorEntry& entry : model.files.tensors().entries())
      if (!entry.interleaved) stored.push_back(entry.bytes);
  }
  if (model.files.bundle && Copies(options)) {
    stored = {model.files.bundle->bytes()};
    ReadAhead(stored.front());
  }
  return options.preload ? Preload(stored, options.progress) : Status();
}

// No more threads than help with weights like these.
void Engine::ChooseThreads(const LoadedModel& model) {
  constexpr size_t kSample = size_t{512} << 20;
  const LazyBuffer& order = model.weights.reordered;
  std::span<const std::byte> memory(order.data(), order.size());
  if (memory.empty() && model.files.bundle) {
    memory = model.files.bundle->bytes();
    memory = memory.first(std::min(memory.size(), kSample));
    TouchPages(memory);  // it is the memory that is measured, not the disk
  }
  const int helps = ThreadsThatHelp(*table_, memory, pool_->threads());
  if (helps < pool_->threads()) pool_ = std::make_unique<ThreadPool>(helps);
}

// What takes the slower way, where it is so much that it is felt.
void Engine::WarnOfSlowFormats(const Weights& weights) {
  constexpr size_t kFelt = size_t{64} << 20;
  size_t stored = 0;
  for (const auto matrix : StoredMatrices(weights)) stored += matrix.size();
  if (stored < kFelt) return;
  const size_t all = stored + InterleavedBytes(weights);
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
