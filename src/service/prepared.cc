#include "service/prepared.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "chat/media_parts.h"
#include "chat/media_request.h"
#include "chat/prompt.h"
#include "chat/template.h"
#include "engine/embed.h"
#include "media/budget.h"
#include "media/limits.h"

namespace carat {
namespace {

constexpr size_t kKeptGrammars = 16;
constexpr size_t kMaxKeptText = size_t{64} << 10;  // of what a kept grammar was compiled from
// Each costs a decoder's run, and is held decoded: 0.1 s and 8 MB and more.
constexpr size_t kMaxMedia = 64;
// Of decoded media that waiting and running answers hold, of all owners.
constexpr size_t kMaxHeldMedia = size_t{1} << 30;
constexpr size_t kMediaCache = size_t{128} << 20;  // bytes

bool CallsTools(const Ask& ask) { return ask.tools.is_array() && !ask.tools.array().empty(); }

// Places in the prompt that media take.
PromptCount CountOf(const Prompt& prompt) {
  PromptCount count{.tokens = prompt.ids.size()};
  for (const PromptMedium& m : prompt.media)
    (m.medium->kind() == MediumKind::kSound ? count.sound : count.pictures) +=
        m.medium->num_tokens();
  return count;
}

// Before anything is decoded: what the model can't see or hear, and what is no data: URL, since
// callers of the service send bytes, never names of files.
Status CheckRequests(const Engine& engine, const std::vector<MediaRequest>& requests) {
  if (requests.size() > kMaxMedia) {
    return Fail({.what = "too many pictures, recordings and films",
                 .where = requests[kMaxMedia].place,
                 .wanted = fmt::format("at most {} in a request", kMaxMedia),
                 .found = std::to_string(requests.size())});
  }
  for (const MediaRequest& request : requests) {
    if (!request.path.starts_with("data:")) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "no files are opened for a request",
                   .where = request.place,
                   .wanted = "the medium itself, as a data: URL"});
    }
    const MediumKind kind = request.kind == PartKind::kAudio   ? MediumKind::kSound
                            : request.kind == PartKind::kVideo ? MediumKind::kFrame
                                                               : MediumKind::kPicture;
    if (const Status takes = CheckTakes(engine, kind); !takes) {
      Error error = takes.error();
      error.where = request.place;
      return Fail(std::move(error));
    }
  }
  return {};
}

// Of a medium that could not be read: at its place in the request, without what a decoder found,
// which may be its library's words.
Error OfMedium(Error error, const MediaRequest& request) {
  error.where = request.place;
  if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kIo;  // the decoder's program
  const bool number = !error.found.empty() && error.found[0] >= '0' && error.found[0] <= '9';
  if (!number) error.found.clear();
  return error;
}

// In the words by which agents know that they have to shorten a conversation. `at_least`: it was
// not counted to its end.
Error TooLong(const Ask& ask, size_t most, size_t count, bool at_least) {
  std::string found = fmt::format("{}{}", count, at_least ? " or more" : "");
  return {.code = ErrorCode::kContextFull,
          .what = fmt::format("prompt is too long: {} tokens > {} maximum", count, most),
          .where = ask.messages_where,
          .wanted = fmt::format("at most {} tokens", most),
          .found = std::move(found)};
}

// What is said of "tools[2].function.parameters.x" stands elsewhere in the dialect's request.
std::string AtItsPlace(std::string text, const Ask& ask) {
  for (size_t i = 0; i < ask.tool_places.size(); ++i) {
    const std::string own = fmt::format("tools[{}].function.parameters", i);
    if (!text.starts_with(own)) continue;
    return text.replace(0, own.size(), ask.tool_places[i]);
  }
  return text;
}

std::unexpected<Error> AtItsPlace(Error error, const Ask& ask) {
  error.where = AtItsPlace(std::move(error.where), ask);
  return Fail(std::move(error));
}

}  // namespace

Preparer::Preparer(const Engine& engine, const Tokenizer& tokenizer, MediaDecoder decoder,
                   Pos context, bool several_owners)
    : engine_(engine),
      tokenizer_(tokenizer),
      decoder_(std::move(decoder)),
      decoders_(kMaxDecoders, several_owners),
      held_(kMaxHeldMedia),
      media_(kMediaCache),
      context_(context),
      reserved_(ReservedInConversation(tokenizer, engine.config().vocab_size)) {}

Result<std::unique_ptr<Preparer>> Preparer::Create(const Engine& engine, MediaDecoder decoder,
                                                   Pos context, bool several_owners) {
  CARAT_ASSIGN(const Tokenizer* tokenizer, engine.RequireTokenizer());
  if (const auto rows = engine.config().vocab_size;
      static_cast<int64_t>(tokenizer->size()) > rows) {
    return Fail({.what = "the tokenizer has more tokens than the model",
                 .wanted = fmt::format("at most {}", rows),
                 .found = std::to_string(tokenizer->size())});
  }
  std::unique_ptr<Preparer> preparer(
      new Preparer(engine, *tokenizer, std::move(decoder), context, several_owners));
  preparer->vocabulary_ = std::make_unique<const GrammarVocabulary>(*tokenizer);
  return preparer;
}

