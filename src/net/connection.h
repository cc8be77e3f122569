// One client's connection: requests in, one after the other, and answers out.
//
//   kHandshake -> kHead -> kBody -> kAnswer -> kHead ... kLinger -> kClosed
//
// Everything runs on the transport's strand but what handlers do through their exchange. While an
// answer is under way a read stays pending, so that a client that leaves is noticed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/core.h"
#include "net/deadline.h"
#include "net/outbox.h"
#include "net/reply_head.h"
#include "net/request_parser.h"
#include "net/transport.h"

namespace carat::net {

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  struct Peer {
    std::string local = {};  // as RequestHead has it
    bool loopback = false;
    bool tls = false;
    bool too_many = false;  // one more than there may be: its request is answered with 503
  };
  // Borrows the core. `closed` runs once, on the strand.
  Connection(std::unique_ptr<Transport> transport, Core& core, Peer peer,
             std::function<void()> closed);

  // Of any thread.
  void Start();
  void CloseUnlessAnswering();
  void CloseNow();
  // Since when it has asked for nothing that could be answered (steady clock, in ms): it is silent,
  // or half a head or a part of a body has come. 0: something is being answered.
  int64_t unasked_since() const { return unasked_since_; }
  // It was chosen to make room: closes it if nothing is being answered still.
  void CloseIfUnasked();

 private:
  enum class State { kHandshake, kHead, kBody, kAnswer, kLinger, kClosed };
  using Error = boost::system::error_code;

  void Post(void (Connection::*what)());
  void OnHandshake(Error error);
  void NextRequest();
  void StartRead();
  void OnRead(Error error, size_t bytes);
  void Lost();
  void Process();
  void WatchHead();
  void WatchBody();
  void Admit();
  void Dispatch();
  void Refuse(int status, std::string_view what);
  void Answer(std::string_view text);
  Outbox& outbox();
  void Pump();
  void WriteSome();
  void OnWritten(Error error, size_t bytes);
  void AnswerEnded(Outbox::End end);
  void Linger();
  void SayGoodbye();
  void Drain();
  void Slow();
  void Close();

  const std::unique_ptr<Transport> transport_;
  Core& core_;
  const Peer peer_;
  std::function<void()> closed_;
  Deadline read_deadline_, write_deadline_;

  State state_ = State::kHandshake;
  bool idle_ = false;  // nothing of a head has come
  std::atomic<int64_t> unasked_since_;
  size_t num_requests_ = 0;

  std::vector<char> buffer_;  // of the read under way
  bool reading_ = false;
  std::string input_;  // read, and not used yet
  std::unique_ptr<RequestParser> parser_;
  std::shared_ptr<BodyShare> share_;
  size_t body_mark_ = 0;  // of the body had come when its time began

  AnswerTerms terms_;
  std::shared_ptr<Outbox> outbox_;
  std::string output_;  // being written
  size_t written_ = 0;  // of it
  bool writing_ = false, left_while_writing_ = false;
  size_t drained_ = 0;
};

}  // namespace carat::net
