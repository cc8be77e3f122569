#include "apps/inspect_file.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/output.h"
#include "apps/terminal.h"
#include "base/utf8.h"
#include "chat/template.h"
#include "engine/model_files.h"
#include "model/drafter_weights.h"

namespace carat {
namespace {

Json Describe(const Config& config) {
  Json json;
  json.Set("vocab_size", config.vocab_size);
  json.Set("hidden", config.hidden);
  json.Set("intermediate", config.intermediate);
  json.Set("heads", config.num_heads);
  json.Set("layers", config.num_layers());
  json.Set("global_layers", int64_t{std::ranges::count(config.is_global, true)});
  json.Set("sliding_head_dim", config.sliding.head_dim);
  json.Set("sliding_kv_heads", config.sliding.kv_heads);
  json.Set("global_head_dim", config.global.head_dim);
  json.Set("global_kv_heads", config.global.kv_heads);
  json.Set("window", config.window);
  json.Set("max_positions", config.max_positions);
  json.Set("softcap", double{config.softcap});
  json.Set("embedding_scale", double{config.embedding_scale});
  return json;
}

Json Describe(const DrafterConfig& config) {
  Json json = Describe(config.text);
  json.Set("target_hidden", config.target_hidden);
  return json;
}

Json Describe(const EmbedderConfig& config) {
  Json json;
  json.Set("hidden", config.hidden);
  if (config.vision) {
    json.Set("patch_side", config.vision->patch_side);
    json.Set("vision_width", config.vision->width);
    json.Set("positions", config.vision->positions);
  }
  if (config.audio) json.Set("frame_samples", config.audio->frame_samples);
  return json;
}

Json Describe(const Tokenizer& tokenizer) {
  const auto& special = tokenizer.special();
  Json json;
  json.Set("size", tokenizer.size());
  json.Set("bos", int64_t{special.bos});
  json.Set("eos", int64_t{special.eos});
  json.Set("turn_end", int64_t{special.turn_end});
  return json;
}

// "2026-07-09 (18683 bytes)", and whether carat renders something else.
std::string DescribeTemplate(const std::string& text) {
  if (text.empty()) return fmt::format("none; carat renders the version of {}", kTemplateVersion);
  constexpr std::string_view kMark = "Published: ";
  const size_t at = text.find(kMark);
  const std::string date =
      at == std::string::npos ? "without a date" : text.substr(at + kMark.size(), 10);
  std::string here = fmt::format("{} ({} bytes)", SanitizeUtf8(date), text.size());
  if (IsOurTemplate(text)) return here;
  return fmt::format("{}; carat renders the official version of {}, which differs", here,
                     kTemplateVersion);
}

Json Describe(const GgufValue& value) {
  if (const auto* text = value.AsString()) return Json(SanitizeUtf8(*text));
  if (const auto* flag = std::get_if<bool>(&value.value)) return Json(*flag);
  if (const auto number = value.AsInteger()) return Json(*number);
  if (const auto number = value.AsNumber()) {
    // An f32 as it was meant: 0.95, not 0.949999988079071.
    const bool single = value.type == GgufType::kFloat32;
    return Json(single ? std::stod(fmt::format("{}", static_cast<float>(*number))) : *number);
  }
  constexpr uint64_t kMostListed = 64;
  const GgufArray* array = value.AsArray();
  if (array == nullptr || !array->is_integers() || array->count > kMostListed)
    return Json(value.Describe());
  Json::Array numbers;
  for (uint64_t i = 0; i < array->count; ++i) numbers.emplace_back(array->Integer(i));
  return Json(std::move(numbers));
}

Json::Array DescribeTensors(const TensorDirectory& directory) {
  Json::Array tensors;
  for (const TensorEntry& entry : directory.entries()) {
    Json tensor;
    tensor.Set("name", SanitizeUtf8(entry.name));
    tensor.Set("type", entry.TypeName());
    Json::Array shape;
    for (const uint64_t d : entry.shape) shape.emplace_back(static_cast<int64_t>(d));
    tensor.Set("shape", std::move(shape));
    tensor.Set("bytes", entry.bytes.size());
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// Adds what binding the tensors shows. Takes the files, since a text model keeps them.
Status AddContents(ModelFiles files, Json& json) {
  std::vector<std::string> warnings;
  switch (files.kind) {
    case FileKind::kText: {
      CARAT_ASSIGN(const LoadedModel model, LoadTextModel(std::move(files)));
      json.Set("config", Describe(model.config));
      if (model.tokenizer) json.Set("tokenizer", Describe(*model.tokenizer));
      warnings = model.warnings;
      break;
    }
    case FileKind::kDrafter: {
      CARAT_ASSIGN(const Drafter drafter, LoadDrafter(files));
      json.Set("config", Describe(drafter.config));
      break;
    }
    case FileKind::kEmbedders: {
      CARAT_ASSIGN(const Embedders embedders, LoadEmbedders(files));
      json.Set("config", Describe(embedders.config));
      warnings = embedders.weights.warnings;
      break;
    }
  }
  Json::Array list;
  for (const std::string& warning : warnings) list.emplace_back(warning);
  json.Set("warnings", std::move(list));
  return {};
}

}  // namespace

Result<Json> DescribeFile(const std::string& path) {
  CARAT_ASSIGN(ModelFiles files, OpenModelFiles(path));
  Json json;
  json.Set("path", SanitizeUtf8(path));
  json.Set("kind", FileKindName(files.kind));
  json.Set("format", files.gguf ? fmt::format("gguf v{}", files.gguf->version())
                                : std::string("safetensors"));
  json.Set("architecture", SanitizeUtf8(files.architecture));
  if (files.kind == FileKind::kText) json.Set("template", DescribeTemplate(files.chat_template));
  Json totals;
  totals.Set("tensors", files.tensors().entries().size());
  totals.Set("elements", static_cast<int64_t>(files.tensors().TotalElements()));
  totals.Set("bytes", static_cast<int64_t>(files.tensors().TotalBytes()));
  json.Set("totals", std::move(totals));
  Json::Array tensors = DescribeTensors(files.tensors());
  const bool has_metadata = files.gguf.has_value();
  Json::Object metadata;
  if (has_metadata) {
    for (const GgufPair& pair : files.gguf->metadata())
      metadata.emplace_back(pair.key, Describe(pair.value));
  }
  CARAT_TRY(AddContents(std::move(files), json));
  if (has_metadata) json.Set("metadata", std::move(metadata));
  json.Set("tensors", std::move(tensors));
  return json;
}

void PrintDescription(const Json& description) {
  constexpr size_t kMostShown = 100;  // bytes of a value; --json has all
  for (const auto& [name, value] : description.object()) {
    if (name == "metadata" || name == "tensors") continue;
    const std::string text = value.is_string() ? value.string() : value.Dump();
    Print("{:13} {}\n", name, EscapeLine(text));
  }
  if (const Json* metadata = description.Find("metadata"); metadata != nullptr) {
    Print("metadata\n");
    for (const auto& [key, value] : metadata->object()) {
      std::string text = value.Dump();
      if (text.size() > kMostShown) text = SanitizeUtf8(text.substr(0, kMostShown)) + "…";
      Print("  {:48} {}\n", EscapeLine(key), EscapeLine(text));
    }
  }
  Print("tensors\n");
  for (const Json& tensor : description.Find("tensors")->array()) {
    Print("  {:58} {:6} {:18} {}\n", EscapeLine(tensor.Find("name")->string()),
          tensor.Find("type")->string(), tensor.Find("shape")->Dump(),
          tensor.Find("bytes")->integer());
  }
}

}  // namespace carat
