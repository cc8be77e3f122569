#include "net/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>
#include <variant>

#include "net/exchange.h"

namespace carat::net {
namespace {

constexpr size_t kReadBytes = size_t{16} << 10;  // a TLS record

int64_t NowMs() {
  using std::chrono::milliseconds;
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Connection::Connection(std::unique_ptr<Transport> transport, Core& core, Peer peer,
                       std::function<void()> closed)
    : transport_(std::move(transport)),
      core_(core),
      peer_(std::move(peer)),
      closed_(std::move(closed)),
      read_deadline_(transport_->strand()),
      write_deadline_(transport_->strand()),
      unasked_since_(NowMs()),
      buffer_(kReadBytes) {}

void Connection::Post(void (Connection::*what)()) {
  boost::asio::post(transport_->strand(), [self = shared_from_this(), what] { (*self.*what)(); });
}

void Connection::Start() {
  boost::asio::post(transport_->strand(), [self = shared_from_this()] {
    if (self->state_ == State::kClosed) return;
    self->read_deadline_.Arm(self->core_.limits.handshake_ms, [self] { self->Slow(); });
    self->transport_->Handshake([self](Error error, size_t) { self->OnHandshake(error); });
  });
}

void Connection::CloseNow() { Post(&Connection::Close); }

void Connection::CloseIfUnasked() {
  boost::asio::post(transport_->strand(), [self = shared_from_this()] {
    if (self->unasked_since_ != 0) self->Close();
  });
}

void Connection::CloseUnlessAnswering() {
  boost::asio::post(transport_->strand(), [self = shared_from_this()] {
    if (self->state_ != State::kAnswer && self->state_ != State::kLinger) self->Close();
  });
}

void Connection::OnHandshake(Error error) {
  if (state_ == State::kClosed) return;
  if (error) return Close();
  NextRequest();
}

void Connection::NextRequest() {
  if (core_.stopping) return Close();
  parser_ = std::make_unique<RequestParser>(core_.limits);
  share_ = std::make_shared<BodyShare>(core_);
  state_ = State::kHead;
  terms_ = {};
  unasked_since_ = NowMs();
  if (input_.empty()) {
    idle_ = true;
    read_deadline_.Arm(core_.limits.idle_ms, [self = shared_from_this()] { self->Close(); });
    StartRead();
  } else {
    WatchHead();
    Process();
  }
}

void Connection::StartRead() {
  if (reading_ || state_ == State::kLinger || state_ == State::kClosed) return;
  if (input_.size() >= core_.limits.ahead_bytes) return;
  reading_ = true;
  transport_->Read(buffer_, [self = shared_from_this()](Error error, size_t bytes) {
    self->OnRead(error, bytes);
  });
}

void Connection::OnRead(Error error, size_t bytes) {
  reading_ = false;
  if (state_ == State::kClosed) return;
  if (state_ == State::kLinger) return SayGoodbye();
  if (error) {  // gone, or has nothing more to say, which is the same here
    return Lost();
  }
  input_.append(buffer_.data(), bytes);
  if (std::exchange(idle_, false)) WatchHead();
  Process();
}

// The client has left. Whether it had all of the answer, a write under way says when it is cut off.
void Connection::Lost() {
  left_while_writing_ = writing_ && outbox_->ended();
  const bool idle = state_ == State::kHead && !parser_->begun();
  if (!idle && !left_while_writing_) ++core_.broken;
  Close();
}

void Connection::WatchHead() {
  read_deadline_.Arm(core_.limits.head_ms, [self = shared_from_this()] {
    ++self->core_.slow;
    self->Refuse(408, "the head of the request took too long");
  });
}

void Connection::WatchBody() {
  body_mark_ = parser_->body().size();
  read_deadline_.Arm(core_.limits.body_progress_ms, [self = shared_from_this()] {
    const size_t come = self->parser_->body().size() - self->body_mark_;
    if (come >= self->core_.limits.body_progress_bytes) return self->WatchBody();
    ++self->core_.slow;
    self->Refuse(408, "the body of the request came too slowly");
  });
}

// Takes from input_ what the state allows.
void Connection::Process() {
  while (state_ == State::kHead || state_ == State::kBody) {
    std::string_view rest = input_;
    const RequestParser::State parsed = parser_->Put(rest);
    input_.erase(0, input_.size() - rest.size());
    if (!share_->Grow(parser_->body().size()))
      return Refuse(503, "too many large requests at once");
    switch (parsed) {
      case RequestParser::State::kHead:
      case RequestParser::State::kBody:
        return StartRead();
      case RequestParser::State::kAdmit:
        Admit();
        break;
      case RequestParser::State::kDone:
        return Dispatch();
      case RequestParser::State::kRefused:
        return Refuse(parser_->refusal().status, std::string(parser_->refusal().what));
    }
  }
}

void Connection::Admit() {
  ++num_requests_;
  ++core_.requests;
  RequestHead& head = parser_->head();
  head.from_loopback = peer_.loopback;
  head.local = peer_.local;
  head.tls = peer_.tls;
  terms_ = {.head_only = head.method == "HEAD",
            .http11 = parser_->http11(),
            .keep_alive = parser_->keep_alive() && !core_.stopping &&
                          num_requests_ < core_.limits.requests_per_connection,
            .path = head.path};
  if (peer_.too_many) return Refuse(503, "too many connections at once");
  size_t most_bytes = 0;
  try {
    const auto admitted = core_.handler.Admit(head);
    if (const Reply* const reply = std::get_if<Reply>(&admitted)) {
      // Behind a body that nobody reads no other request can be found.
      terms_.keep_alive = terms_.keep_alive && !parser_->has_body();
      return Answer(FormatReply(*reply, core_.handler.AllAnswers(), terms_));
    }
    most_bytes = std::get<size_t>(admitted);
  } catch (const std::exception&) {
    return Refuse(500, "the request could not be looked at");
  }
  state_ = State::kBody;
  if (parser_->ReadBody(most_bytes) != RequestParser::State::kBody) return;
  WatchBody();
  if (parser_->expects_continue() && input_.empty()) {
    outbox().PutNow(kContinue);
    Pump();
  }
}

// Of the request under way, from its first byte of an answer on.
Outbox& Connection::outbox() {
  if (!outbox_) {
    outbox_ = std::make_shared<Outbox>(core_.limits.queued_bytes, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->Post(&Connection::Pump);
    });
  }
  return *outbox_;
}

// A request that no handler sees. Where it was not understood, nothing behind it can be.
void Connection::Refuse(int status, std::string_view what) {
  if (state_ == State::kHead && parser_) terms_.path = parser_->head().path;
  terms_.keep_alive = false;
  parser_.reset();
  share_.reset();
  Answer(RefusalText(core_, status, what, terms_));
}

void Connection::Answer(std::string_view text) {
  state_ = State::kAnswer;
  unasked_since_ = 0;
  read_deadline_.Disarm();
  outbox().PutNow(text, terms_.keep_alive ? Outbox::End::kKeepAlive : Outbox::End::kClose);
  Pump();
}

void Connection::Dispatch() {
  state_ = State::kAnswer;
  unasked_since_ = 0;
  read_deadline_.Disarm();
  outbox();
  auto request = std::make_shared<Request>(std::move(parser_->head()), std::move(parser_->body()));
  auto job = [&core = core_, request = std::move(request), share = std::exchange(share_, nullptr),
              outbox = outbox_, terms = terms_] {
    if (outbox->gone()) return;
    OutboxExchange exchange(core, terms, outbox);
    std::string_view what = "the server gave no answer";
    try {
      core.handler.Handle(*request, exchange);
    } catch (...) {
      what = "the server failed at this request";
    }
    exchange.Finish(what);
  };
  if (!core_.pool.Post(std::move(job))) return Refuse(503, "too many requests at once");
  StartRead();
}

void Connection::Pump() {
  if (writing_ || !outbox_ || state_ == State::kClosed) return;
  Outbox::Next next = outbox_->Take();
  if (next.stalled) return Slow();
  if (next.bytes.empty()) {
    if (next.end != Outbox::End::kOpen) AnswerEnded(next.end);
    return;
  }
  output_ = std::move(next.bytes);
  written_ = 0;
  WriteSome();
}

void Connection::WriteSome() {
  writing_ = true;
  write_deadline_.Arm(core_.limits.write_stall_ms, [self = shared_from_this()] { self->Slow(); });
  transport_->Write(
      std::string_view(output_).substr(written_),
      [self = shared_from_this()](Error error, size_t bytes) { self->OnWritten(error, bytes); });
}

void Connection::OnWritten(Error error, size_t bytes) {
  writing_ = false;
  write_deadline_.Disarm();
  written_ += bytes;
  if (left_while_writing_ && written_ < output_.size()) ++core_.broken;
  if (state_ == State::kClosed) return;
  if (error) return Lost();
  outbox_->Sent(bytes);
  if (written_ < output_.size()) return WriteSome();
  Pump();
}

void Connection::AnswerEnded(Outbox::End end) {
  outbox_.reset();
  if (end == Outbox::End::kBroken) return Close();
  if (end == Outbox::End::kClose || core_.stopping) return Linger();
  NextRequest();
}

void Connection::Linger() {
  state_ = State::kLinger;
  read_deadline_.Arm(core_.limits.drain_ms, [self = shared_from_this()] { self->Close(); });
  if (reading_) {
    transport_->CancelRead();  // OnRead goes on
  } else {
    SayGoodbye();
  }
}

void Connection::SayGoodbye() {
  transport_->Shutdown([self = shared_from_this()](Error, size_t) { self->Drain(); });
}

void Connection::Drain() {
  if (state_ == State::kClosed) return;
  transport_->ReadRaw(buffer_, [self = shared_from_this()](Error error, size_t bytes) {
    self->drained_ += bytes;
    if (error || self->drained_ > self->core_.limits.drain_bytes) return self->Close();
    self->Drain();
  });
}

void Connection::Slow() {
  ++core_.slow;
  Close();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  unasked_since_ = 0;
  read_deadline_.Disarm();
  write_deadline_.Disarm();
  transport_->Close();
  parser_.reset();
  share_.reset();
  input_ = {};
  std::exchange(closed_, nullptr)();
  // Last, for it calls the handler.
  if (const auto outbox = std::exchange(outbox_, nullptr)) outbox->Abandon();
}

}  // namespace carat::net
