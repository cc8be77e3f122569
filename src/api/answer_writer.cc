#include "api/answer_writer.h"

#include <atomic>
#include <chrono>
#include <utility>

#include "net/sse_writer.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr double kHeadAfter = 1, kPingAfter = 10;  // seconds
// How long a client that went away may stay unnoticed: nothing wakes a reader of the answer.
constexpr std::chrono::milliseconds kLook{250};

// The stream of one answer. One owner thread.
class Stream {
 public:
  Stream(net::Exchange& exchange, const AnswerWriter& writer, const WriteOptions& options)
      : exchange_(exchange), writer_(writer), options_(options) {}

  bool begun() const { return begun_; }
  bool open() const { return open_; }

  void Send(const std::vector<StreamPiece>& pieces) {
    std::string bytes;
    for (const StreamPiece& piece : pieces) {
      const uint64_t number = sent_++;
      if (number < options_.skip) continue;
      net::Event event{.name = piece.event, .data = piece.data};
      if (options_.numbered) event.id = number;
      bytes += net::Format(event);
    }
    if (!bytes.empty()) Write(bytes);
  }

  // Where nothing was sent for a while.
  void Idle() {
    const double silent = Now() - last_;
    if (!begun_ && silent >= kHeadAfter) Write({});
    if (begun_ && silent >= kPingAfter) {
      const std::optional<StreamPiece> ping = writer_.Ping();
      Write(ping ? net::Format({.name = ping->event, .data = ping->data})
                 : std::string(net::KeepAlive()));
    }
  }

  void End() {
    if (!begun_) Write({});
    exchange_.End();
  }

 private:
  void Write(std::string bytes) {
    last_ = Now();
    if (begun_) {
      if (open_) open_ = exchange_.Write(bytes);
      return;
    }
    begun_ = true;
    net::Reply head{.content_type = std::string(net::kEventStream), .body = std::move(bytes)};
    head.fields = options_.fields;
    // Proxies that would collect a stream are told not to.
    head.fields.emplace_back("x-accel-buffering", "no");
    open_ = exchange_.Begin(std::move(head));
  }

  net::Exchange& exchange_;
  const AnswerWriter& writer_;
  const WriteOptions& options_;
  uint64_t sent_ = 0;
  double last_ = Now();
  bool begun_ = false, open_ = true;
};

void SendWhole(net::Exchange& exchange, const Answer& answer, const AnswerWriter& writer,
               const WriteOptions& options) {
  net::Reply reply = writer.Whole(answer);
  reply.fields.insert(reply.fields.end(), options.fields.begin(), options.fields.end());
  exchange.Send(std::move(reply));
}

bool Failed(const AnswerEvent& event) { return event.end == AnswerEnd::kFailed; }

}  // namespace

void WriteAnswer(net::Exchange& exchange, Answer& answer, AnswerWriter& writer,
                 const WriteOptions& options) {
  std::atomic<bool> closed = false;
  // What is called when the client leaves uses what is here.
  const struct Unwatch {
    net::Exchange& exchange;
    ~Unwatch() { exchange.OnClosed({}); }
  } unwatch{exchange};
  exchange.OnClosed([&] {
    closed = true;
    if (!options.detached) answer.Cancel();
  });
  Stream stream(exchange, writer, options);
  std::vector<StreamPiece> pieces;
  bool failed = false;
  AnswerEvent event;
  for (size_t next = 0;;) {
    if (closed && options.detached) break;
    const Answer::Next got = answer.Wait(next, kLook, event);
    if (got == Answer::Next::kPastEnd) break;
    if (got == Answer::Next::kTimeout) {
      if (options.stream) stream.Idle();
      continue;
    }
    ++next;
    if (event.kind == AnswerEvent::Kind::kEnd && options.before_end) options.before_end();
    pieces.clear();
    writer.Push(event, answer, pieces);
    if (!options.stream) continue;
    failed = failed || Failed(event);
    if (failed && !stream.begun()) continue;  // its status will say so
    stream.Send(pieces);
    if (stream.open()) continue;
    closed = true;
    if (!options.detached) answer.Cancel();
  }
  if (options.stream && (stream.begun() || !failed)) return stream.End();
  if (closed && options.detached) return;
  SendWhole(exchange, answer, writer, options);
}

}  // namespace carat
