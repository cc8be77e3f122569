#include "service/prepared.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "chat/media_parts.h"
#include "chat/media_request.h"
#include "chat/prompt.h"
#include "chat/template.h"
#include "engine/embed.h"

namespace carat {
namespace {

constexpr size_t kKeptGrammars = 16;
constexpr size_t kMaxKeptText = size_t{64} << 10;  // of what a kept grammar was compiled from
// Each costs a decoder's run, and is held decoded: 0.1 s and 8 MB and more.
constexpr size_t kMaxMedia = 64;

bool CallsTools(const Ask& ask) { return ask.tools.is_array() && !ask.tools.array().empty(); }

// Places in the prompt that media take.
PromptCount CountOf(const Prompt& prompt) {
  PromptCount count{.tokens = prompt.ids.size()};
  for (const PromptMedium& m : prompt.media)
    (m.medium->kind() == MediumKind::kSound ? count.sound : count.pictures) +=
        m.medium->num_tokens();
  return count;
}

// Before anything is decoded: what the model can't see or hear.
Status CheckTaken(const Engine& engine, const RenderedPrompt& rendered,
                  const std::vector<MediaRequest>& requests) {
  for (size_t i = 0; i < requests.size(); ++i) {
    const MediumKind kind = requests[i].kind == PartKind::kAudio   ? MediumKind::kSound
                            : requests[i].kind == PartKind::kVideo ? MediumKind::kFrame
                                                                   : MediumKind::kPicture;
    if (const Status takes = CheckTakes(engine, kind); !takes) {
      Error error = takes.error();
      error.where = rendered.media[i].path;
      return Fail(std::move(error));
    }
  }
  return {};
}

// Callers of the service send bytes, never names of files.
Status CheckNoFiles(const RenderedPrompt& rendered, const std::vector<MediaRequest>& requests) {
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].path.starts_with("data:")) continue;
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "no files are opened for a request",
                 .where = rendered.media[i].path,
                 .wanted = "the medium itself, as a data: URL"});
  }
  return {};
}

}  // namespace

Preparer::Preparer(const Engine& engine, const Tokenizer& tokenizer, MediaDecoder decoder,
                   Pos context)
    : engine_(engine),
      tokenizer_(tokenizer),
      reader_(MediaReading::kConversation, std::move(decoder)),
      context_(context),
      reserved_(ReservedInConversation(tokenizer, engine.config().vocab_size)) {}

Result<std::unique_ptr<Preparer>> Preparer::Create(const Engine& engine, MediaDecoder decoder,
                                                   Pos context) {
  CARAT_ASSIGN(const Tokenizer* tokenizer, engine.RequireTokenizer());
  if (const auto rows = engine.config().vocab_size;
      static_cast<int64_t>(tokenizer->size()) > rows) {
    return Fail({.what = "the tokenizer has more tokens than the model",
                 .wanted = fmt::format("at most {}", rows),
                 .found = std::to_string(tokenizer->size())});
  }
  std::unique_ptr<Preparer> preparer(new Preparer(engine, *tokenizer, std::move(decoder), context));
  preparer->vocabulary_ = std::make_unique<const GrammarVocabulary>(*tokenizer);
  return preparer;
}

Status Preparer::ReadPrompt(const Ask& ask, size_t room, Prepared& out) const {
  const Json* tools = CallsTools(ask) ? &ask.tools : nullptr;
  CARAT_ASSIGN(
      const RenderedPrompt rendered,
      RenderPrompt(ask.messages, tools,
                   {.enable_thinking = ask.think, .preserve_thinking = ask.preserve_thinking}));
  CARAT_ASSIGN(const std::vector<MediaRequest> requests, MediaRequestsOf(rendered));
  CARAT_TRY(CheckNoFiles(rendered, requests));
  CARAT_TRY(CheckTaken(engine_, rendered, requests));
  if (requests.size() > kMaxMedia) {
    return Fail({.what = "too many pictures, recordings and films",
                 .where = rendered.media[kMaxMedia].path,
                 .wanted = fmt::format("at most {} in a request", kMaxMedia),
                 .found = std::to_string(requests.size())});
  }
  out.warnings = rendered.warnings;
  const size_t text = ToPrompt(tokenizer_, rendered).ids.size();  // without the media
  CARAT_ASSIGN(const std::vector<MediaPart> parts,
               reader_.Parts(requests, room - std::min(room, text), out.warnings));
  for (size_t i = 0; i < parts.size(); ++i) {
    for (const auto& medium : parts[i].media) {
      if (const Status takes = CheckTakes(engine_, *medium); !takes) {
        Error error = takes.error();
        error.where = rendered.media[i].path;
        return Fail(std::move(error));
      }
    }
  }
  CARAT_ASSIGN(out.prompt, ToPrompt(tokenizer_, rendered, parts));
  out.count = CountOf(out.prompt);
  out.opens_thought = rendered.opens_thought;
  return {};
}

