#include "bundle/bundle.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "bundle/pack.h"
#include "io/digest.h"
#include "io/file.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"
#include "weights/gguf_header.h"

namespace carat {
namespace {

// A "file" with a header, two tensors with padding between them, and a tail.
class BundleTest : public testing::Test {
 protected:
  BundleTest() {
    for (size_t i = 0; i < kFileBytes; ++i) text_ += static_cast<char>(i * 131 + i / 251);
    for (size_t i = kQ4End; i < kSecond; ++i) text_[i] = '\0';  // padding
    EXPECT_TRUE(WriteFileAtomic(folder_ / "model.bin", AsBytes(text_)).has_value());
    auto mapped = MappedFile::Open(folder_ / "model.bin");
    EXPECT_TRUE(mapped.has_value());
    file_ = *std::move(mapped);
  }

  // Rows [rows, cols] of Q4_0 from kQ4Begin, 100 loose bytes from kSecond.
  static constexpr size_t kRows = 19, kCols = 64, kRowBytes = 36;
  static constexpr size_t kQ4Begin = 100, kQ4End = kQ4Begin + kRows * kRowBytes;
  static constexpr size_t kSecond = 800, kFileBytes = 1000;

  std::vector<SourceToPack> Sources() const {
    SourceToPack source{.role = BundleRole::kText, .folder = {}, .files = {}};
    FileToPack file{
        .name = "model.bin",
        .origin = {.address = "https://x", .repository = "a/b", .revision = "main", .file = "m"},
        .bytes = file_.bytes(),
        .tensors = {}};
    file.tensors.push_back({.name = "loose", .bytes = file_.bytes().subspan(kSecond, 100)});
    file.tensors.push_back({.name = "rows",
                            .bytes = file_.bytes().subspan(kQ4Begin, kQ4End - kQ4Begin),
                            .interleave = true,
                            .dtype = DType::kQ4_0,
                            .rows = kRows,
                            .cols = kCols});
    source.files.push_back(std::move(file));
    source.files.push_back({.name = "empty.txt", .origin = {}, .bytes = {}, .tensors = {}});
    return {source};
  }

  Status Write(const std::filesystem::path& path) {
    return WriteBundle(pool_, path, Sources(), {}, "0.0.1", {});
  }

