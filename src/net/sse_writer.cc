#include "net/sse_writer.h"

#include <algorithm>

#include "base/check.h"

namespace carat::net {

std::string Format(const Event& event) {
  CARAT_DCHECK(event.name.find_first_of("\r\n") == std::string_view::npos);
  std::string out;
  out.reserve(event.name.size() + event.data.size() + 48);
  if (!event.name.empty()) out.append("event: ").append(event.name).append("\n");
  if (event.id) out.append("id: ").append(std::to_string(*event.id)).append("\n");
  std::string_view rest = event.data;
  while (true) {  // empty data is one empty line: an event without data fields is not delivered
    const size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    out.append("data: ").append(rest.substr(0, end)).append("\n");
    if (end == rest.size()) break;
    rest.remove_prefix(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return out.append("\n");
}

std::string_view KeepAlive() { return ": keep-alive\n\n"; }

}  // namespace carat::net
