#include "chat/media_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/base64.h"
#include "engine/medium.h"
#include "media/budget.h"
#include "media/limits.h"
#include "media/sound_cutter.h"

namespace carat {
namespace {

constexpr int kWhole = 100'000;  // seconds: more than a decoder gives
constexpr size_t kReferenceBudget = 280;
// A budget that a person named is kept, but this much of a loss is said.
constexpr double kWarnedLoss = 2 * kAcceptedLoss;

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

// While a file is read: no more of it than the context takes.
Status CheckRoom(size_t tokens, size_t room, const std::string& name) {
  if (tokens <= room) return {};
  return Fail({.code = ErrorCode::kContextFull,
               .what = "it does not fit the context",
               .where = name,
               .wanted = fmt::format("at most {} tokens", room),
               .found = fmt::format("{} tokens or more", tokens)});
}

std::string ShortName(const std::string& path) {
  if (path.starts_with("data:")) return path.substr(0, path.find(';'));
  return std::filesystem::path(path).filename().string();
}

std::string WarningOf(Damage damage, const MediaRequest& request) {
  return damage == Damage::kNone ? ""
                                 : fmt::format("{}: {}", ShortName(request.path), kDamagedText);
}

}  // namespace

MediaReader::MediaReader(MediaReading reading, MediaDecoder decoder)
    : reading_(reading), decoder_(std::move(decoder)) {}

Result<MediaReader::Read> MediaReader::Get(const MediaRequest& request, size_t room) const {
  auto read = request.kind == PartKind::kImage   ? ReadImage(request, room)
              : request.kind == PartKind::kAudio ? ReadAudio(request, room)
                                                 : ReadVideo(request, room);
  if (read) read->part.name = ShortName(request.path);
  return read;
}

Result<std::vector<MediaPart>> MediaReader::Parts(const std::vector<MediaRequest>& requests,
                                                  size_t room,
                                                  std::vector<std::string>& warnings) const {
  std::vector<MediaPart> parts;
  for (const MediaRequest& request : requests) {
    CARAT_ASSIGN(Read read, Get(request, room));
    room -= std::min(room, NumTokens(read.part));
    parts.push_back(std::move(read.part));
    if (!read.warning.empty()) warnings.push_back(std::move(read.warning));
  }
  return parts;
}

Result<MediaReader::Read> MediaReader::ReadImage(const MediaRequest& request, size_t room) const {
  CARAT_ASSIGN(const MediaSource source, OpenSource(request));
  CARAT_ASSIGN(const Pixels pixels, decoder_.Picture(source));
  const bool conversation = reading_ == MediaReading::kConversation;
  const size_t wanted = request.budget.value_or(conversation ? kAutoBudget : kReferenceBudget);
  BudgetChoice choice{wanted, 0};
  if (wanted == kAutoBudget) {
    choice = ChooseBudget(pixels, room);
  } else if (conversation) {
    choice.loss = LossOf(pixels, wanted);
  }
  Read read;
  const PixelSize size = FittedSize({pixels.height, pixels.width}, choice.budget);
  read.part = {PartKind::kImage,
               {std::make_shared<const Medium>(
                   Medium::FromPixels(MediumKind::kPicture, Resize(pixels, size)))},
               {}};
  read.summary = fmt::format("{}: {} x {} pixels, budget {}{}, {} tokens", ShortName(request.path),
                             pixels.width, pixels.height, choice.budget,
                             wanted == kAutoBudget ? " (chosen)" : "", NumTokens(read.part));
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
    return {};
  };
  size_t heard = 0;  // samples
  const auto push = [&](std::span<const float> samples) -> Status {
    heard += samples.size();
    CARAT_TRY(CheckRoom(heard / kFrameSamples, room, source.name()));
    return cutter.Push(samples, take);
  };
  CARAT_ASSIGN(const Damage damage, decoder_.Sound(source, push));
  CARAT_TRY(cutter.Finish(take));
  CARAT_TRY(CheckRoom(NumTokens(read.part), room, source.name()));
  read.warning = WarningOf(damage, request);
  if (read.part.media.empty()) {
    read.part.media.push_back(std::make_shared<const Medium>(Medium::FromSamples({})));
    read.warning = ShortName(request.path) +
                   (damage == Damage::kNone ? ": it holds no sound at all"
                                            : ": it is damaged, and none of its sound can be read");
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
  const FrameRequest frames{.count = request.frames > 0 ? request.frames : kDefaultFrames,
                            .per_second = request.fps};
  std::optional<PixelSize> size;  // that of the first frame: one for all
  const auto take = [&](const Frame& frame) -> Status {
    if (!size) size = FittedSize({frame.pixels.height, frame.pixels.width}, kFrameBudget);
    read.part.media.push_back(std::make_shared<const Medium>(
        Medium::FromPixels(MediumKind::kFrame, Resize(frame.pixels, *size))));
    read.part.seconds.push_back(static_cast<int64_t>(frame.seconds));
    return CheckRoom(NumTokens(read.part), room, source.name());
  };
  CARAT_ASSIGN(const Damage damage, decoder_.Frames(source, frames, take));
  read.warning = WarningOf(damage, request);
  read.summary = fmt::format("{}: {} frames, {} tokens", ShortName(request.path),
                             read.part.media.size(), NumTokens(read.part));
  return read;
}

}  // namespace carat
