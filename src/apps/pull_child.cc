#include "apps/pull_child.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <mutex>

#include "apps/models.h"
#include "apps/places.h"
#include "apps/pull_needs.h"
#include "apps/silent_child.h"
#include "io/disk_space.h"
#include "io/file.h"
#include "sys/memory.h"
#ifdef CARAT_PULLS
#include "hub/catalogue.h"
#include "hub/part_file.h"
#endif

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxErrors = 64 << 10;

fs::path ErrorsFile() { return StateFolder() / "pull.log"; }

// The program itself.
Result<pid_t> StartPull(const std::string& name) {
  CARAT_TRY(MakeFolder(StateFolder()));
  const auto pid = StartSilently("/proc/self/exe", {"carat", "pull", "--quiet", name},
                                 {.errors_to = ErrorsFile().string()});
  if (pid) return *pid;
  return Fail({.code = ErrorCode::kIo, .what = "carat pull can't be started"});
}

// What it said last.
std::string LastError() {
  std::string text = ReadFile(ErrorsFile(), kMaxErrors).value_or("");
  while (text.ends_with('\n')) text.pop_back();
  text = text.substr(text.rfind('\n') + 1);
  return text.starts_with("carat: ") ? text.substr(7) : text;
}

#ifdef CARAT_PULLS
// Of all its files.
uint64_t SumOf(const CatalogueEntry& entry, const std::string& name,
               uint64_t (*bytes)(const fs::path& target)) {
  uint64_t sum = 0;
  for (const CatalogueFile& file : entry.files)
    sum += std::min(file.size, bytes(Models().DownloadFolder(name) / file.local_name));
  return sum;
}

double PartOf(const CatalogueEntry& entry, const std::string& name) {
  if (entry.size() == 0) return 0;
  return static_cast<double>(SumOf(entry, name, PartFile::BytesHere)) /
         static_cast<double>(entry.size());
}
#endif

}  // namespace

struct PullChild::Data {
  std::mutex mutex;
  std::string name;  // empty: none was asked for
  pid_t pid = -1;    // of a child that has not been seen to end
  bool done = false;

  void Look() {
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, WNOHANG) != pid) return;
    pid = -1;
    done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
};

PullChild::PullChild() : data_(std::make_unique<Data>()) {}

PullChild::~PullChild() {
  const std::lock_guard lock(data_->mutex);
  data_->Look();
  if (data_->pid < 0) return;
  ::kill(data_->pid, SIGTERM);
  ::waitpid(data_->pid, nullptr, 0);
}

Status PullChild::Start(const std::string& name) {
#ifdef CARAT_PULLS
  const bool known = FindInCatalogue(name) != nullptr;
#else
  const bool known = false;
#endif
  if (!known)
    return Fail({.code = ErrorCode::kNotFound, .what = "no model of this name can be pulled"});
  const std::lock_guard lock(data_->mutex);
  data_->Look();
  if (data_->pid >= 0)
    return Fail({.code = ErrorCode::kBusy, .what = "another model is being pulled"});
  CARAT_ASSIGN(data_->pid, StartPull(name));
  data_->name = name;
  data_->done = false;
  return {};
}

std::vector<ModelHooks::Pull> PullChild::State() const {
  const std::lock_guard lock(data_->mutex);
  data_->Look();
  if (data_->name.empty()) return {};
  ModelHooks::Pull pull{.name = data_->name,
                        .state = data_->pid >= 0 ? "running"
                                 : data_->done   ? "done"
                                                 : "failed",
                        .part = data_->done ? 1.0 : 0.0};
#ifdef CARAT_PULLS
  const CatalogueEntry* const entry = FindInCatalogue(data_->name);
  if (entry != nullptr && !data_->done) pull.part = PartOf(*entry, data_->name);
#endif
  if (pull.state == "failed") pull.error = LastError();
  return {pull};
}

std::vector<ModelHooks::Offer> PullChild::Offers() {
  std::vector<ModelHooks::Offer> offers;
#ifdef CARAT_PULLS
  const size_t available = AvailableMemory();
  for (const CatalogueEntry& entry : Catalogue()) {
    if (entry.size() == 0) continue;  // nobody knows before the hub is asked
    const PullNeeds needs = NeedsOf(entry.size(), available);
    ModelHooks::Offer offer{
        .name = FindInCatalogue(entry.name) == &entry ? std::string(entry.name) : entry.FullName(),
        .description = std::string(entry.description),
        .download = entry.size(),
        .disk = entry.size() + needs.bundle,
        .memory = needs.memory};
    const uint64_t reserved = SumOf(entry, offer.name, ReservedBytes);
    offer.fits_disk = CheckFreeSpace(Models().path(), offer.disk - reserved).has_value();
    offer.fits_memory = offer.memory <= available;
    offers.push_back(std::move(offer));
  }
#endif
  return offers;
}

}  // namespace carat
