// carat transcribe: a recording of any length to text, piece by piece.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "api/wav.h"
#include "apps/answer_view.h"
#include "apps/answerer.h"
#include "apps/commands.h"
#include "apps/input.h"
#include "apps/interrupt.h"
#include "apps/media_options.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/own_answerer.h"
#include "apps/run_options.h"
#include "apps/server_answerer.h"
#include "apps/terminal.h"
#include "chat/transcript.h"
#include "media/decoder.h"
#include "media/limits.h"
#include "media/sound_cutter.h"

namespace carat {
namespace {

constexpr size_t kMaxAnswer = 1024;  // tokens of a piece: speech of 30 s has a tenth of it

double SecondsOf(uint64_t samples) { return static_cast<double>(samples) / kSampleRate; }

struct TranscribeOptions {
  std::string file;
  std::string model;
  std::string mmproj;
  DraftFlags drafts;
  std::string format = "txt";
  std::string language;
  std::string translate;
  int threads = 0;
  bool reference = false, own = false;
};

TranscriptFormat FormatOf(const std::string& name) {
  if (name == "srt") return TranscriptFormat::kSrt;
  if (name == "vtt") return TranscriptFormat::kVtt;
  return name == "json" ? TranscriptFormat::kJson : TranscriptFormat::kText;
}

// What is said in one piece.
Result<MadeAnswer> Hear(const TranscribeOptions& o, Answerer& answerer, const SoundPiece& piece) {
  const MediaPart sound{
      PartKind::kAudio, {std::make_shared<const Medium>(Medium::FromSamples(piece.samples))}, {}};
  return AnswerOne(answerer,
                   {TextPart(TranscribeInstruction(o.language, o.translate)),
                    ToJson({.kind = PartKind::kAudio, .path = WavUrl(piece.samples)})},
                   sound);
}

// A model in this program, for one piece after the other.
struct OwnModel {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Answerer> answerer;
};

Result<OwnModel> OpenOwn(const TranscribeOptions& o) {
  EngineOptions options{
      .embedders = o.mmproj, .threads = o.threads, .kernels = o.reference ? "reference" : ""};
  TakeDraftFlags(o.drafts, options);
  OwnModel own;
  CARAT_ASSIGN(own.engine, OpenModel(o.model, options, true));
  CARAT_TRY(CheckDraftFlags(o.drafts, *own.engine));
  const SessionOptions session{.cache = o.reference ? DType::kF32 : DType::kBF16,
                               .context = std::min<Pos>(4096, own.engine->config().max_positions),
                               .window_pool_bytes = 0,
                               .max_picture = 0,
                               .drafts = DraftsOf(o.drafts)};
  CARAT_ASSIGN(own.answerer,
               OwnAnswerer::Create(*own.engine, session, GreedyOptions(*own.engine, kMaxAnswer)));
  return own;
}

Status Run(const TranscribeOptions& o) {
  if (!o.translate.empty() && o.language.empty()) {
    return Fail({.what = "a translation needs the language that is spoken",
                 .where = "--translate",
                 .wanted = "--language too"});
  }
  CatchInterrupts();
  CARAT_ASSIGN(const MediaSource source, MediaSource::Open(o.file));
  CARAT_ASSIGN(const MediaInfo info, AppDecoder(false).Describe(source));
  // It has a bar of its own where the length is known.
  const MediaDecoder decoder = AppDecoder(info.seconds == 0);
  std::unique_ptr<Answerer> by_server;
  if (!o.own) by_server = ServerAnswerer::Find(o.model, GreedySampling(kMaxAnswer));
  OwnModel own;
  if (by_server == nullptr) {
    CARAT_ASSIGN(own, OpenOwn(o));
  }
  Answerer& answerer = by_server != nullptr ? *by_server : *own.answerer;
  const TranscriptFormat format = FormatOf(o.format);
  const bool subtitles = format == TranscriptFormat::kSrt || format == TranscriptFormat::kVtt;
  Transcript transcript(format);
  // Subtitles are read in passing: their pieces are short.
  SoundCutter cutter(subtitles ? SoundCutter::Options{.min_seconds = 3, .max_seconds = 12}
                               : SoundCutter::Options{});
  WriteOut(transcript.Begin());
  double silence = 0;
  const auto take = [&](const SoundPiece& piece) -> Status {
    const double end = SecondsOf(piece.begin + piece.samples.size());
    if (!piece.silent()) {
      CARAT_ASSIGN(const MadeAnswer answer, Hear(o, answerer, piece));
      ClearBar();
      if (answer.stats.reason != "stop") {
        PrintWarnings(
            {fmt::format("the text from {} on ended early: {}",
                         SubtitleTime(SecondsOf(piece.speech_begin), '.'), answer.stats.reason)});
      }
      const std::string part = transcript.Part(SecondsOf(piece.speech_begin),
                                               SecondsOf(piece.speech_end), answer.Text());
      WriteOut(::isatty(STDOUT_FILENO) != 0 ? EscapeForTerminal(part) : part);
      CARAT_TRY(FlushOutput());
    } else {
      silence += SecondsOf(piece.samples.size());
    }
    if (info.seconds > 0) ShowBar("transcribing", std::min(end, info.seconds), info.seconds, "s");
    return {};
  };
  const auto heard = decoder.Sound(
      source, [&](std::span<const float> samples) { return cutter.Push(samples, take); });
  const Status done = heard ? cutter.Finish(take) : Status(Fail(heard.error()));
  ClearBar();
  WriteOut(transcript.End());  // what came so far stays a whole file
  if (heard && *heard == Damage::kSome)
    PrintWarnings({fmt::format("{}: {}", o.file, kDamagedText)});
  if (silence > 0) PrintErr("{:.1f} seconds of silence were passed over\n", silence);
  return done;
}

}  // namespace

void AddTranscribe(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<TranscribeOptions>();
  CLI::App* command =
      app.add_subcommand("transcribe", "Write down what is said in a recording or a film");
  command->add_option("FILE", o->file, "sound, or a film with sound")->required();
  command->add_option("--model", o->model, "as in carat run");
  command->add_option("--mmproj", o->mmproj, "the embedders of a GGUF model, as in carat run");
  command->add_option("--format", o->format, "txt, srt, vtt or json")
      ->check(CLI::IsMember({"txt", "srt", "vtt", "json"}))
      ->capture_default_str();
  command->add_option("--language", o->language, "the language that is spoken, in English")
      ->check(NotEmpty());
  command->add_option("--translate", o->translate, "translate into this language too")
      ->check(NotEmpty());
  AddDraftOptions(*command, o->drafts);
  AddThreadsOption(*command, o->threads);
  command->add_flag("--reference", o->reference, "everything in f32 with the scalar kernels");
  AddOwnOption(*command, o->own);
  command->callback([o, command, &exit_code] {
    o->own = WantsOwn(*command);
    if (const Status done = Run(*o); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
