// carat import, from outside: files as LM Studio, Ollama, llama.cpp and Hugging Face keep them.
#include <gtest/gtest.h>

#include "io/digest.h"
#include "io/json.h"
#include "tests/support/point_files.h"
#include "tests/support/run_carat.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

class ImportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    files_ = new TempFolder;
    PointGgufs(files_->path(), "Q8_0");
  }
  static void TearDownTestSuite() { delete std::exchange(files_, nullptr); }

  // A new home for every test, with nothing of the real one.
  Ran Carat(const std::string& arguments) const {
    return RunCarat(arguments, fmt::format("env -u XDG_DATA_HOME -u HF_HOME -u HF_HUB_CACHE -u "
                                           "OLLAMA_MODELS -u LLAMA_CACHE HOME={} CARAT_HOME={}",
                                           home_.path().string(), (home_ / "carat").string()));
  }
  static fs::path File(const std::string& name) { return files_->path() / name; }
  static std::string Hash(const fs::path& path) { return Sha256Hex(AsBytes(MustRead(path))); }
  void Copy(const std::string& from, const fs::path& to) const {
    fs::create_directories(to.parent_path());
    fs::copy_file(File(from), to);
  }
  // As Ollama lays a model out; gives the text blob.
  fs::path Ollama() const {
    const fs::path root = home_ / ".ollama/models";
    Json layers{Json::Array()};
    for (const auto& [name, kind] :
         {std::pair("point.gguf", "model"), {"mmproj-point.gguf", "projector"}}) {
      Copy(name, root / "blobs" / ("sha256-" + Hash(File(name))));
      Json layer;
      layer.Set("mediaType", std::string("application/vnd.ollama.image.") + kind);
      layer.Set("digest", "sha256:" + Hash(File(name)));
      layers.array().push_back(std::move(layer));
    }
    Json manifest;
    manifest.Set("layers", std::move(layers));
    const fs::path tag = root / "manifests/registry.ollama.ai/library/gemma4/12b";
    fs::create_directories(tag.parent_path());
    WriteText(tag, manifest.Dump());
    return root / "blobs" / ("sha256-" + Hash(File("point.gguf")));
  }

  const TempFolder home_;
  static inline TempFolder* files_ = nullptr;
};

TEST_F(ImportTest, FilesSideBySideBelongTogether) {
  const Ran ran = Carat("import --quiet --name mine " + File("point.gguf").string());
  ASSERT_EQ(ran.code, 0) << ran.err;
  ExpectHas(ran.out, {"text model", "embedders", "drafter"});
  EXPECT_EQ(Carat("run 'Count from 3 to 5.'").out, "3, 4, 5\n");
  EXPECT_EQ(Carat("verify --quiet mine").code, 0);
  EXPECT_EQ(Carat("rm mine").code, 0);
  for (const char* name : {"point.gguf", "mmproj-point.gguf", "point-mtp.gguf"})
    EXPECT_TRUE(fs::exists(File(name))) << "rm never deletes imported files";
}

TEST_F(ImportTest, ChangedFilesAreFound) {
  Copy("point.gguf", home_ / "m/point.gguf");
  ASSERT_EQ(Carat("import --quiet --name mine " + (home_ / "m").string()).code, 0);
  std::string bytes = MustRead(home_ / "m/point.gguf");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  WriteText(home_ / "m/point.gguf", bytes);
  const Ran verify = Carat("verify --quiet mine");
  EXPECT_EQ(verify.code, 2);
  ExpectHas(verify.err, {"point.gguf", "SHA-256"});
  fs::remove(home_ / "m/point.gguf");
  EXPECT_EQ(Carat("verify --quiet mine").code, 2);
  const Ran run = Carat("run --model mine hello");
  EXPECT_EQ(run.code, 2);
  ExpectHas(run.err, {"not there any more", "carat rm mine"});
  EXPECT_EQ(Carat("rm mine").code, 0);
}

TEST_F(ImportTest, SaysWhatIsMissingAndWhatGetsIt) {
  Copy("point.gguf", home_ / "m/point.gguf");
  const Ran ran = Carat("import --quiet " + (home_ / "m").string());
  ASSERT_EQ(ran.code, 0) << ran.err;
  ExpectHas(ran.out,
            {"carat pull gemma-4-12b --part embedders", "carat pull gemma-4-12b --part drafter"});
}

TEST_F(ImportTest, PartsThatWerePulledAreFound) {
  Copy("point.gguf", home_ / "m/point.gguf");
  Copy("point-mtp.gguf", home_ / "carat/models/parts/mtp.gguf");
  Copy("mmproj-point.gguf", home_ / "carat/models/parts/mmproj.gguf");
  const Ran ran = Carat("import --quiet " + (home_ / "m").string());
  ASSERT_EQ(ran.code, 0) << ran.err;
  ExpectHas(ran.out, {"parts/mtp.gguf", "parts/mmproj.gguf"});
}

TEST_F(ImportTest, Ollama) {
  const fs::path blob = Ollama();
  const Ran scan = Carat("import --scan");
  EXPECT_EQ(scan.code, 0) << scan.err;
  ExpectHas(scan.out, {"(Ollama)", "text model", "embedders", blob.string()});
  const Ran ran = Carat("import --quiet --name o " + blob.string());
  ASSERT_EQ(ran.code, 0) << ran.err;
  ExpectHas(ran.out, {"embedders"});
  EXPECT_EQ(Carat("run --model o 'Count from 3 to 5.'").out, "3, 4, 5\n");
}

