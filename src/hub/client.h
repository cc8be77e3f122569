// Files of model repositories from the Hugging Face Hub or a mirror of it. This room holds all of
// carat that opens connections to other machines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/headers.h"

namespace carat {

struct HubOptions {
  // https, or http for this machine alone; may carry a path ("https://proxy.example/hf").
  std::string endpoint = "https://huggingface.co";
  std::string token = {};     // sent to the endpoint's scheme, host and port alone
  std::string ca_file = {};   // PEM certificates in place of the system's
  std::string proxy = {};     // as curl's PROXY; the environment is not looked at
  std::string no_proxy = {};  // as curl's NOPROXY
  std::string user_agent = "carat";
  int connections = 4;                // 1 to 16, for one file
  double stall_seconds = 30;          // without 1 KiB: the connection counts as broken
  int retries = 5;                    // in a row, without anything gained
  double first_wait_seconds = 1;      // before the first retry; doubles, up to a minute
  double longest_wait_seconds = 300;  // that a server may ask for (Retry-After)
  // A file is fetched in pieces of this size; one of less than two comes in one request.
  uint64_t segment_bytes = uint64_t{32} << 20;
  // Asked about ten times a second while anything is waited for; false gives kCancelled.
  std::function<bool()> keep_going = {};
  // Told of every failure that is tried again, and after how long.
  std::function<void(const Error& failure, double seconds)> on_retry = {};
};

// A file as the hub describes it. Its commit never changes, so neither do size and hash.
struct RemoteFile {
  std::string repository;  // "owner/name"
  std::string file;        // "name" or "folder/name"
  std::string commit;      // 40 hexadecimal digits
  uint64_t size = 0;
  FileHash hash = {};
};

struct DownloadProgress {
  enum class Phase {
    kDownloading,
    kChecking,  // the hash of what is on the disk is computed
  };
  Phase phase = Phase::kDownloading;
  uint64_t bytes_done = 0;  // of an earlier attempt too; falls where one begins anew
  uint64_t bytes_total = 0;
};
// Called about ten times a second. False cancels: kCancelled, and what came is kept.
using DownloadWatch = std::function<bool(const DownloadProgress&)>;

struct Downloaded {
  bool was_there = false;      // nothing was fetched: the target was the file already
  uint64_t bytes_fetched = 0;  // by this call
};

// Move-only; one owner thread, which all callbacks are called in. Calls block.
//
// Nothing the server says becomes a path. Redirects are followed as far as https leads, eight at
// most, and a token stays at the endpoint, even if a redirect leads back there.
//
// What is tried again, with growing waits: connections that break or stall, 408, 429 and 5xx.
// Errors name the file: refused or needed access (401, 403), not found (kNotFound), a server that
// does not keep to what it announced, kCancelled, kIo for network and disk.
class HubClient {
 public:
  // Errors: an option that breaks its rule.
  static Result<HubClient> Create(HubOptions options);
  HubClient(HubClient&& other) noexcept;
  HubClient& operator=(HubClient&& other) noexcept;
  ~HubClient();

  // What stands at a branch, tag or commit now. Errors besides: a malformed name; a server that
  // publishes no commit, size or hash (kUnsupported).
  Result<RemoteFile> Resolve(std::string_view repository, std::string_view revision,
                             std::string_view file);

  // Brings the file to `target`, whose folder exists. It appears there whole and with the published
  // hash, or not at all; a regular file that stands there is taken if it is the one, else replaced
  // at the end. Until then the bytes are in TARGET.part and TARGET.part.json says which: a call
  // after an interruption of any kind goes on from there. A wrong hash discards them, and after a
  // second attempt is an error. Errors besides: another process at work on the same target; too
  // little room on the disk, with what is missing.
  Result<Downloaded> Download(const RemoteFile& file, const std::filesystem::path& target,
                              const DownloadWatch& watch = {});

 private:
  struct State;
  explicit HubClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace carat