  const TempFolder folder_;
  std::string text_;
  MappedFile file_;
  ThreadPool pool_{2};
};

TEST_F(BundleTest, UnpackGivesBackEveryByte) {
  const auto path = folder_ / "x.carat";
  ASSERT_TRUE(Write(path).has_value());
  const auto bundle = Bundle::Open(path);
  ASSERT_TRUE(bundle.has_value()) << bundle.error().Message();
  EXPECT_TRUE(bundle->Verify({}).has_value());
  EXPECT_EQ(bundle->manifest().carat, "0.0.1");
  const BundleFile& file = bundle->manifest().sources[0].files[0];
  EXPECT_EQ(file.sha256, Sha256Hex(AsBytes(text_)));
  EXPECT_EQ(file.origin.repository, "a/b");
  const auto paths = UnpackBundle(pool_, *bundle, folder_ / "out", {});
  ASSERT_TRUE(paths.has_value()) << paths.error().Message();
  EXPECT_EQ(MustRead(folder_ / "out" / "model.bin"), text_);
  EXPECT_EQ(MustRead(folder_ / "out" / "empty.txt"), "");
  const auto again = UnpackBundle(pool_, *bundle, folder_ / "out", {});
  EXPECT_FALSE(again.has_value()) << "nothing is written over";
}

TEST_F(BundleTest, ReadersFindTensorsWhereTheyLie) {
  const auto path = folder_ / "x.carat";
  ASSERT_TRUE(Write(path).has_value());
  const auto bundle = Bundle::Open(path);
  ASSERT_TRUE(bundle.has_value());
  const ModelFile file = bundle->File(bundle->manifest().sources[0].files[0]);
  EXPECT_EQ(file.size(), kFileBytes);
  EXPECT_EQ(AsText(file.head()), text_.substr(0, kQ4Begin));
  const auto rows = file.Tensor(kQ4Begin, kQ4End - kQ4Begin);
  ASSERT_TRUE(rows.has_value());
  EXPECT_TRUE(rows->interleaved);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(rows->bytes.data()) % 64, 0u);
  const auto loose = file.Tensor(kSecond, 100);
  ASSERT_TRUE(loose.has_value());
  EXPECT_EQ(AsText(loose->bytes), text_.substr(kSecond, 100));
  EXPECT_FALSE(file.Tensor(kSecond, 99).has_value());
  EXPECT_FALSE(file.Tensor(kSecond + 1, 99).has_value());
}

// A bit anywhere: in the header, in the seal, in a hash, in the data, in padding.
TEST_F(BundleTest, AFlippedBitAnywhereIsFound) {
  const auto path = folder_ / "x.carat", bad = folder_ / "bad.carat";
  ASSERT_TRUE(Write(path).has_value());
  const std::string good = MustRead(path);
  size_t opened = 0;
  for (size_t at = 0; at < good.size(); at += at < 8192 ? 7 : 61) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    ASSERT_TRUE(WriteFileAtomic(bad, AsBytes(bytes)).has_value());
    const auto bundle = Bundle::Open(bad);
    if (!bundle) continue;
    ++opened;
    const Status sound = bundle->Verify({});
    ASSERT_FALSE(sound.has_value()) << "byte " << at;
    EXPECT_NE(sound.error().Message().find("damaged"), std::string::npos);
  }
  EXPECT_GT(opened, 0u) << "weights are not read at opening";
  for (const size_t size : {size_t{0}, size_t{10}, good.size() / 2, good.size() - 1}) {
    ASSERT_TRUE(WriteFileAtomic(bad, AsBytes(good.substr(0, size))).has_value());
    EXPECT_FALSE(Bundle::Open(bad).has_value());
  }
  ASSERT_TRUE(WriteFileAtomic(bad, AsBytes(good + "x")).has_value());
  EXPECT_FALSE(Bundle::Open(bad).has_value());
}

TEST_F(BundleTest, ADamagedTensorIsNamed) {
  const auto path = folder_ / "x.carat";
  ASSERT_TRUE(Write(path).has_value());
  std::string bytes = MustRead(path);
  const size_t at = bytes.find(text_.substr(kSecond, 100));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 50] ^= 1;
  ASSERT_TRUE(WriteFileAtomic(path, AsBytes(bytes)).has_value());
  const auto bundle = Bundle::Open(path);
  ASSERT_TRUE(bundle.has_value());
  const Status sound = bundle->Verify({});
  ASSERT_FALSE(sound.has_value());
  EXPECT_NE(sound.error().Message().find("text/loose"), std::string::npos);
  EXPECT_FALSE(UnpackBundle(pool_, *bundle, folder_ / "out", {}).has_value());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / "model.bin"));
}

TEST_F(BundleTest, AnotherVersionSaysWhatToDo) {
  const auto path = folder_ / "x.carat";
  ASSERT_TRUE(Write(path).has_value());
  std::string bytes = MustRead(path);
  const size_t key = bytes.find("carat.order");
  bytes[key + 11 + 4] = 9;  // behind the key: its type, then the number
  ASSERT_TRUE(WriteFileAtomic(path, AsBytes(bytes)).has_value());
  const auto bundle = Bundle::Open(path);
  ASSERT_FALSE(bundle.has_value());
  EXPECT_EQ(bundle.error().code, ErrorCode::kUnsupported);
  for (const char* part : {"carat 0.0.1", "unpack it", "carat pull --again"})
    EXPECT_NE(bundle.error().Message().find(part), std::string::npos) << part;
}

