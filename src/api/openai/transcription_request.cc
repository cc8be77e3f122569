#include "api/openai/transcription_request.h"

#include <charconv>
#include <utility>

#include "api/fields.h"
#include "api/openai/languages.h"
#include "base/utf8.h"
#include "chat/transcript.h"
#include "io/json.h"

namespace carat {
namespace {

constexpr size_t kMaxFieldBytes = 16'384;

std::unexpected<Error> Unsupported(std::string what, std::string where, std::string wanted = {}) {
  return Fail({.code = ErrorCode::kUnsupported,
               .what = std::move(what),
               .where = std::move(where),
               .wanted = std::move(wanted)});
}

// The fields but the file, as an object of strings; "name[]" as arrays.
Result<Json> ObjectOf(std::span<const FormPart> parts, TranscriptionRequest& request) {
  Json object{Json::Object()};
  bool has_file = false;
  for (const FormPart& part : parts) {
    const std::string shown = part.name.substr(0, 60);
    if (part.name == "file") {
      if (std::exchange(has_file, true))
        return Fail({.what = "it is there twice", .where = "file"});
      request.file = part.data;
      continue;
    }
    if (part.data.size() > kMaxFieldBytes || !IsValidUtf8(part.data)) {
      return Fail({.what = "no UTF-8, or too long", .where = shown});
    }
    if (!part.name.ends_with("[]")) {
      if (object.Find(part.name) != nullptr) {
        return Fail({.what = "it is there twice", .where = shown});
      }
      object.Set(part.name, part.data);
      continue;
    }
    const std::string key = part.name.substr(0, part.name.size() - 2);
    const Json* const had = object.Find(key);
    Json list = had == nullptr || !had->is_array() ? Json(Json::Array()) : *had;
    list.array().emplace_back(part.data);
    object.Set(key, std::move(list));
  }
  if (!has_file) return Fail({.what = "missing", .where = "file"});
  if (request.file.empty()) return Fail({.what = "it is empty", .where = "file"});
  return object;
}

// A field that may be there once or as a list: all of its values must be this one.
Result<bool> OnlyValue(Fields& fields, std::string_view key, std::string_view value) {
  const Json* const given = fields.Take(key);
  if (given == nullptr) return false;
  const Json::Array one{*given};
  for (const Json& item : given->is_array() ? given->array() : one) {
    if (item.string() == value) continue;
    return Unsupported("carat does not do this", fields.PathOf(key), std::string(value));
  }
  return true;
}

Status ReadFormat(Fields& fields, TranscriptionRequest& request) {
  CARAT_ASSIGN(const auto given, fields.String("response_format"));
  const std::string format = given.value_or("json");
  if (format == "diarized_json") {
    return Unsupported("carat does not tell speakers apart", "response_format");
  }
  constexpr std::pair<std::string_view, TranscriptionFormat> kFormats[] = {
      {"json", TranscriptionFormat::kJson},
      {"text", TranscriptionFormat::kText},
      {"verbose_json", TranscriptionFormat::kVerboseJson},
      {"srt", TranscriptionFormat::kSrt},
      {"vtt", TranscriptionFormat::kVtt}};
  for (const auto& [name, kind] : kFormats) {
    if (name != format) continue;
    request.format = kind;
    return {};
  }
  return Fail({.what = "no such format",
               .where = "response_format",
               .wanted = "json, text, verbose_json, srt or vtt",
               .found = Quoted(format, 40)});
}

Status ReadLanguage(Fields& fields, TranscriptionRequest& request) {
  CARAT_ASSIGN(const auto language, fields.String("language"));
  if (!language || language->empty()) return {};
  const auto name = LanguageName(*language);
  if (!name) {
    return Fail({.what = "no language that carat knows",
                 .where = "language",
                 .wanted = "an ISO 639-1 code",
                 .found = Quoted(*language, 40)});
  }
  request.language = *name;
  return {};
}

Status ReadTemperature(Fields& fields, TranscriptionRequest& request) {
  CARAT_ASSIGN(const auto text, fields.String("temperature"));
  if (!text) return {};
  const char* const end = text->data() + text->size();
  const auto [read, error] = std::from_chars(text->data(), end, request.temperature);
  if (error == std::errc() && read == end && request.temperature >= 0 && request.temperature <= 1) {
    return {};
  }
  return Fail({.what = "wrong value",
               .where = "temperature",
               .wanted = "a number from 0 to 1",
               .found = Quoted(*text, 40)});
}

Status ReadStream(Fields& fields, TranscriptionRequest& request) {
  CARAT_ASSIGN(const auto stream, fields.OneOf("stream", {"true", "false", "True", "False"}));
  request.stream = stream && (*stream)[0] != 'f' && (*stream)[0] != 'F';
  CARAT_ASSIGN(request.logprobs, OnlyValue(fields, "include", "logprobs"));
  CARAT_ASSIGN(const bool segments, OnlyValue(fields, "timestamp_granularities", "segment"));
  const bool json = request.format == TranscriptionFormat::kJson;
  const bool subtitles =
      request.format == TranscriptionFormat::kSrt || request.format == TranscriptionFormat::kVtt;
  if (request.stream && subtitles) {
    return Unsupported("this format does not stream", "stream",
                       "response_format json, text or verbose_json");
  }
  if (request.logprobs && !json) {
    return Unsupported("this format has no place for logprobs", "include", "response_format json");
  }
  if (segments && request.format != TranscriptionFormat::kVerboseJson) {
    return Unsupported("this format has no place for times", "timestamp_granularities",
                       "response_format verbose_json");
  }
  return {};
}

}  // namespace

Result<TranscriptionRequest> ReadTranscriptionForm(std::span<const FormPart> parts,
                                                   bool translate) {
  TranscriptionRequest request{.translate = translate};
  CARAT_ASSIGN(const Json object, ObjectOf(parts, request));
  CARAT_ASSIGN(Fields fields, Fields::Of(object, ""));
  CARAT_ASSIGN(request.model, fields.String("model"));
  CARAT_ASSIGN(const auto prompt, fields.String("prompt"));
  request.prompt = prompt.value_or("");
  CARAT_TRY(ReadFormat(fields, request));
  CARAT_TRY(ReadLanguage(fields, request));
  CARAT_TRY(ReadTemperature(fields, request));
  if (!translate) {
    CARAT_TRY(ReadStream(fields, request));
    CARAT_TRY(fields.Only("chunking_strategy", {"auto"}));
  }
  CARAT_TRY(fields.Done());
  return request;
}

std::string InstructionOf(const TranscriptionRequest& request) {
  std::string text = TranscribeInstruction(request.language, request.translate ? "English" : "");
  if (!request.prompt.empty()) {
    text += "\n\nThe speech may go on from this text, and shares its names and spelling: " +
            request.prompt;
  }
  return text;
}

}  // namespace carat
