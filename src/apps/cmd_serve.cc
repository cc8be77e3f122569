// carat serve: the model for every client of this machine, over HTTP.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/api.h"
#include "api/page_door.h"
#include "api/response_file.h"
#include "apps/commands.h"
#include "apps/media_options.h"
#include "apps/models.h"
#include "apps/open_page.h"
#include "apps/output.h"
#include "apps/own_server.h"
#include "apps/places.h"
#include "apps/pull_child.h"
#include "apps/run_options.h"
#include "apps/serve_log.h"
#include "apps/server_record.h"
#include "apps/terminal.h"
#include "history/history.h"
#include "net/server.h"
#include "page/page.h"
#include "service/model_host.h"

namespace carat {
namespace {

constexpr uint16_t kPort = 8012;
constexpr size_t kMostQueue = 256;  // fewer than requests that net/limits.h lets in
// For answers that are being written at the end; then they are cancelled, and their clients have so
// long to hear of it.
constexpr std::chrono::seconds kGrace{8}, kLastWords{2};

struct ServeOptions {
  std::string model, mmproj;
  std::string config;  // read already (serve_config.h)
  DraftFlags drafts;
  std::string host = "127.0.0.1";
  uint16_t port = kPort;
  std::string key_file;
  bool no_api_key = false;
  std::vector<std::string> hosts;
  std::string certificate, certificate_key;
  size_t together = 0, queue = 256, queue_per_key = 64;
  bool share_prefixes = false;
  int64_t context = 0;
  int threads = 0;
  std::string kernels, cache = "bf16";
  size_t unload_after = 0;
  std::string store;
  std::string history;  // the folder; empty: the usual one
  bool no_history = false;
  bool open_page = false;
  std::string log;
  bool log_content = false;
  bool no_pull = false;
};

// From now on they are waited for, by this thread and those that it starts.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

bool SignalCame(const sigset_t& signals) {
  const timespec now{};
  return sigtimedwait(&signals, nullptr, &now) > 0;
}

// From the moment that requests are served one thread takes the signals, and says so here.
struct Ending {
  std::atomic<bool> serving = false, stopping = false;
};

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Status CheckDoor(const ServeOptions& o) {
  if (o.certificate.empty() != o.certificate_key.empty()) {
    return Fail({.what = "a certificate and its key belong together",
                 .where = o.certificate.empty() ? "--tls-certificate" : "--tls-key",
                 .wanted = "both, or neither"});
  }
  if (o.no_history && !o.history.empty()) {
    return Fail({.what = "a folder for conversations is named, and none are kept",
                 .where = "--history",
                 .wanted = "one of --history and --no-history"});
  }
  if (o.no_api_key && !o.key_file.empty()) {
    return Fail({.what = "a key file is named, and no key is asked for",
                 .where = "--api-key-file",
                 .wanted = "one of --api-key-file and --no-api-key (--no-api-key=false takes back "
                           "what the config file says)"});
  }
  if (IsLoopback(o.host)) return {};
  if (o.no_api_key) {
    return Fail({.what = "other machines could use the model without a key",
                 .where = "--no-api-key",
                 .wanted = "a loopback address, or keys",
                 .found = o.host});
  }
  PrintWarnings({fmt::format(
      "{} is not this machine alone: whoever reaches the port and has a key may use the model{}",
      o.host,
      o.certificate.empty() ? ", and what they send can be read on the way without "
                              "--tls-certificate"
                            : "")});
  return {};
}

Result<std::shared_ptr<LoadedService>> Open(const ServeOptions& o, const std::string& name,
                                            const sigset_t& signals, const Ending& ending,
                                            bool several_owners) {
  // A client names what lies in the model directory, and no file beside it.
  const bool named_here = name == o.model;
  CARAT_ASSIGN(const ModelChoice choice, named_here ? ChooseModel(name) : ChooseNamed(name));
  ServiceOptions service{.together = o.together,
                         .queue = o.queue,
                         .queue_per_owner = o.queue_per_key,
                         .several_owners = several_owners,
                         .share_prefixes = o.share_prefixes};
  service.session = {
      .cache = CacheType(o.cache), .context = o.context, .drafts = DraftsOf(o.drafts)};
  EngineOptions engine{.embedders = named_here ? o.mmproj : "",
                       .threads = o.threads,
                       .kernels = o.kernels,
                       .preload = true,
                       .session = service.session,
                       .progress = [&](size_t, size_t) {
                         return ending.serving ? !ending.stopping : !SignalCame(signals);
                       }};
  TakeDraftFlags(o.drafts, engine);
  if (!named_here) engine.drafter.clear();  // it belongs to the model of --model
  auto loaded = std::make_shared<LoadedService>();
  loaded->name = choice.name;
  if (named_here) {
    CARAT_ASSIGN(loaded->engine, OpenModel(name, engine, true));
  } else {
    CARAT_ASSIGN(loaded->engine, OpenChosen(choice, engine));
  }
  if (named_here) CARAT_TRY(CheckDraftFlags(o.drafts, *loaded->engine));
  CARAT_ASSIGN(loaded->service,
               Service::Start(*loaded->engine, service, MediaDecoder(DecoderProgram())));
  return loaded;
}

Result<std::unique_ptr<History>> OpenHistory(const std::string& folder) {
  if (!folder.empty()) return History::Open(folder);
  CARAT_TRY(MakeFolder(DataFolder()));
  return History::Open(DataFolder() / "history");
}

bool Writes(const ModelHost& host) {
  const std::shared_ptr<LoadedService> loaded = host.Loaded();
  return loaded != nullptr && loaded->service->status().running > 0;
}

Result<std::vector<AccessKey>> KeysOf(const ServeOptions& o) {
  if (o.no_api_key) return std::vector<AccessKey>();
  return LoadKeys(o.key_file);
}

ModelHooks Hooks(PullChild& pull, bool may_pull) {
  ModelHooks hooks;
  hooks.list = []() -> Result<std::vector<ModelHooks::Stored>> {
    CARAT_ASSIGN(const auto models, Models().List());
    std::vector<ModelHooks::Stored> stored;
    for (const StoredModel& model : models) {
      std::error_code ignored;
      const auto size = std::filesystem::file_size(model.path, ignored);
      stored.push_back({.name = model.name, .bytes = ignored ? 0 : size});
    }
    return stored;
  };
  if (!may_pull) return hooks;
  hooks.pull = [&pull](const std::string& name) { return pull.Start(name); };
  hooks.pulls = [&pull] { return pull.State(); };
  hooks.offers = PullChild::Offers;
  return hooks;
}

// What outlives the server. Members may be null.
struct Kept {
  std::unique_ptr<ResponseArchive> archive = {};
  std::unique_ptr<History> history = {};
  std::unique_ptr<PageDoor> door = {};
};

Result<Kept> OpenKept(const ServeOptions& o, const ServeLog& log) {
  Kept kept;
  if (!o.store.empty()) {
    CARAT_ASSIGN(kept.archive, OpenResponseFile(o.store, log.errors("store_failed")));
  }
  if (o.no_history) return kept;
  CARAT_ASSIGN(kept.history, OpenHistory(o.history));
  CARAT_ASSIGN(kept.door, PageDoor::Open(*kept.history));
  return kept;
}

// Says that it serves, and opens the page where that is wanted.
Status Announce(const ServeOptions& o, const ServerRecord::Content& self, const ServeLog& log) {
  WriteOut(self.url + "\n");
  CARAT_TRY(FlushOutput());
  if (!o.no_api_key) PrintErr("carat: keys are in {}\n", EscapeLine(o.key_file));
  log.Event("serving", self.url);
  // A page that can't be opened is no reason not to serve.
  if (!o.open_page) return {};
  const auto server = ProvenServer(self);
  if (const Status opened = server ? OpenPage(*server) : Status(Fail(server.error())); !opened) {
    PrintErr("carat: {}\n", EscapeLine(opened.error().Message()));
  }
  return {};
}

void WaitForEnd(const sigset_t& signals, ServeLog& log) {
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) log.Reopen();
}

// Answers have kGrace to end, those without a client too.
void End(Api& api, net::Server& server, ModelHost& host) {
  const auto until = std::chrono::steady_clock::now() + kGrace;
  api.EndWatching();
  std::promise<void> ended;
  std::thread cutter([&, told = ended.get_future()] {
    if (told.wait_until(until) == std::future_status::ready) return;
    if (const auto loaded = host.Loaded()) loaded->service->Stop();
  });
  server.Stop(kGrace + kLastWords);
  while (std::chrono::steady_clock::now() < until && Writes(host))
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ended.set_value();
  cutter.join();
  host.Unload();
}

// What other programs of this user learn of it, wherever they are started.
ServerRecord::Content SelfOf(const ServeOptions& o, const std::string& url) {
  namespace fs = std::filesystem;
  ServerRecord::Content self{.url = url, .key_file = {}, .model_path = {}};
  std::error_code ignored;
  if (!o.key_file.empty()) self.key_file = fs::absolute(o.key_file, ignored).string();
  if (fs::exists(o.model, ignored))
    self.model_path = fs::weakly_canonical(o.model, ignored).string();
  return self;
}

Status Run(ServeOptions o, bool offline) {
  CARAT_TRY(CheckDoor(o));
  if (o.key_file.empty() && !o.no_api_key) {
    CARAT_TRY(MakeFolder(ConfigFolder()));
    o.key_file = (ConfigFolder() / "api-keys").string();
  }
  const sigset_t signals = BlockSignals();
  CARAT_ASSIGN(const std::vector<AccessKey> keys, KeysOf(o));
  CARAT_ASSIGN(ServeLog log, ServeLog::Open(o.log));
  CARAT_ASSIGN(Kept kept, OpenKept(o, log));  // before a model is read in vain
  const auto idle = o.unload_after > 0 ? std::optional(std::chrono::seconds(o.unload_after))
                                       : std::optional<std::chrono::seconds>();
  Ending ending;
  ModelHost host(
      [&](const std::string& name) { return Open(o, name, signals, ending, keys.size() > 1); },
      o.model, idle);
  CARAT_TRY(host.Get());
  ending.serving = true;
  PullChild pull;
  std::atomic<net::Server*> listening = nullptr;
  AccessOptions access{.ask_for_key = !o.no_api_key, .hosts = o.hosts};
  if (kept.door != nullptr) {
    access.page_key = [&](std::string_view token) { return kept.door->KeyOf(token); };
  }
  Api api(host,
          {.access = access,
           .history = kept.history.get(),
           .page_door = kept.door.get(),
           .archive = std::move(kept.archive),
           .models = Hooks(pull, !offline && !o.no_pull),
           .counts =
               [&] {
                 net::Server* const server = listening;
                 return server != nullptr ? server->counts() : net::Server::Counts();
               },
           .log = log.sink(),
           .log_content = o.log_content,
           .version = std::string(kVersion),
           .decode_program = DecoderProgram(),
           .files = PageFiles()},
          Access(access, keys));
  CARAT_ASSIGN(
      const auto server,
      net::Server::Listen(
          {.host = o.host, .port = o.port, .certificate = o.certificate, .key = o.certificate_key},
          api));
  listening = server.get();
  const ServerRecord::Content self = SelfOf(o, server->url());
  CARAT_ASSIGN(const ServerRecord record, ServerRecord::Write(self));
  CARAT_TRY(Announce(o, self, log));
  WaitForEnd(signals, log);
  ending.stopping = true;
  log.Event("stopping", "");
  End(api, *server, host);
  return {};
}

CLI::Validator HostName() {
  return CLI::Validator(
      [](std::string& name) {
        const bool host = !name.empty() && std::ranges::all_of(name, [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '.' || c == '-' || c == '_' || c == '[' || c == ']' || c == ':';
        });
        // A port is no part of it: every port is allowed.
        const bool port =
            name.starts_with('[') ? !name.ends_with(']') : name.find(':') != std::string::npos;
        return host && !port ? std::string()
                             : "not a name of a host, without port and '*': " + name;
      },
      "HOST");
}

void AddDoorOptions(CLI::App& serve, ServeOptions& o) {
  serve.add_option("--host", o.host, "the address to listen on")->capture_default_str();
  serve.add_option("--port", o.port, "0 takes a free one")->capture_default_str();
  serve.add_option("--api-key-file", o.key_file,
                   "the keys that clients show, made with one key if absent; if not given, " +
                       (ConfigFolder() / "api-keys").string());
  serve.add_flag("--no-api-key", o.no_api_key,
                 "ask nobody for a key: every program on this machine may use the model");
  serve
      .add_option("--allow-host", o.hosts,
                  "a name by which clients reach the server, beside localhost and the loopback "
                  "addresses (may be given again)")
      ->check(HostName())
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  serve.add_option("--tls-certificate", o.certificate, "a PEM file: serve https, not http");
  serve.add_option("--tls-key", o.certificate_key, "the certificate's key, a PEM file");
}

}  // namespace

