// A tiny Gemma 4 of the true architecture with random weights, in memory, for tests of the decoder
// that need no files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "kernels/kernels.h"
#include "model/config.h"
#include "model/weights.h"

namespace carat {

struct RandomModelOptions {
  uint64_t seed = 1;
  // Of the matrices; one whose rows are no whole number of blocks stays f32. Norms are f32.
  DType dtype = DType::kF32;
  int64_t hidden = 32;
  int64_t intermediate = 64;
  int64_t num_heads = 2;
  int64_t num_layers = 7;  // layer 5 is global, as every sixth
  Pos window = 8;
  int64_t vocab = 64;
  Pos max_positions = 512;
};

// Move-only. The weights point into `storage`, which must outlive every decoder made from them.
struct RandomModel {
  Config config;
  Weights weights;
  std::vector<std::vector<std::byte>> storage;
};
RandomModel MakeRandomModel(const RandomModelOptions& options);

// Calls visit(matrix) for every matrix, an empty one and the tied head aside.
template <class Visit>
void ForEachMatrix(Weights& weights, const Visit& visit) {
  visit(weights.embedding);
  for (LayerWeights& layer : weights.layers) {
    for (MatrixView* m :
         {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) {
      if (!m->empty()) visit(*m);
    }
  }
}

// The same model with every matrix as f32 numbers of the same values; norms stay in `model`.
// Inline, so that only its users need the kernels.
inline RandomModel Decoded(const RandomModel& model) {
  RandomModel out;
  out.config = model.config;
  out.weights.layers = model.weights.layers;
  out.weights.final_norm = model.weights.final_norm;
  out.weights.embedding = model.weights.embedding;
  ForEachMatrix(out.weights, [&](MatrixView& m) {
    auto& bytes = out.storage.emplace_back(m.rows * m.cols * sizeof(float));
    kernels::ReferenceTable().decode[static_cast<size_t>(m.dtype)](
        m.data, m.rows * m.cols, reinterpret_cast<float*>(bytes.data()));
    m.data = bytes.data();
    m.dtype = DType::kF32;
  });
  out.weights.head = out.weights.embedding;
  return out;
}

// `count` ids below `vocab`.
std::vector<TokenId> RandomIds(uint64_t seed, size_t count, int64_t vocab);

}  // namespace carat
