#include "chat/media_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "media/budget.h"
#include "media/limits.h"

namespace carat {
namespace {

// A member that means something for one kind only.
Status CheckMembers(const JsonView& part, PartKind kind) {
  constexpr std::array<std::pair<const char*, PartKind>, 3> kMembers = {
      {{"budget", PartKind::kImage}, {"frames", PartKind::kVideo}, {"fps", PartKind::kVideo}}};
  for (const auto& [name, owner] : kMembers) {
    if (kind == owner || !part.Has(name)) continue;
    return Fail({.what = fmt::format("{} belongs to a part of type {}", name, TypeOf(owner)),
                 .where = part.path() + "." + name,
                 .found = std::string(TypeOf(kind))});
  }
  return {};
}

Result<std::optional<size_t>> BudgetOf(const JsonView& part) {
  if (!part.Has("budget")) return std::nullopt;
  CARAT_ASSIGN(const JsonView budget, part.Get("budget"));
  const Json& value = budget.value();
  if (value.is_string() && value.string() == "auto") return kAutoBudget;
  for (const size_t known : kBudgets)
    if (value.is_int() && value.integer() == static_cast<int64_t>(known)) return known;
  return Fail({.what = "no such budget",
               .where = part.path() + ".budget",
               .wanted = "70, 140, 280, 560, 1120 or \"auto\"",
               .found = value.Dump().substr(0, 40)});
}

// A part that names a file.
Result<MediaRequest> FromPath(const JsonView& part, PartKind kind) {
  CARAT_TRY(CheckMembers(part, kind));
  MediaRequest request{.kind = kind};
  CARAT_ASSIGN(request.path, part.String("path"));
  CARAT_ASSIGN(request.budget, BudgetOf(part));
  CARAT_ASSIGN(request.place, part.StringOr("place", ""));
  if (part.Has("frames")) {
    CARAT_ASSIGN(request.frames, part.Int("frames", 1, kMaxVideoFrames));
  }
  CARAT_ASSIGN(request.fps, part.NumberOr("fps", 0));
  if (part.Has("fps") && !(request.fps > 0 && request.fps <= kMaxFps)) {
    return Fail({.what = "a rate out of range",
                 .where = part.path() + ".fps",
                 .wanted = fmt::format("more than 0 and at most {}", kMaxFps),
                 .found = fmt::format("{}", request.fps)});
  }
  if (request.fps > 0 && request.frames > 0) {
    return Fail({.what = "a number of frames and a rate exclude each other",
                 .where = part.path(),
                 .wanted = "frames or fps"});
  }
  return request;
}

Result<MediaRequest> FromUrl(const JsonView& part) {
  CARAT_TRY(CheckMembers(part, PartKind::kImage));
  CARAT_ASSIGN(const JsonView object, part.Object("image_url"));
  MediaRequest request;
  CARAT_ASSIGN(request.budget, BudgetOf(part));
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

Result<MediaRequest> FromSamples(const JsonView& part) {
  CARAT_TRY(CheckMembers(part, PartKind::kAudio));
  CARAT_ASSIGN(const JsonView object, part.Object("input_audio"));
  CARAT_ASSIGN(const std::string data, object.String("data"));
  // Some clients put a whole URL there.
  const std::string path = data.starts_with("data:") ? data : "data:audio;base64," + data;
  return MediaRequest{.kind = PartKind::kAudio, .path = path};
}

Result<MediaRequest> RequestOf(const MediaSlot& slot) {
  const JsonView part(*slot.part, slot.path);
  CARAT_ASSIGN(const std::string type, part.String("type"));
  if (type == "image_url") return FromUrl(part);
  if (type == "input_audio") return FromSamples(part);
  for (const PartKind kind : {PartKind::kImage, PartKind::kAudio})
    if (type == TypeOf(kind)) return FromPath(part, kind);
  return FromPath(part, PartKind::kVideo);  // the template knows no other
}

}  // namespace

std::string_view TypeOf(PartKind kind) {
  return kind == PartKind::kImage ? "image" : kind == PartKind::kAudio ? "audio" : "video";
}

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
  if (request.budget == kAutoBudget) {
    part.Set("budget", "auto");
  } else if (request.budget) {
    part.Set("budget", static_cast<int64_t>(*request.budget));
  }
  if (request.frames > 0) part.Set("frames", request.frames);
  if (request.fps > 0) part.Set("fps", request.fps);
  if (!request.place.empty()) part.Set("place", request.place);
  return part;
}

Result<std::vector<MediaRequest>> MediaRequestsOf(const RenderedPrompt& rendered) {
  std::vector<MediaRequest> requests;
  for (const MediaSlot& slot : rendered.media) {
    CARAT_ASSIGN(MediaRequest request, RequestOf(slot));
    if (request.place.empty()) request.place = slot.path;
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace carat
