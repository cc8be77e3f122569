// carat run: talk in a terminal, or answer once.
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/input.h"
#include "apps/line_editor.h"
#include "apps/terminal.h"
#include "base/bytes.h"
#include "chat/output_parser.h"
#include "chat/prompt.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "engine/stop_strings.h"
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
  double temperature = -1;  // below 0: the file's, and so for the next two
  int64_t top_k = -1;
  double top_p = -1;
  double min_p = 0;
  double repetition_penalty = 1;
  bool no_history = false;
  bool json = false;
  std::vector<std::string> stop;
  int64_t context = 0;
  int threads = 0;
};

std::atomic<bool> interrupted = false;
void OnInterrupt(int) { interrupted = true; }

// One conversation and the session that reads it.
class Conversation {
 public:
  Conversation(Session& session, const Tokenizer& tokenizer, const RunOptions& options)
      : session_(session),
        tokenizer_(tokenizer),
        options_(options),
        reserved_(ReservedInConversation(tokenizer)),
        system_(options.system),
        think_(options.think) {
    Clear();
  }

  void Clear() {
    messages_ = Json(Json::Array());
    if (!system_.empty()) AddMessage("system", system_);
  }
  void SetSystem(const std::string& text) {
    system_ = text;
    Clear();
  }
  Status Save(const std::string& path) const {
    return WriteFileAtomic(path, AsBytes(messages_.Dump(2) + "\n"), 0600);
  }
  // Takes the conversation only if it can be rendered.
  Status Load(const std::string& path) {
    CARAT_ASSIGN(Json messages, ReadJsonFile(path));
    if (const auto rendered = RenderPrompt(messages, nullptr, {}); !rendered)
      return Fail(Within(path, rendered.error()));
    messages_ = std::move(messages);
    return {};
  }
  bool ToggleThinking() { return think_ = !think_; }

