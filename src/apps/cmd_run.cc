// carat run: talk in a terminal, or answer once.
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "apps/answer_view.h"
#include "apps/commands.h"
#include "apps/conversation.h"
#include "apps/dropped_files.h"
#include "apps/input.h"
#include "apps/interrupt.h"
#include "apps/line_editor.h"
#include "apps/media_options.h"
#include "apps/output.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "apps/thumbnail.h"
#include "io/file.h"

namespace carat {
namespace {

constexpr std::string_view kHelp =
    "/new            begin again\n"
    "/system         show the system prompt\n"
    "/system TEXT    set it (- for none) and begin again\n"
    "/think          thinking on or off\n"
    "/image FILE     show a picture with the next message (/audio and /video likewise;\n"
    "                a file dropped on the prompt does the same)\n"
    "/save FILE      write the conversation as JSON\n"
    "/load FILE      read one back\n"
    "/stats          messages, context, seed, kernels\n"
    "/quit           leave (also Ctrl-D)\n"
    "A backslash at the end of a line goes on in the next; so do lines between two \"\"\".\n"
    "Ctrl-C stops an answer and keeps the conversation.\n";

void ShowStats(const Conversation& conversation, const Session& session) {
  const Engine& engine = session.engine();
  PrintErr("{} messages; context {} of {} positions; seed {}; kernels {}, {} threads\n",
           conversation.num_messages(), session.size(), session.context(), conversation.seed(),
           engine.table().name, engine.pool().threads());
}

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1));
}

void System(const std::string& text, Conversation& conversation) {
  if (text.empty()) {
    const std::string& now = conversation.system();
    PrintErr("{}\n", now.empty() ? "no system prompt" : EscapeForTerminal(now));
    return;
  }
  conversation.SetSystem(text == "-" ? "" : text);
  PrintErr("system prompt {}; a new conversation\n", text == "-" ? "removed" : "set");
}

Status SaveOrLoad(const std::string& name, const std::string& file, Conversation& conversation) {
  if (file.empty())
    return Fail({.what = "a file name is missing", .where = name, .wanted = name + " FILE"});
  const std::string path = ExpandHome(file);
  CARAT_TRY(name == "/save" ? conversation.Save(path) : conversation.Load(path));
  PrintErr("{} messages {} {}\n", conversation.num_messages(),
           name == "/save" ? "written to" : "read from", EscapeLine(path));
  return {};
}

// /image, /audio, /video.
std::optional<PartKind> MediaCommand(std::string_view name) {
  if (name == "/image") return PartKind::kImage;
  if (name == "/audio") return PartKind::kAudio;
  if (name == "/video") return PartKind::kVideo;
  return std::nullopt;
}

// Whether a file is of a kind that carat takes, and as what it is shown.
std::optional<PartKind> KindOf(const std::string& path) {
  const auto source = MediaSource::Open(path);
  const auto type = source ? source->Type() : std::nullopt;
  if (!type) return std::nullopt;
  if (type->kind == MediaKind::kPicture) return PartKind::kImage;
  if (type->kind == MediaKind::kSound) return PartKind::kAudio;
  const auto info = AppDecoder().Describe(*source);  // a film may hold sound alone
  return info && !info->has_picture ? PartKind::kAudio : PartKind::kVideo;
}

// Reads a medium for the next message and shows it where the terminal can.
Status Attach(const MediaRequest& request, Conversation& conversation) {
  CARAT_ASSIGN(const MediaReader::Read* read, conversation.Attach(request));
  if (request.kind == PartKind::kAudio) return {};
  static const Graphics graphics = TerminalGraphics();
  WriteErr(Thumbnail(read->part.media.front()->pixels(), graphics));
  return {};
}

// Files that were dropped on the prompt, and what was typed behind them, are a message with media;
// files alone wait for the next message.
Status Message(const TypedMessage& message, Conversation& conversation, AnswerView& view) {
  const DroppedFiles dropped = FindDroppedFiles(
      message.text, [](const std::string& path) { return KindOf(path).has_value(); });
  for (const std::string& path : dropped.paths)
    CARAT_TRY(Attach({.kind = *KindOf(path), .path = path}, conversation));
  if (!dropped.paths.empty() && dropped.text.empty()) return {};
  return conversation.Answer(dropped.paths.empty() ? message.text : dropped.text, view);
}

