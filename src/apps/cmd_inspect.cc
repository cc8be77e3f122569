// carat inspect: what a file holds and what the model computes, for bug reports and conformance.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/input.h"
#include "apps/inspect_file.h"
#include "apps/inspect_media.h"
#include "apps/interrupt.h"
#include "apps/media_options.h"
#include "apps/models.h"
#include "apps/npy_writer.h"
#include "apps/output.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "base/bytes.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "io/file.h"

namespace carat {
namespace {

struct InspectOptions {
  std::string path;
  std::string model;
  std::string mmproj;
  DraftFlags drafts = {.drafter = "off"};  // but for the commands that take them
  std::string own_drafter;                 // of inspect draft, which always has one
  size_t steps = 8;
  PromptSource source;
  std::string rows = "last";
  std::string out;
  bool json = false;
  bool reference = false;
  bool greedy = false;
  bool ignore_stop = false;
  std::string mask = "R";
  std::string kernels;
  size_t max_tokens = 128;
  uint64_t seed = 0;
  int threads = 0;
};

// `exact`: the weights stay as they are stored, which takes no time.
Result<std::unique_ptr<Engine>> OpenEngine(const InspectOptions& o, bool exact = false) {
  CatchInterrupts();
  EngineOptions options{.embedders = o.mmproj,
                        .threads = o.threads,
                        .kernels = o.reference ? "reference" : o.kernels,
                        .exact = exact};
  TakeDraftFlags(o.drafts, options);
  auto engine = OpenModel(o.model, options, false);
  if (engine) CARAT_TRY(CheckDraftFlags(o.drafts, **engine));
  return engine;
}

size_t RoomOf(const Engine& engine) { return static_cast<size_t>(engine.config().max_positions); }

bool GoOn(size_t, size_t) { return !Interrupted(); }

// Ctrl-C: what was to be written is not there, instead of being there in part.
Status CheckInterrupt() {
  if (!Interrupted()) return {};
  return Fail({.code = ErrorCode::kCancelled, .what = "cancelled"});
}

// An instrument keeps its cache in f32.
Result<Session> OpenSession(const InspectOptions& o, Engine& engine, size_t positions) {
  const Pos most = engine.config().max_positions;
  return Session::Create(engine,
                         {.cache = DType::kF32,
                          .context = std::clamp<Pos>(static_cast<Pos>(positions), 1, most),
                          .window_pool_bytes = 0,
                          .mask = o.mask == "L" ? BlockMask::kLiteral : BlockMask::kReference,
                          .drafts = DraftsOf(o.drafts)});
}

Result<ModelFiles> OpenFiles(const InspectOptions& o) {
  CARAT_ASSIGN(const ModelChoice choice, ChooseModel(o.model));
  return OpenModelFiles(choice.model);
}

// A description as JSON, or as `print` shows it.
Status Show(const InspectOptions& o, const Result<Json>& json, void (*print)(const Json&)) {
  if (!json) return Fail(json.error());
  if (o.json) {
    Print("{}\n", json->Dump(2));
  } else {
    print(*json);
  }
  return {};
}

Status InspectFile(const InspectOptions& o) {
  return Show(o, DescribeFile(o.path), PrintDescription);
}

Status InspectTokens(const InspectOptions& o) {
  CARAT_ASSIGN(const ModelFiles files, OpenFiles(o));
  CARAT_ASSIGN(const std::optional<Tokenizer> tokenizer, LoadTokenizer(files));
  PromptSource source = o.source;
  source.bare = true;
  CARAT_ASSIGN(const Prompt prompt,
               ReadPrompt(source, tokenizer ? &*tokenizer : nullptr, kLongestContext));
  Json::Array ids, pieces;
  for (const TokenId id : prompt.ids) {
    ids.emplace_back(int64_t{id});
    const bool known = tokenizer && static_cast<size_t>(id) < tokenizer->size();
    pieces.emplace_back(known ? Json(tokenizer->Piece(id)) : Json());
  }
  if (o.json) {
    Json json;
    json.Set("ids", std::move(ids));
    json.Set("pieces", std::move(pieces));
    Print("{}\n", json.Dump());
    return {};
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    Print("{:7} {}\n", ids[i].integer(), pieces[i].Dump());
  }
  return {};
}

Status InspectPrompt(const InspectOptions& o) {
  CARAT_ASSIGN(const ModelFiles files, OpenFiles(o));
  CARAT_ASSIGN(const RenderedPrompt rendered, RenderSource(o.source));
  PrintWarnings(rendered.warnings);
  // Exactly, but for a terminal, which a message must not steer.
  WriteOut(::isatty(STDOUT_FILENO) != 0 ? EscapeForTerminal(rendered.text) : rendered.text);
  return {};
}

Status InspectLogits(const InspectOptions& o) {
  CARAT_ASSIGN(const auto engine, OpenEngine(o));
  CARAT_ASSIGN(const Prompt prompt, ReadPrompt(o.source, engine->tokenizer(), RoomOf(*engine)));
  CARAT_ASSIGN(Session session, OpenSession(o, *engine, prompt.ids.size()));
  if (prompt.ids.empty())
    return Fail({.what = "the prompt is empty", .wanted = "at least one token"});
  const bool all = o.rows == "all";
  CARAT_ASSIGN(NpyWriter out, NpyWriter::Create(o.out, all ? prompt.ids.size() : 1,
                                                static_cast<size_t>(engine->config().vocab_size)));
  if (all) {
    CARAT_TRY(session.ReadAll(prompt, [&](std::span<const float> rows) -> Status {
      CARAT_TRY(CheckInterrupt());
      return out.Append(rows);
    }));
  } else {
    CARAT_TRY(session.SyncTo(prompt, GoOn));
    CARAT_TRY(out.Append(session.logits()));
  }
  return out.Commit();
}

Status InspectGenerate(const InspectOptions& o) {
  CARAT_ASSIGN(const auto engine, OpenEngine(o));
  CARAT_ASSIGN(const Prompt prompt, ReadPrompt(o.source, engine->tokenizer(), RoomOf(*engine)));
  CARAT_ASSIGN(
      Session session,
      OpenSession(o, *engine, prompt.ids.size() + std::min<size_t>(o.max_tokens, 1 << 20)));
  CARAT_TRY(session.SyncTo(prompt, GoOn));
  GenerateOptions options = OptionsFrom(engine->defaults());
  if (o.greedy) options.sampling.temperature = 0;
  options.sampling.seed = o.seed;
  options.ignore_stop = o.ignore_stop;
  options.repetition_guard = false;
  options.max_tokens = o.max_tokens;
  CARAT_ASSIGN(Generation answer, Generation::Create(session, std::move(options)));
  Json::Array ids;
  while (!answer.done()) {
    CARAT_TRY(CheckInterrupt());
    CARAT_ASSIGN(const GenerateStep step, answer.Step());
    if (step.id >= 0) ids.emplace_back(int64_t{step.id});
  }
  return WriteFileAtomic(o.out, AsBytes(Json(std::move(ids)).Dump() + "\n"));
}

// F.npy's F.ids.json.
std::string IdsFileOf(const std::string& out) {
  return (out.ends_with(".npy") ? out.substr(0, out.size() - 4) : out) + ".ids.json";
}

Status InspectDraft(const InspectOptions& given) {
  InspectOptions o = given;
  o.drafts.drafter = o.own_drafter;
  CARAT_ASSIGN(const auto engine, OpenEngine(o));
  if (engine->drafter() == nullptr) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "nothing drafts: " + engine->no_drafts(),
                 .where = "--drafter"});
  }
  CARAT_ASSIGN(const Prompt prompt, ReadPrompt(o.source, engine->tokenizer(), RoomOf(*engine)));
  CARAT_ASSIGN(Session session, OpenSession(o, *engine, prompt.ids.size()));
  CARAT_TRY(session.SyncTo(prompt, GoOn));
  SamplingOptions greedy{.temperature = 0, .suppressed = engine->defaults().suppressed};
  CARAT_ASSIGN(const TokenId first,
               Sample(session.logits(), greedy, session.size(), session.ids()));
  CARAT_ASSIGN(NpyWriter out,
               NpyWriter::Create(o.out, o.steps, static_cast<size_t>(engine->config().vocab_size)));
  CARAT_ASSIGN(const std::vector<TokenId> drafts,
               session.InspectDrafts(first, o.steps, [&](std::span<const float> row) -> Status {
                 CARAT_TRY(CheckInterrupt());
                 return out.Append(row);
               }));
  Json::Array ids;
  for (const TokenId id : drafts) ids.emplace_back(int64_t{id});
  CARAT_TRY(out.Commit());
  return WriteFileAtomic(IdsFileOf(o.out), AsBytes(Json(std::move(ids)).Dump() + "\n"));
}

