// A token's numbers depend on its role, its place and what came before, and on nothing else: not on
// the tokens beside it in a pass, on how a prompt is sliced, or on threads. Bit for bit, for
// quantised weights in the kernels' order, on every table.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "model/decoder.h"
#include "tests/support/files.h"
#include "tests/support/interleaved_matrix.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_model.h"

namespace carat {
namespace {

constexpr int64_t kVocab = 64;

// A small decoder whose matrices are interleaved.
struct Model {
  std::vector<InterleavedMatrix> matrices;
  std::vector<std::vector<std::byte>> storage;
  std::unique_ptr<Decoder> decoder;

  explicit Model(DType dtype) {
    RandomModel random = MakeRandomModel(
        {.dtype = dtype, .hidden = 256, .intermediate = 512, .num_heads = 8, .window = 24});
    storage = std::move(random.storage);
    ForEachMatrix(random.weights, [&](MatrixView& w) {
      if (!kernels::CanInterleave(w.dtype, w.cols)) return;
      w = matrices.emplace_back(w).view;
    });
    random.weights.head = random.weights.embedding;
    decoder = std::make_unique<Decoder>(std::move(random.config), std::move(random.weights));
  }
};

class Runner {
 public:
  Runner(const Decoder& decoder, const kernels::Table& table, int threads)
      : decoder_(decoder),
        pool_(threads),
        context_(pool_, table),
        cache_(KvCache::Create(decoder.config(), {.dtype = DType::kBF16, .max_positions = 200})
                   .value()) {}

  // In passes of at most so many tokens; the logits of all.
  std::vector<float> Run(std::span<const TokenId> ids, Role role, size_t most) {
    std::vector<float> all;
    for (size_t at = 0; at < ids.size(); at += most) {
      const auto part = ids.subspan(at, std::min(most, ids.size() - at));
      std::vector<float> logits(part.size() * kVocab);
      EXPECT_TRUE(decoder_
                      .Forward(context_, activations_, cache_, {.ids = part, .role = role},
                               LogitRows::kAll, logits)
                      .has_value());
      all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
  }

 private:
  const Decoder& decoder_;
  ThreadPool pool_;
  OpContext context_;
  Activations activations_;
  KvCache cache_;
};

// Without the reference, whose kernels are tested alone: it is slow.
std::vector<const kernels::Table*> FastTables() {
  std::vector<const kernels::Table*> tables = Tables();
  if (tables.size() > 1) tables.pop_back();
  return tables;
}

constexpr DType kFormats[] = {DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ4_K, DType::kQ6_K};

TEST(Roles, AGeneratedTokenDoesNotDependOnItsPass) {
  const auto prompt = RandomIds(1, 40, kVocab), generated = RandomIds(2, 33, kVocab);
  for (const DType dtype : kFormats) {
    const Model model(dtype);
    for (const kernels::Table* table : FastTables()) {
      Runner alone(*model.decoder, *table, 1);
      alone.Run(prompt, Role::kPrompt, 40);
      const auto expected = alone.Run(generated, Role::kGenerated, 1);
      for (const size_t most : {2, 3, 5, 8, 13, 16}) {
        Runner together(*model.decoder, *table, most % 2 == 0 ? 2 : 1);
        together.Run(prompt, Role::kPrompt, 40);
        EXPECT_EQ(together.Run(generated, Role::kGenerated, most), expected)
            << Info(dtype).name << " " << table->name << " " << most << " tokens a pass";
      }
    }
  }
}

TEST(Roles, APromptDoesNotDependOnItsSlices) {
  const auto prompt = RandomIds(3, 101, kVocab);
  for (const DType dtype : kFormats) {
    const Model model(dtype);
    for (const kernels::Table* table : FastTables()) {
      Runner whole(*model.decoder, *table, 1);
      const auto expected = whole.Run(prompt, Role::kPrompt, 101);
      for (const size_t most : {1, 7, 16, 33, 64}) {
        Runner sliced(*model.decoder, *table, most % 2 == 0 ? 2 : 1);
        EXPECT_EQ(sliced.Run(prompt, Role::kPrompt, most), expected)
            << Info(dtype).name << " " << table->name << " " << most << " tokens a pass";
      }
    }
  }
}

// The arithmetics are two, and near each other: a model of random weights is far more sensitive
// than a trained one.
TEST(Roles, ArithmeticsAreNearEachOther) {
  const auto ids = RandomIds(4, 60, kVocab);
  const Model model(DType::kQ8_0);
  for (const kernels::Table* table : FastTables()) {
    Runner a(*model.decoder, *table, 1), b(*model.decoder, *table, 1);
    const auto prompt = a.Run(ids, Role::kPrompt, 60), generated = b.Run(ids, Role::kGenerated, 16);
    double difference = 0, size = 0;
    for (size_t i = 0; i < prompt.size(); ++i) {
      difference += std::abs(double{prompt[i]} - double{generated[i]});
      size += std::abs(double{generated[i]});
    }
    EXPECT_LT(difference / size, 0.25) << table->name;
  }
}

}  // namespace
}  // namespace carat
