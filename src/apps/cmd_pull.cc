// carat pull: from a name to one verified bundle. The only command that opens connections.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/interrupt.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/progress_bar.h"
#include "apps/pull_needs.h"
#include "apps/terminal.h"
#include "bundle/bundle.h"
#include "convert/pack_model.h"
#include "engine/session.h"
#include "hub/catalogue.h"
#include "hub/client.h"
#include "hub/part_file.h"
#include "io/disk_space.h"
#include "sys/memory.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHub = "https://huggingface.co";

struct CommandLine {
  std::string name = "gemma-4-12b", part;
  bool dry_run = false, anyway = false, again = false, quiet = false;
  int connections = 4, retries = 5;
  double stall_seconds = 30, wait_seconds = 1;
};

// The first variable that says something.
std::string Variable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  }
  return "";
}

HubOptions OptionsOf(const CommandLine& o) {
  HubOptions options{.token = Variable({"HF_TOKEN"}),
                     .ca_file = Variable({"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"}),
                     .proxy = Variable({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}),
                     .no_proxy = Variable({"no_proxy", "NO_PROXY"}),
                     .user_agent = "carat/" + std::string(kVersion),
                     .connections = o.connections,
                     .stall_seconds = o.stall_seconds,
                     .retries = o.retries,
                     .first_wait_seconds = o.wait_seconds,
                     .keep_going = [] { return !Interrupted(); }};
  if (const std::string endpoint = Variable({"HF_ENDPOINT"}); !endpoint.empty())
    options.endpoint = endpoint;
  return options;
}

// Off by name of the variables that Hugging Face's own programs obey.
bool Offline() {
  const auto on = [](const char* name) {
    const std::string value = Variable({name});
    return !value.empty() && value != "0";
  };
  return on("CARAT_OFFLINE") || on("HF_HUB_OFFLINE");
}

// The first tag of a name is the one that is meant without a tag, and is kept without it.
std::string NameOf(const CatalogueEntry& entry) {
  const bool usual = FindInCatalogue(entry.name) == &entry;
  return usual ? std::string(entry.name) : entry.FullName();
}

Result<const CatalogueEntry*> FindEntry(const std::string& name) {
  CARAT_TRY(CheckModelName(name));
  if (const CatalogueEntry* entry = FindInCatalogue(name)) return entry;
  std::string names;
  for (const CatalogueEntry& entry : Catalogue())
    names += (names.empty() ? "" : ", ") + NameOf(entry);
  return Fail({.code = ErrorCode::kNotFound,
               .what = "carat pulls no model of this name",
               .where = name,
               .wanted = names});
}

struct Wanted {
  const CatalogueFile* file = nullptr;
  RemoteFile remote;
  fs::path target;
};

class Pull {
 public:
  Pull(const CommandLine& o, const CatalogueEntry& entry)
      : o_(o), entry_(entry), name_(NameOf(entry)), directory_(Models()), bar_(o.quiet) {}

  Status Run() {
    std::optional<ModelLock> lock;
    if (!o_.dry_run) {
      CARAT_ASSIGN(lock, directory_.Lock(name_));
    }
    const fs::path bundle = directory_.BundlePath(name_);
    // Nothing gets this name unverified. Of another form, or with a damaged header, it is pulled
    // anew.
    if (o_.part.empty() && !o_.again && !o_.dry_run && Bundle::Open(bundle)) {
      std::error_code failed;
      fs::remove_all(directory_.DownloadFolder(name_), failed);
      CARAT_TRY(directory_.SetDefault(name_));
      Print("{} is here already: {} (carat verify {} reads all of it, --again gets it anew)\n",
            name_, EscapeLine(bundle.string()), name_);
      return {};
    }
    CARAT_ASSIGN(const auto old, directory_.Find(name_));
    if (o_.part.empty() && old && old->kind != StoredModel::Kind::kBundle) {
      return Fail({.what = "another model has this name already",
                   .where = old->path.string(),
                   .wanted = "carat rm " + name_ + ", or carat import with another --name"});
    }
    HubOptions options = OptionsOf(o_);
    endpoint_ = options.endpoint;
    options.on_retry = [this](const Error& failure, double seconds) {
      bar_.End();
      PrintErr("carat: {}; again in {}\n", EscapeLine(failure.Message()), DurationText(seconds));
    };
    CARAT_ASSIGN(HubClient client, HubClient::Create(std::move(options)));
    CARAT_TRY(Resolve(client));
    CARAT_TRY(Plan());
    if (o_.dry_run) return {};
    CARAT_TRY(Download(client));
    if (o_.part.empty()) CARAT_TRY(Pack(bundle));
    return {};
  }

