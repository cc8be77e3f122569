#include "api/anthropic/parts.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "api/fields.h"
#include "api/media_parts.h"
#include "base/utf8.h"
#include "chat/media_request.h"

namespace carat {
namespace {

std::unexpected<Error> NotTaken(std::string what, std::string where, std::string_view found) {
  return Fail({.code = ErrorCode::kUnsupported,
               .what = std::move(what),
               .where = std::move(where),
               .found = Quoted(found, 40)});
}

// {"type": "base64", "media_type", "data"} as a data: URL.
Result<std::string> Base64Source(const Json& source, const std::string& where, PartKind kind) {
  CARAT_ASSIGN(Fields fields, Fields::Of(source, where));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type == "url") {
    return NotTaken("carat opens no addresses: send the bytes as base64", fields.PathOf("type"),
                    type);
  }
  if (type == "file") {
    return NotTaken("carat keeps no files: send the bytes as base64", fields.PathOf("type"), type);
  }
  if (type != "base64") {
    return Fail({.what = "no such source",
                 .where = fields.PathOf("type"),
                 .wanted = "base64",
                 .found = Quoted(type, 40)});
  }
  CARAT_ASSIGN(const std::string media_type, fields.RequireString("media_type"));
  CARAT_ASSIGN(const std::string data, fields.RequireString("data"));
  CARAT_TRY(fields.Done());
  return DataUrlOf(kind, media_type, data, fields.PathOf("media_type"));
}

Status AppendMedium(Fields& fields, PartKind kind, Json::Array& parts) {
  MediaRequest medium{.kind = kind};
  CARAT_ASSIGN(const Json* const source, fields.Require("source"));
  const std::string where = fields.PathOf("source");
  CARAT_ASSIGN(medium.path, Base64Source(*source, where, kind));
  if (kind == PartKind::kImage) {
    CARAT_ASSIGN(medium.budget, TakeBudget(fields));
    Json downsize;
    downsize.Set("oversized_image", "downsize");
    CARAT_TRY(fields.Only("transformations", {Json(Json::Object()), downsize}));
  }
  if (kind == PartKind::kVideo) CARAT_TRY(TakeFilm(fields, medium));
  CARAT_TRY(fields.Done());
  CARAT_ASSIGN(Json part, MediaPartOf(medium, where + ".data"));
  parts.push_back(std::move(part));
  return {};
}

Status RefuseCitations(Fields& fields) {
  Json off;
  off.Set("enabled", false);
  return fields.Only("citations", {off, Json(Json::Array())});
}

// Title, source and the like stand before a text, each in a line.
Status AppendHeading(Fields& fields, std::initializer_list<std::string_view> keys,
                     Json::Array& parts) {
  std::string heading;
  for (const std::string_view key : keys) {
    CARAT_ASSIGN(const std::optional<std::string> line, fields.String(key));
    if (line && !line->empty()) heading += *line + "\n";
  }
  if (!heading.empty()) parts.push_back(TextPart(std::move(heading)));
  return {};
}

Status AppendAll(const Json& content, const std::string& where, BlockMedia media,
                 Json::Array& parts) {
  if (content.is_string()) {
    parts.push_back(TextPart(content.string()));
    return {};
  }
  if (!content.is_array()) {
    return WrongKind(where, "a string or an array of blocks", content);
  }
  for (size_t i = 0; i < content.array().size(); ++i) {
    CARAT_TRY(AppendBlock(content.array()[i], fmt::format("{}[{}]", where, i), media, parts));
  }
  return {};
}

Status AppendDocumentSource(const Json& source, const std::string& where, BlockMedia media,
                            Json::Array& parts) {
  CARAT_ASSIGN(Fields fields, Fields::Of(source, where));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  if (type == "text") {
    CARAT_TRY(fields.OneOf("media_type", {"text/plain"}));
    CARAT_ASSIGN(std::string data, fields.RequireString("data"));
    CARAT_TRY(fields.Done());
    parts.push_back(TextPart(std::move(data)));
    return {};
  }
  if (type == "content") {
    CARAT_ASSIGN(const Json* const content, fields.Require("content"));
    CARAT_TRY(fields.Done());
    return AppendAll(*content, fields.PathOf("content"), media, parts);
  }
  return NotTaken(type == "base64" ? "carat reads no PDF: send its text or pictures of its pages"
                                   : "carat opens no addresses and keeps no files",
                  fields.PathOf("type"), type);
}

Status AppendDocument(Fields& fields, BlockMedia media, Json::Array& parts) {
  CARAT_TRY(AppendHeading(fields, {"title", "context"}, parts));
  CARAT_TRY(RefuseCitations(fields));
  CARAT_ASSIGN(const Json* const source, fields.Require("source"));
  CARAT_TRY(fields.Done());
  return AppendDocumentSource(*source, fields.PathOf("source"), media, parts);
}

Status AppendSearchResult(Fields& fields, Json::Array& parts) {
  CARAT_TRY(AppendHeading(fields, {"title", "source"}, parts));
  CARAT_TRY(RefuseCitations(fields));
  CARAT_ASSIGN(const Json* const content, fields.Require("content"));
  CARAT_TRY(fields.Done());
  return AppendAll(*content, fields.PathOf("content"), BlockMedia::kRefused, parts);
}

}  // namespace

Status AppendBlock(const Json& block, const std::string& where, BlockMedia media,
                   Json::Array& parts) {
  CARAT_ASSIGN(Fields fields, Fields::Of(block, where));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  fields.Ignore({"cache_control"});
  if (type == "text") {
    CARAT_ASSIGN(std::string text, fields.RequireString("text"));
    fields.Ignore({"citations"});  // of an answer that comes back
    CARAT_TRY(fields.Done());
    parts.push_back(TextPart(std::move(text)));
    return {};
  }
  if (type == "document") return AppendDocument(fields, media, parts);
  if (type == "search_result") return AppendSearchResult(fields, parts);
  for (const PartKind kind : {PartKind::kImage, PartKind::kAudio, PartKind::kVideo}) {
    if (type != TypeOf(kind)) continue;
    if (media == BlockMedia::kAllowed) return AppendMedium(fields, kind, parts);
    return NotTaken("only text can stand here", fields.PathOf("type"), type);
  }
  return NotTaken("carat takes no such block here", fields.PathOf("type"), type);
}

Result<Json> ContentOf(const Json& content, const std::string& where, BlockMedia media) {
  if (content.is_string()) return content;
  Json::Array parts;
  CARAT_TRY(AppendAll(content, where, media, parts));
  return Json(std::move(parts));
}

}  // namespace carat
