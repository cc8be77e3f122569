#include "apps/media_input.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/base64.h"
#include "media/budget.h"
#include "media/limits.h"
#include "media/sound_cutter.h"
#include "sys/executable.h"

namespace carat {
namespace {

constexpr int kWhole = 100'000;  // seconds: more than a decoder gives
constexpr size_t kReferenceBudget = 280;
// A budget that a person named is kept, but this much of a loss is said.
constexpr double kWarnedLoss = 2 * kAcceptedLoss;

std::string_view TypeOf(PartKind kind) {
  return kind == PartKind::kImage ? "image" : kind == PartKind::kAudio ? "audio" : "video";
}

Result<MediaSource> OpenSource(const MediaRequest& request) {
  const std::string& path = request.path;
  if (!path.starts_with("data:")) return MediaSource::Open(path);
  const size_t comma = path.find(',');
  const std::string name = path.substr(0, std::min(comma, size_t{40}));
  if (comma == std::string::npos || !path.substr(0, comma).ends_with(";base64")) {
    return Fail({.what = "not a data: URL that carat reads",
                 .where = name,
                 .wanted = "data:TYPE;base64,…"});
  }
  auto bytes = DecodeBase64(std::string_view(path).substr(comma + 1));
  if (!bytes) return Fail(Within(name, bytes.error()));
  return MediaSource::FromBytes(*bytes, name);
}

size_t NumTokens(const MediaPart& part) {
  size_t tokens = 0;
  for (const auto& medium : part.media) tokens += medium->num_tokens();
  return tokens;
}

// While a file is read: no more of it than the context takes.
Status CheckRoom(const MediaPart& part, size_t room, const std::string& name) {
  const size_t tokens = NumTokens(part);
  if (tokens <= room) return {};
  return Fail({.code = ErrorCode::kContextFull,
               .what = "it does not fit the context",
               .where = name,
               .wanted = fmt::format("at most {} tokens", room),
               .found = fmt::format("{} tokens, and more to come", tokens)});
}

std::shared_ptr<const Medium> Fitted(MediumKind kind, const Pixels& pixels, size_t budget) {
  const PixelSize size = FittedSize({pixels.height, pixels.width}, budget);
  return std::make_shared<const Medium>(Medium::FromPixels(kind, Resize(pixels, size)));
}

std::string ShortName(const std::string& path) {
  if (path.starts_with("data:")) return path.substr(0, path.find(';'));
  return std::filesystem::path(path).filename().string();
}

// A part that names a file or carries the bytes.
Result<MediaRequest> FromPath(const JsonView& part, PartKind kind) {
  MediaRequest request{.kind = kind};
  CARAT_ASSIGN(request.path, part.String("path"));
  CARAT_ASSIGN(const int64_t budget, part.IntOr("budget", 0, 0, 1120));
  request.budget = static_cast<size_t>(budget);
  CARAT_ASSIGN(request.frames, part.IntOr("frames", request.frames, 1, 1000));
  return request;
}

Result<MediaRequest> FromUrl(const JsonView& part, std::string_view member) {
  CARAT_ASSIGN(const JsonView object, part.Object(member));
  MediaRequest request;
  CARAT_ASSIGN(request.path, object.String("url"));
  if (!request.path.starts_with("data:")) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "carat opens no addresses",
                 .where = object.path() + ".url",
                 .wanted = "a data: URL",
                 .found = request.path.substr(0, 60)});
  }
  return request;
}

}  // namespace

Json TextPart(std::string text) {
  Json part;
  part.Set("type", "text");
  part.Set("text", std::move(text));
  return part;
}

Json ToJson(const MediaRequest& request) {
  Json part;
  part.Set("type", TypeOf(request.kind));
  part.Set("path", request.path);
  if (request.kind == PartKind::kImage && request.budget > 0)
    part.Set("budget", static_cast<int64_t>(request.budget));
  if (request.kind == PartKind::kVideo) part.Set("frames", request.frames);
  return part;
}

