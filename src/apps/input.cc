#include "apps/input.h"

#include <algorithm>
#include <cstdlib>

#include "apps/interrupt.h"
#include "apps/media_options.h"
#include "apps/output.h"
#include "apps/terminal.h"
#include "base/check.h"
#include "base/utf8.h"
#include "chat/media_reader.h"
#include "chat/prompt.h"
#include "io/file.h"
#include "io/json.h"
#include "ops/usable_tables.h"
#include "sys/executable.h"

namespace carat {
namespace {

Result<std::vector<TokenId>> ParseIds(const Json& json, const std::string& path) {
  const JsonView view(json, path);
  if (!json.is_array()) return Fail(view.Wrong("an array of ids"));
  std::vector<TokenId> ids;
  for (size_t i = 0; i < json.array().size(); ++i) {
    const Json& id = json.array()[i];
    if (!id.is_int() || id.integer() < 0 || id.integer() > INT32_MAX)
      return Fail(view.At(i).Wrong("a token id"));
    ids.push_back(static_cast<TokenId>(id.integer()));
  }
  return ids;
}

Result<Prompt> WithMedia(const Tokenizer& tokenizer, const RenderedPrompt& rendered,
                         const std::vector<MediaRequest>& media, size_t room) {
  CARAT_ASSIGN(const std::vector<MediaPart> parts, ReadMedia(media, room));
  return ToPrompt(tokenizer, rendered, parts);
}

Result<RenderedPrompt> Render(const PromptSource& source, const Json& messages) {
  Json tools;
  if (source.tools) {
    CARAT_ASSIGN(tools, ReadJsonFile(*source.tools));
  }
  return RenderPrompt(messages, source.tools ? &tools : nullptr,
                      {.add_generation_prompt = !source.no_generation_prompt,
                       .enable_thinking = source.thinking,
                       .preserve_thinking = source.preserve_thinking});
}

constexpr std::string_view kAboutPoint =
    "This is carat-point, a very small model that comes with carat and knows a small world. "
    "The real one: --model /path/to/gemma-4-12b.gguf\n";

}  // namespace

Result<Json> ReadJsonFile(const std::string& path) {
  CARAT_ASSIGN(const std::string text, ReadFile(path, kMaxPromptBytes));
  auto json = ParseJson(text);
  if (!json) return Fail(Within(path, json.error()));
  return json;
}

Result<std::vector<MediaPart>> ReadMedia(const std::vector<MediaRequest>& media, size_t room) {
  const MediaReader reader(MediaReading::kReference, AppDecoder());
  std::vector<std::string> warnings;
  auto parts = reader.Parts(media, room, warnings);
  PrintWarnings(warnings);
  return parts;
}

Result<RenderedPrompt> RenderSource(const PromptSource& source) {
  CARAT_CHECK(source.messages.has_value());
  CARAT_ASSIGN(const Json messages, ReadJsonFile(*source.messages));
  return Render(source, messages);
}

Result<Prompt> ReadPrompt(const PromptSource& source, const Tokenizer* tokenizer, size_t room) {
  const int given = source.ids.has_value() + source.messages.has_value() +
                    source.prompt.has_value() + source.text.has_value();
  if (given != 1) {
    return Fail({.what = "exactly one source of the prompt is needed",
                 .wanted = "--ids, --messages, --prompt or --text",
                 .found = std::to_string(given)});
  }
  Prompt prompt;
  if (source.ids) {
    CARAT_ASSIGN(const Json json, ReadJsonFile(*source.ids));
    CARAT_ASSIGN(prompt.ids, ParseIds(json, *source.ids));
    return prompt;
  }
  if (tokenizer == nullptr) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "the model files carry no tokenizer, so only --ids can be read"});
  }
  if (source.messages) {
    CARAT_ASSIGN(const Json messages, ReadJsonFile(*source.messages));
    CARAT_ASSIGN(const RenderedPrompt rendered, Render(source, messages));
    PrintWarnings(rendered.warnings);
    CARAT_ASSIGN(const std::vector<MediaRequest> media, MediaRequestsOf(rendered));
    return WithMedia(*tokenizer, rendered, media, room);
  }
  if (source.prompt) {
    RenderedPrompt rendered;
    CARAT_ASSIGN(rendered.text, ReadFile(*source.prompt, kMaxPromptBytes));
    if (source.bare && source.media.empty()) return ToPrompt(*tokenizer, rendered);
    return WithMedia(*tokenizer, rendered, source.media, room);
  }
  prompt.ids = tokenizer->EncodeText(*source.text);
  return prompt;
}