Status Preparer::ReadPrompt(const Ask& ask, size_t most, const MediaWatch& goes_on,
                            Prepared& out) const {
  const Json* tools = CallsTools(ask) ? &ask.tools : nullptr;
  CARAT_ASSIGN(
      const RenderedPrompt rendered,
      RenderPrompt(ask.messages, tools,
                   {.enable_thinking = ask.think, .preserve_thinking = ask.preserve_thinking}));
  CARAT_ASSIGN(const std::vector<MediaRequest> requests, MediaRequestsOf(rendered));
  CARAT_TRY(CheckRequests(engine_, requests));
  for (const std::string& warning : rendered.warnings)
    out.warnings.push_back(AtItsPlace(warning, ask));
  const size_t text = ToPrompt(tokenizer_, rendered).ids.size();  // without the media
  if (text > most) return Fail(TooLong(ask, most, text, false));
  CARAT_ASSIGN(const std::vector<MediaPart> parts,
               ReadMedia(ask, requests, text, most, goes_on, out));
  CARAT_ASSIGN(out.prompt, ToPrompt(tokenizer_, rendered, parts));
  out.count = CountOf(out.prompt);
  out.opens_thought = rendered.opens_thought;
  if (out.count.tokens > most) return Fail(TooLong(ask, most, out.count.tokens, false));
  return {};
}

// One after the other, and no more than fits.
Result<std::vector<MediaPart>> Preparer::ReadMedia(const Ask& ask,
                                                   const std::vector<MediaRequest>& requests,
                                                   size_t text, size_t most,
                                                   const MediaWatch& goes_on, Prepared& out) const {
  std::vector<MediaPart> parts;
  if (requests.empty()) return parts;
  std::optional<FairPlaces::Place> place;  // once something is to be decoded
  const MediaReader reader(MediaReading::kConversation, decoder_.Watched(goes_on));
  out.media_share = held_.NewShare();
  size_t room = most - text;
  const auto get = [&](const MediaRequest& request) -> Result<MediaReader::Read> {
    const std::string key = MediaCache::KeyOf(ask.owner, request);
    // What was chosen when there was more room may be too large now.
    if (auto known = media_.Find(key); known && NumTokens(known->part) <= room) return *known;
    if (!place) {
      CARAT_ASSIGN(FairPlaces::Place turn, decoders_.Wait(ask.owner, goes_on));
      place.emplace(std::move(turn));
    }
    CARAT_ASSIGN(MediaReader::Read read, reader.Get(request, room));
    // What was chosen because there was little room is not for others.
    const bool chosen =
        request.kind == PartKind::kImage && request.budget.value_or(0) == kAutoBudget;
    if (!chosen || room >= kBudgets.back()) media_.Keep(key, read);
    return read;
  };
  for (const MediaRequest& request : requests) {
    auto read = get(request);
    if (!read && read.error().code == ErrorCode::kContextFull)
      return Fail(TooLong(ask, most, most + 1, true));
    if (!read) return Fail(OfMedium(std::move(read).error(), request));
    const size_t tokens = NumTokens(read->part);
    if (tokens > room) return Fail(TooLong(ask, most, most - room + tokens, true));
    room -= tokens;
    CARAT_TRY(held_.Grow(*out.media_share, BytesOf(read->part)));
    parts.push_back(std::move(read->part));
    if (!read->warning.empty()) out.warnings.push_back(std::move(read->warning));
  }
  return parts;
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
  // What was not asked for is not begun, even where the model would.
  const SpecialIds& special = tokenizer_.special();
  if (!ask.think && special.channel >= 0) s.suppressed.push_back(special.channel);
  const bool calls = CallsTools(ask) && ask.tool_choice != ToolChoice::kNone;
  if (!calls && special.tool_call >= 0) s.suppressed.push_back(special.tool_call);
  options.ignore_stop = ask.ignore_stop;
  if (ask.max_tokens) options.max_tokens = *ask.max_tokens;
  CARAT_TRY(ValidateSampling(s, engine_.config().vocab_size));
  return options;
}

Result<std::shared_ptr<const Grammar>> Preparer::GrammarOf(const Ask& ask) const {
  const bool tools = CallsTools(ask);
  if (!tools && ask.format == AnswerFormat::kText) return nullptr;
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
  static const Json any_object(Json::Object{{"type", "object"}});
  const Json& schema = ask.format == AnswerFormat::kJsonSchema ? ask.schema : any_object;
  auto grammar =
      ask.format == AnswerFormat::kText ? Grammar::FromTools(*vocabulary_, tool_grammar, {})
      : tools ? Grammar::JsonOrCalls(*vocabulary_, schema, ask.schema_where, tool_grammar, {})
              : Grammar::FromJsonSchema(*vocabulary_, schema, ask.schema_where, {});
  if (!grammar || key.size() > kMaxKeptText) return grammar;
  const std::lock_guard lock(mutex_);
  if (compiled_.size() == kKeptGrammars) compiled_.erase(compiled_.begin());
  compiled_.push_back({std::move(key), *grammar});
  return grammar;
}

Result<Prepared> Preparer::Prepare(const Ask& ask, const MediaWatch& goes_on) const {
  Prepared out{.owner = ask.owner,
               .background = ask.background,
               .stop = ask.stop,
               .thinking_budget = ask.thinking_budget,
               .logprobs = ask.logprobs,
               .progress = ask.progress,
               .choices = ask.choices,
               .warnings = ask.warnings};
  CARAT_ASSIGN(out.generating, OptionsOf(ask));
  auto grammar = GrammarOf(ask);
  if (!grammar) return AtItsPlace(std::move(grammar).error(), ask);
  out.grammar = *std::move(grammar);
  // One position is for the answer.
  const Status read = ReadPrompt(ask, static_cast<size_t>(context_) - 1, goes_on, out);
  if (!read) return AtItsPlace(read.error(), ask);
  return out;
}

Result<PromptCount> Preparer::Count(const Ask& ask, const MediaWatch& goes_on) const {
  Prepared out;
  const auto most = static_cast<size_t>(engine_.config().max_positions);
  const Status read = ReadPrompt(ask, most, goes_on, out);
  if (!read) return AtItsPlace(read.error(), ask);
  return out.count;
}

}  // namespace carat
