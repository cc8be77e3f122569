// carat pack, unpack, quantize, list, show, verify and rm, from outside.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "base/bytes.h"
#include "io/json.h"
#include "tests/support/point_files.h"
#include "tests/support/run_carat.h"
#include "weights/gguf.h"
#include "weights/gguf_header.h"
#include "weights/safetensors.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

// Every file below a folder with its content.
std::map<std::string, std::string> Contents(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      all[fs::relative(entry.path(), folder).string()] = MustRead(entry.path());
  return all;
}

// Packs `model`, checks it, unpacks it and gives what comes out.
std::map<std::string, std::string> ThereAndBack(const std::string& arguments, const fs::path& at) {
  const std::string bundle = (at / "x.carat").string();
  const Ran packed = RunCarat("pack --quiet " + arguments + " " + bundle);
  EXPECT_EQ(packed.code, 0) << packed.err;
  const Ran sound = RunCarat("verify --quiet " + bundle);
  EXPECT_EQ(sound.code, 0) << sound.err;
  const Ran unpacked = RunCarat("unpack --quiet " + bundle + " " + (at / "out").string());
  EXPECT_EQ(unpacked.code, 0) << unpacked.err;
  return Contents(at / "out");
}

TEST(CliBundle, FolderWithDrafterComesBack) {
  const TempFolder folder;
  const auto back = ThereAndBack(PointFolder().string(), folder.path());
  EXPECT_EQ(back, Contents(PointFolder()));
  const Ran ran =
      RunCarat("run --model " + (folder / "x.carat").string() + " 'Count from 3 to 9.'");
  EXPECT_EQ(ran.out, "3, 4, 5, 6, 7, 8, 9\n") << ran.err;
}

TEST(CliBundle, GgufFilesComeBack) {
  const TempFolder folder;
  const fs::path files = folder / "in";
  PointGgufs(files, "Q8_0");
  const auto back = ThereAndBack((files / "point.gguf").string(), folder.path());
  EXPECT_EQ(back.size(), 3u);
  EXPECT_EQ(back, Contents(files));
}

// A GGUF file in two shards and a folder in two.
TEST(CliBundle, ShardsComeBack) {
  const TempFolder folder;
  const fs::path files = folder / "in";
  PointGgufs(files, "Q4_0");
  const auto gguf = Gguf::Open(files / "point.gguf");
  ASSERT_TRUE(gguf.has_value());
  const auto entries = gguf->tensors().entries();
  fs::create_directories(folder / "shards");
  for (int shard = 0; shard < 2; ++shard) {
    GgufHeader header;
    if (shard == 0)
      for (const GgufPair& pair : gguf->metadata()) header.SetStored(pair);
    header.SetUint32("split.no", static_cast<uint32_t>(shard));
    header.SetUint32("split.count", 2);
    header.SetInt32("split.tensors.count", static_cast<int32_t>(entries.size()));
    std::string data;
    for (size_t i = 0; i < entries.size(); ++i) {
      if ((i < 50) != (shard == 0)) continue;
      header.AddTensor(entries[i].name, entries[i].dtype, entries[i].shape);
      data += AsText(entries[i].bytes);
      data.resize((data.size() + 31) / 32 * 32);
    }
    WriteText(folder / "shards" / fmt::format("p-{:05}-of-00002.gguf", shard + 1),
              header.Bytes() + data);
  }
  const auto back =
      ThereAndBack((folder / "shards" / "p-00001-of-00002.gguf").string(), folder.path());
  EXPECT_EQ(back, Contents(folder / "shards"));
}

TEST(CliBundle, ShardedFolderComesBack) {
  const TempFolder folder;
  const fs::path in = folder / "in";
  fs::copy(Fixture(), in, fs::copy_options::recursive);
  const auto all = Safetensors::OpenFile(in / "model.safetensors");
  ASSERT_TRUE(all.has_value());
  Json map;
  for (int shard = 0; shard < 2; ++shard) {
    Json header;
    std::string data;
    const std::string name = fmt::format("model-{:05}-of-00002.safetensors", shard + 1);
    size_t number = 0;
    for (const TensorEntry& entry : all->tensors().entries()) {
      if (static_cast<int>(number++ % 2) != shard) continue;
      Json one, shape{Json::Array()};
      for (const uint64_t d : entry.shape) shape.array().push_back(static_cast<size_t>(d));
      one.Set("dtype", entry.TypeName());
      one.Set("shape", std::move(shape));
      one.Set("data_offsets", Json::Array{data.size(), data.size() + entry.bytes.size()});
      header.Set(entry.name, std::move(one));
      map.Set(entry.name, name);
      data += AsText(entry.bytes);
    }
    const std::string text = header.Dump();
    const uint64_t size = text.size();
    WriteText(in / name, std::string(reinterpret_cast<const char*>(&size), 8) + text + data);
  }
  Json index;
  index.Set("weight_map", std::move(map));
  WriteText(in / "model.safetensors.index.json", index.Dump());
  fs::remove(in / "model.safetensors");
  EXPECT_EQ(ThereAndBack(in.string(), folder.path()), Contents(in));
}

