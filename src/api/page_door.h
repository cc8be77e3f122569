// PageDoor: how a page in a browser gets in without ever seeing a key.
//
//   1. `carat page` has the server prove that it holds the key (Access::Proof), shows it the key,
//      and gets a code.
//   2. It has the browser open the page with the code behind '#', which no server sees.
//   3. The page swaps the code, which is good once and for a minute, for a token, and keeps that in
//      the storage of its origin.
//   4. Before it shows the token again it has the server prove that it knows it (Prove): another
//      program may listen there by now. (A page that is loaded anew from such a program is that
//      program's, and so is what the origin has stored: tokens end, and can be dropped.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/access.h"
#include "base/result.h"
#include "history/history.h"
#include "sys/ids.h"

namespace carat {

// What a server proves to hold a key or a token for: an HMAC-SHA-256 of this, with the SHA-256 of
// either, in hexadecimal. `local` is the address that was asked, with its port
// (RequestHead::local): a proof of another server of the same machine is none.
std::string ProofText(std::string_view nonce, std::string_view local);

// Thread-safe. Borrows the history, where tokens outlive the server.
class PageDoor {
 public:
  static constexpr double kCodeSeconds = 60;
  static constexpr size_t kMaxCodes = 16;  // of an owner at one time; the oldest go first
  static constexpr int64_t kTokenMs = int64_t{90} * 24 * 3600 * 1000;  // how long one is good

  // Errors: tokens that can't be read.
  static Result<std::unique_ptr<PageDoor>> Open(History& history);

  // `now_s` as Now() gives it.
  std::string NewCode(const PageKey& key, double now_s);
  // A token for a code; absent: it is none, or not any more.
  Result<std::optional<std::string>> Swap(const std::string& code, double now_s);

  // What a token was given for. Never waits for the disk.
  std::optional<PageKey> KeyOf(std::string_view token) const;
  // The proof for a token that is named by the SHA-256 of its SHA-256, both in hexadecimal. For
  // another name it looks the same, and is nothing.
  std::string Prove(std::string_view name, std::string_view nonce, std::string_view local) const;
  Status Drop(std::string_view token);
  Status DropAll(const std::string& owner);

 private:
  struct Code {
    PageKey key;
    double until_s;
  };
  PageDoor(History& history, std::map<std::string, HistoryToken> tokens)
      : history_(history), nobody_(NewId("")), tokens_(std::move(tokens)) {}

  History& history_;
  const std::string nobody_;                    // in place of a token that is not there
  mutable std::mutex mutex_;                    // of what follows
  std::map<std::string, HistoryToken> tokens_;  // by digests, as the history has them
  std::map<std::string, Code> codes_;           // by their digests
};

}  // namespace carat
