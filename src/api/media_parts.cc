#include "api/media_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "media/budget.h"
#include "media/limits.h"

namespace carat {
namespace {

std::unexpected<Error> Refused(std::string what, std::string where, std::string_view found) {
  return Fail({.code = ErrorCode::kUnsupported,
               .what = std::move(what),
               .where = std::move(where),
               .wanted = "data:TYPE;base64,…",
               .found = Quoted(found, 40)});
}

bool BeginsWith(std::string_view text, std::string_view scheme) {
  return text.size() >= scheme.size() &&
         std::ranges::equal(text.substr(0, scheme.size()), scheme, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b;
         });
}

Status CheckUrl(std::string_view url, const std::string& where) {
  if (BeginsWith(url, "http:") || BeginsWith(url, "https:")) {
    return Refused("carat opens no addresses: send the bytes", where, url);
  }
  if (BeginsWith(url, "file:")) return Refused("carat opens no files of clients", where, url);
  const size_t comma = url.substr(0, 200).find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos ||
      !url.substr(0, comma).ends_with(";base64")) {
    return Refused("not a data: URL in base64", where, url);
  }
  return {};
}

bool IsTypeByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/.+-_").find(c) != std::string_view::npos;
}

Result<Json> TextOf(Fields& fields, std::string_view key) {
  CARAT_ASSIGN(std::string text, fields.RequireString(key));
  // Prompt caching is automatic here.
  fields.Ignore({"cache_control", "prompt_cache_breakpoint", "annotations"});
  CARAT_TRY(fields.Done());
  return TextPart(std::move(text));
}

// {"url", "detail"} in the member `key`.
Result<Json> FromUrl(Fields& part, std::string_view key, PartKind kind) {
  CARAT_ASSIGN(const Json* const object, part.Require(key));
  CARAT_ASSIGN(Fields inner, Fields::Of(*object, part.PathOf(key)));
  MediaRequest medium{.kind = kind};
  CARAT_ASSIGN(medium.path, inner.RequireString("url"));
  if (kind == PartKind::kImage) {
    CARAT_ASSIGN(medium.budget, TakeDetail(inner));
    CARAT_ASSIGN(const std::optional<size_t> budget, TakeBudget(part));
    if (budget) medium.budget = budget;
  }
  if (kind == PartKind::kVideo) CARAT_TRY(TakeFilm(part, medium));
  part.Ignore({"cache_control", "prompt_cache_breakpoint"});
  CARAT_TRY(inner.Done());
  CARAT_TRY(part.Done());
  return MediaPartOf(medium, inner.PathOf("url"));
}

Result<Json> FromSamples(Fields& part) {
  CARAT_ASSIGN(const Json* const object, part.Require("input_audio"));
  CARAT_ASSIGN(Fields inner, Fields::Of(*object, part.PathOf("input_audio")));
  CARAT_ASSIGN(std::string data, inner.RequireString("data"));
  CARAT_ASSIGN(const std::optional<std::string> format, inner.String("format"));
  part.Ignore({"cache_control", "prompt_cache_breakpoint"});
  CARAT_TRY(inner.Done());
  CARAT_TRY(part.Done());
  if (!data.starts_with("data:")) {
    CARAT_ASSIGN(data,
                 DataUrlOf(PartKind::kAudio, format.value_or("wav"), data, inner.PathOf("format")));
  }
  return MediaPartOf({.kind = PartKind::kAudio, .path = std::move(data)}, inner.PathOf("data"));
}

}  // namespace

Result<Json> MediaPartOf(const MediaRequest& medium, const std::string& where) {
  CARAT_TRY(CheckUrl(medium.path, where));
  MediaRequest placed = medium;
  placed.place = where;
  return ToJson(placed);
}

Result<std::string> DataUrlOf(PartKind kind, std::string_view type, std::string_view base64,
                              const std::string& where) {
  if (type.empty() || type.size() > 100 || !std::ranges::all_of(type, IsTypeByte)) {
    return Fail({.what = "not a type of media", .where = where, .found = Quoted(type, 40)});
  }
  const bool whole = type.find('/') != std::string_view::npos;
  return fmt::format("data:{}{}{};base64,{}", whole ? "" : TypeOf(kind), whole ? "" : "/", type,
                     base64);
}

Result<std::optional<size_t>> TakeDetail(Fields& fields) {
  CARAT_ASSIGN(const std::optional<std::string> detail,
               fields.OneOf("detail", {"auto", "low", "high", "original"}));
  if (!detail || *detail == "auto") return std::nullopt;
  return *detail == "low" ? kBudgets.front() : kBudgets.back();
}

Result<std::optional<size_t>> TakeBudget(Fields& fields) {
  const Json* const value = fields.Take("budget");
  if (value == nullptr) return std::nullopt;
  if (value->is_string() && value->string() == "auto") return kAutoBudget;
  for (const size_t known : kBudgets) {
    if (value->is_int() && value->integer() == static_cast<int64_t>(known)) return known;
  }
  return Fail({.what = "no such budget",
               .where = fields.PathOf("budget"),
               .wanted = "70, 140, 280, 560, 1120 or \"auto\"",
               .found = value->Dump().substr(0, 40)});
}

Status TakeFilm(Fields& fields, MediaRequest& medium) {
  CARAT_ASSIGN(const std::optional<int64_t> frames, fields.Int("frames", 1, kMaxVideoFrames));
  CARAT_ASSIGN(const std::optional<double> fps, fields.Number("fps", 0.001, kMaxFps));
  if (frames && fps) {
    return Fail({.what = "a number of frames and a rate exclude each other",
                 .where = fields.path(),
                 .wanted = "frames or fps"});
  }
  medium.frames = frames.value_or(0);
  medium.fps = fps.value_or(0);
  return {};
}

Result<Json> ChatPart(const Json& part, const std::string& path) {
  CARAT_ASSIGN(Fields fields, Fields::Of(part, path));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type == "text") return TextOf(fields, "text");
  if (type == "refusal") return TextOf(fields, "refusal");
  if (type == "image_url") return FromUrl(fields, "image_url", PartKind::kImage);
  if (type == "audio_url") return FromUrl(fields, "audio_url", PartKind::kAudio);
  if (type == "video_url") return FromUrl(fields, "video_url", PartKind::kVideo);
  if (type == "input_audio") return FromSamples(fields);
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "carat takes no such part",
               .where = fields.PathOf("type"),
               .wanted = "text, refusal, image_url, input_audio, audio_url or video_url",
               .found = Quoted(type, 40)});
}

}  // namespace carat