Result<std::optional<MediaRequest>> MediaRequestOf(const JsonView& part) {
  if (!part.value().is_object() || !part.Has("type")) return std::nullopt;
  CARAT_ASSIGN(const std::string type, part.String("type"));
  const auto some = [](Result<MediaRequest> request) -> Result<std::optional<MediaRequest>> {
    if (!request) return Fail(request.error());
    return *std::move(request);
  };
  if (type == "image_url") return some(FromUrl(part, "image_url"));
  if (type == "input_audio") {
    CARAT_ASSIGN(const JsonView object, part.Object("input_audio"));
    MediaRequest request{.kind = PartKind::kAudio};
    CARAT_ASSIGN(const std::string data, object.String("data"));
    request.path = "data:audio;base64," + data;
    return request;
  }
  for (const PartKind kind : {PartKind::kImage, PartKind::kAudio, PartKind::kVideo}) {
    if (type == TypeOf(kind)) return some(FromPath(part, kind));
  }
  return std::nullopt;
}

Result<std::vector<MediaRequest>> MediaRequestsOf(const Json& messages) {
  std::vector<MediaRequest> requests;
  if (!messages.is_array()) return requests;
  const JsonView view(messages, "messages");
  for (size_t i = 0; i < messages.array().size(); ++i) {
    const JsonView message(messages.array()[i], fmt::format("messages[{}]", i));
    const Json* content = message.value().Find("content");
    if (content == nullptr || !content->is_array()) continue;
    for (size_t j = 0; j < content->array().size(); ++j) {
      const JsonView part(content->array()[j], fmt::format("{}.content[{}]", message.path(), j));
      CARAT_ASSIGN(auto request, MediaRequestOf(part));
      if (request) requests.push_back(*std::move(request));
    }
  }
  return requests;
}

void AddMediaOptions(CLI::App& command) {
  const auto add = [&](const char* name, const char* help) {
    command
        .add_option_function<std::vector<std::string>>(
            name, [](const std::vector<std::string>&) {}, help)
        ->allow_extra_args(false);
  };
  add("--image", "a picture before the message (may be given again)");
  add("--audio", "sound before the message (may be given again)");
  add("--video", "a film before the message (may be given again)");
  command
      .add_option_function<size_t>(
          "--budget", [](size_t) {}, "soft tokens of a picture: 70, 140, 280, 560 or 1120")
      ->check(CLI::IsMember({70, 140, 280, 560, 1120}));
  command
      .add_option_function<int64_t>(
          "--frames", [](int64_t) {}, "frames of a film; 32 if not given, or all that it has")
      ->check(CLI::Range(1, 1000));
}

Result<std::vector<MediaRequest>> GivenMedia(const CLI::App& command) {
  MediaRequest like;
  if (const auto* option = command.get_option("--budget"); !option->empty())
    like.budget = option->as<size_t>();
  if (const auto* option = command.get_option("--frames"); !option->empty())
    like.frames = option->as<int64_t>();
  std::vector<MediaRequest> requests;
  std::map<std::string, size_t> taken;  // values of each option
  for (const CLI::Option* option : command.parse_order()) {
    const std::string name = option->get_name();
    MediaRequest request = like;
    if (name == "--audio") {
      request.kind = PartKind::kAudio;
    } else if (name == "--video") {
      request.kind = PartKind::kVideo;
    } else if (name != "--image") {
      continue;
    }
    request.path = option->results().at(taken[name]++);
    requests.push_back(std::move(request));
  }
  for (const auto& [option, needed] : {std::pair("--budget", "--image"), {"--frames", "--video"}}) {
    if (command.get_option(option)->empty() || taken.contains(needed)) continue;
    return Fail(
        {.what = "an option without anything to act on", .where = option, .wanted = needed});
  }
  return requests;
}

std::filesystem::path DecoderProgram() {
  const std::filesystem::path here = ExecutableFolder();
  if (here.empty()) return {};  // never one of the current directory
  std::error_code ignored;
  const std::filesystem::path beside = here / "carat-decode";
  if (std::filesystem::exists(beside, ignored)) return beside;
  return (here / "../libexec/carat/carat-decode").lexically_normal();
}

MediaReader::MediaReader(MediaReading reading) : reading_(reading), decoder_(DecoderProgram()) {}

Result<const MediaReader::Read*> MediaReader::Get(const MediaRequest& request, size_t room) {
  const std::string key = fmt::format("{}|{}|{}|{}|{}", TypeOf(request.kind), request.budget,
                                      request.frames, request.per_second, request.path);
  if (const auto known = read_.find(key); known != read_.end()) return &known->second;
  Result<Read> read = request.kind == PartKind::kImage   ? ReadImage(request, room)
                      : request.kind == PartKind::kAudio ? ReadAudio(request, room)
                                                         : ReadVideo(request, room);
  if (!read) return Fail(read.error());
  return &read_.emplace(key, *std::move(read)).first->second;
}

