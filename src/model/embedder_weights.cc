#include "model/embedder_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "model/binder.h"
#include "model/config_readers.h"

namespace carat {
namespace {

constexpr int64_t kMaxPatchSide = 1024;

// Names of the embedders' tensors in one dialect; norms without ".weight" and ".bias".
struct VisionNames {
  std::string_view patch_norm, patch_matrix, patch_bias, embed_norm, position_tables, position_norm,
      projection;
};

constexpr VisionNames kHubNames = {
    .patch_norm = "model.vision_embedder.patch_ln1",
    .patch_matrix = "model.vision_embedder.patch_dense.weight",
    .patch_bias = "model.vision_embedder.patch_dense.bias",
    .embed_norm = "model.vision_embedder.patch_ln2",
    .position_tables = "model.vision_embedder.pos_embedding",
    .position_norm = "model.vision_embedder.pos_norm",
    .projection = "model.embed_vision.embedding_projection.weight",
};

// How the modules of transformers nest.
constexpr VisionNames kModuleNames = {
    .patch_norm = "model.embed_vision.patch_ln1",
    .patch_matrix = "model.embed_vision.patch_dense.weight",
    .patch_bias = "model.embed_vision.patch_dense.bias",
    .embed_norm = "model.embed_vision.patch_ln2",
    .position_tables = "model.embed_vision.pos_embedding",
    .position_norm = "model.embed_vision.pos_norm",
    .projection = "model.embed_vision.multimodal_embedder.embedding_projection.weight",
};

constexpr VisionNames kGgufNames = {
    .patch_norm = "v.patch_norm.1",
    .patch_matrix = "v.patch_embd.weight",
    .patch_bias = "v.patch_embd.bias",
    .embed_norm = "v.patch_norm.2",
    .position_tables = "v.position_embd.weight",
    .position_norm = "v.patch_norm.3",
    .projection = "mm.input_projection.weight",
};

constexpr std::string_view kAudioProjection = "model.embed_audio.embedding_projection.weight";
constexpr std::string_view kGgufAudioProjection = "mm.a.input_projection.weight";

Result<float> ReadEps(const std::string& key, const Result<double>& eps) {
  if (!eps) return Fail(eps.error());
  if (*eps > 0 && *eps < 1) return static_cast<float>(*eps);
  return Fail({.what = "value out of range",
               .where = key,
               .wanted = "between 0 and 1",
               .found = fmt::format("{}", *eps)});
}

Result<LayerNormWeights> BindNorm(Binder& bind, std::string_view name, int64_t size) {
  LayerNormWeights norm;
  CARAT_ASSIGN(norm.weight, bind.Floats(std::string(name) + ".weight", {size}));
  CARAT_ASSIGN(norm.bias, bind.Floats(std::string(name) + ".bias", {size}));
  return norm;
}

Result<VisionWeights> BindVision(Binder& bind, const VisionNames& names, PatchOrder order,
                                 const VisionConfig& c, int64_t hidden) {
  VisionWeights w;
  w.order = order;
  const int64_t values = c.patch_values();
  CARAT_ASSIGN(w.patch_norm, BindNorm(bind, names.patch_norm, values));
  CARAT_ASSIGN(w.patch_matrix, bind.Matrix(std::string(names.patch_matrix), c.width, values));
  CARAT_ASSIGN(w.patch_bias, bind.Floats(std::string(names.patch_bias), {c.width}));
  CARAT_ASSIGN(w.embed_norm, BindNorm(bind, names.embed_norm, c.width));
  const bool by_position = order == PatchOrder::kInterleaved;
  const std::array<int64_t, 3> tables = by_position ? std::array{c.positions, int64_t{2}, c.width}
                                                    : std::array{int64_t{2}, c.positions, c.width};
  CARAT_ASSIGN(w.position_tables, bind.Rows(std::string(names.position_tables), tables));
  w.position_stride = by_position ? 2 : 1;
  w.axis_stride = by_position ? 1 : c.positions;
  CARAT_ASSIGN(w.position_norm, BindNorm(bind, names.position_norm, c.width));
  CARAT_ASSIGN(w.projection, bind.ScaledMatrix(std::string(names.projection), hidden, c.width));
  return w;
}

Error WrongProjector(std::string_view key, std::string_view wanted, std::string_view found) {
  return {.code = ErrorCode::kUnsupported,
          .what = "not the embedders of Gemma 4 12B Unified",
          .where = std::string(key),
          .wanted = std::string(wanted),
          .found = SanitizeUtf8(found.substr(0, 40))};
}

Result<bool> HasPart(const Gguf& gguf, const std::string& part, std::string_view projector) {
  CARAT_ASSIGN(const int64_t has, gguf.IntOr("clip.has_" + part + "_encoder", 0, 0, 1));
  if (has == 0) return false;
  const std::string key = "clip." + part + ".projector_type";
  CARAT_ASSIGN(const std::string_view type, gguf.String(key));
  if (type != projector) return Fail(WrongProjector(key, projector, type));
  return true;
}

// Both parts write into the same text model.
Status SetHidden(const Gguf& gguf, std::string_view key, EmbedderConfig& config) {
  CARAT_ASSIGN(const int64_t hidden, gguf.Int(key, 1, kMaxSize));
  if (config.hidden != 0 && config.hidden != hidden) {
    return Fail({.what = "pictures and sound are projected to different widths",
                 .where = std::string(key),
                 .wanted = std::to_string(config.hidden),
                 .found = std::to_string(hidden)});
  }
  config.hidden = hidden;
  return {};
}

}  // namespace

Result<EmbedderConfig> EmbedderConfigFromHuggingFace(const Json& json) {
  const JsonView root(json, "");
  EmbedderConfig config;
  CARAT_ASSIGN(const JsonView text, root.Object("text_config"));
  CARAT_ASSIGN(config.hidden, text.Int("hidden_size", 1, kMaxSize));
  if (root.Has("vision_config")) {
    CARAT_ASSIGN(const JsonView part, root.Object("vision_config"));
    VisionConfig vision;
    CARAT_ASSIGN(const int64_t patch, part.IntOr("patch_size", 16, 1, kMaxPatchSide));
    CARAT_ASSIGN(const int64_t merged, part.IntOr("pooling_kernel_size", 3, 1, kMaxPatchSide));
    CARAT_ASSIGN(vision.width, part.IntOr("mm_embed_dim", 3840, 1, kMaxSize));
    CARAT_ASSIGN(vision.positions, part.IntOr("mm_posemb_size", 1120, 1, kMaxSize));
    CARAT_ASSIGN(const int64_t projected, part.IntOr("output_proj_dims", 3840, 1, kMaxSize));
    CARAT_ASSIGN(vision.rms_eps,
                 ReadEps(part.path() + ".rms_norm_eps", part.NumberOr("rms_norm_eps", 1e-6)));
    if (projected != vision.width) {
      return Fail({.what = "the projection does not fit the patch embedding",
                   .where = part.path() + ".output_proj_dims",
                   .wanted = fmt::format("{} (mm_embed_dim)", vision.width),
                   .found = std::to_string(projected)});
    }
    vision.patch_side = patch * merged;
    config.vision = vision;
  }
  if (root.Has("audio_config")) {
    CARAT_ASSIGN(const JsonView part, root.Object("audio_config"));
    AudioConfig audio;
    CARAT_ASSIGN(audio.frame_samples, part.IntOr("audio_embed_dim", 640, 1, kMaxSize));
    CARAT_ASSIGN(audio.rms_eps,
                 ReadEps(part.path() + ".rms_norm_eps", part.NumberOr("rms_norm_eps", 1e-6)));
    config.audio = audio;
  }
  return config;
}

Result<EmbedderConfig> EmbedderConfigFromGguf(const Gguf& gguf) {
  EmbedderConfig config;
  CARAT_ASSIGN(const bool sees, HasPart(gguf, "vision", "gemma4uv"));
  CARAT_ASSIGN(const bool hears, HasPart(gguf, "audio", "gemma4ua"));
  if (!sees && !hears) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "the file says that it holds no embedder",
                 .wanted = "clip.has_vision_encoder or clip.has_audio_encoder"});
  }
  if (sees) {
    VisionConfig vision;
    CARAT_TRY(SetHidden(gguf, "clip.vision.projection_dim", config));
    CARAT_ASSIGN(const int64_t patch, gguf.Int("clip.vision.patch_size", 1, kMaxPatchSide));
    CARAT_ASSIGN(const int64_t merged,
                 gguf.IntOr("clip.vision.projector.scale_factor", 3, 1, kMaxPatchSide));
    CARAT_ASSIGN(vision.width, gguf.Int("clip.vision.embedding_length", 1, kMaxSize));
    const std::string eps = "clip.vision.attention.layer_norm_epsilon";
    CARAT_ASSIGN(vision.rms_eps, ReadEps(eps, gguf.NumberOr(eps, 1e-6)));
    vision.patch_side = patch * merged;
    // No key says how many positions there are.
    const TensorEntry* tables = gguf.tensors().Find(kGgufNames.position_tables);
    vision.positions = tables != nullptr && tables->shape.size() == 3 && tables->shape[1] > 0
                           ? static_cast<int64_t>(std::min<uint64_t>(tables->shape[1], kMaxSize))
                           : 1120;
    config.vision = vision;
  }
  if (hears) {
    AudioConfig audio;
    CARAT_TRY(SetHidden(gguf, "clip.audio.projection_dim", config));
    CARAT_ASSIGN(audio.frame_samples, gguf.Int("clip.audio.embedding_length", 1, kMaxSize));
    const std::string eps = "clip.audio.attention.layer_norm_epsilon";
    CARAT_ASSIGN(audio.rms_eps, ReadEps(eps, gguf.NumberOr(eps, 1e-6)));
    config.audio = audio;
  }
  return config;
}

