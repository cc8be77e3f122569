// carat run: talk in a terminal, or answer once.
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "apps/answer_view.h"
#include "apps/chat.h"
#include "apps/commands.h"
#include "apps/conversation.h"
#include "apps/input.h"
#include "apps/interrupt.h"
#include "apps/media_options.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/own_answerer.h"
#include "apps/run_options.h"
#include "apps/server_answerer.h"
#include "apps/terminal.h"
#include "apps/thumbnail.h"
#include "io/file.h"

namespace carat {
namespace {

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
  if (Trimmed(*prompt).empty() && o.media.requests.empty())
    return Fail(
        {.what = "the prompt is empty", .wanted = "a prompt as argument or on standard input"});
  return prompt;
}

// Talks, or answers the prompt.
Result<int> Use(const RunOptions& o, const std::optional<std::string>& prompt, Answerer& answerer) {
  Conversation conversation(answerer,
                            {.system = o.system, .think = o.think, .stop = o.stop, .seed = o.seed});
  if (!prompt) {
    CARAT_TRY(Chat(conversation, {.media = o.media, .keep_history = !o.no_history}));
    return 0;
  }
  AnswerView view(o.json ? ViewKind::kJson : ViewKind::kAnswer);
  const auto attach = [&]() -> Status {
    for (const MediaRequest& request : o.media.requests) {
      CARAT_ASSIGN(const MediaPart part, conversation.Attach(request));
      if (part.kind != PartKind::kAudio && !o.json)
        WriteErr(Thumbnail(part.media.front()->pixels(), NamedGraphics()));
    }
    return {};
  };
  Status done = attach();
  if (!done) view.Broken(done.error());
  if (done) done = conversation.Answer(*prompt, view);
  if (!done) return Fail(answerer.WithAdvice(done.error()));
  return Interrupted() ? 130 : 0;
}

Result<int> Run(const RunOptions& o) {
  CARAT_ASSIGN(const std::optional<std::string> prompt, SinglePrompt(o));
  if (!prompt && o.json)
    return Fail({.what = "--json answers one prompt",
                 .wanted = "a prompt as argument or on standard input"});
  // In a chat they hold for what is named later.
  if (prompt) CARAT_TRY(CheckAllUsed(o.media));
  CatchInterrupts();
  if (!o.own) {
    if (const auto answerer = ServerAnswerer::Find(o.model, SamplingOf(o)))
      return Use(o, prompt, *answerer);
  }
  const SessionOptions session_options{
      .cache = CacheType(o.cache), .context = o.context, .drafts = DraftsOf(o.drafts)};
  EngineOptions engine_options{.embedders = o.mmproj,
                               .threads = o.threads,
                               .kernels = o.kernels,
                               .preload = true,
                               .verify = o.verify,
                               .session = session_options,
                               .progress = ShowLoading};
  TakeDraftFlags(o.drafts, engine_options);
  CARAT_ASSIGN(const auto engine, OpenModel(o.model, engine_options, true));
  CARAT_TRY(CheckDraftFlags(o.drafts, *engine));
  CARAT_TRY(engine->RequireTokenizer());
  CARAT_ASSIGN(GenerateOptions generating, ToGenerateOptions(o, *engine));
  CARAT_ASSIGN(const auto answerer,
               OwnAnswerer::Create(*engine, session_options, std::move(generating)));
  return Use(o, prompt, *answerer);
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
                  "a folder, a GGUF file, a bundle, or a name in the model directory (" +
                      Models().path().string() +
                      "); if not given, the default or "
                      "only model there, or carat-point, which comes with carat");
  run->add_flag("--verify", o->verify, "check every byte of a bundle against its hash first");
  run->add_option(
      "--mmproj", o->mmproj,
      "the embedders of pictures and sound of a GGUF model; the only mmproj*.gguf beside "
      "it if not given");
  run->add_option("PROMPT", o->prompt,
                  "answer this and leave (standard input is not read then); without it and off a "
                  "terminal, all of standard input is the prompt");
  AddDraftOptions(*run, o->drafts);
  AddMediaOptions(*run, true);
  AddAnswerOptions(*run, *o);
  run->add_flag("--json", o->json,
                "events as lines of JSON: prefill, thinking, text, tool_call, malformed_call, then "
                "done or, once the model is loaded, error");
  AddOwnOption(*run, o->own);
  run->add_flag("--no-history", o->no_history, "keep no history of what is typed");
  run->add_option("--context", o->context,
                  "most positions; 0 for as many as fit the memory, up to 32768 (carat plan)")
      ->capture_default_str();
  AddEngineOptions(*run, o->threads, o->kernels, o->cache);
  run->callback([o, run, &exit_code] {
    o->media = ReadMediaOptions(*run);
    o->own = WantsOwn(*run) || !ServerTakes(*o);
    const auto code = Run(*o);
    exit_code = code ? *code : Report(code.error());
  });
}

}  // namespace carat
