// PageDoor: how a page in a browser gets in without ever seeing a key.
//
//   1. `carat page` has the server prove that it holds the key (Access::Proof), shows it the key,
//      and gets a code.
//   2. It has the browser open the page with the code behind '#', which no server sees.
//   3. The page swaps the code, which is good once and for a minute, for a token, and keeps that in
//      the storage of its origin.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "history/history.h"

namespace carat {

// What a server shows its key for: Access::Proof of this.
inline std::string ProofText(std::string_view nonce) { return "carat page " + std::string(nonce); }

// Thread-safe. Borrows the history, where tokens outlive the server.
class PageDoor {
 public:
  static constexpr double kCodeSeconds = 60;
  static constexpr size_t kMaxCodes = 16;  // of an owner at one time; the oldest go first

  // Errors: tokens that can't be read.
  static Result<std::unique_ptr<PageDoor>> Open(History& history);

  // `now_s` as Now() gives it.
  std::string NewCode(const std::string& owner, double now_s);
  // A token for a code; absent: it is none, or not any more.
  Result<std::optional<std::string>> Swap(const std::string& code, double now_s);

  // Never waits for the disk.
  std::optional<std::string> OwnerOf(std::string_view token) const;
  Status Drop(std::string_view token);
  Status DropAll(const std::string& owner);

 private:
  struct Code {
    std::string owner;
    double until_s;
  };
  PageDoor(History& history, std::map<std::string, std::string> tokens)
      : history_(history), tokens_(std::move(tokens)) {}

  History& history_;
  mutable std::mutex mutex_;                   // of what follows
  std::map<std::string, std::string> tokens_;  // owners by digests, as the history has them
  std::map<std::string, Code> codes_;          // by their digests
};

}  // namespace carat
