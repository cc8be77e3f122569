#include "apps/answer_view.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "apps/terminal.h"

namespace carat {
namespace {

constexpr size_t kBarFrom = 512;  // tokens; less is read too fast for a bar

bool IsTerminal(int fd) { return ::isatty(fd) != 0; }

void Emit(std::string_view kind, Json fields) {
  Json event;
  event.Set("event", kind);
  for (auto& [name, value] : fields.object()) event.Set(name, std::move(value));
  fmt::print("{}\n", event.Dump());
  std::fflush(stdout);
}

void EmitEvent(const OutputEvent& event) {
  Json fields;
  switch (event.kind) {
    case OutputEvent::Kind::kText:
    case OutputEvent::Kind::kThinking:
      fields.Set("text", event.text);
      return Emit(event.kind == OutputEvent::Kind::kText ? "text" : "thinking", std::move(fields));
    case OutputEvent::Kind::kToolCall:
      fields.Set("name", event.name);
      fields.Set("arguments", event.arguments);
      return Emit("tool_call", std::move(fields));
    case OutputEvent::Kind::kMalformedCall:
      fields.Set("text", event.text);
      fields.Set("problem", event.problem);
      return Emit("malformed_call", std::move(fields));
  }
}

double Rate(size_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

}  // namespace

void ShowBar(std::string_view action, double done, double total, std::string_view unit) {
  if (!IsTerminal(STDERR_FILENO) || total <= 0) return;
  constexpr double kWidth = 30;
  const std::string bar(static_cast<size_t>(done * kWidth / total), '#');
  fmt::print(stderr, "\r{} [{:30}] {:.4g} of {:.4g} {}{}", action, bar, done, total, unit,
             done >= total ? "\r\x1b[K" : "");
  std::fflush(stderr);
}

void AnswerView::Prefill(size_t done, size_t total) {
  if (kind_ == ViewKind::kJson) {
    Json fields;
    fields.Set("done", done);
    fields.Set("total", total);
    Emit("prefill", std::move(fields));
  } else if (total > kBarFrom) {
    ShowBar("reading", static_cast<double>(done), static_cast<double>(total), "tokens");
  }
}

void AnswerView::Event(const OutputEvent& event) {
  if (kind_ == ViewKind::kJson) return EmitEvent(event);
  if (event.kind == OutputEvent::Kind::kThinking) {
    if (IsTerminal(STDERR_FILENO)) {
      fmt::print(stderr, "\x1b[2m{}\x1b[0m", EscapeForTerminal(event.text));
      in_thought_ = true;
    }
    return;
  }
  if (in_thought_) fmt::print(stderr, "\n");
  in_thought_ = false;
  std::string text = event.text;
  if (event.kind == OutputEvent::Kind::kToolCall) text = event.name + event.arguments.Dump();
  if (IsTerminal(STDOUT_FILENO)) text = EscapeForTerminal(text);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  line_open_ = !text.ends_with('\n');
}

void AnswerView::Broken() {
  if (in_thought_) fmt::print(stderr, "\n");
  if (line_open_ && kind_ != ViewKind::kJson) fmt::print("\n");
  std::fflush(stdout);
  in_thought_ = line_open_ = false;
}

void AnswerView::Done(const AnswerStats& stats) {
  if (kind_ == ViewKind::kJson) {
    Json done;
    done.Set("reason", stats.reason);
    done.Set("tokens", stats.tokens);
    done.Set("seconds", stats.seconds);
    done.Set("prompt_tokens", stats.prompt_tokens);
    done.Set("reused_tokens", stats.sync.reused);
    done.Set("prefill_seconds", stats.prefill_seconds);
    done.Set("context_used", static_cast<int64_t>(stats.used));
    done.Set("context", static_cast<int64_t>(stats.context));
    return Emit("done", std::move(done));
  }
  fmt::print("\n");
  std::fflush(stdout);
  in_thought_ = line_open_ = false;
  if (kind_ != ViewKind::kTerminal) return;
  fmt::print(
      stderr, "[{} tokens, {:.1f}/s; prompt {} read, {} kept, {:.1f}/s; context {} of {}; {}]\n",
      stats.tokens, Rate(stats.tokens, stats.seconds), stats.sync.prefilled, stats.sync.reused,
      Rate(stats.sync.prefilled, stats.prefill_seconds), stats.used, stats.context, stats.reason);
}

}  // namespace carat