Status InspectMedia(const InspectOptions& o) { return Show(o, DescribeMedia(o.path), PrintMedia); }

Status InspectEmbed(const InspectOptions& o) {
  CARAT_ASSIGN(const auto engine, OpenEngine(o, true));
  return WriteSoftTokens(*engine, o.source.media, o.out);
}

// --messages, and what only it can use.
CLI::Option* AddMessages(CLI::App& command, CLI::App& group, PromptSource& source) {
  CLI::Option* messages =
      group.add_option("--messages", source.messages, "OpenAI-style messages (a JSON file)");
  command.add_option("--tools", source.tools, "OpenAI-style tools (a JSON file)")->needs(messages);
  command.add_flag("--thinking", source.thinking, "let the model think")->needs(messages);
  command
      .add_flag("--preserve-thinking", source.preserve_thinking,
                "keep earlier thoughts that led to tool calls")
      ->needs(messages);
  command
      .add_flag("--no-generation-prompt", source.no_generation_prompt, "end with the last message")
      ->needs(messages);
  return messages;
}

// --prompt, and the media for its placeholders.
void AddPromptAndMedia(CLI::App& command, CLI::App& group, PromptSource& source) {
  CLI::Option* prompt = group.add_option(
      "--prompt", source.prompt,
      "a rendered prompt (a text file); media take the places of its placeholders");
  AddMediaOptions(command);
  // Messages name their media themselves, and ids have no places for them.
  for (const char* option : {"--image", "--audio", "--video"})
    command.get_option(option)->needs(prompt);
}

