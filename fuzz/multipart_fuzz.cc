// Input: the boundary in one line, and a body. Parts must lie in the body in order, and a form that
// reads them must say what is wrong with them.
//
// DEPS: api
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/multipart.h"
#include "api/openai/transcription_request.h"
#include "base/check.h"
#include "base/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string_view body = input.substr(line + 1);
  const auto parts = carat::ParseMultipart(
      "multipart/form-data; boundary=" + std::string(input.substr(0, line)), body);
  if (!parts.has_value()) {
    CARAT_CHECK(!parts.error().what.empty() && carat::IsValidUtf8(parts.error().Message()));
    return 0;
  }
  const char* end = body.data();
  for (const carat::FormPart& part : *parts) {
    CARAT_CHECK(!part.name.empty() && carat::IsValidUtf8(part.name));
    CARAT_CHECK(part.data.data() > end);
    end = part.data.data() + part.data.size();
    CARAT_CHECK(end <= body.data() + body.size());
  }
  for (const bool translate : {false, true}) {
    const auto request = carat::ReadTranscriptionForm(*parts, translate);
    CARAT_CHECK(request.has_value() ? !request->file.empty()
                                    : carat::IsValidUtf8(request.error().Message()));
  }
  return 0;
}
