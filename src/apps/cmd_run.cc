// carat run: talk in a terminal, or answer once.
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/input.h"
#include "apps/terminal.h"
#include "chat/output_parser.h"
#include "chat/prompt.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "io/file.h"
#include "sys/clock.h"

namespace carat {
namespace {

struct RunOptions {
  std::string model;
  std::string prompt;
  std::string system;
  bool think = false;
  size_t max_tokens = SIZE_MAX;
  uint64_t seed = 0;
  double temperature = -1;  // below 0: the file's
  int64_t context = 0;
  int threads = 0;
};

std::atomic<bool> interrupted = false;
void OnInterrupt(int) { interrupted = true; }

// One conversation and the session that reads it.
class Conversation {
 public:
  Conversation(Session& session, const Tokenizer& tokenizer, const RunOptions& options)
      : session_(session), tokenizer_(tokenizer), options_(options), think_(options.think) {
    Clear();
  }

  void Clear() {
    messages_ = Json(Json::Array());
    if (!options_.system.empty()) AddMessage("system", options_.system);
  }
  bool ToggleThinking() { return think_ = !think_; }

  // Answers one message of the user, streaming to standard output; thoughts and the status line go to
  // standard error. If it fails, the message is taken back.
  Status Answer(const std::string& text, bool show_status) {
    AddMessage("user", text);
    Status done = Stream(show_status);
    if (!done) messages_.array().pop_back();
    return done;
  }

 private:
  void AddMessage(std::string_view role, const std::string& content) {
    Json message;
    message.Set("role", role);
    message.Set("content", content);
    messages_.array().push_back(std::move(message));
  }

  GenerateOptions Generating() const {
    const GenerationDefaults& defaults = session_.engine().defaults();
    GenerateOptions options;
    options.sampling.temperature = options_.temperature >= 0 ? options_.temperature : defaults.temperature;
    options.sampling.top_k = defaults.top_k;
    options.sampling.top_p = defaults.top_p;
    options.sampling.seed = options_.seed;
    options.sampling.suppressed = defaults.suppressed;
    for (const TokenId id : ReservedInConversation(tokenizer_)) options.sampling.suppressed.push_back(id);
    options.stop = defaults.stop;
    options.max_tokens = options_.max_tokens;
    return options;
  }

