// Bytes to requests: Beast's parser for heads, and around it the checks that it leaves to others.
// Knows no socket. What two programs could read in two ways (RFC 9112, sections 6.3 and 11.2) is
// refused.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/limits.h"
#include "net/message.h"

namespace carat::net {

// Of one request. The order of calls: Put until a head is there, ReadBody, Put until it is done.
class RequestParser {
 public:
  enum class State {
    kHead,     // more bytes of the head are needed
    kAdmit,    // the head is there; ReadBody goes on
    kBody,     // more bytes of the body are needed
    kDone,     // take it
    kRefused,  // refusal() says why; nothing behind it can be understood
  };
  // What is wrong, for Handler::Refuse.
  struct Refusal {
    int status = 400;
    std::string what = {};
  };

  explicit RequestParser(const Limits& limits);  // borrows
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;
  ~RequestParser();

  // Reads from the front of `input` and leaves what it did not need, which is nothing in the states
  // kHead and kBody.
  State Put(std::string_view& input);
  // In kAdmit: the body may have `most_bytes`.
  State ReadBody(size_t most_bytes);

  State state() const;
  const Refusal& refusal() const;
  bool begun() const;  // a byte of the head has come

  // From kAdmit on. `from_loopback` and `tls` of the head are the owner's.
  RequestHead& head();
  bool http11() const;
  bool keep_alive() const;        // what the client wishes
  bool has_body() const;          // also where its length is unknown
  bool expects_continue() const;  // it waits for "100 Continue" before it sends a body
  // What has come of the body so far.
  std::string& body();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace carat::net