 private:
  // What the hub has under these names now.
  Status Resolve(HubClient& client) {
    const fs::path folder =
        o_.part.empty() ? directory_.DownloadFolder(name_) : directory_.PartsFolder();
    for (const CatalogueFile& file : entry_.files) {
      if (!o_.part.empty() && o_.part != ToString(file.role)) continue;
      Wanted wanted{.file = &file, .remote = {}, .target = folder / file.local_name};
      CARAT_ASSIGN(wanted.remote, client.Resolve(file.repository, file.revision, file.remote_file));
      files_.push_back(std::move(wanted));
    }
    return {};
  }

  // Says what will be fetched, and whether disk and memory take it.
  Status Plan() {
    uint64_t here = 0, reserved = 0;  // what has come, and the room that it has on the disk
    for (const Wanted& wanted : files_) {
      total_ += wanted.remote.size;
      here += std::min(wanted.remote.size, PartFile::BytesHere(wanted.target));
      reserved += std::min(wanted.remote.size, ReservedBytes(wanted.target));
      Print("{:<10} {:>9}  {}/{} at {}\n", ToString(wanted.file->role),
            ByteText(wanted.remote.size), wanted.remote.repository, wanted.remote.file,
            wanted.remote.commit.substr(0, 12));
    }
    const uint64_t bundle = o_.part.empty() ? NeedsOf(total_, 0).bundle : 0;
    const uint64_t disk = total_ - std::min(total_, reserved) + bundle;
    Print("{} to fetch{}; {} of disk{}, in {}\n", ByteText(total_ - std::min(total_, here)),
          here > 0 ? " (" + ByteText(here) + " are here)" : "", ByteText(disk),
          bundle > 0 ? " until it is packed" : "", EscapeLine(directory_.path().string()));
    if (endpoint_ != kHub) {
      Print(
          "the hashes are those that {} publishes: they prove that nothing is damaged on the way, "
          "not that the files are the original ones\n",
          EscapeLine(endpoint_));
    }
    CARAT_TRY(CheckFreeSpace(directory_.path(), disk));
    return o_.part.empty() ? CheckMemory() : Status();
  }

  Status CheckMemory() const {
    const size_t available = AvailableMemory();
    const PullNeeds needs = NeedsOf(total_, available);
    const size_t needed = needs.memory;
    if (needed <= available) {
      Print("{} of memory with a short conversation; {} are free\n", ByteText(needed),
            ByteText(available));
      return {};
    }
    if (o_.anyway) {
      PrintWarnings({fmt::format("it needs {} of memory, and {} are free", ByteText(needed),
                                 ByteText(available))});
      return {};
    }
    Error error = DoesNotFit(needs.model, needs.session, available);
    error.wanted += "; --anyway pulls it nevertheless";
    return std::unexpected(std::move(error));
  }

  Status Download(HubClient& client) {
    std::error_code failed;
    fs::create_directories(files_.front().target.parent_path(), failed);
    if (failed) {
      return Fail({.code = ErrorCode::kIo,
                   .what = "cannot make the folder: " + failed.message(),
                   .where = files_.front().target.parent_path().string()});
    }
    uint64_t before = 0;
    for (const Wanted& wanted : files_) {
      const auto watch = [&](const DownloadProgress& progress) {
        if (progress.phase == DownloadProgress::Phase::kChecking)
          bar_.Show("checking", progress.bytes_done, progress.bytes_total);
        else
          bar_.Show("downloading", before + progress.bytes_done, total_);
        return !Interrupted();
      };
      auto done = client.Download(wanted.remote, wanted.target, watch);
      if (!done) {
        bar_.End();
        Error error = done.error();
        if (error.code == ErrorCode::kCancelled)
          error.what += ", and the same command goes on from there";
        return std::unexpected(std::move(error));
      }
      before += wanted.remote.size;
      if (o_.part.empty()) continue;
      bar_.End();
      Print("{}\n", EscapeLine(wanted.target.string()));
    }
    return {};
  }

