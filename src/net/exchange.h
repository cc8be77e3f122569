// Exchange, as a handler thread has it: puts an answer's bytes into an outbox.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "net/core.h"
#include "net/outbox.h"
#include "net/reply_head.h"
#include "net/server.h"

namespace carat::net {

// Borrows the core.
class OutboxExchange final : public Exchange {
 public:
  OutboxExchange(Core& core, const AnswerTerms& terms, std::shared_ptr<Outbox> outbox);

  void Send(Reply reply) override;
  bool Begin(Reply head) override;
  bool Write(std::string_view piece) override;
  void End() override;
  void OnClosed(std::function<void()> closed) override;

  // The handler has returned. Where it has not answered, the client gets a 500 that says `what`;
  // where it has not come to the end, a broken connection.
  void Finish(std::string_view what);

 private:
  enum class Stage { kNothing, kBegun, kEnded };
  bool KeepAlive() const;

  Core& core_;
  AnswerTerms terms_;
  const std::shared_ptr<Outbox> outbox_;
  Stage stage_ = Stage::kNothing;
  bool bodiless_ = false;  // what is written is dropped
};

}  // namespace carat::net
