#include "engine/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "engine/session.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

TEST(Engine, UsesTheTableThatIsAskedFor) {
  for (const kernels::Table* table : Tables()) {
    ASSERT_VALUE(
        const auto engine,
        Engine::Open({.model = Golden("models/tiny6"), .threads = 1, .kernels = table->name}));
    EXPECT_STREQ(engine->table().name, table->name);
    EXPECT_EQ(engine->table().matmul, table->matmul);
    EXPECT_EQ(engine->table().exp_scores, table->exp_scores);
  }
  ASSERT_VALUE(const auto engine, Engine::Open({.model = Golden("models/tiny6"), .threads = 3}));
  EXPECT_STREQ(engine->table().name, Tables()[0]->name);
  EXPECT_EQ(engine->pool().threads(), 3);
}

TEST(Engine, RefusesOptionsOutOfRange) {
  const std::filesystem::path model = Golden("models/tiny6");
  ExpectError(Engine::Open({.model = model, .kernels = "mmx"}), {"kernels", "mmx", "reference"});
  ExpectError(Engine::Open({.model = model, .threads = -1}), {"threads", "-1"});
  ExpectError(Engine::Open({.model = model, .threads = 5000}), {"threads", "5000", "1024"});
  ExpectError(Engine::Open({.model = "no/such/model"}), "no/such/model");
}

std::vector<float> LogitsOf(Engine& engine) {
  Session session = Session::Create(engine, {.cache = DType::kF32}).value();
  EXPECT_TRUE(session.SyncTo({.ids = {2, 10, 30, 40, 50, 7, 9}}).has_value());
  return {session.logits().begin(), session.logits().end()};
}

double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  double square = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    square += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    size += double{a[i]} * a[i];
  }
  return std::sqrt(square / size);
}

// Quantised matrices of every format, some of which have no interleaved order. Eight bits of the
// activations err by a few thousandths in each product.
TEST(Engine, PreparedWeightsAreNearTheExactOnesWithEveryTable) {
  const std::filesystem::path model = Golden("quants/mixed.gguf");
  ASSERT_VALUE(const auto exact, Engine::Open({.model = model, .threads = 2, .exact = true}));
  const std::vector<float> expected = LogitsOf(*exact);
  for (const kernels::Table* table : Tables()) {
    SCOPED_TRACE(table->name);
    size_t calls = 0, last = 0, all = 1;
    ASSERT_VALUE(const auto engine, Engine::Open({.model = model,
                                                  .threads = 2,
                                                  .kernels = table->name,
                                                  .preload = true,
                                                  .progress = [&](size_t done, size_t total) {
                                                    EXPECT_LE(done, total);
                                                    ++calls, last = done, all = total;
                                                    return true;
                                                  }}));
    EXPECT_GT(calls, 0u);
    EXPECT_EQ(last, all);
    const std::vector<float> logits = LogitsOf(*engine);
    if (table == Tables().back()) {
      EXPECT_LT(Distance(expected, logits), 1e-4);
    } else {
      EXPECT_LT(Distance(expected, logits), 0.1);
      EXPECT_GT(Distance(expected, logits), 1e-5) << "nothing was interleaved";
    }
  }
}

TEST(Engine, LoadingCanBeCancelled) {
  for (const bool exact : {false, true}) {
    const auto engine = Engine::Open({.model = Golden("quants/mixed.gguf"),
                                      .exact = exact,
                                      .preload = true,
                                      .progress = [](size_t, size_t) { return false; }});
    ASSERT_FALSE(engine.has_value());
    EXPECT_EQ(engine.error().code, ErrorCode::kCancelled);
  }
}

// tiny6 with one element of one tensor (bf16) that is not a number.
void WriteBroken(const std::string& tensor, const TempFolder& folder) {
  for (const char* name : {"config.json", "generation_config.json"}) {
    std::filesystem::copy(Golden("models/tiny6") / name, folder / name,
                          std::filesystem::copy_options::overwrite_existing);
  }
  std::string bytes = MustRead(Golden("models/tiny6/model.safetensors"));
  uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), sizeof header_size);
  const Json header = MustParse(std::string_view(bytes).substr(8, header_size));
  const Json* entry = header.Find(tensor);
  ASSERT_NE(entry, nullptr) << tensor;
  const auto begin = static_cast<size_t>(entry->Find("data_offsets")->array()[0].integer());
  const uint16_t nan = 0x7FC0;
  std::memcpy(bytes.data() + 8 + header_size + begin + 2 * 77, &nan, sizeof nan);
  std::ofstream(folder / "model.safetensors", std::ios::binary) << bytes;
}

// Wherever it stands, and with every table: no kernel may turn it into a number.
TEST(Engine, AWeightThatIsNotANumberIsNamed) {
  const TempFolder folder;
  const std::string prefix = "model.language_model.";
  std::vector<std::string> names = {prefix + "embed_tokens.weight"};
  for (const char* suffix : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                             "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
    for (const std::string layer : {"layers.0.", "layers.5."}) {
      if (layer == "layers.5." && std::string(suffix) == "self_attn.v_proj") continue;
      names.push_back(prefix + layer + suffix + ".weight");
    }
  }
  for (const std::string& name : names) {
    WriteBroken(name, folder);
    for (const kernels::Table* table : Tables()) {
      SCOPED_TRACE(name + " " + table->name);
      ASSERT_VALUE(const auto engine,
                   Engine::Open({.model = folder.path(), .threads = 1, .kernels = table->name}));
      ASSERT_VALUE(Session session, Session::Create(*engine, {}));
      ExpectError(session.SyncTo({.ids = {2, 1, 30, 40, 50}}), {name, "element 77"});
    }
  }
}

}  // namespace
}  // namespace carat
