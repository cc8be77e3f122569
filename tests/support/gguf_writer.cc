#include "tests/support/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace carat {

std::string StringBytes(std::string_view text) {
  return NumberBytes(uint64_t{text.size()}) + std::string(text);
}

GgufWriter& GgufWriter::Raw(std::string_view key, uint32_t type, std::string_view bytes) {
  const std::string value = NumberBytes(type) + std::string(bytes);
  const auto found = std::ranges::find(pairs_, key, &Pair::key);
  if (found != pairs_.end()) {
    found->bytes = value;
  } else {
    pairs_.push_back({std::string(key), value});
  }
  return *this;
}

GgufWriter& GgufWriter::Again(std::string_view key, uint32_t type, std::string_view bytes) {
  pairs_.push_back({std::string(key), NumberBytes(type) + std::string(bytes)});
  return *this;
}

GgufWriter& GgufWriter::Strings(std::string_view key, const std::vector<std::string>& values) {
  std::string bytes = NumberBytes(uint32_t{8}) + NumberBytes(uint64_t{values.size()});
  for (const std::string& value : values) bytes += StringBytes(value);
  return Raw(key, 9, bytes);
}

GgufWriter& GgufWriter::I32s(std::string_view key, const std::vector<int32_t>& values) {
  std::string bytes = NumberBytes(uint32_t{5}) + NumberBytes(uint64_t{values.size()});
  for (const int32_t value : values) bytes += NumberBytes(value);
  return Raw(key, 9, bytes);
}

GgufWriter& GgufWriter::Bools(std::string_view key, const std::vector<bool>& values) {
  std::string bytes = NumberBytes(uint32_t{7}) + NumberBytes(uint64_t{values.size()});
  for (const bool value : values) bytes += value ? '\1' : '\0';
  return Raw(key, 9, bytes);
}

GgufWriter& GgufWriter::Remove(std::string_view key) {
  std::erase_if(pairs_, [&](const Pair& pair) { return pair.key == key; });
  return *this;
}

std::vector<std::string> GgufWriter::Keys() const {
  std::vector<std::string> keys;
  for (const Pair& pair : pairs_) keys.push_back(pair.key);
  return keys;
}

GgufWriter& GgufWriter::Tensor(std::string_view name, uint32_t type, std::vector<uint64_t> dims,
                               std::string data, std::optional<uint64_t> offset) {
  Info info{std::string(name), type, std::move(dims), std::move(data), offset};
  const auto found = std::ranges::find(tensors_, name, &Info::name);
  if (found != tensors_.end()) {
    *found = std::move(info);
  } else {
    tensors_.push_back(std::move(info));
  }
  return *this;
}

GgufWriter& GgufWriter::Floats(std::string_view name, std::vector<uint64_t> dims,
                               const std::vector<float>& values) {
  std::string data;
  for (const float value : values) data += NumberBytes(value);
  return Tensor(name, 0, std::move(dims), std::move(data));
}

GgufWriter& GgufWriter::Filled(std::string_view name, std::vector<uint64_t> dims, float value) {
  uint64_t n = 1;
  for (const uint64_t d : dims) n *= d;
  return Floats(name, std::move(dims), std::vector<float>(n, value));
}

GgufWriter& GgufWriter::RemoveTensor(std::string_view name) {
  std::erase_if(tensors_, [&](const Info& info) { return info.name == name; });
  return *this;
}

std::vector<std::string> GgufWriter::TensorNames() const {
  std::vector<std::string> names;
  for (const Info& info : tensors_) names.push_back(info.name);
  return names;
}

GgufWriter& GgufWriter::Alignment(uint64_t alignment) {
  alignment_ = alignment;
  return *this;
}

std::string GgufWriter::Build() const {
  const auto pad = [&](std::string& bytes) {
    bytes.resize((bytes.size() + alignment_ - 1) / alignment_ * alignment_);
  };
  std::string out = "GGUF" + NumberBytes(version_) + NumberBytes(uint64_t{tensors_.size()}) +
                    NumberBytes(uint64_t{pairs_.size()});
  for (const Pair& pair : pairs_) out += StringBytes(pair.key) + pair.bytes;
  std::string data;
  for (const Info& info : tensors_) {
    pad(data);
    out += StringBytes(info.name) + NumberBytes(static_cast<uint32_t>(info.dims.size()));
    for (const uint64_t dim : info.dims) out += NumberBytes(dim);
    out += NumberBytes(info.type) + NumberBytes(info.offset.value_or(data.size()));
    data += info.data;
  }
  if (tensors_.empty()) return out;
  pad(out);
  return out + data;
}