Result<EmbedderWeights> BindEmbeddersHuggingFace(const EmbedderConfig& config,
                                                 const TensorDirectory& tensors) {
  EmbedderWeights w;
  Binder bind(tensors, w.owned);
  const bool sees = bind.HasAny({"model.vision_embedder.", "model.embed_vision."});
  const bool hears = bind.HasAny({"model.embed_audio."});
  if (config.vision && sees) {
    const bool hub = bind.HasAny({"model.vision_embedder."});
    CARAT_ASSIGN(w.vision, BindVision(bind, hub ? kHubNames : kModuleNames,
                                      PatchOrder::kInterleaved, *config.vision, config.hidden));
  }
  if (config.audio && hears) {
    CARAT_ASSIGN(w.audio_projection, bind.Matrix(std::string(kAudioProjection), config.hidden,
                                                 config.audio->frame_samples));
  }
  if (config.vision && !sees) w.warnings.emplace_back("no vision embedder among the tensors");
  if (config.audio && !hears) w.warnings.emplace_back("no audio embedder among the tensors");
  // The rest is the text model's.
  std::vector<std::string> others;
  CARAT_TRY(bind.CheckUnused(
      {"model.vision_embedder.", "model.embed_vision.", "model.embed_audio."}, {""}, others));
  return w;
}

Result<EmbedderWeights> BindEmbeddersGguf(const EmbedderConfig& config,
                                          const TensorDirectory& tensors) {
  EmbedderWeights w;
  Binder bind(tensors, w.owned);
  if (config.vision) {
    CARAT_ASSIGN(w.vision,
                 BindVision(bind, kGgufNames, PatchOrder::kPlanar, *config.vision, config.hidden));
  }
  if (config.audio) {
    CARAT_ASSIGN(w.audio_projection, bind.ScaledMatrix(std::string(kGgufAudioProjection),
                                                       config.hidden, config.audio->frame_samples));
  }
  CARAT_TRY(bind.CheckUnused({"v.", "a.", "mm."}, {}, w.warnings));
  return w;
}

}  // namespace carat