Result<std::vector<MediaPart>> MediaReader::Parts(const std::vector<MediaRequest>& requests,
                                                  size_t room) {
  std::vector<MediaPart> parts;
  for (const MediaRequest& request : requests) {
    CARAT_ASSIGN(const Read* read, Get(request, room));
    parts.push_back(read->part);
  }
  return parts;
}

Result<MediaReader::Read> MediaReader::ReadImage(const MediaRequest& request, size_t room) const {
  CARAT_ASSIGN(const MediaSource source, OpenSource(request));
  CARAT_ASSIGN(const Pixels pixels, decoder_.Picture(source));
  const bool conversation = reading_ == MediaReading::kConversation;
  BudgetChoice choice{request.budget, 0};
  if (request.budget == 0) {
    choice = conversation ? ChooseBudget(pixels, room) : BudgetChoice{kReferenceBudget, 0};
  } else if (std::ranges::find(kBudgets, request.budget) == kBudgets.end()) {
    return Fail({.what = "no such budget",
                 .where = source.name(),
                 .wanted = "70, 140, 280, 560 or 1120",
                 .found = std::to_string(request.budget)});
  } else if (conversation) {
    choice.loss = LossOf(pixels, request.budget);
  }
  Read read;
  read.part = {PartKind::kImage, {Fitted(MediumKind::kPicture, pixels, choice.budget)}, {}};
  read.summary = fmt::format("{}: {} x {} pixels, budget {}{}, {} tokens", ShortName(request.path),
                             pixels.width, pixels.height, choice.budget,
                             request.budget == 0 ? " (chosen)" : "", NumTokens(read.part));
  if (choice.loss > kWarnedLoss) {
    read.warning = fmt::format(
        "{}: much detail is lost with a budget of {} soft tokens; small print may not be read",
        ShortName(request.path), choice.budget);
  }
  return read;
}

Result<MediaReader::Read> MediaReader::ReadAudio(const MediaRequest& request, size_t room) const {
  CARAT_ASSIGN(const MediaSource source, OpenSource(request));
  SoundCutter cutter(reading_ == MediaReading::kConversation
                         ? SoundCutter::Options{}
                         : SoundCutter::Options{.min_seconds = 0, .max_seconds = kWhole});
  Read read;
  read.part.kind = PartKind::kAudio;
  double seconds = 0;
  const auto take = [&](SoundPiece piece) -> Status {
    read.part.seconds.push_back(
        static_cast<int64_t>(static_cast<double>(piece.begin) / kSampleRate));
    seconds += static_cast<double>(piece.samples.size()) / kSampleRate;
    read.part.media.push_back(
        std::make_shared<const Medium>(Medium::FromSamples(std::move(piece.samples))));
    return CheckRoom(read.part, room, source.name());
  };
  CARAT_TRY(decoder_.Sound(source, [&](std::span<const float> samples) -> Status {
    return cutter.Push(samples, take);
  }));
  CARAT_TRY(cutter.Finish(take));
  if (read.part.media.empty()) {
    read.part.media.push_back(std::make_shared<const Medium>(Medium::FromSamples({})));
    read.warning = ShortName(request.path) + ": it holds no sound at all";
  }
  const size_t clips = read.part.media.size();
  if (clips == 1) read.part.seconds.clear();
  read.summary =
      fmt::format("{}: {:.1f} seconds of sound{}, {} tokens", ShortName(request.path), seconds,
                  clips > 1 ? fmt::format(" in {} parts", clips) : "", NumTokens(read.part));
  return read;
}

Result<MediaReader::Read> MediaReader::ReadVideo(const MediaRequest& request, size_t room) const {
  CARAT_ASSIGN(const MediaSource source, OpenSource(request));
  Read read;
  read.part.kind = PartKind::kVideo;
  CARAT_TRY(decoder_.Frames(source, {.count = request.frames, .per_second = request.per_second},
                            [&](const Frame& frame) -> Status {
                              read.part.media.push_back(
                                  Fitted(MediumKind::kFrame, frame.pixels, kFrameBudget));
                              read.part.seconds.push_back(static_cast<int64_t>(frame.seconds));
                              return CheckRoom(read.part, room, source.name());
                            }));
  read.summary = fmt::format("{}: {} frames, {} tokens", ShortName(request.path),
                             read.part.media.size(), NumTokens(read.part));
  return read;
}

}  // namespace carat