// Whether a line is a command and no dropped file.
bool IsCommand(const TypedMessage& message) {
  if (!message.one_line || !message.text.starts_with("/")) return false;
  const std::string_view name = std::string_view(message.text).substr(0, message.text.find(' '));
  return name.find('/', 1) == std::string_view::npos;
}

// One slash command. False: leave.
Result<bool> Command(const std::string& line, Conversation& conversation, const Session& session) {
  const size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : Trimmed(line.substr(space));
  if (name == "/quit") return false;
  if (name == "/help") {
    WriteErr(kHelp);
  } else if (name == "/new") {
    conversation.Clear();
    WriteErr("a new conversation\n");
  } else if (name == "/system") {
    System(rest, conversation);
  } else if (name == "/think") {
    PrintErr("thinking {}\n", conversation.ToggleThinking() ? "on" : "off");
  } else if (name == "/save" || name == "/load") {
    CARAT_TRY(SaveOrLoad(name, rest, conversation));
  } else if (const auto kind = MediaCommand(name)) {
    if (rest.empty())
      return Fail({.what = "a file name is missing", .where = name, .wanted = name + " FILE"});
    CARAT_TRY(Attach({.kind = *kind, .path = ExpandHome(rest)}, conversation));
  } else if (name == "/stats") {
    ShowStats(conversation, session);
  } else {
    return Fail({.what = "no such command; /help lists them", .found = name});
  }
  return true;
}

// What a person can do about a full context.
Error WithAdvice(Error error, const Session& session, bool chat) {
  if (error.code == ErrorCode::kContextFull) {
    error.what += fmt::format("; --context N gives more room, up to {}",
                              session.engine().config().max_positions);
    if (chat) error.what += ", /new begins again, /save FILE keeps the conversation";
  }
  return error;
}

void Chat(Conversation& conversation, const Session& session, bool keep_history) {
  WriteErr("Type a message; /help lists the commands, Ctrl-D ends.\n");
  LineEditor editor(keep_history ? HistoryFile() : std::filesystem::path());
  AnswerView view(ViewKind::kTerminal);
  while (const std::optional<TypedMessage> message = editor.Read()) {
    if (Trimmed(message->text).empty()) continue;
    ClearInterrupt();
    if (IsCommand(*message)) {
      const Result<bool> go_on = Command(message->text, conversation, session);
      if (!go_on) Report(go_on.error());
      if (go_on && !*go_on) return;
    } else if (const Status done = Message(*message, conversation, view); !done) {
      Report(WithAdvice(done.error(), session, true));
    }
  }
}

bool ShowLoading(size_t done, size_t total) {
  constexpr size_t kBarFrom = size_t{256} << 20;  // bytes; less is loaded too fast for a bar
  constexpr double kGiB = 1 << 30;
  if (total > kBarFrom)
    ShowBar("loading", static_cast<double>(done) / kGiB, static_cast<double>(total) / kGiB, "GiB",
            1);
  return !Interrupted();
}

// The prompt of a single answer: the argument, or standard input; nothing in a chat.
Result<std::optional<std::string>> SinglePrompt(const RunOptions& o) {
  std::optional<std::string> prompt = o.prompt;
  if (!prompt) {
    if (::isatty(STDIN_FILENO) != 0) return prompt;
    CARAT_ASSIGN(prompt, ReadDescriptor(STDIN_FILENO, "standard input", kMaxPromptBytes));
  }
  if (Trimmed(*prompt).empty() && o.media.empty())
    return Fail(
        {.what = "the prompt is empty", .wanted = "a prompt as argument or on standard input"});
  return prompt;
}