  // Makes the bundle, checks it as it lies on the disk, gives it its name, and clears away what it
  // was made from.
  Status Pack(const fs::path& bundle_path) {
    const fs::path path = directory_.DownloadFolder(name_) / "bundle.carat";
    EngineOptions options{.spare_memory = false, .load = false};
    PackOptions pack{.out = path, .carat_version = std::string(kVersion)};
    for (const Wanted& wanted : files_) {
      switch (wanted.file->role) {
        case FileRole::kText:
          options.model = wanted.target;
          break;
        case FileRole::kEmbedders:
          options.embedders = wanted.target;
          break;
        case FileRole::kDrafter:
          options.drafter = wanted.target;
          break;
      }
      pack.origins[wanted.target] = {.address = endpoint_,
                                     .repository = wanted.remote.repository,
                                     .revision = wanted.remote.commit,
                                     .file = wanted.remote.file};
    }
    CARAT_ASSIGN(auto engine, Engine::Open(options));
    PrintWarnings(engine->warnings());
    pack.progress = bar_.Watch("packing");
    std::vector<std::string> warnings;
    if (const Status packed = PackModel(*engine, pack, warnings); !packed) {
      bar_.End();
      return packed;
    }
    engine.reset();
    CARAT_ASSIGN(const Bundle bundle, Bundle::Open(path));
    const Status sound = bundle.Verify(bar_.Watch("verifying"));
    bar_.End();
    PrintWarnings(warnings);
    if (!sound) return Fail(Within(path.string(), sound.error()));
    std::error_code failed;
    fs::rename(path, bundle_path, failed);
    if (failed) {
      return Fail({.code = ErrorCode::kIo,
                   .what = "cannot name the bundle: " + failed.message(),
                   .where = bundle_path.string()});
    }
    fs::remove_all(directory_.DownloadFolder(name_), failed);
    CARAT_TRY(directory_.SetDefault(name_));
    Print("{} is ready: {}, {}. Talk to it: carat run\n", name_, EscapeLine(bundle_path.string()),
          ByteText(fs::file_size(bundle_path, failed)));
    return {};
  }

  const CommandLine& o_;
  const CatalogueEntry& entry_;
  const std::string name_;
  const ModelDirectory directory_;
  std::string endpoint_;
  std::vector<Wanted> files_;
  uint64_t total_ = 0;
  ProgressBar bar_;
};

Status RunPull(const CommandLine& o, bool offline) {
  if (offline || Offline()) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "carat is to stay offline, and pull is what goes online",
                 .where = offline ? "--offline" : "CARAT_OFFLINE or HF_HUB_OFFLINE",
                 .wanted = "carat import, for files that are here"});
  }
  CatchInterrupts();
  CARAT_ASSIGN(const CatalogueEntry* entry, FindEntry(o.name));
  return Pull(o, *entry).Run();
}

std::string WhatThereIs() {
  std::string text = "one of";
  for (const CatalogueEntry& entry : Catalogue()) {
    text += fmt::format("\n{}: {}", NameOf(entry), entry.description);
    if (entry.size() > 0) text += ", " + ByteText(entry.size());
  }
  return text;
}

}  // namespace

void AddPull(CLI::App& app, int& exit_code, const bool& offline) {
  auto o = std::make_shared<CommandLine>();
  CLI::App* command =
      app.add_subcommand("pull", "Get the model from the Hugging Face Hub, as one verified bundle");
  command->add_option("name", o->name, WhatThereIs())->capture_default_str()->check(NotEmpty());
  command->add_option("--part", o->part, "only the embedders or the drafter, for an imported model")
      ->check(CLI::IsMember({"embedders", "drafter"}));
  command->add_flag("--dry-run", o->dry_run, "say what would be done, and fetch nothing");
  command->add_flag("--again", o->again, "also if the model is here already");
  command->add_flag("--anyway", o->anyway, "also if it does not fit the memory that is free");
  command->add_option("--connections", o->connections, "at once")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  command->add_option("--retries", o->retries, "in a row without anything gained")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  command
      ->add_option("--retry-wait", o->wait_seconds,
                   "seconds before the first retry; doubles each time")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  command
      ->add_option("--stall", o->stall_seconds,
                   "seconds without data after which a connection counts as broken")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command->add_flag("--quiet", o->quiet, "no bar");
  command->footer(
      "HF_TOKEN is sent to the Hub and to no other host; HF_ENDPOINT names a mirror.\n"
      "CARAT_OFFLINE=1 and HF_HUB_OFFLINE=1 are as --offline.\n"
      "Nothing else in carat opens a connection.");
  command->callback([o, &exit_code, &offline] {
    if (const Status done = RunPull(*o, offline); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
