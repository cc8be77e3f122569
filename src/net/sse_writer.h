// Server-sent events (WHATWG HTML, section 9.2) as bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carat::net {

inline constexpr std::string_view kEventStream = "text/event-stream";

struct Event {
  std::string_view name = {};       // of the event; empty: none is sent
  std::string_view data = {};       // each of its lines (\n, \r, \r\n) becomes a data field
  std::optional<uint64_t> id = {};  // what a client sends back as Last-Event-ID
};

// Precondition: the name holds no line end.
std::string Format(const Event& event);
// A comment, which clients ignore: keeps the connection open.
std::string_view KeepAlive();

}  // namespace carat::net
