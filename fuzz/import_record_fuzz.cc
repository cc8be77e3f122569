// Input: the record of an imported model.
//
// DEPS: store
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "store/import_record.h"
#include "store/model_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto record = carat::ParseImportRecord(text);
  if (record) {
    for (const carat::ImportedFile& file : record->files) CARAT_CHECK(file.sha256.size() == 64);
  } else {
    CARAT_CHECK(!record.error().what.empty());
  }
  if (carat::IsModelName(text)) {
    CARAT_CHECK(text.find('/') == std::string_view::npos && text[0] != '.');
    (void)carat::ModelDirectory("/x").BundlePath(text);
  }
  return 0;
}