// The manifest calls a tensor another matrix of the same size: a kernel would read past it.
TEST_F(BundleTest, AnInterleavedTensorIsTheOneOfTheHeader) {
  GgufHeader header;
  header.SetString("general.architecture", "gemma4");
  header.AddTensor("a.weight", DType::kF32, std::array<uint64_t, 2>{512, 192});
  const std::string text = header.Bytes() + std::string(512 * 192 * 4, 'x');
  ASSERT_TRUE(WriteFileAtomic(folder_ / "a.gguf", AsBytes(text)).has_value());
  const auto mapped = MappedFile::Open(folder_ / "a.gguf");
  ASSERT_TRUE(mapped.has_value());
  const auto bytes = mapped->bytes();
  SourceToPack source{.role = BundleRole::kText, .folder = {}, .files = {}};
  source.files.push_back({.name = "a.gguf", .origin = {}, .bytes = bytes, .tensors = {}});
  source.files[0].tensors.push_back({.name = "a.weight",
                                     .bytes = bytes.subspan(header.size()),
                                     .interleave = true,
                                     .dtype = DType::kF16,
                                     .rows = 1024,
                                     .cols = 192});
  const auto path = folder_ / "x.carat";
  ASSERT_TRUE(WriteBundle(pool_, path, {source}, {}, "0", {}).has_value());
  auto opened = Bundle::Open(path);
  ASSERT_TRUE(opened.has_value()) << opened.error().Message();
  const auto bundle = std::make_shared<const Bundle>(*std::move(opened));
  const BundledFiles files(bundle, bundle->manifest().sources[0], "x");
  const auto gguf = Gguf::Open(files, "a.gguf");
  ASSERT_FALSE(gguf.has_value());
  EXPECT_NE(gguf.error().Message().find("another matrix"), std::string::npos);
}

TEST_F(BundleTest, CancelledLeavesNothing) {
  const auto path = folder_ / "x.carat";
  const Status done =
      WriteBundle(pool_, path, Sources(), {}, "0", [](uint64_t, uint64_t) { return false; });
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    ++files;
  EXPECT_EQ(files, 1u) << "only the source";
}

TEST(Manifest, NamesThatAreNotNames) {
  for (const std::string_view good : {"a", "model-00001-of-00002.gguf", "A.b_c+d-e", "9"})
    EXPECT_TRUE(IsPlainName(good)) << good;
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("."), std::string_view(".."),
        std::string_view(".hidden"), std::string_view("a/b"), std::string_view("/a"),
        std::string_view("a\\b"), std::string_view("a b"), std::string_view("a\n"),
        std::string_view("a\0b", 3), std::string_view("..\\x"), std::string_view("ä"),
        std::string_view("-x")})
    EXPECT_FALSE(IsPlainName(bad)) << bad;
  EXPECT_FALSE(IsPlainName(std::string(201, 'a')));
}

TEST(Manifest, WrongOnesAreErrors) {
  const std::string good = R"({"carat":"1","sources":[{"role":"text","files":[{"name":"a","size":3,
    "sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "pieces":[{"kind":"raw","size":3,"tensor":"t"}]}]}]})";
  const auto read = [](const std::string& text) {
    const auto json = ParseJson(text);
    EXPECT_TRUE(json.has_value()) << text;
    return ManifestFromJson(*json);
  };
  ASSERT_TRUE(read(good).has_value());
  for (const auto& [from, to] :
       {std::pair("\"name\":\"a\"", "\"name\":\"../a\""),
        {"\"size\":3,\n", "\"size\":4,\n"},
        {"\"size\":3,\"tensor\"", "\"size\":-3,\"tensor\""},
        {"\"role\":\"text\"", "\"role\":\"other\""},
        {"\"role\":\"text\"", "\"role\":\"text\",\"folder\":\"..\""},
        {"e3b0", "E3B0"},
        {"\"kind\":\"raw\"", "\"kind\":\"interleaved\""},
        // Sizes that wrap.
        {"\"pieces\":[{", "\"pieces\":[{\"kind\":\"zeros\",\"size\":1000000000000000},{"},
        {"\"files\":[{", "\"files\":[],\"x\":[{"}}) {
    std::string bad = good;
    const size_t at = bad.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    bad.replace(at, std::string_view(from).size(), to);
    EXPECT_FALSE(read(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace carat
