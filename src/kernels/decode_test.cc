// Every decoder of every table: the same bits as the reference, and the values of the golden files.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kernels/select.h"
#include "tensor/dtype.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/random_blocks.h"

namespace carat::kernels {
namespace {

std::vector<float> Decode(const Table& table, DType dtype, const std::byte* src, size_t n) {
  std::vector<float> out(n + 1, -12345.0f);
  table.decode[static_cast<size_t>(dtype)](src, n, out.data());
  EXPECT_EQ(out[n], -12345.0f) << "wrote past the end";
  out.resize(n);
  return out;
}

TEST(Decode, GivesTheReferencesBits) {
  std::mt19937_64 random(2);
  const Table& reference = ReferenceTable();
  for (size_t i = 0; i < kNumWeightDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    const size_t block = Info(dtype).block_elements;
    for (const size_t blocks : {0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 4099}) {
      if (block * blocks > 70000) continue;
      const size_t n = block * blocks;
      const auto aligned = RandomBlocks(random, dtype, n, Scales::kOdd);
      for (const size_t shift : {0, 1, 3}) {                       // the contract: any alignment
        std::vector<std::byte> bytes(n == 0 ? shift + 1 : shift);  // never null
        bytes.insert(bytes.end(), aligned.begin(), aligned.end());
        bytes.shrink_to_fit();  // lets the address sanitizer see a read past the end
        const auto expected = Decode(reference, dtype, bytes.data() + shift, n);
        for (const Table* table : Tables()) {
          const auto found = Decode(*table, dtype, bytes.data() + shift, n);
          ASSERT_EQ(std::memcmp(found.data(), expected.data(), n * sizeof(float)), 0)
              << table->name << " " << Info(dtype).name << ", " << n << " elements";
        }
      }
    }
  }
}

std::vector<char> ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Decode, EqualsTheGoldenValues) {
  const std::filesystem::path folder =
      std::filesystem::path(CARAT_SOURCE_DIR) / "tests/golden/quants";
  for (size_t i = 1; i < kNumWeightDTypes; ++i) {  // F32 needs no decoding
    const auto dtype = static_cast<DType>(i);
    const std::string name(Info(dtype).name);
    const auto bytes = ReadAll(folder / (name + ".bin"));
    const auto golden_bytes = ReadAll(folder / (name + ".f32"));
    const size_t n = golden_bytes.size() / sizeof(float);
    ASSERT_EQ(n, 768u) << name;
    ASSERT_EQ(bytes.size(), n / Info(dtype).block_elements * Info(dtype).block_bytes) << name;
    std::vector<float> golden(n);
    std::memcpy(golden.data(), golden_bytes.data(), golden_bytes.size());
    for (const Table* table : Tables()) {
      const auto found = Decode(*table, dtype, reinterpret_cast<const std::byte*>(bytes.data()), n);
      for (size_t e = 0; e < n; ++e) {  // as numbers: the package writes +0 for some codes of -0
        ASSERT_TRUE(found[e] == golden[e] || (std::isnan(found[e]) && std::isnan(golden[e])))
            << table->name << " " << name << " element " << e << ": " << found[e] << ", golden "
            << golden[e];
      }
    }
  }
}

TEST(SupportedTables, AreCompleteAndEndWithTheReference) {
  const TableList plain = SupportedTables({});
  ASSERT_EQ(plain.count, 1);
  EXPECT_EQ(&plain.best(), &ReferenceTable());
  EXPECT_EQ(plain.Find("reference"), &ReferenceTable());
  EXPECT_EQ(plain.Find("none"), nullptr);
  EXPECT_EQ(Tables().back(), &ReferenceTable());
  std::set<std::string> names;
  for (const Table* table : Tables()) {
    EXPECT_TRUE(names.insert(table->name).second);
    for (const auto decode : table->decode) EXPECT_NE(decode, nullptr);
    for (const auto dot : table->dot_keys) EXPECT_NE(dot, nullptr);
    for (const auto mix : table->mix_values) EXPECT_NE(mix, nullptr);
    EXPECT_TRUE(table->matmul && table->rms_norm && table->gelu_mul && table->exp_scores);
  }
}

}  // namespace
}  // namespace carat::kernels