// The bundle computes the bits that its files do, whatever reads it.
TEST(CliBundle, SameLogitsAsTheFiles) {
  for (const std::string type : {"Q4_0", "Q4_K_M", "Q8_0", "Q6_K", "BF16", "Q5_1", "F32"}) {
    const TempFolder folder;
    const fs::path files = folder / "in";
    PointGgufs(files, type);
    const std::string bundle = (folder / "x.carat").string();
    ASSERT_EQ(RunCarat("pack --quiet " + (files / "point.gguf").string() + " " + bundle).code, 0);
    WriteText(folder / "prompt.txt", "<bos><|turn>user\nCount from 3 to 9.<turn|>\n");
    for (const std::string way : {"", "--reference"}) {
      std::string out[2];
      for (const std::string& model : {(files / "point.gguf").string(), bundle}) {
        const fs::path npy = folder / "logits.npy";
        const Ran ran = RunCarat("inspect logits " + way + " --model " + model + " --prompt " +
                                 (folder / "prompt.txt").string() + " --out " + npy.string());
        ASSERT_EQ(ran.code, 0) << ran.err;
        out[model == bundle] = MustRead(npy);
      }
      EXPECT_TRUE(out[0] == out[1]) << type << way;
    }
  }
}

TEST(CliBundle, SeesAndDraftsAsTheFiles) {
  const TempFolder folder;
  const fs::path files = folder / "in";
  PointGgufs(files, "Q8_0");
  const std::string bundle = (folder / "x.carat").string();
  ASSERT_EQ(RunCarat("pack --quiet " + (files / "point.gguf").string() + " " + bundle).code, 0);
  const std::string picture = (SourceDir() / "tests/fixtures/point/shapes.png").string();
  const Ran seen =
      RunCarat("run --model " + bundle + " --image " + picture + " 'What colour is the circle?'");
  EXPECT_EQ(seen.out, "The circle is yellow.\n") << seen.err;
  WriteText(folder / "prompt.txt", "<bos><|turn>user\nCount from 3 to 9.<turn|>\n<|turn>model\n");
  std::string drafts[2];
  for (const std::string& model : {(files / "point.gguf").string(), bundle}) {
    const fs::path out = folder / "drafts.npy";
    const Ran ran = RunCarat("inspect draft --model " + model + " --prompt " +
                             (folder / "prompt.txt").string() + " --out " + out.string());
    ASSERT_EQ(ran.code, 0) << ran.err;
    drafts[model == bundle] = ran.out + MustRead(out);
  }
  EXPECT_EQ(drafts[0], drafts[1]);
}

TEST(CliBundle, DamageIsFoundAndNamed) {
  const TempFolder folder;
  const fs::path bundle = folder / "x.carat";
  ASSERT_EQ(RunCarat("pack --quiet " + PointFolder().string() + " " + bundle.string()).code, 0);
  std::string bytes = MustRead(bundle);
  const size_t at = bytes.size() / 2;
  bytes[at] = static_cast<char>(bytes[at] ^ 4);
  WriteText(bundle, bytes);
  const Ran verify = RunCarat("verify --quiet " + bundle.string());
  EXPECT_EQ(verify.code, 2);
  ExpectHas(verify.err, {"damaged", "tensor", "carat pull"});
  const Ran run = RunCarat("run --verify --model " + bundle.string() + " hello");
  EXPECT_EQ(run.code, 2);
  ExpectHas(run.err, {"damaged"});
  const Ran plain = RunCarat("run --verify --model " + PointFolder().string() + " hello");
  EXPECT_EQ(plain.code, 2) << "a folder has no hashes, and the option is not ignored";
}

TEST(CliBundle, BadArgumentsSaySo) {
  const TempFolder folder;
  const fs::path bundle = folder / "x.carat";
  ASSERT_EQ(RunCarat("pack --quiet " + PointFolder().string() + " " + bundle.string()).code, 0);
  const Ran twice = RunCarat("pack " + bundle.string() + " " + (folder / "y.carat").string());
  EXPECT_EQ(twice.code, 2);
  ExpectHas(twice.err, {"a bundle already"});
  EXPECT_EQ(RunCarat("pack " + PointFolder().string() + " " + folder.path().string()).code, 2);
  EXPECT_EQ(RunCarat("unpack " + PointFolder().string() + " " + (folder / "o").string()).code, 2);
  const Ran quantise =
      RunCarat("quantize " + bundle.string() + " " + (folder / "q.gguf").string() + " Q4_0");
  EXPECT_EQ(quantise.code, 2);
  ExpectHas(quantise.err, {"carat unpack"});
  EXPECT_EQ(RunCarat("quantize " + PointFolder().string() + " x.gguf Q9_9").code, 2);
  EXPECT_EQ(RunCarat("pack " + PointFolder().string() + " /dev/stdout").code, 2);
}