std::filesystem::path ModelFolder() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0') {
    return std::filesystem::path(data) / "carat/models";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : ".") / ".local/share/carat/models";
}

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1));
}

std::string ExpandHome(const std::string& path) {
  const char* home = std::getenv("HOME");
  if (!path.starts_with("~/") || home == nullptr) return path;
  return home + path.substr(1);
}

std::optional<std::filesystem::path> PointModel() {
  const std::filesystem::path program = ExecutableFolder();
  if (program.empty()) return std::nullopt;
  std::error_code ignored;
  // Installed, in build/, in a preset's folder of it.
  for (const char* place :
       {"../share/carat/models/point", "../models/point", "../../models/point"}) {
    std::filesystem::path folder = (program / place).lexically_normal();
    if (std::filesystem::exists(folder / "config.json", ignored)) return folder;
  }
  return std::nullopt;
}

Result<std::filesystem::path> ChooseModel(const std::string& name) {
  const std::filesystem::path folder = ModelFolder();
  std::error_code ignored;
  if (!name.empty()) {
    for (const auto& path :
         {std::filesystem::path(name), folder / name, folder / (name + ".gguf")}) {
      if (std::filesystem::exists(path, ignored)) return path;
    }
    if (const auto point = PointModel(); point && name == "point") return *point;
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "no such model",
                 .where = name,
                 .wanted = "a folder, a GGUF file, point, or a name in " + folder.string()});
  }
  std::vector<std::filesystem::path> models;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const auto files = OpenModelFiles(entry.path());
    if (files && files->kind == FileKind::kText) models.push_back(entry.path());
  }
  if (models.size() == 1) return models.front();
  if (models.empty()) {
    if (auto point = PointModel()) return *point;
    return Fail({.code = ErrorCode::kNotFound,
                 .what =
                     "no model is named, the model directory holds none, and carat-point is not "
                     "beside the program",
                 .where = folder.string(),
                 .wanted = "--model with a folder, a GGUF file or a name in that directory"});
  }
  std::ranges::sort(models);
  std::string names;
  for (const auto& model : models)
    names += (names.empty() ? "" : ", ") + SanitizeUtf8(model.filename().string());
  return Fail({.code = ErrorCode::kNotFound,
               .what = "no model is named and the model directory holds several",
               .where = folder.string(),
               .wanted = "--model with a folder, a GGUF file or a name in that directory",
               .found = names});
}

Result<std::unique_ptr<Engine>> OpenModel(const std::string& name, EngineOptions options,
                                          bool say) {
  CARAT_ASSIGN(options.model, ChooseModel(name));
  if (!options.progress) options.progress = [](size_t, size_t) { return !Interrupted(); };
  if (options.kernels.empty() && UsableTables().count == 1) {
    PrintWarnings(
        {"this processor has neither AVX2 nor anything better that carat has kernels for: "
         "it will be very slow"});
  }
  CARAT_ASSIGN(auto engine, Engine::Open(options));
  PrintWarnings(engine->warnings());
  if (!say) return engine;
  if (options.model == PointModel()) {
    WriteErr(kAboutPoint);
  } else if (name.empty()) {
    PrintErr("carat: model {}\n", EscapeLine(options.model.string()));
  }
  return engine;
}

}  // namespace carat