Result<int> Run(const RunOptions& o) {
  CARAT_ASSIGN(const std::optional<std::string> prompt, SinglePrompt(o));
  if (!prompt && o.json)
    return Fail({.what = "--json answers one prompt",
                 .wanted = "a prompt as argument or on standard input"});
  CatchInterrupts();
  CARAT_ASSIGN(const auto engine, OpenModel(o.model,
                                            {.embedders = o.mmproj,
                                             .threads = o.threads,
                                             .kernels = o.kernels,
                                             .progress = ShowLoading},
                                            true));
  CARAT_ASSIGN(const Tokenizer* tokenizer, engine->RequireTokenizer());
  CARAT_ASSIGN(GenerateOptions generating, ToGenerateOptions(o, *engine));
  CARAT_ASSIGN(Session session,
               Session::Create(*engine, {.cache = CacheType(o.cache), .context = o.context}));
  Conversation conversation(session, *tokenizer,
                            {.system = o.system,
                             .think = o.think,
                             .stop = o.stop,
                             .seed = o.seed,
                             .generating = std::move(generating)});
  for (const MediaRequest& request : o.media) CARAT_TRY(Attach(request, conversation));
  if (!prompt) {
    Chat(conversation, session, !o.no_history);
    return 0;
  }
  AnswerView view(o.json ? ViewKind::kJson : ViewKind::kAnswer);
  if (const Status done = conversation.Answer(*prompt, view); !done)
    return Fail(WithAdvice(done.error(), session, false));
  return Interrupted() ? 130 : 0;
}

void AddAnswerOptions(CLI::App& run, RunOptions& o) {
  run.add_option("--system", o.system, "system prompt");
  run.add_flag("--think", o.think, "let the model think first");
  run.add_option("--max-tokens", o.max_tokens, "most tokens of an answer")->check(WholeNumber());
  run.add_option(
         "--seed", o.seed,
         "seed of the random numbers: the same seed, the same answer; another one each time "
         "if not given")
      ->check(WholeNumber());
  run.add_option("--temperature", o.temperature, "0 for greedy; the file's if not given");
  run.add_option("--top-k", o.top_k,
                 "keep the k most probable; 0 for all; the file's if not given");
  run.add_option("--top-p", o.top_p, "keep the fewest that reach p; the file's if not given");
  run.add_option(
      "--min-p", o.min_p,
      "drop what is less probable than this share of the first; the file's if not given");
  run.add_option("--repetition-penalty", o.repetition_penalty,
                 "1 for none; the file's if not given");
  run.add_option("--logit-bias", o.logit_bias,
                 "ID=BIAS: add to the logit of a token (may be given again)")
      ->allow_extra_args(false);
  run.add_flag("--no-repetition-guard", o.no_repetition_guard,
               "let an answer repeat itself without end");
  run.add_option("--stop", o.stop, "end the answer before this text (may be given again)")
      ->check(NotEmpty())
      ->allow_extra_args(false);
}

}  // namespace

void AddRun(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand("run", "Talk in the terminal, or answer one prompt");
  run->add_option("--model", o->model,
                  "a folder, a GGUF file, or a name in the model directory (" +
                      ModelFolder().string() +
                      "); if not given, the "
                      "only model there, or carat-point, which comes with carat");
  run->add_option(
      "--mmproj", o->mmproj,
      "the embedders of pictures and sound of a GGUF model; the only mmproj*.gguf beside "
      "it if not given");
  run->add_option("PROMPT", o->prompt,
                  "answer this and leave (standard input is not read then); without it and off a "
                  "terminal, all of standard input is the prompt");
  AddMediaOptions(*run, true);
  AddAnswerOptions(*run, *o);
  run->add_flag("--json", o->json,
                "events as lines of JSON: prefill, thinking, text, tool_call, malformed_call, then "
                "done or, once the model is loaded, error");
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
  run->callback([o, run, &exit_code] {
    auto media = GivenMedia(*run);
    if (!media) {
      exit_code = Report(media.error());
      return;
    }
    o->media = *std::move(media);
    const auto code = Run(*o);
    exit_code = code ? *code : Report(code.error());
  });
}

}  // namespace carat
