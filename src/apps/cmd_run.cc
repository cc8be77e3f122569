// carat run: talk in a terminal, or answer once.
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <optional>
#include <string>

#include "apps/answer_view.h"
#include "apps/commands.h"
#include "apps/conversation.h"
#include "apps/input.h"
#include "apps/line_editor.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "io/file.h"

namespace carat {
namespace {

constexpr size_t kMaxPromptBytes = 64u << 20;

std::atomic<bool> interrupted = false;
void OnInterrupt(int) { interrupted = true; }

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

void ShowStats(const Conversation& conversation, const Session& session) {
  const Engine& engine = session.engine();
  fmt::print(stderr, "{} messages; context {} of {} positions; kernels {}, {} threads\n",
             conversation.num_messages(), session.size(), session.context(), engine.table().name,
             engine.pool().threads());
}

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
    ShowStats(conversation, session);
  } else {
    return Fail({.what = "no such command; /help lists them", .found = name});
  }
  return true;
}

void Chat(Conversation& conversation, Session& session, bool keep_history) {
  fmt::print(stderr, "Type a message; /help lists the commands, Ctrl-D ends.\n");
  LineEditor editor(keep_history ? HistoryFile() : std::filesystem::path());
  AnswerView view(ViewKind::kTerminal);
  while (const std::optional<std::string> line = editor.Read()) {
    if (line->empty()) continue;
    interrupted = false;
    if (line->starts_with("/")) {
      const Result<bool> go_on = Command(*line, conversation, session);
      if (!go_on) Report(go_on.error());
      if (go_on && !*go_on) return;
    } else if (const Status done = conversation.Answer(*line, view); !done) {
      Report(done.error());
      if (done.error().code == ErrorCode::kContextFull) {
        fmt::print(stderr,
                   "The conversation is kept: /save FILE writes it, /new begins again, and "
                   "--context N gives more room (now {}).\n",
                   session.context());
      }
    }
  }
}

Result<std::unique_ptr<Engine>> Load(const RunOptions& o) {
  CARAT_ASSIGN(const std::filesystem::path model, ChooseModel(o.model, ModelFolder()));
  constexpr double kGiB = 1 << 30;
  CARAT_ASSIGN(auto engine, Engine::Open({.model = model,
                                          .threads = o.threads,
                                          .kernels = o.kernels,
                                          .progress = [](size_t done, size_t total) {
                                            ShowBar("loading", static_cast<double>(done) / kGiB,
                                                    static_cast<double>(total) / kGiB, "GiB");
                                            return !interrupted;
                                          }}));
  for (const std::string& warning : engine->warnings())
    fmt::print(stderr, "carat: warning: {}\n", EscapeForTerminal(warning));
  if (o.model.empty()) fmt::print(stderr, "carat: model {}\n", EscapeForTerminal(model.string()));
  return engine;
}

Result<int> Run(const RunOptions& o) {
  const bool chat = o.prompt.empty() && ::isatty(STDIN_FILENO) != 0;
  if (chat && o.json)
    return Fail({.what = "--json answers one prompt",
                 .wanted = "a prompt as argument or on standard input"});
  std::string prompt = o.prompt;
  if (!chat && prompt.empty()) {
    CARAT_ASSIGN(prompt, ReadDescriptor(STDIN_FILENO, "standard input", kMaxPromptBytes));
    if (prompt.empty())
      return Fail(
          {.what = "the prompt is empty", .wanted = "a prompt as argument or on standard input"});
  }
  struct sigaction action{};
  action.sa_handler = OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
  CARAT_ASSIGN(const auto engine, Load(o));
  CARAT_ASSIGN(const Tokenizer* tokenizer, engine->RequireTokenizer());
  CARAT_ASSIGN(GenerateOptions generating, ToGenerateOptions(o, *engine));
  CARAT_ASSIGN(Session session,
               Session::Create(*engine, {.cache = CacheType(o.cache), .context = o.context}));
  Conversation conversation(
      session, *tokenizer, interrupted,
      {.system = o.system, .think = o.think, .stop = o.stop, .generating = std::move(generating)});
  if (chat) {
    Chat(conversation, session, !o.no_history);
    return 0;
  }
  AnswerView view(o.json ? ViewKind::kJson : ViewKind::kAnswer);
  CARAT_TRY(conversation.Answer(prompt, view));
  return interrupted ? 130 : 0;
}

void AddAnswerOptions(CLI::App& run, RunOptions& o) {
  run.add_option("--system", o.system, "system prompt");
  run.add_flag("--think", o.think, "let the model think first");
  run.add_option("--max-tokens", o.max_tokens, "most tokens of an answer");
  run.add_option("--seed", o.seed, "seed of the random numbers")->capture_default_str();
  run.add_option("--temperature", o.temperature, "0 for greedy; the file's if not given")
      ->check(CLI::Range(0.0, 100.0));
  run.add_option("--top-k", o.top_k, "keep the k most probable; 0 for all; the file's if not given")
      ->check(CLI::NonNegativeNumber);
  run.add_option("--top-p", o.top_p, "keep the fewest that reach p; the file's if not given")
      ->check(CLI::Range(0.0, 1.0));
  run.add_option("--min-p", o.min_p, "drop what is less probable than this share of the first")
      ->capture_default_str();
  run.add_option("--repetition-penalty", o.repetition_penalty, "1 for none")->capture_default_str();
  run.add_option("--logit-bias", o.logit_bias,
                 "ID=BIAS: add to the logit of a token (may be given again)")
      ->allow_extra_args(false);
  run.add_option("--stop", o.stop, "end the answer before this text (may be given again)")
      ->allow_extra_args(false);
}

}  // namespace

void AddRun(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand("run", "Talk in the terminal, or answer one prompt");
  run->add_option("--model", o->model,
                  "a folder, a GGUF file, or a name in the model directory (" +
                      ModelFolder().string() + "); not needed if that holds one model");
  run->add_option("PROMPT", o->prompt,
                  "answer this and leave; without it and off a terminal, standard input");
  AddAnswerOptions(*run, *o);
  run->add_flag("--json", o->json,
                "events as lines of JSON: prefill, thinking, text, tool_call, done");
  run->add_flag("--no-history", o->no_history, "keep no history of what is typed");
  run->add_option("--context", o->context,
                  "most positions; 0 for the smaller of 32768 and the model's")
      ->capture_default_str();
  run->add_option("--cache", o->cache, "element type of the attention cache")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->capture_default_str();
  run->add_option("--threads", o->threads, "threads; 0 for all processors")->capture_default_str();
  run->add_option("--kernels", o->kernels,
                  "reference, avx2 or avx512; the best of this processor if not given");
  run->callback([o, &exit_code] {
    if (const auto code = Run(*o); !code) {
      exit_code = Report(code.error());
    } else {
      exit_code = *code;
    }
  });
}

}  // namespace carat
