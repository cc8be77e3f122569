// Input: the manifest of a bundle whose seal and hashes are right, for mutations would never get
// past those. Whatever opens is read whole.
//
// DEPS: bundle
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "bundle/bundle.h"
#include "io/digest.h"
#include "weights/gguf_header.h"

namespace {

// The bundle's other tensors: a whole group of Q4_0 rows of 64 columns, and some bytes.
constexpr std::array<std::pair<const char*, size_t>, 3> kTensors = {
    {{"text/rows", 576}, {"text/a#0", 100}, {"text/a#1", 3}}};

std::string Container(const std::string& manifest) {
  using namespace carat::bundle;
  carat::GgufHeader header(kAlignment);
  header.SetString("general.architecture", kArchitecture);
  header.SetUint32("general.alignment", static_cast<uint32_t>(kAlignment));
  header.SetUint32(kFormatKey, carat::kBundleFormat);
  header.SetUint32(kOrderKey, carat::kBundleOrder);
  header.SetString(kVersionKey, "0");
  header.SetString(kManifestKey, manifest);
  std::vector<std::string> digests = {""};
  for (const auto& [name, size] : kTensors)
    digests.push_back(carat::Sha256Hex(carat::AsBytes(std::string(size, 'x'))));
  header.SetStrings(kDigestsKey, digests);
  header.AddTensor(kSeal, carat::DType::kI8, std::array<uint64_t, 1>{kSealBytes});
  for (const auto& [name, size] : kTensors)
    header.AddTensor(name, carat::DType::kI8, std::array<uint64_t, 1>{size});
  std::string file = header.Bytes();
  const std::string seal = carat::Sha256Hex(carat::AsBytes(file));
  file.resize(static_cast<size_t>(header.file_size()), '\0');
  file.replace(static_cast<size_t>(header.place_of(0)), seal.size(), seal);
  for (size_t i = 0; i < kTensors.size(); ++i) {
    const size_t size = kTensors[i].second;
    file.replace(static_cast<size_t>(header.place_of(i + 1)), size, std::string(size, 'x'));
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string file = Container({reinterpret_cast<const char*>(data), size});
  auto gguf = carat::Gguf::Parse(carat::AsBytes(file));
  CARAT_CHECK(gguf.has_value());
  const auto bundle = carat::Bundle::FromContainer(*std::move(gguf));
  if (!bundle) {
    CARAT_CHECK(!bundle.error().what.empty());
    return 0;
  }
  CARAT_CHECK(bundle->Verify({}).has_value());
  for (const carat::BundleSource& source : bundle->manifest().sources) {
    CARAT_CHECK(source.folder.empty() || carat::IsPlainName(source.folder));
    for (const carat::BundleFile& from : source.files) {
      CARAT_CHECK(carat::IsPlainName(from.name));
      const carat::ModelFile model = bundle->File(from);
      uint64_t at = 0;
      for (const carat::BundlePiece& piece : from.pieces) {
        if (piece.kind != carat::BundlePiece::Kind::kZeros)
          CARAT_CHECK(!bundle->BytesOf(piece).empty());
        (void)model.Tensor(at, piece.size);
        at += piece.size;
      }
      CARAT_CHECK(at == model.size());
    }
  }
  return 0;
}
