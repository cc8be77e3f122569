#include "apps/answer_view.h"

#include <unistd.h>

#include <string>

#include "apps/output.h"
#include "apps/terminal.h"

namespace carat {
namespace {

constexpr size_t kBarFrom = 512;  // tokens; less is read too fast for a bar

bool IsTerminal(int fd) { return ::isatty(fd) != 0; }

Status Emit(std::string_view kind, Json fields) {
  Json event;
  event.Set("event", kind);
  for (auto& [name, value] : fields.object()) event.Set(name, std::move(value));
  WriteOut(event.Dump() + "\n");
  return FlushOutput();
}

Status EmitEvent(const OutputEvent& event) {
  Json fields;
  switch (event.kind) {
    case OutputEvent::Kind::kText:
      fields.Set("text", event.text);
      return Emit("text", std::move(fields));
    case OutputEvent::Kind::kThinking:
      fields.Set("text", event.text);
      return Emit("thinking", std::move(fields));
    case OutputEvent::Kind::kToolCall:
      fields.Set("name", event.name);
      fields.Set("arguments", event.arguments);
      return Emit("tool_call", std::move(fields));
    case OutputEvent::Kind::kMalformedCall:
      fields.Set("text", event.text);
      fields.Set("problem", event.problem);
      return Emit("malformed_call", std::move(fields));
  }
  return {};
}

void EmitDone(const AnswerStats& stats) {
  Json done;
  done.Set("reason", stats.reason);
  done.Set("tokens", stats.tokens);
  done.Set("seconds", stats.seconds);
  done.Set("prompt_tokens", stats.prompt_tokens);
  done.Set("reused_tokens", stats.sync.reused);
  done.Set("prefill_seconds", stats.prefill_seconds);
  done.Set("context_used", static_cast<int64_t>(stats.used));
  done.Set("context", static_cast<int64_t>(stats.context));
  // As text where a reader's doubles could not hold it.
  const auto seed = static_cast<int64_t>(stats.seed);
  done.Set("seed", seed >= 0 ? Json(seed) : Json(Json::BigInteger{std::to_string(stats.seed)}));
  Json drafting;
  drafting.Set("state", stats.drafting);
  drafting.Set("passes", stats.drafts.passes);
  drafting.Set("drafted", stats.drafts.drafted);
  drafting.Set("checked", stats.drafts.checked);
  drafting.Set("accepted", stats.drafts.accepted);
  done.Set("drafting", std::move(drafting));
  static_cast<void>(Emit("done", std::move(done)));  // FlushOutput tells at the end
}

bool bar_on_screen = false;

double Rate(size_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

std::string_view Explain(std::string_view reason) {
  if (reason == "length") return "the limit of --max-tokens was reached";
  if (reason == "context") return "the context is full; --context N gives more room";
  if (reason == "repetition") return "it repeated itself without end";
  if (reason == "cancelled") return "cancelled";
  return "";
}

}  // namespace

void ShowBar(std::string_view action, double done, double total, std::string_view unit,
             int digits) {
  if (!IsTerminal(STDERR_FILENO) || total <= 0) return;
  constexpr double kWidth = 30;
  const std::string bar(static_cast<size_t>(done * kWidth / total), '#');
  bar_on_screen = true;
  PrintErr("\r{} [{:30}] {:.{}f} of {:.{}f} {}", action, bar, done, digits, total, digits, unit);
  if (done >= total) ClearBar();
}

void ClearBar() {
  if (bar_on_screen) WriteErr("\r\x1b[K");
  bar_on_screen = false;
}

void AnswerView::Prefill(size_t done, size_t total) {
  if (kind_ == ViewKind::kNone) return;
  if (kind_ == ViewKind::kJson) {
    Json fields;
    fields.Set("done", done);
    fields.Set("total", total);
    static_cast<void>(Emit("prefill", std::move(fields)));
  } else if (total > kBarFrom) {
    ShowBar("reading", static_cast<double>(done), static_cast<double>(total), "tokens");
    bar_open_ = done < total;
  }
}

Status AnswerView::Event(const OutputEvent& event) {
  if (kind_ == ViewKind::kNone) return {};
  if (kind_ == ViewKind::kJson) return EmitEvent(event);
  if (event.kind == OutputEvent::Kind::kThinking) {
    if (IsTerminal(STDERR_FILENO)) {
      PrintErr("\x1b[2m{}\x1b[0m", EscapeForTerminal(event.text));
      in_thought_ = true;
    }
    return {};
  }
  if (in_thought_) WriteErr("\n");
  in_thought_ = false;
  std::string text = event.text;
  if (event.kind == OutputEvent::Kind::kToolCall) text = event.name + event.arguments.Dump();
  if (IsTerminal(STDOUT_FILENO)) text = EscapeForTerminal(text);
  WriteOut(text);
  line_open_ = !text.ends_with('\n');
  return FlushOutput();
}

void AnswerView::CloseLines() {
  if (bar_open_) ClearBar();
  if (in_thought_) WriteErr("\n");
  if (line_open_) WriteOut("\n");
  static_cast<void>(FlushOutput());
  bar_open_ = in_thought_ = line_open_ = false;
}

void AnswerView::Broken(const Error& error) {
  CloseLines();
  if (kind_ != ViewKind::kJson) return;
  Json fields;
  fields.Set("message", error.Message());
  static_cast<void>(Emit("error", std::move(fields)));
}

void AnswerView::Done(const AnswerStats& stats) {
  if (kind_ == ViewKind::kNone) return;
  if (kind_ == ViewKind::kJson) return EmitDone(stats);
  line_open_ = true;  // an answer ends its line, even an empty one
  CloseLines();
  if (kind_ == ViewKind::kTerminal) {
    PrintErr(
        "[{} tokens, {:.1f}/s; drafting: {}; prompt {} read, {} kept, {:.1f}/s; context {} of {}; "
        "{}]\n",
        stats.tokens, Rate(stats.tokens, stats.seconds), EscapeLine(stats.drafting),
        stats.sync.prefilled, stats.sync.reused, Rate(stats.sync.prefilled, stats.prefill_seconds),
        stats.used, stats.context, stats.reason);
  }
  // The status line has said "length" and "cancelled" in a word; the others need one more.
  const std::string_view why = Explain(stats.reason);
  const bool said =
      kind_ == ViewKind::kTerminal && (stats.reason == "length" || stats.reason == "cancelled");
  if (!why.empty() && !said) PrintErr("carat: the answer ended early: {}\n", why);
}

}  // namespace carat
