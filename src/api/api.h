// Api: every request of a client, from its head to its last byte.
//
//   access.h    who may ask: key, Host, Origin, before a body is read
//   routes.h    one table from method and path to a function
//   openai/, anthropic/, carat/   the dialects: JSON to Ask, events to JSON
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/access.h"
#include "api/answer_registry.h"
#include "api/api_error.h"
#include "api/request_log.h"
#include "api/response_store.h"
#include "net/server.h"
#include "service/fair_places.h"
#include "service/model_host.h"

namespace carat {

class History;
class PageDoor;
class Recorder;
struct Route;

// A request that is past the door.
struct Call {
  const net::Request& request;
  net::Exchange& exchange;
  std::string owner;    // the name of the key
  std::string id;       // of the request: "req_…", also in the answer's x-request-id
  Dialect dialect;      // of its errors
  std::string path_id;  // what stood for {id} in the path

  void SendError(const ApiError& error);
  void SendJson(const Json& body);
  void SendResult(const Result<Json>& body);  // or its error
  // The body as JSON.
  Result<Json> ParseBody() const;
  // For work before the answer: whether the client is still there. Replaced by the next OnClosed.
  MediaWatch StillThere();
};

// What only the program may do, since it knows where models lie. Null functions: not to be had
// here.
struct ModelHooks {
  struct Stored {
    std::string name;
    uint64_t bytes = 0;
  };
  struct Pull {
    std::string name;
    std::string state;       // "running", "done", "failed"
    double part = 0;         // of its bytes, 0 to 1
    std::string error = {};  // of "failed", for who manages
  };
  // A model that can be pulled, and what it would take of this machine; bytes.
  struct Offer {
    std::string name, description;
    uint64_t download = 0, disk = 0, memory = 0;
    bool fits_disk = true, fits_memory = true;
  };
  std::function<Result<std::vector<Stored>>()> list = {};
  // Begins to pull a model whose name is compiled in; kNotFound for any other name, kBusy where one
  // is being pulled.
  std::function<Status(const std::string& name)> pull = {};
  std::function<std::vector<Pull>()> pulls = {};
  std::function<std::vector<Offer>()> offers = {};
};

struct ApiOptions {
  AccessOptions access = {};
  AnswerRegistry::Limits answers = {};
  ResponseStore::Limits responses = {};
  History* history = nullptr;                     // borrowed; null: no conversations are kept
  PageDoor* page_door = nullptr;                  // likewise; null: no page is let in
  std::unique_ptr<ResponseArchive> archive = {};  // of responses; null: they are lost at the end
  ModelHooks models = {};
  // Of the server, for /metrics; null: none are shown.
  std::function<net::Server::Counts()> counts = {};
  // Called after each request that was let in; null: nothing is noted.
  std::function<void(const RequestLog&)> log = {};
  bool log_content = false;                   // what is asked and answered too
  std::string version = {};                   // of carat
  std::filesystem::path decode_program = {};  // carat-decode, for recordings to be transcribed
  // Files of the page, by path: a GET of one needs no key. Each brings its own
  // Content-Security-Policy.
  std::map<std::string, net::Reply> files = {};
};

// At one time; each takes up to 230 MB (openai/transcription.h).
inline constexpr size_t kMaxRecordings = 4;

// Borrows the host. Thread-safe.
class Api : public net::Handler {
 public:
  Api(ModelHost& host, ApiOptions options, Access access);
  ~Api() override;

  std::variant<size_t, net::Reply> Admit(const net::RequestHead& head) override;
  void Handle(const net::Request& request, net::Exchange& exchange) override;
  net::Reply Refuse(int status, std::string_view what, std::string_view path) override;
  net::Fields AllAnswers() const override;

  ModelHost& host() { return host_; }
  AnswerRegistry& answers() { return answers_; }
  ResponseStore& responses() { return responses_; }
  const ApiOptions& options() const { return options_; }
  const Access& access() const { return access_; }
  Recorder* recorder() { return recorder_.get(); }  // null without a history
  PageDoor* page_door() const { return options_.page_door; }
  // Streams that have no end of their own end soon.
  void EndWatching() { watching_ = false; }
  bool watching() const { return watching_; }
  // Places for recordings, which are held whole while they are transcribed.
  FairPlaces& recordings() { return recordings_; }

 private:
  struct Door;
  void Run(const Route& route, Call& call);
  // Whether a request may come in: its route, and whose it is. Else what it gets.
  std::variant<Door, net::Reply> Open(const net::RequestHead& head) const;

  ModelHost& host_;
  ApiOptions options_;
  Access access_;
  AnswerRegistry answers_;
  ResponseStore responses_;
  std::unique_ptr<Recorder> recorder_;
  std::atomic<bool> watching_ = true;
  FairPlaces recordings_;
};

}  // namespace carat