Status Preparer::CheckFits(const Ask& ask, const Prepared& prepared) const {
  const size_t most = static_cast<size_t>(context_) - 1;  // one position for the answer
  if (prepared.count.tokens <= most) return {};
  return Fail({.code = ErrorCode::kContextFull,
               .what = "the prompt does not fit the context",
               .where = ask.messages.is_array() ? "messages" : "",
               .wanted = fmt::format("at most {} tokens", most),
               .found = std::to_string(prepared.count.tokens)});
}

Result<GenerateOptions> Preparer::OptionsOf(const Ask& ask) const {
  const SamplingWishes& wishes = ask.sampling;
  GenerateOptions options = OptionsFrom(engine_.defaults());
  SamplingOptions& s = options.sampling;
  s.temperature = wishes.temperature.value_or(s.temperature);
  s.top_k = wishes.top_k.value_or(s.top_k);
  s.top_p = wishes.top_p.value_or(s.top_p);
  s.min_p = wishes.min_p.value_or(s.min_p);
  s.repetition_penalty = wishes.repetition_penalty.value_or(s.repetition_penalty);
  s.seed = wishes.seed ? *wishes.seed : std::random_device()();
  s.logit_bias = wishes.logit_bias;
  s.suppressed.insert(s.suppressed.end(), reserved_.begin(), reserved_.end());
  options.ignore_stop = ask.ignore_stop;
  if (ask.max_tokens) options.max_tokens = *ask.max_tokens;
  CARAT_TRY(ValidateSampling(s, engine_.config().vocab_size));
  return options;
}

Result<std::shared_ptr<const Grammar>> Preparer::GrammarOf(const Ask& ask) const {
  const bool tools = CallsTools(ask);
  if (!tools && ask.format == AnswerFormat::kText) return nullptr;
  if (tools && ask.tool_choice != ToolChoice::kNone && ask.format != AnswerFormat::kText) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "an answer is either JSON or may call tools",
                 .where = ask.schema_where.empty() ? "response_format" : ask.schema_where,
                 .wanted = "no tools, or tool_choice none"});
  }
  const ToolGrammar tool_grammar{.tools = tools ? &ask.tools : nullptr,
                                 .choice = ask.tool_choice,
                                 .only = ask.only_tool,
                                 .parallel = ask.parallel_tools};
  std::string key =
      fmt::format("{} {} {} {} {}", static_cast<int>(ask.format), static_cast<int>(ask.tool_choice),
                  ask.only_tool.value_or("\n"), ask.parallel_tools, ask.schema_where);
  // Of an owner alone: how long it takes would tell of others.
  key += ask.owner + "\n" + ask.schema.Dump() + "\n" + ask.tools.Dump();
  {
    const std::lock_guard lock(mutex_);
    for (const Compiled& known : compiled_)
      if (known.of == key) return known.grammar;
  }
  auto grammar = ask.format == AnswerFormat::kJsonSchema
                     ? Grammar::FromJsonSchema(*vocabulary_, ask.schema, ask.schema_where, {})
                 : ask.format == AnswerFormat::kJson
                     ? Grammar::AnyJson(*vocabulary_, {})
                     : Grammar::FromTools(*vocabulary_, tool_grammar, {});
  if (!grammar || key.size() > kMaxKeptText) return grammar;
  const std::lock_guard lock(mutex_);
  if (compiled_.size() == kKeptGrammars) compiled_.erase(compiled_.begin());
  compiled_.push_back({std::move(key), *grammar});
  return grammar;
}

Result<Prepared> Preparer::Prepare(const Ask& ask) const {
  Prepared out{.owner = ask.owner,
               .background = ask.background,
               .stop = ask.stop,
               .thinking_budget = ask.thinking_budget,
               .logprobs = ask.logprobs,
               .progress = ask.progress,
               .choices = ask.choices};
  CARAT_ASSIGN(out.generating, OptionsOf(ask));
  CARAT_ASSIGN(out.grammar, GrammarOf(ask));
  CARAT_TRY(ReadPrompt(ask, static_cast<size_t>(context_) - 1, out));
  CARAT_TRY(CheckFits(ask, out));
  return out;
}

Result<PromptCount> Preparer::Count(const Ask& ask) const {
  Prepared out;
  CARAT_TRY(ReadPrompt(ask, static_cast<size_t>(engine_.config().max_positions), out));
  return out.count;
}

}  // namespace carat
