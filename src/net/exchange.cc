#include "net/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>
#include <utility>

#include "base/check.h"
namespace carat::net {

OutboxExchange::OutboxExchange(Core& core, const AnswerTerms& terms, std::shared_ptr<Outbox> outbox)
    : core_(core), terms_(terms), outbox_(std::move(outbox)) {}

bool OutboxExchange::KeepAlive() const { return terms_.keep_alive && !core_.stopping; }

void OutboxExchange::Send(Reply reply) {
  CARAT_DCHECK(stage_ == Stage::kNothing);
  if (stage_ != Stage::kNothing) return;
  terms_.keep_alive = KeepAlive();
  const std::string text = FormatReply(reply, core_.handler.AllAnswers(), terms_);
  stage_ = Stage::kEnded;
  outbox_->PutNow(text, terms_.keep_alive ? Outbox::End::kKeepAlive : Outbox::End::kClose);
}

bool OutboxExchange::Begin(Reply head) {
  CARAT_DCHECK(stage_ == Stage::kNothing);
  if (stage_ != Stage::kNothing) return false;
  bodiless_ = terms_.head_only || !MayHaveBody(head.status);
  // Without chunks the end of the connection is the end of the answer.
  terms_.keep_alive = KeepAlive() && terms_.http11;
  const Framing framing{.chunked = terms_.http11 && MayHaveBody(head.status),
                        .keep_alive = terms_.keep_alive};
  const std::string text =
      FormatHead(head, core_.handler.AllAnswers(), framing, std::time(nullptr));
  stage_ = Stage::kBegun;
  outbox_->PutNow(text);
  return Write(head.body);
}

bool OutboxExchange::Write(std::string_view piece) {
  if (stage_ != Stage::kBegun) return false;
  const auto deadline =
      Outbox::Clock::now() + std::chrono::milliseconds(core_.limits.write_stall_ms);
  const size_t most = std::max<size_t>(1, core_.limits.queued_bytes / 2);
  while (!bodiless_ && !piece.empty()) {  // an empty chunk would end the answer
    const std::string_view part = piece.substr(0, most);
    const bool put = terms_.http11
                         ? outbox_->Put(fmt::format("{:x}\r\n{}\r\n", part.size(), part), deadline)
                         : outbox_->Put(part, deadline);
    if (!put) return false;
    piece.remove_prefix(part.size());
  }
  return !outbox_->gone();
}

void OutboxExchange::End() {
  if (stage_ != Stage::kBegun) return;
  stage_ = Stage::kEnded;
  outbox_->PutNow(terms_.http11 && !bodiless_ ? "0\r\n\r\n" : "",
                  KeepAlive() ? Outbox::End::kKeepAlive : Outbox::End::kClose);
}

void OutboxExchange::OnClosed(std::function<void()> closed) {
  outbox_->OnClosed(std::move(closed));
}

void OutboxExchange::Finish(std::string_view what) {
  outbox_->Detach();
  if (stage_ == Stage::kBegun) {
    outbox_->PutNow("", Outbox::End::kBroken);
  } else if (stage_ == Stage::kNothing && !outbox_->gone()) {
    terms_.keep_alive = KeepAlive();
    outbox_->PutNow(RefusalText(core_, 500, what, terms_),
                    terms_.keep_alive ? Outbox::End::kKeepAlive : Outbox::End::kClose);
  }
  stage_ = Stage::kEnded;
}

}  // namespace carat::net