void AddModel(CLI::App& command, InspectOptions& o) {
  command
      .add_option("--model", o.model,
                  "a folder, a GGUF file, a bundle, or a model's name (carat list)")
      ->required();
}

// The media of a command that takes some.
Status TakeMedia(const CLI::App& command, InspectOptions& o) {
  if (command.get_option_no_throw("--image") == nullptr) return {};
  GivenMedia media = ReadMediaOptions(command);
  CARAT_TRY(CheckAllUsed(media));
  o.source.media = std::move(media.requests);
  return {};
}

void AddRunning(CLI::App& command, InspectOptions& o) {
  command.add_option("--mmproj", o.mmproj, "the embedders of a GGUF model, as in carat run");
  auto* reference =
      command.add_flag("--reference", o.reference, "everything in f32 with the scalar kernels");
  AddKernelsOption(command, o.kernels)->excludes(reference);
  AddThreadsOption(command, o.threads);
  command.add_option("--out", o.out, "the file to write")->required();
}

void AddComputation(CLI::App& command, InspectOptions& o) {
  AddModel(command, o);
  auto* source = command.add_option_group("prompt");
  source->add_option("--ids", o.source.ids, "a JSON array of ids (a file)");
  AddMessages(command, *source, o.source);
  AddPromptAndMedia(command, *source, o.source);
  source->require_option(1);
  command
      .add_option("--mask", o.mask,
                  "how pictures see themselves: R as the reference, L as transformers")
      ->check(CLI::IsMember({"R", "L"}))
      ->capture_default_str();
  AddRunning(command, o);
}

