// carat describe: what many pictures and films show, as lines of JSON.
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
#include "chat/media_reader.h"
#include "media/limits.h"

namespace carat {
namespace {

struct DescribeOptions {
  std::vector<std::string> files;
  std::string model;
  std::string mmproj;
  DraftFlags drafts;
  std::string question;
  std::optional<size_t> budget;
  int64_t frames = kDefaultFrames;
  double fps = 0;
  size_t max_tokens = 512;
  int threads = 0;
  bool own = false;
};

Result<MediaRequest> RequestFor(const DescribeOptions& o, const std::string& file) {
  CARAT_ASSIGN(const MediaSource source, MediaSource::Open(file));
  CARAT_ASSIGN(const PartKind kind, KindOfMedia(source));
  if (kind == PartKind::kImage) return MediaRequest{.path = file, .budget = o.budget};
  if (kind == PartKind::kAudio) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "nothing to be seen",
                 .where = file,
                 .wanted = "a picture or a film",
                 .found = "sound"});
  }
  return MediaRequest{
      .kind = PartKind::kVideo, .path = file, .frames = o.fps > 0 ? 0 : o.frames, .fps = o.fps};
}

Result<Json> Describe(const DescribeOptions& o, Answerer& answerer, const std::string& file) {
  CARAT_ASSIGN(const MediaRequest request, RequestFor(o, file));
  MediaReader reader(MediaReading::kConversation, AppDecoder());
  CARAT_ASSIGN(const MediaReader::Read read,
               reader.Get(request, static_cast<size_t>(answerer.context()) / 2));
  Json text = TextPart(!o.question.empty()                ? o.question
                       : request.kind == PartKind::kVideo ? "Describe the video."
                                                          : "Describe the picture.");
  CARAT_TRY(answerer.Take(request, read.part));
  CARAT_ASSIGN(const MadeAnswer answer,
               AnswerOne(answerer, {ToJson(request), std::move(text)}, read.part));
  Json json;
  json.Set("file", file);
  json.Set("text", answer.Text());
  json.Set("reason", answer.stats.reason);
  json.Set("read", read.summary);
  json.Set("prompt_tokens", static_cast<int64_t>(answer.stats.prompt_tokens));
  if (!read.warning.empty()) json.Set("warning", read.warning);
  return json;
}

// A file that cannot be described gets a line with its error, and the others their turn.
Result<int> DescribeAll(const DescribeOptions& o, Answerer& answerer) {
  int code = 0;
  for (const std::string& file : o.files) {
    auto line = Describe(o, answerer, file);
    if (!line) {
      if (line.error().code == ErrorCode::kCancelled) return Fail(line.error());
      Json json;
      json.Set("file", file);
      json.Set("error", line.error().Message());
      line = std::move(json);
      code = 2;
    }
    Print("{}\n", line->Dump());
    CARAT_TRY(FlushOutput());
  }
  return code;
}

Result<int> Run(const DescribeOptions& o) {
  CatchInterrupts();
  if (!o.own) {
    if (const auto answerer = ServerAnswerer::Find(o.model, GreedySampling(o.max_tokens)))
      return DescribeAll(o, *answerer);
  }
  EngineOptions options{.embedders = o.mmproj, .threads = o.threads};
  TakeDraftFlags(o.drafts, options);
  CARAT_ASSIGN(const auto engine, OpenModel(o.model, options, true));
  CARAT_TRY(CheckDraftFlags(o.drafts, *engine));
  CARAT_ASSIGN(const auto answerer, OwnAnswerer::Create(*engine, {.drafts = DraftsOf(o.drafts)},
                                                        GreedyOptions(*engine, o.max_tokens)));
  return DescribeAll(o, *answerer);
}

}  // namespace

void AddDescribe(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<DescribeOptions>();
  CLI::App* command =
      app.add_subcommand("describe", "Say what pictures and films show, as lines of JSON");
  command->add_option("FILE", o->files, "pictures and films")->required();
  command->add_option("--model", o->model, "as in carat run");
  command->add_option("--mmproj", o->mmproj, "the embedders of a GGUF model, as in carat run");
  command->add_option("--question", o->question, "ask this of each instead of a description")
      ->check(NotEmpty());
  AddBudget(*command, o->budget);
  CLI::Option* frames = command->add_option("--frames", o->frames, "frames of a film")
                            ->check(CLI::Range(int64_t{1}, kMaxVideoFrames))
                            ->capture_default_str();
  command->add_option("--fps", o->fps, "frames of a film per second instead")
      ->check(CLI::Range(0.001, kMaxFps))
      ->excludes(frames);
  command->add_option("--max-tokens", o->max_tokens, "most tokens of an answer")
      ->check(WholeNumber())
      ->capture_default_str();
  AddDraftOptions(*command, o->drafts);
  AddThreadsOption(*command, o->threads);
  AddOwnOption(*command, o->own);
  command->callback([o, command, &exit_code] {
    o->own = WantsOwn(*command) || !ServerTakes(GreedySampling(o->max_tokens));
    const auto code = Run(*o);
    exit_code = code ? *code : Report(code.error());
  });
}

}  // namespace carat