TEST(CliBundle, NothingTakesThePlaceOfItsSource) {
  const TempFolder folder;
  PointGgufs(folder.path(), "Q8_0");
  fs::copy(PointFolder(), folder / "pt", fs::copy_options::recursive);
  const auto before = Contents(folder.path());
  const std::string at = folder.path().string();
  for (const std::string& command :
       {"pack --quiet " + at + "/point.gguf " + at + "/point.gguf",
        "pack --quiet " + at + "/point.gguf " + at + "/mmproj-point.gguf",
        "pack --quiet " + at + "/pt " + at + "/pt/assistant/model.safetensors",
        "quantize --quiet " + at + "/pt " + at + "/pt/model.safetensors Q8_0",
        "quantize --quiet --allow-requantize " + at + "/point.gguf " + at + "/point.gguf Q4_0"}) {
    const Ran ran = RunCarat(command);
    EXPECT_EQ(ran.code, 2) << command;
    ExpectHas(ran.err, {"the place of its source"});
  }
  EXPECT_EQ(Contents(folder.path()), before);
}

// Killed while it packs: nothing is left beside what was there.
TEST(CliBundle, AKilledPackLeavesNothing) {
  const TempFolder folder;
  for (int ms = 0; ms < 60; ms += 4) {
    static_cast<void>(RunProgram(
        "timeout",
        fmt::format("-s KILL {:.3f} {} pack --quiet {} {}", 0.005 + ms / 1000.0, CARAT_BINARY,
                    PointFolder().string(), (folder / "x.carat").string())));
    const auto files = Contents(folder.path());
    EXPECT_LE(files.size(), 1u);
    for (const auto& [name, content] : files) {
      EXPECT_EQ(name, "x.carat");
      EXPECT_EQ(RunCarat("verify --quiet " + (folder / name).string()).code, 0);
    }
    fs::remove(folder / "x.carat");
  }
}

// A disk that takes no more, as far as a limit on files can play one.
TEST(CliBundle, AFullDiskLeavesNothing) {
  const TempFolder folder;
  const std::string point = PointFolder().string(), at = folder.path().string();
  for (const std::string& command : {"pack --quiet " + point + " " + at + "/x.carat",
                                     "quantize --quiet " + point + " " + at + "/x.gguf Q8_0"}) {
    const Ran ran = RunProgram(
        "sh", fmt::format("-c \"trap '' XFSZ; ulimit -f 4000; {} {}\"", CARAT_BINARY, command));
    EXPECT_EQ(ran.code, 2) << command;
    ExpectHas(ran.err, {"cannot write the file", at});
    EXPECT_TRUE(fs::is_empty(folder.path())) << command;
  }
}

TEST(CliModels, ListShowVerifyAndRemove) {
  const TempFolder folder;
  const std::string home = "CARAT_HOME=" + folder.path().string();
  ExpectHas(RunCarat("list", home).out, {"carat pull gemma-4-12b", "carat import"});
  const fs::path models = folder / "models";
  fs::create_directories(models);
  const std::string bundle = (models / "mine@q8.carat").string();
  ASSERT_EQ(RunCarat("pack --quiet " + PointFolder().string() + " " + bundle).code, 0);
  const Ran list = RunCarat("list --json", home);
  const auto json = ParseJson(list.out);
  ASSERT_TRUE(json.has_value()) << list.out;
  ASSERT_EQ(json->array().size(), 1u);
  EXPECT_EQ(json->array()[0].Find("name")->string(), "mine:q8");
  ExpectHas(json->array()[0].Find("fits")->string(), {"runs with up to 4,096 tokens"});
  ExpectHas(RunCarat("show mine:q8", home).out, {"packed_by", "carat 0.1.0", "model.safetensors"});
  EXPECT_EQ(RunCarat("verify --quiet mine:q8", home).code, 0);
  EXPECT_EQ(RunCarat("run 'Count from 3 to 5.'", home).out, "3, 4, 5\n") << "the only one there";
  for (const std::string name :
       {"../models", "/etc/passwd", "'a\\b'", "'mine:q8:x'", "''", "'.'", "-- -x", "$'a\\nb'"}) {
    const Ran ran = RunCarat("rm " + name, home);
    EXPECT_EQ(ran.code, 2) << name;
  }
  EXPECT_TRUE(fs::exists(bundle));
  EXPECT_EQ(RunCarat("rm mine:q8", home).code, 0);
  EXPECT_FALSE(fs::exists(bundle));
  EXPECT_EQ(RunCarat("rm mine:q8", home).code, 2);
}

}  // namespace
}  // namespace carat
