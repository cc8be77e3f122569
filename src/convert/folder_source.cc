// A Hugging Face folder in GGUF's names, orders and keys (gguf specification, sections 2 to 4).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "convert/gguf_source.h"
#include "convert/vocabulary.h"
#include "model/tensor_names.h"

namespace carat {
namespace {

using Change = SourceTensor::Change;

// Takes tensors of the folder by name.
class Taker {
 public:
  Taker(const TensorDirectory& from, GgufSource& to) : from_(from), to_(to) {}

  bool Has(const std::string& name) const { return from_.Find(name) != nullptr; }

  // A matrix keeps its 16-bit format; everything else is written as f32 (3.1).
  Status Take(const std::string& name, const std::string& as, bool matrix,
              Change change = Change::kNone) {
    const TensorEntry* entry = from_.Find(name);
    if (entry == nullptr) {
      return Fail({.code = ErrorCode::kNotFound, .what = "missing tensor", .where = name});
    }
    if (!IsWeightType(entry->dtype)) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "wrong tensor type",
                   .where = name,
                   .found = std::string(entry->TypeName())});
    }
    SourceTensor tensor{.name = as,
                        .shape = entry->shape,
                        .dtype = entry->dtype,
                        .bytes = entry->bytes,
                        .made = {},
                        .change = change,
                        .kept = matrix ? entry->dtype : DType::kF32};
    if (tensor.shape.empty()) tensor.shape = {1};
    if (change == Change::kSwapAxes && tensor.shape.size() == 3)
      std::swap(tensor.shape[0], tensor.shape[1]);
    to_.tensors.push_back(std::move(tensor));
    return {};
  }

  void Make(const std::string& as, std::vector<float> values) {
    to_.tensors.push_back(
        {.name = as, .shape = {values.size()}, .bytes = {}, .made = std::move(values)});
  }

 private:
  const TensorDirectory& from_;
  GgufSource& to_;
};

// A layer's tensors in both dialects. Global layers have no v, and the drafter's neither k nor v.
struct LayerTensor {
  std::string_view LayerNames::* name;
  bool matrix = false, optional = false;
};
constexpr LayerTensor kLayer[] = {
    {&LayerNames::attn_norm},           {&LayerNames::q, true},        {&LayerNames::k, true, true},
    {&LayerNames::v, true, true},       {&LayerNames::o, true},        {&LayerNames::q_norm},
    {&LayerNames::k_norm, false, true}, {&LayerNames::post_attn_norm}, {&LayerNames::ffn_norm},
    {&LayerNames::gate, true},          {&LayerNames::up, true},       {&LayerNames::down, true},
    {&LayerNames::post_ffn_norm},       {&LayerNames::layer_scalar}};

Status TakeLayer(Taker& take, const std::string& prefix, int64_t layer) {
  for (const LayerTensor& tensor : kLayer) {
    const std::string name =
        fmt::format("{}layers.{}.{}", prefix, layer, kHuggingFaceNames.*tensor.name);
    if (tensor.optional && !take.Has(name)) continue;
    CARAT_TRY(
        take.Take(name, fmt::format("blk.{}.{}", layer, kGgufNames.*tensor.name), tensor.matrix));
  }
  return {};
}

// Divisors of the global rotary frequencies: 1 where a pair rotates, else 1e30 (3.1).
std::vector<float> RopeFactors(const Config& config) {
  std::vector<float> factors(static_cast<size_t>(config.global.head_dim / 2), 1e30f);
  std::fill_n(factors.begin(), config.global_rotary_pairs(), 1.0f);
  return factors;
}

void SetGeneral(const ModelFiles& files, std::string_view architecture, std::string_view type,
                GgufHeader& header) {
  header.SetString("general.architecture", architecture);
  header.SetString("general.type", type);
  const std::filesystem::path folder =
      files.path.has_filename() ? files.path : files.path.parent_path();
  if (const std::string name = SanitizeUtf8(folder.filename().string()); !name.empty())
    header.SetString("general.name", name);
}

// The file's sampling settings, where it has some (2.1).
Status SetSampling(const ModelFiles& files, GgufHeader& header) {
  constexpr std::string_view kName = "generation_config.json";
  if (!files.source->Has(kName)) return {};
  CARAT_ASSIGN(const std::string text, files.source->ReadText(kName, 16 << 20));
  auto json = ParseJson(text);
  if (!json) return Fail(Within(files.source->Where(kName), json.error()));
  const JsonView root(*json, files.source->Where(kName));
  CARAT_ASSIGN(const bool samples, root.BoolOr("do_sample", false));
  if (!samples) {  // GGUF has no other word for greedy
    header.SetFloat32("general.sampling.temp", 0.0f);
    return {};
  }
  CARAT_ASSIGN(const int64_t top_k, root.IntOr("top_k", 64, 0, INT32_MAX));
  CARAT_ASSIGN(const double top_p, root.NumberOr("top_p", 0.95));
  CARAT_ASSIGN(const double temperature, root.NumberOr("temperature", 1.0));
  header.SetInt32("general.sampling.top_k", static_cast<int32_t>(top_k));
  header.SetFloat32("general.sampling.top_p", static_cast<float>(top_p));
  header.SetFloat32("general.sampling.temp", static_cast<float>(temperature));
  return {};
}