CLI::App* AddServe(CLI::App& app, int& exit_code, const bool& offline) {
  auto o = std::make_shared<ServeOptions>();
  CLI::App* serve = app.add_subcommand(
      "serve", "Serve the model to programs on this machine (OpenAI's and Anthropic's APIs)");
  // The command line stands behind the file, and wins.
  serve->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  serve->add_option("--model", o->model, "as in carat run");
  serve->add_option("--mmproj", o->mmproj, "the embedders of a GGUF model, as in carat run");
  AddDoorOptions(*serve, *o);
  serve
      ->add_option("--together", o->together,
                   "answers written at one time, 1 to 16, each with a cache of its own; 0 for as "
                   "many as fit the memory, up to 4")
      ->check(CLI::Range(size_t{0}, ServiceOptions::kMaxTogether))
      ->capture_default_str();
  serve->add_option("--queue", o->queue, "answers that may wait")
      ->check(CLI::Range(size_t{1}, kMostQueue))
      ->capture_default_str();
  serve->add_option("--queue-per-key", o->queue_per_key, "of one key")
      ->check(CLI::Range(size_t{1}, kMostQueue))
      ->capture_default_str();
  serve->add_flag("--share-prefixes", o->share_prefixes,
                  "let keys reuse each other's prompts, which tells them that somebody sent the "
                  "same beginning");
  serve
      ->add_option("--context", o->context,
                   "most positions of a conversation; 0 for as many as fit the memory, up to "
                   "32768")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 20))
      ->capture_default_str();
  serve
      ->add_option("--unload-after", o->unload_after,
                   "seconds without a request until the model gives its memory back; 0 for never")
      ->check(CLI::Range(size_t{0}, size_t{1} << 30))
      ->capture_default_str();
  serve->add_flag("--no-pull", o->no_pull, "clients may not have models fetched");
  serve->add_option("--history", o->history,
                    "the folder of the conversations that are kept here; if not given, " +
                        DataFolder().string() + "/history");
  serve->add_flag("--no-history", o->no_history, "keep no conversations");
  serve->add_flag("--open-page", o->open_page, "open the page in a browser once it is served");
  serve->add_option("--store", o->store,
                    "keep stored responses in this file, so that they outlive the server");
  serve->add_option("--log", o->log, "write the log there and not to standard error");
  serve->add_flag("--log-content", o->log_content, "what is asked and answered too");
  AddDraftOptions(*serve, o->drafts);
  AddEngineOptions(*serve, o->threads, o->kernels, o->cache);
  serve->add_option("--config", o->config,
                    "a file of these options, NAME = VALUE in each line; if not given, " +
                        (ConfigFolder() / "serve.conf").string() + " where it exists");
  serve->callback([o, &exit_code, &offline] {
    if (const Status done = Run(*o, offline); !done) exit_code = Report(done.error());
  });
  return serve;
}

}  // namespace carat