  // Answers one message of the user, streaming to standard output; thoughts and the status line go
  // to standard error. If it fails, the message is taken back.
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
    options.sampling.temperature =
        options_.temperature >= 0 ? options_.temperature : defaults.temperature;
    options.sampling.top_k = options_.top_k >= 0 ? options_.top_k : defaults.top_k;
    options.sampling.top_p = options_.top_p >= 0 ? options_.top_p : defaults.top_p;
    options.sampling.min_p = options_.min_p;
    options.sampling.repetition_penalty = options_.repetition_penalty;
    options.sampling.seed = options_.seed;
    options.sampling.suppressed = defaults.suppressed;
    options.sampling.suppressed.insert(options.sampling.suppressed.end(), reserved_.begin(),
                                       reserved_.end());
    options.stop = defaults.stop;
    options.max_tokens = options_.max_tokens;
    return options;
  }

  // One event as a line of JSON on standard output.
  static void Emit(std::string_view kind, Json fields) {
    Json event;
    event.Set("event", kind);
    for (auto& [name, value] : fields.object()) event.Set(name, std::move(value));
    fmt::print("{}\n", event.Dump());
    std::fflush(stdout);
  }

  void ShowJson(const OutputEvent& event) const {
    Json fields;
    switch (event.kind) {
      case OutputEvent::Kind::kText:
      case OutputEvent::Kind::kThinking:
        fields.Set("text", event.text);
        return Emit(event.kind == OutputEvent::Kind::kText ? "text" : "thinking",
                    std::move(fields));
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

  void Show(const OutputEvent& event) const {
    if (options_.json) return ShowJson(event);
    if (event.kind == OutputEvent::Kind::kThinking) {
      if (::isatty(STDERR_FILENO) != 0)
        fmt::print(stderr, "\x1b[2m{}\x1b[0m", EscapeForTerminal(event.text));
      return;
    }
    std::string text = event.text;
    if (event.kind == OutputEvent::Kind::kToolCall) text = event.name + event.arguments.Dump();
    if (::isatty(STDOUT_FILENO) != 0) text = EscapeForTerminal(text);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  // Shows events and keeps them for the history. Stop strings look at the answer's text only.
  void Take(std::vector<OutputEvent>& fresh, StopStrings& stops,
            std::vector<OutputEvent>& all) const {
    for (OutputEvent& event : fresh) {
      if (event.kind == OutputEvent::Kind::kText) {
        event.text = stops.Push(event.text);
        if (event.text.empty()) continue;
      }
      Show(event);
      all.push_back(std::move(event));
    }
    fresh.clear();
  }

  Status Stream(bool show_status) {
    interrupted = false;
    CARAT_ASSIGN(const RenderedPrompt rendered,
                 RenderPrompt(messages_, nullptr, {.enable_thinking = think_}));
    const Prompt prompt = ToPrompt(tokenizer_, rendered);
    GenerateOptions generating = Generating();
    CARAT_TRY(ValidateSampling(generating.sampling, session_.engine().config().vocab_size));
    const double start = Now();
    CARAT_ASSIGN(const SyncReport report, session_.SyncTo(prompt, [&](size_t done, size_t total) {
      ShowPrefill(done, total, show_status);
      return !interrupted;
    }));
    const double read = Now();
    Generation answer(session_, std::move(generating));
    OutputParser parser(tokenizer_, rendered.opens_thought);
    StopStrings stops(options_.stop);
    std::vector<OutputEvent> all, fresh;
    StopReason reason = StopReason::kNone;
    while (!answer.done() && !interrupted && !stops.hit()) {
      CARAT_ASSIGN(const GenerateStep step, answer.Step());
      reason = step.reason;
      if (step.id < 0 || static_cast<size_t>(step.id) >= tokenizer_.size()) continue;
      parser.Push(step.id, fresh);
      Take(fresh, stops, all);
    }
    parser.Finish(fresh);
    Take(fresh, stops, all);
    if (std::string rest = stops.Finish(); !rest.empty()) {
      all.push_back({.kind = OutputEvent::Kind::kText,
                     .text = std::move(rest),
                     .name = {},
                     .arguments = {},
                     .problem = {}});
      Show(all.back());
    }
    messages_.array().push_back(AssistantMessage(all));
    const std::string_view why = interrupted   ? "cancelled"
                                 : stops.hit() ? "stop_string"
                                               : StopReasonName(reason);
    const double seconds = Now() - read;
    if (!options_.json) {
      fmt::print("\n");
      if (show_status) ShowStatus(report, read - start, answer.num_tokens(), seconds, why);
      return {};
    }
    Json done;
    done.Set("reason", why);
    done.Set("tokens", answer.num_tokens());
    done.Set("seconds", seconds);
    done.Set("prompt_tokens", prompt.ids.size());
    done.Set("reused_tokens", report.reused);
    done.Set("prefill_seconds", read - start);
    done.Set("context", session_.context());
    Emit("done", std::move(done));
    return {};
  }

  void ShowPrefill(size_t done, size_t total, bool show_status) const {
    if (options_.json) {
      Json fields;
      fields.Set("done", done);
      fields.Set("total", total);
      Emit("prefill", std::move(fields));
    } else if (show_status && total > 512 && ::isatty(STDERR_FILENO) != 0) {
      constexpr size_t kWidth = 30;
      const std::string bar(done * kWidth / total, '#');
      fmt::print(stderr, "\rreading [{:30}] {} of {} tokens{}", bar, done, total,
                 done == total ? "\r\x1b[K" : "");
    }
  }

  void ShowStatus(const SyncReport& report, double read_seconds, size_t tokens, double seconds,
                  std::string_view why) const {
    fmt::print(stderr,
               "[{} tokens, {:.1f}/s; prompt {} read, {} kept, {:.1f}/s; context {} of {}; {}]\n",
               tokens, static_cast<double>(tokens) / seconds, report.prefilled, report.reused,
               static_cast<double>(report.prefilled) / read_seconds, session_.size(),
               session_.context(), why);
  }

  Session& session_;
  const Tokenizer& tokenizer_;
  const RunOptions& options_;
  std::vector<TokenId> reserved_;
  std::string system_;
  bool think_;
  Json messages_;
};

constexpr std::string_view kHelp =
    "/new          begin again\n"
    "/system TEXT  set the system prompt and begin again\n"
    "/think        thinking on or off\n"
    "/save FILE    write the conversation as JSON\n"
    "/load FILE    read one back\n"
    "/stats        context used\n"
    "/quit         leave (also Ctrl-D)\n"
    "A backslash at the end of a line goes on in the next; so do lines between two \"\"\".\n"
    "Ctrl-C stops an answer and keeps the conversation.\n";

// One slash command. False: leave.
Result<bool> Command(const std::string& line, Conversation& conversation, Session& session) {
  const size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  const bool wants_file = name == "/save" || name == "/load";
  if (wants_file && rest.empty())
    return Fail({.what = "a file name is missing", .where = name, .wanted = name + " FILE"});
  if (name == "/quit") return false;
  if (name == "/help") {
    fmt::print(stderr, "{}", kHelp);
  } else if (name == "/new") {
    conversation.Clear();
    session.Clear();
  } else if (name == "/system") {
    conversation.SetSystem(rest);
  } else if (name == "/think") {
    fmt::print(stderr, "thinking {}\n", conversation.ToggleThinking() ? "on" : "off");
  } else if (name == "/save") {
    CARAT_TRY(conversation.Save(rest));
  } else if (name == "/load") {
    CARAT_TRY(conversation.Load(rest));
  } else if (name == "/stats") {
    fmt::print(stderr, "context {} of {} positions\n", session.size(), session.context());
  } else {
    return Fail({.what = "no such command; /help lists them", .found = name});
  }
  return true;
}

void Chat(Conversation& conversation, Session& session, bool keep_history) {
  fmt::print(stderr, "Type a message; /help lists the commands, Ctrl-D ends.\n");
  LineEditor editor(keep_history ? HistoryFile() : std::filesystem::path());
  while (const std::optional<std::string> line = editor.Read()) {
    if (line->empty()) continue;
    if (line->starts_with("/")) {
      const Result<bool> go_on = Command(*line, conversation, session);
      if (!go_on) Report(go_on.error());
      if (go_on && !*go_on) return;
    } else if (const Status done = conversation.Answer(*line, true); !done) {
      Report(done.error());
    }
  }
}

Result<int> Run(const RunOptions& o) {
  CARAT_ASSIGN(const auto engine,
               Engine::Open({.model = FindModel(o.model, ModelFolder()), .threads = o.threads}));
  for (const std::string& warning : engine->warnings()) {
    fmt::print(stderr, "carat: warning: {}\n", EscapeForTerminal(warning));
  }
  CARAT_ASSIGN(const Tokenizer* tokenizer, engine->RequireTokenizer());
  CARAT_ASSIGN(Session session, Session::Create(*engine, {.context = o.context}));
  struct sigaction action{};
  action.sa_handler = OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
  Conversation conversation(session, *tokenizer, o);
  std::string prompt = o.prompt;
  if (prompt.empty() && ::isatty(STDIN_FILENO) != 0) {
    if (o.json)
      return Fail({.what = "--json answers one prompt",
                   .wanted = "a prompt as argument or on standard input"});
    Chat(conversation, session, !o.no_history);
    return 0;
  }
  if (prompt.empty()) {
    CARAT_ASSIGN(prompt, ReadDescriptor(STDIN_FILENO, "standard input", 64u << 20));
  }
  if (prompt.empty())
    return Fail(
        {.what = "the prompt is empty", .wanted = "a prompt as argument or on standard input"});
  CARAT_TRY(conversation.Answer(prompt, false));
  return interrupted ? 130 : 0;
}

}  // namespace

void AddRun(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand("run", "Talk in the terminal, or answer one prompt");
  run->add_option("--model", o->model, "a folder, a GGUF file, or a name in the model directory")
      ->required();
  run->add_option("PROMPT", o->prompt,
                  "answer this and leave; without it and off a terminal, standard input");
  run->add_option("--system", o->system, "system prompt");
  run->add_flag("--think", o->think, "let the model think first");
  run->add_option("--max-tokens", o->max_tokens, "most tokens of an answer");
  run->add_option("--seed", o->seed, "seed of the random numbers")->capture_default_str();
  run->add_option("--temperature", o->temperature, "0 for greedy; the file's if not given")
      ->check(CLI::Range(0.0, 100.0));
  run->add_option("--top-k", o->top_k,
                  "keep the k most probable; 0 for all; the file's if not given")
      ->check(CLI::NonNegativeNumber);
  run->add_option("--top-p", o->top_p, "keep the fewest that reach p; the file's if not given")
      ->check(CLI::Range(0.0, 1.0));
  run->add_option("--min-p", o->min_p, "drop what is less probable than this share of the first")
      ->capture_default_str();
  run->add_option("--repetition-penalty", o->repetition_penalty, "1 for none")
      ->capture_default_str();
  run->add_option("--stop", o->stop, "end the answer before this text (may be given again)")
      ->allow_extra_args(false);
  run->add_flag("--json", o->json,
                "events as lines of JSON: prefill, thinking, text, tool_call, done");
  run->add_flag("--no-history", o->no_history, "keep no history of what is typed");
  run->add_option("--context", o->context,
                  "most positions; 0 for the smaller of 32768 and the model's")
      ->capture_default_str();
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
