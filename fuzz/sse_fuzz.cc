// An event that is written and read again by WHATWG HTML, section 9.2.6, is the same event. The
// first byte says how long its name is and whether it has an id.
//
// DEPS: net
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/sse_writer.h"

namespace {

struct Read {
  std::string name, data, id;
};

// The section's algorithm, over a whole stream.
std::vector<Read> ReadStream(std::string_view stream) {
  std::vector<Read> events;
  std::string name, data, id;
  while (!stream.empty()) {
    const size_t end = std::min(stream.find_first_of("\r\n"), stream.size());
    const std::string_view line = stream.substr(0, end);
    stream.remove_prefix(end);
    if (stream.empty()) break;  // a line without an end is not processed
    stream.remove_prefix(stream.starts_with("\r\n") ? 2 : 1);
    if (line.empty()) {
      if (!data.empty()) {
        data.pop_back();
        events.push_back({.name = name, .data = data, .id = id});
      }
      name.clear();
      data.clear();
      continue;
    }
    const size_t colon = std::min(line.find(':'), line.size());
    const std::string_view field = line.substr(0, colon);
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") name = value;
    if (field == "data") data.append(value).append("\n");
    if (field == "id" && value.find('\0') == std::string_view::npos) id = value;
  }
  return events;
}

// Line ends are what data cannot keep apart.
std::string Normal(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    out.push_back(text[i] == '\r' ? '\n' : text[i]);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  carat::net::Event event;
  event.name = text.substr(0, data[0] / 2 % 16);
  event.name = event.name.substr(0, event.name.find_first_of("\r\n"));
  event.data = text.substr(event.name.size());
  if (data[0] % 2 == 1) event.id = size * 0x9E3779B97F4A7C15;
  std::string stream(carat::net::KeepAlive());
  stream += carat::net::Format(event);
  stream += carat::net::KeepAlive();
  const std::vector<Read> events = ReadStream(stream + carat::net::Format({.data = "next"}));
  CARAT_CHECK(events.size() == 2);
  CARAT_CHECK(events[0].name == event.name);
  CARAT_CHECK(events[0].data == Normal(event.data));
  CARAT_CHECK(events[0].id == (event.id ? std::to_string(*event.id) : ""));
  CARAT_CHECK(events[1].name.empty() && events[1].data == "next");
  return 0;
}