  void Show(const OutputEvent& event) const {
    const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    if (event.kind == OutputEvent::Kind::kThinking) {
      if (::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\x1b[2m{}\x1b[0m", EscapeForTerminal(event.text));
      return;
    }
    std::string text = event.text;
    if (event.kind == OutputEvent::Kind::kToolCall) text = event.name + event.arguments.Dump();
    if (terminal) text = EscapeForTerminal(text);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  Status Stream(bool show_status) {
    interrupted = false;
    CARAT_ASSIGN(const RenderedPrompt rendered, RenderPrompt(messages_, nullptr, {.enable_thinking = think_}));
    const Prompt prompt = ToPrompt(tokenizer_, rendered);
    GenerateOptions generating = Generating();
    CARAT_TRY(ValidateSampling(generating.sampling, session_.engine().config().vocab_size));
    const double start = Now();
    CARAT_ASSIGN(const SyncReport report, session_.SyncTo(prompt, [&](size_t done, size_t total) {
      if (show_status && total > 512) fmt::print(stderr, "\rreading {} of {} tokens\x1b[K{}", done, total, done == total ? "\r\x1b[K" : "");
      return !interrupted;
    }));
    const double read = Now();
    Generation answer(session_, std::move(generating));
    OutputParser parser(tokenizer_, rendered.opens_thought);
    std::vector<OutputEvent> all, fresh;
    StopReason reason = StopReason::kNone;
    while (!answer.done() && !interrupted) {
      CARAT_ASSIGN(const GenerateStep step, answer.Step());
      reason = step.reason;
      if (step.id < 0 || static_cast<size_t>(step.id) >= tokenizer_.size()) continue;
      parser.Push(step.id, fresh);
      for (OutputEvent& event : fresh) {
        Show(event);
        all.push_back(std::move(event));
      }
      fresh.clear();
    }
    parser.Finish(fresh);
    for (OutputEvent& event : fresh) {
      Show(event);
      all.push_back(std::move(event));
    }
    fmt::print("\n");
    messages_.array().push_back(AssistantMessage(all));
    if (show_status) ShowStatus(report, read - start, answer.num_tokens(), Now() - read, reason);
    return {};
  }

  void ShowStatus(const SyncReport& report, double read_seconds, size_t tokens, double seconds,
                  StopReason reason) const {
    const std::string_view why = interrupted ? "stopped" : StopReasonName(reason);
    fmt::print(stderr, "[{} tokens, {:.1f}/s; prompt {} read, {} kept, {:.1f}/s; context {} of {}; {}]\n", tokens,
               static_cast<double>(tokens) / seconds, report.prefilled, report.reused,
               static_cast<double>(report.prefilled) / read_seconds, session_.size(), session_.context(), why);
  }

  Session& session_;
  const Tokenizer& tokenizer_;
  const RunOptions& options_;
  bool think_;
  Json messages_;
};

void Chat(Conversation& conversation, Session& session) {
  fmt::print(stderr, "Type a message; /help lists the commands, Ctrl-D ends.\n");
  std::string line;
  while (fmt::print(stderr, "> "), std::getline(std::cin, line)) {
    if (line.empty()) continue;
    if (line == "/quit") return;
    if (line == "/help") {
      fmt::print(stderr, "/new  begin again\n/think  thinking on or off\n/quit  leave\nCtrl-C stops an answer.\n");
    } else if (line == "/new") {
      conversation.Clear();
      session.Clear();
    } else if (line == "/think") {
      fmt::print(stderr, "thinking {}\n", conversation.ToggleThinking() ? "on" : "off");
    } else if (line.starts_with("/")) {
      fmt::print(stderr, "no such command; /help lists them\n");
    } else if (const Status done = conversation.Answer(line, true); !done) {
      Report(done.error());
    }
  }
}

Result<int> Run(const RunOptions& o) {
  CARAT_ASSIGN(const auto engine, Engine::Open({.model = FindModel(o.model, ModelFolder()), .threads = o.threads}));
  for (const std::string& warning : engine->warnings()) {
    fmt::print(stderr, "carat: warning: {}\n", EscapeForTerminal(warning));
  }
  CARAT_ASSIGN(const Tokenizer* tokenizer, engine->RequireTokenizer());
  CARAT_ASSIGN(Session session, Session::Create(*engine, {.context = o.context}));
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
  Conversation conversation(session, *tokenizer, o);
  std::string prompt = o.prompt;
  if (prompt.empty() && ::isatty(STDIN_FILENO) != 0) {
    Chat(conversation, session);
    return 0;
  }
  if (prompt.empty()) {
    CARAT_ASSIGN(prompt, ReadDescriptor(STDIN_FILENO, "standard input", 64u << 20));
  }
  CARAT_TRY(conversation.Answer(prompt, false));
  return interrupted ? 130 : 0;
}

}  // namespace

void AddRun(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand("run", "Talk in the terminal, or answer one prompt");
  run->add_option("--model", o->model, "a folder, a GGUF file, or a name in the model directory")->required();
  run->add_option("PROMPT", o->prompt, "answer this and leave; without it and off a terminal, standard input");
  run->add_option("--system", o->system, "system prompt");
  run->add_flag("--think", o->think, "let the model think first");
  run->add_option("--max-tokens", o->max_tokens, "most tokens of an answer");
  run->add_option("--seed", o->seed, "seed of the random numbers")->capture_default_str();
  run->add_option("--temperature", o->temperature, "0 for greedy; the file's if not given")->check(CLI::Range(0.0, 100.0));
  run->add_option("--context", o->context, "most positions; 0 for the smaller of 32768 and the model's")->capture_default_str();
  run->add_option("--threads", o->threads, "threads; 0 for all processors")->capture_default_str();
  run->callback([o, &exit_code] {
    if (const auto code = Run(*o); !code) {
      exit_code = Report(code.error());
    } else {
      exit_code = *code;
    }
  });
}

}  // namespace carat
