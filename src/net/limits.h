// What clients may ask of the server. Each number has its reason; tests make them small.
#pragma once

#include <cstddef>
#include <cstdint>

namespace carat::net {

struct Limits {
  // Of a request's head. Browsers send some hundred bytes, tokens and cookies some thousand; other
  // servers stop at 8 to 64 KB.
  size_t head_bytes = size_t{32} << 10;
  size_t head_fields = 100;
  // Of the lines around and behind chunks; what clients send there is a few digits.
  size_t chunk_line_bytes = size_t{4} << 10;
  // Of request bodies, all connections together, in memory at one time. How long one may be says
  // Handler::Admit.
  size_t body_bytes_in_all = size_t{1} << 30;
  // Requests that a client may send ahead while it waits for an answer. With this many bytes kept,
  // nothing more is read, and that the client leaves is noticed by writing alone.
  size_t ahead_bytes = size_t{64} << 10;

  // A TLS handshake: some round trips and a signature.
  int64_t handshake_ms = 10'000;
  // From the first byte of a head to its last: one packet as a rule.
  int64_t head_ms = 10'000;
  // A body must bring `body_progress_bytes`, or its end, in each span of body_progress_ms. 64 MB
  // over a telephone line pass, a byte per second does not.
  int64_t body_progress_ms = 15'000;
  size_t body_progress_bytes = size_t{32} << 10;
  // Without a request. Longer than the usual minute of client pools, which avoids that they reuse a
  // connection just as it is closed.
  int64_t idle_ms = 75'000;
  // Nothing of an answer was taken for so long: the client sleeps. Also the longest that
  // Exchange::Write blocks.
  int64_t write_stall_ms = 30'000;
  // After the last answer, what the client still sends is read and thrown away, so that it sees the
  // answer and no reset (RFC 9112, section 9.6).
  int64_t drain_ms = 2'000;
  size_t drain_bytes = size_t{64} << 20;

  // Of one answer, not yet taken by the system; thousands of tokens.
  size_t queued_bytes = size_t{256} << 10;
  // SO_SNDBUF: the system's part of the same. Its own limit is 4 MB, in which a stall hides long.
  int send_buffer_bytes = 256 << 10;

  // Each costs a descriptor, of which 1024 is the usual limit of a process, and about 20 KB. One
  // more closes the one that has asked for nothing for the longest time, or is answered with 503.
  size_t connections = 512;
  // Of one address, so that the rest remains for others. Behind a proxy all have its address.
  size_t connections_per_address = 384;
  // Beyond `connections`, at one time: those that are being told 503. Further ones are closed.
  size_t refused_connections = 64;
  // After so many a connection is closed: memory that leaks or frays has an end.
  size_t requests_per_connection = 10'000;

  // Requests in Handle at one time, more than carat serve lets wait by itself (--queue) and than
  // one key may have. A blocked thread costs little.
  size_t handler_threads = 384;
  // Behind those; one more is answered with 503.
  size_t waiting_requests = 128;
  // Two: one handshake does not hold up everybody's tokens.
  size_t io_threads = 2;
};

}  // namespace carat::net