// The keys of 2.1 and 2.2; `drafter` null for the model itself.
void SetText(const Config& c, const std::string& architecture, const DrafterConfig* drafter,
             GgufHeader& header) {
  const auto key = [&](std::string_view name) { return fmt::format("{}.{}", architecture, name); };
  const auto size = [&](std::string_view name, int64_t value) {
    header.SetUint32(key(name), static_cast<uint32_t>(value));
  };
  std::vector<int32_t> kv_heads;
  kv_heads.reserve(c.is_global.size());
  for (int64_t i = 0; i < c.num_layers(); ++i)
    kv_heads.push_back(static_cast<int32_t>(c.attention(i).kv_heads));
  const auto pattern = std::make_unique<bool[]>(c.is_global.size());
  for (size_t i = 0; i < c.is_global.size(); ++i) pattern[i] = !c.is_global[i];
  size("block_count", c.num_layers());
  if (drafter != nullptr) {
    size("nextn_predict_layers", c.num_layers());
    size("embedding_length_out", drafter->target_hidden);
  }
  size("context_length", c.max_positions);
  size("embedding_length", c.hidden);
  size("feed_forward_length", c.intermediate);
  size("attention.head_count", c.num_heads);
  header.SetInts(key("attention.head_count_kv"), kv_heads);
  header.SetFloat32(key("rope.freq_base"), static_cast<float>(c.global.rope_theta));
  header.SetFloat32(key("rope.freq_base_swa"), static_cast<float>(c.sliding.rope_theta));
  header.SetFloat32(key("attention.layer_norm_rms_epsilon"), c.rms_eps);
  size("attention.key_length", c.global.head_dim);
  size("attention.value_length", c.global.head_dim);
  if (drafter == nullptr) header.SetFloat32(key("final_logit_softcapping"), c.softcap);
  size("attention.sliding_window", c.window);
  size("attention.shared_kv_layers", drafter == nullptr ? 0 : c.num_layers());
  size("embedding_length_per_layer_input", 0);
  header.SetBools(key("attention.sliding_window_pattern"), {pattern.get(), c.is_global.size()});
  size("attention.key_length_swa", c.sliding.head_dim);
  size("attention.value_length_swa", c.sliding.head_dim);
  size("rope.dimension_count", c.global.head_dim);
  size("rope.dimension_count_swa", c.sliding.head_dim);
}

Result<GgufSource> TextSource(const ModelFiles& files) {
  GgufSource source;
  source.architecture = "gemma4";
  CARAT_ASSIGN(const Config config, ConfigFromHuggingFace(files.config));
  SetGeneral(files, source.architecture, "model", source.header);
  CARAT_TRY(SetSampling(files, source.header));
  SetText(config, source.architecture, nullptr, source.header);
  CARAT_TRY(SetVocabulary(files, config, true, source.header));
  source.num_layers = static_cast<uint64_t>(config.num_layers());
  source.heads_per_kv_head =
      static_cast<uint64_t>(std::max<int64_t>(1, config.num_heads / config.attention(0).kv_heads));
  const TensorDirectory& tensors = files.tensors();
  const std::string prefix = tensors.Find("model.language_model.embed_tokens.weight") != nullptr
                                 ? "model.language_model."
                                 : "model.";
  Taker take(tensors, source);
  take.Make("rope_freqs.weight", RopeFactors(config));
  CARAT_TRY(take.Take(prefix + "embed_tokens.weight", "token_embd.weight", true));
  CARAT_TRY(take.Take(prefix + "norm.weight", "output_norm.weight", false));
  for (int64_t i = 0; i < config.num_layers(); ++i) CARAT_TRY(TakeLayer(take, prefix, i));
  return source;
}

Result<GgufSource> DrafterSource(const ModelFiles& files) {
  GgufSource source;
  source.architecture = "gemma4-assistant";
  CARAT_ASSIGN(const Drafter drafter, LoadDrafter(files));
  SetGeneral(files, source.architecture, "model", source.header);
  CARAT_TRY(SetSampling(files, source.header));
  SetText(drafter.config.text, source.architecture, &drafter.config, source.header);
  CARAT_TRY(SetVocabulary(files, drafter.config.text, false, source.header));
  source.num_layers = static_cast<uint64_t>(drafter.config.text.num_layers());
  Taker take(files.tensors(), source);
  take.Make("rope_freqs.weight", RopeFactors(drafter.config.text));
  CARAT_TRY(take.Take("model.embed_tokens.weight", "token_embd.weight", true));
  CARAT_TRY(take.Take("model.norm.weight", "output_norm.weight", false));
  CARAT_TRY(take.Take("pre_projection.weight", "nextn.pre_projection.weight", true));
  CARAT_TRY(take.Take("post_projection.weight", "nextn.post_projection.weight", true));
  for (int64_t i = 0; i < drafter.config.text.num_layers(); ++i)
    CARAT_TRY(TakeLayer(take, "model.", i));
  return source;
}