namespace {

void AddSizes(const SmallSizes& s, GgufWriter& gguf) {
  gguf.String("general.architecture", "gemma4").String("general.type", "model");
  gguf.I32("general.sampling.top_k", 40).F32("general.sampling.top_p", 0.5f);
  gguf.F32("general.sampling.temp", 0.75f);
  gguf.U32("gemma4.block_count", 2).U32("gemma4.context_length", 4096);
  gguf.U32("gemma4.embedding_length", s.hidden);
  gguf.U32("gemma4.feed_forward_length", s.intermediate);
  gguf.U32("gemma4.attention.head_count", s.heads);
  gguf.I32s("gemma4.attention.head_count_kv",
            {static_cast<int32_t>(s.sliding_kv), static_cast<int32_t>(s.global_kv)});
  gguf.F32("gemma4.rope.freq_base", 1e6f).F32("gemma4.rope.freq_base_swa", 1e4f);
  gguf.F32("gemma4.attention.layer_norm_rms_epsilon", 1e-6f);
  gguf.U32("gemma4.attention.key_length", s.global_head);
  gguf.U32("gemma4.attention.value_length", s.global_head);
  gguf.F32("gemma4.final_logit_softcapping", 30.0f);
  gguf.U32("gemma4.attention.sliding_window", 64);
  gguf.U32("gemma4.attention.shared_kv_layers", 0);
  gguf.U32("gemma4.embedding_length_per_layer_input", 0);
  gguf.Bools("gemma4.attention.sliding_window_pattern", {true, false});
  gguf.U32("gemma4.attention.key_length_swa", s.sliding_head);
  gguf.U32("gemma4.attention.value_length_swa", s.sliding_head);
  gguf.U32("gemma4.rope.dimension_count", s.global_head);
  gguf.U32("gemma4.rope.dimension_count_swa", s.sliding_head);
  gguf.U32("general.quantization_version", 2).U32("general.file_type", 0);
}

}  // namespace

GgufWriter SmallModel(const SmallSizes& s) {
  GgufWriter gguf;
  AddSizes(s, gguf);
  const auto matrix = [&](const std::string& name, uint64_t in, uint64_t out) {
    gguf.Filled(name + ".weight", {in, out}, 0.0f);
  };
  const auto vector = [&](const std::string& name, uint64_t size) {
    gguf.Filled(name + ".weight", {size}, 1.0f);
  };
  vector("rope_freqs", s.global_head / 2);
  matrix("token_embd", s.hidden, s.vocab);
  vector("output_norm", s.hidden);
  for (const int layer : {0, 1}) {
    const std::string blk = fmt::format("blk.{}.", layer);
    const uint64_t head = layer == 0 ? s.sliding_head : s.global_head;
    const uint64_t kv = head * (layer == 0 ? s.sliding_kv : s.global_kv);
    matrix(blk + "attn_q", s.hidden, s.heads * head);
    matrix(blk + "attn_k", s.hidden, kv);
    if (layer == 0) matrix(blk + "attn_v", s.hidden, kv);
    matrix(blk + "attn_output", s.heads * head, s.hidden);
    matrix(blk + "ffn_gate", s.hidden, s.intermediate);
    matrix(blk + "ffn_up", s.hidden, s.intermediate);
    matrix(blk + "ffn_down", s.intermediate, s.hidden);
    for (const char* norm : {"attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"}) {
      vector(blk + norm, s.hidden);
    }
    vector(blk + "attn_q_norm", head);
    vector(blk + "attn_k_norm", head);
    vector(blk + "layer_output_scale", 1);
  }
  return gguf;
}

int32_t AddedTokenType(std::string_view text) {
  if (text == "<|video|>") return 1;
  for (const char* shown : {"<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>",
                            "<|tool_response>", "<tool_response|>", "<|\"|>"}) {
    if (text == shown) return 4;
  }
  return 3;
}

SmallVocabulary MakeSmallVocabulary(const std::vector<std::string>& more) {
  SmallVocabulary out;
  const auto add = [&](std::string text, int32_t type) {
    out.tokens.push_back(std::move(text));
    out.types.push_back(type);
  };
  for (const std::string_view text : kAddedTokens) add(std::string(text), AddedTokenType(text));
  for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte), 6);
  for (const std::string& text : more) add(text, 1);
  return out;
}

void AddVocabulary(const SmallVocabulary& vocabulary, GgufWriter& gguf) {
  gguf.String("tokenizer.ggml.model", "gemma4");
  gguf.Strings("tokenizer.ggml.tokens", vocabulary.tokens);
  gguf.I32s("tokenizer.ggml.token_type", vocabulary.types);
  gguf.Strings("tokenizer.ggml.merges", vocabulary.merges);
  gguf.U32("tokenizer.ggml.bos_token_id", 2).U32("tokenizer.ggml.eos_token_id", 1);
  gguf.U32("tokenizer.ggml.padding_token_id", 0);
  gguf.String("tokenizer.chat_template", "{{ messages }}");
}

}  // namespace carat