TEST_F(ImportTest, OllamasDamagedBlobIsRefused) {
  const fs::path blob = Ollama();
  std::string bytes = MustRead(blob);
  bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 1);
  WriteText(blob, bytes);
  const Ran ran = Carat("import --quiet --name o " + blob.string());
  EXPECT_EQ(ran.code, 2);
  ExpectHas(ran.err, {"as its name says"});
}

TEST_F(ImportTest, OllamasHostileManifestLeadsNowhere) {
  const fs::path tag = home_ / ".ollama/models/manifests/r/library/gemma4/12b";
  fs::create_directories(tag.parent_path());
  fs::create_directories(home_ / ".ollama/models/blobs");
  for (const std::string digest :
       {"sha256:../../../../etc/passwd", "../x", "sha256:", "md5:0", "sha256:..\\\\..\\\\x"}) {
    WriteText(tag, R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":")" +
                       digest + "\"}]}");
    const Ran scan = Carat("import --scan");
    EXPECT_EQ(scan.code, 2) << digest;
    EXPECT_EQ(scan.err.find("passwd"), std::string::npos);
  }
}

// models--OWNER--NAME/snapshots/COMMIT/FILE are links to blobs that are named by their hashes.
TEST_F(ImportTest, HuggingFaceCache) {
  const fs::path hub = home_ / ".cache/huggingface/hub/models--google--Gemma-4";
  const fs::path snapshot = hub / "snapshots" / std::string(40, 'a');
  fs::create_directories(snapshot);
  for (const char* name : {"point.gguf", "mmproj-point.gguf", "point-mtp.gguf"}) {
    Copy(name, hub / "blobs" / Hash(File(name)));
    fs::create_symlink("../../blobs/" + Hash(File(name)), snapshot / name);
  }
  ExpectHas(Carat("import --scan").out, {"(Hugging Face)", "drafter"});
  const Ran ran = Carat("import --quiet --name hf " + hub.string());
  ASSERT_EQ(ran.code, 0) << ran.err;
  ExpectHas(ran.out, {"drafter", "embedders"});
}

TEST_F(ImportTest, LmStudioAndLlamaCpp) {
  Copy("point.gguf", home_ / ".lmstudio/models/google/gemma/gemma.gguf");
  Copy("point-mtp.gguf", home_ / ".cache/llama.cpp/mtp.gguf");
  const Ran scan = Carat("import --scan");
  ExpectHas(scan.out, {"(LM Studio)", "(llama.cpp)"});
  const Ran ran = Carat("import --quiet " + (home_ / ".lmstudio/models").string());
  ASSERT_EQ(ran.code, 0) << ran.err;
  ExpectHas(ran.out, {"mtp.gguf (llama.cpp)"});
}

TEST_F(ImportTest, ANameIsNotTakenFromAnotherModel) {
  Copy("point.gguf", home_ / "a/m.gguf");
  Copy("point.gguf", home_ / "b/m.gguf");
  ASSERT_EQ(Carat("import --quiet " + (home_ / "a/m.gguf").string()).code, 0);
  EXPECT_EQ(Carat("import --quiet " + (home_ / "a/m.gguf").string()).code, 0) << "the same again";
  const Ran ran = Carat("import --quiet " + (home_ / "b/m.gguf").string());
  EXPECT_EQ(ran.code, 2);
  ExpectHas(ran.err, {"another --name"});
}

TEST_F(ImportTest, WithoutADrafterMeansWithout) {
  const Ran ran = Carat("import --quiet --drafter off --name n " + File("point.gguf").string());
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Ran show = Carat("show n");
  EXPECT_EQ(show.out.find("with_drafter"), std::string::npos) << show.out;
}

TEST_F(ImportTest, ABundleHasItsOwnParts) {
  const std::string bundle = (home_ / "x.carat").string();
  ASSERT_EQ(Carat("pack --quiet " + File("point.gguf").string() + " " + bundle).code, 0);
  const Ran ran = Carat("import --quiet --name b " + bundle);
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out.find("no drafter"), std::string::npos) << ran.out;
  EXPECT_EQ(Carat("verify --quiet b").code, 0);
  EXPECT_EQ(Carat("run --model b 'Count from 3 to 5.'").out, "3, 4, 5\n");
}

TEST_F(ImportTest, WhatDoesNotBelongIsRefused) {
  const std::string tiny = (SourceDir() / "tests/golden/models/tiny6/assistant").string();
  const Ran ran = Carat("import --quiet --drafter " + tiny + " " + File("point.gguf").string());
  EXPECT_EQ(ran.code, 2);
  ExpectHas(ran.err, {"does not belong"});
  const Ran eyes = Carat("import --quiet --mmproj " + File("point-mtp.gguf").string() + " " +
                         File("point.gguf").string());
  EXPECT_EQ(eyes.code, 2);
  EXPECT_EQ(Carat("import " + File("point-mtp.gguf").string()).code, 2) << "no text model";
  EXPECT_EQ(Carat("import /nowhere").code, 2);
  EXPECT_EQ(Carat("import").code, 2);
  EXPECT_EQ(Carat("import --name ../x " + File("point.gguf").string()).code, 2);
}

}  // namespace
}  // namespace carat