// The keys of 2.4.
void SetVision(const VisionConfig& c, int64_t hidden, GgufHeader& header) {
  const auto size = [&](std::string_view name, int64_t value) {
    header.SetUint32(fmt::format("clip.vision.{}", name), static_cast<uint32_t>(value));
  };
  header.SetBool("clip.has_vision_encoder", true);
  size("projection_dim", hidden);
  size("image_size", 224);
  size("patch_size", c.patch_side / 3);
  size("embedding_length", c.width);
  size("feed_forward_length", 0);
  size("block_count", 0);
  size("attention.head_count", 1);  // 0 crashed early readers
  header.SetFloats("clip.vision.image_mean", std::array{0.0f, 0.0f, 0.0f});
  header.SetFloats("clip.vision.image_std", std::array{1.0f, 1.0f, 1.0f});
  header.SetString("clip.vision.projector_type", "gemma4uv");
  header.SetFloat32("clip.vision.attention.layer_norm_epsilon", c.rms_eps);
}

void SetAudio(const AudioConfig& c, int64_t hidden, GgufHeader& header) {
  const auto size = [&](std::string_view name, int64_t value) {
    header.SetUint32(fmt::format("clip.audio.{}", name), static_cast<uint32_t>(value));
  };
  header.SetBool("clip.has_audio_encoder", true);
  size("projection_dim", hidden);
  size("embedding_length", c.frame_samples);
  size("feed_forward_length", 0);
  size("block_count", 0);
  size("attention.head_count", 1);
  size("num_mel_bins", 128);
  header.SetString("clip.audio.projector_type", "gemma4ua");
  header.SetFloat32("clip.audio.attention.layer_norm_epsilon", c.rms_eps);
}

Result<GgufSource> EmbedderSource(const ModelFiles& files) {
  GgufSource source;
  source.architecture = "clip";
  CARAT_ASSIGN(const Embedders embedders, LoadEmbedders(files));
  const EmbedderConfig& c = embedders.config;
  SetGeneral(files, source.architecture, "mmproj", source.header);
  Taker take(files.tensors(), source);
  if (embedders.weights.vision) {
    if (c.vision->patch_side % 3 != 0) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "GGUF has no word for this side of a patch",
                   .where = files.path.string(),
                   .wanted = "a multiple of 3",
                   .found = std::to_string(c.vision->patch_side)});
    }
    SetVision(*c.vision, c.hidden, source.header);
    // Either spelling of the folder's names (embedder_weights.h).
    const bool hub = take.Has("model.vision_embedder.patch_dense.weight");
    const std::string from = hub ? "model.vision_embedder." : "model.embed_vision.";
    const auto norm = [&](const char* name, const char* as, Change change) -> Status {
      CARAT_TRY(take.Take(from + name + ".weight", std::string(as) + ".weight", false, change));
      return take.Take(from + name + ".bias", std::string(as) + ".bias", false, change);
    };
    CARAT_TRY(
        take.Take(from + "patch_dense.weight", "v.patch_embd.weight", false, Change::kPlanar));
    CARAT_TRY(take.Take(from + "patch_dense.bias", "v.patch_embd.bias", false));
    CARAT_TRY(norm("patch_ln1", "v.patch_norm.1", Change::kPlanar));
    CARAT_TRY(norm("patch_ln2", "v.patch_norm.2", Change::kNone));
    CARAT_TRY(norm("pos_norm", "v.patch_norm.3", Change::kNone));
    CARAT_TRY(
        take.Take(from + "pos_embedding", "v.position_embd.weight", false, Change::kSwapAxes));
    CARAT_TRY(take.Take(hub ? "model.embed_vision.embedding_projection.weight"
                            : "model.embed_vision.multimodal_embedder.embedding_projection.weight",
                        "mm.input_projection.weight", true));
  }
  if (!embedders.weights.audio_projection.empty()) {
    SetAudio(*c.audio, c.hidden, source.header);
    CARAT_TRY(take.Take("model.embed_audio.embedding_projection.weight",
                        "mm.a.input_projection.weight", true));
  }
  if (source.tensors.empty()) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "this folder holds no embedders",
                 .where = files.path.string()});
  }
  return source;
}

}  // namespace

Result<GgufSource> SourceFromFolder(const ModelFiles& files, FileKind part) {
  if (files.bundle != nullptr) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "a bundle is no source for this",
                 .where = files.path.string(),
                 .wanted = "the files in it: carat unpack"});
  }
  if ((part == FileKind::kDrafter) != (files.kind == FileKind::kDrafter)) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this folder holds another part",
                 .where = files.path.string(),
                 .wanted = std::string(FileKindName(part)),
                 .found = std::string(FileKindName(files.kind))});
  }
  auto source = part == FileKind::kText      ? TextSource(files)
                : part == FileKind::kDrafter ? DrafterSource(files)
                                             : EmbedderSource(files);
  if (!source) return Fail(Within(files.path.string(), source.error()));
  return source;
}

}  // namespace carat
