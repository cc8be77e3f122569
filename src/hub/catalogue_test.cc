#include "hub/catalogue.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "hub/url.h"
#include "tests/support/errors.h"

namespace carat {
namespace {

TEST(Catalogue, EveryEntryIsSound) {
  std::set<std::string> names;
  for (const CatalogueEntry& entry : Catalogue()) {
    EXPECT_TRUE(names.insert(entry.FullName()).second) << entry.FullName();
    EXPECT_EQ(FindInCatalogue(entry.FullName()), &entry);
    EXPECT_FALSE(entry.description.empty());
    ASSERT_EQ(entry.files.size(), 3u);
    std::set<std::string_view> local;
    for (size_t i = 0; i < entry.files.size(); ++i) {
      const CatalogueFile& file = entry.files[i];
      EXPECT_EQ(file.role, static_cast<FileRole>(i));
      EXPECT_TRUE(CheckRepository(file.repository).has_value()) << file.repository;
      EXPECT_TRUE(CheckRemoteFile(file.remote_file).has_value()) << file.remote_file;
      EXPECT_TRUE(CheckRevision(file.revision).has_value()) << file.revision;
      EXPECT_TRUE(CheckRemoteFile(file.local_name).has_value()) << file.local_name;
      EXPECT_EQ(file.local_name.find('/'), std::string_view::npos);
      EXPECT_TRUE(local.insert(file.local_name).second) << file.local_name;
    }
  }
}

TEST(Catalogue, WithoutATagItIsTheQatModelWithItsOwnDrafter) {
  const CatalogueEntry* entry = FindInCatalogue("gemma-4-12b");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->FullName(), "gemma-4-12b:qat");
  EXPECT_EQ(entry->size(), 6'975'879'296u + 175'115'616u + 253'708'800u);
  EXPECT_EQ(entry->files[2].repository, "unsloth/gemma-4-12B-it-qat-GGUF");
  EXPECT_EQ(FindInCatalogue("gemma-4-12b:q4_k_m")->size(), 0u);
  EXPECT_EQ(FindInCatalogue("gemma-4-12b:q8_0")->files[0].size, 12'669'646'240u);
  EXPECT_EQ(ToString(FileRole::kEmbedders), "embedders");
}

TEST(Catalogue, NamesAreStrict) {
  for (const std::string& text :
       {std::string(""), std::string(":"), std::string(":qat"), std::string("gemma-4-12b:"),
        std::string("Gemma-4-12b"), std::string("gemma-4-12b:QAT"),
        std::string("gemma-4-12b:qat:x"), std::string("../x"), std::string("gemma 4"),
        std::string(".x"), std::string("-x"), std::string("a/b"), std::string("x\0", 2),
        std::string(65, 'a')}) {
    EXPECT_EQ(FindInCatalogue(text), nullptr) << text;
    EXPECT_FALSE(CheckModelName(text).has_value()) << text;
  }
  EXPECT_TRUE(CheckModelName(std::string(64, 'a') + ":" + std::string(64, '0')).has_value());
  EXPECT_EQ(FindInCatalogue("gemma-4-12b:none"), nullptr);
  EXPECT_EQ(FindInCatalogue("gemma-4"), nullptr);
  ExpectError(CheckModelName("Gemma"), {"this is no model name", "NAME:TAG", "\"Gemma\""});
}

}  // namespace
}  // namespace carat