void AddGenerate(CLI::App& generate, InspectOptions& o) {
  AddComputation(generate, o);
  generate.add_flag("--greedy", o.greedy, "always the most probable token");
  generate.add_option("--max-tokens", o.max_tokens, "most new ids")
      ->check(WholeNumber())
      ->capture_default_str();
  generate.add_flag("--ignore-stop", o.ignore_stop, "go on past stop tokens");
  generate.add_option("--seed", o.seed, "seed of the random numbers")
      ->check(WholeNumber())
      ->capture_default_str();

  AddDraftOptions(generate, o.drafts);
  generate.get_option("--drafter")
      ->description("the MTP drafter: a folder or a GGUF file; off if not given");
}

void AddDraft(CLI::App& draft, InspectOptions& o) {
  AddComputation(draft, o);
  draft.add_option(
      "--drafter", o.own_drafter,
      "a folder or a GGUF file; the bundle's or the one beside the model if not given");
  draft.add_option("--steps", o.steps, "drafts")
      ->check(CLI::Range(size_t{1}, size_t{1024}))
      ->capture_default_str();
}

}  // namespace

void AddInspect(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<InspectOptions>();
  CLI::App* inspect =
      app.add_subcommand("inspect", "What a file holds and what the model computes");
  inspect->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, Status (*work)(const InspectOptions&)) {
    CLI::App* command = inspect->add_subcommand(name, help);
    command->callback([o, work, command, &exit_code] {
      Status done = TakeMedia(*command, *o);
      if (done) done = work(*o);
      if (!done) exit_code = Report(done.error());
    });
    return command;
  };
  CLI::App* file = add("file", "Kind, sizes, tensors, tokenizer and template version", InspectFile);
  file->add_option("PATH", o->path, "a GGUF file or a folder")->required();
  file->add_flag("--json", o->json, "as JSON");

  CLI::App* tokens = add("tokens", "Ids and pieces of a text", InspectTokens);
  AddModel(*tokens, *o);
  auto* source = tokens->add_option_group("prompt");
  source->add_option("--text", o->source.text, "plain text");
  AddMessages(*tokens, *source, o->source);
  AddPromptAndMedia(*tokens, *source, o->source);
  source->require_option(1);
  tokens->add_flag("--json", o->json, "as JSON: ids and pieces");

  CLI::App* prompt = add("prompt", "The rendered prompt, exactly", InspectPrompt);
  AddModel(*prompt, *o);
  AddMessages(*prompt, *prompt, o->source)->required();

  CLI::App* logits = add("logits", "Logits as float32 .npy, after the soft cap", InspectLogits);
  AddComputation(*logits, *o);
  logits->add_option("--rows", o->rows, "all or last")
      ->check(CLI::IsMember({"all", "last"}))
      ->capture_default_str();

  CLI::App* generate = add("generate", "The new ids as a JSON array", InspectGenerate);
  AddGenerate(*generate, *o);

  CLI::App* draft = add("draft",
                        "The drafter's raw logits after a prompt and its first greedy token as "
                        "float32 .npy, and what it drafts beside it as .ids.json",
                        InspectDraft);
  AddDraft(*draft, *o);

  CLI::App* media =
      add("media", "What a picture, sound or film holds, and its tokens", InspectMedia);
  media->add_option("PATH", o->path, "a media file")->required();
  media->add_flag("--json", o->json, "as JSON");

  CLI::App* embed = add("embed", "Soft tokens of media as float32 .npy", InspectEmbed);
  AddModel(*embed, *o);
  AddMediaOptions(*embed);
  AddRunning(*embed, *o);
}

}  // namespace carat
