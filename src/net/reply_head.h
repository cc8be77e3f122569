// Answers as bytes.
#pragma once

#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "net/message.h"

namespace carat::net {

// How the client learns where the answer ends.
struct Framing {
  std::optional<size_t> content_length = {};
  bool chunked = false;
  bool keep_alive = false;
};

inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Whether answers of that status have a body at all (RFC 9112, section 6.3).
bool MayHaveBody(int status);

// Status line, fields and the empty line. Of the reply's and `more`'s fields those are left out
// that are set here, and those that are no HTTP: nothing can begin a line of its own.
std::string FormatHead(const Reply& reply, const Fields& more, const Framing& framing,
                       std::time_t now);

// What the request asks of its answer.
struct AnswerTerms {
  bool head_only = false;  // of HEAD
  bool http11 = true;
  bool keep_alive = false;
  std::string path = {};  // that was asked for; empty: it was not read
};

// A whole answer as bytes.
std::string FormatReply(const Reply& reply, const Fields& more, const AnswerTerms& terms);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string HttpDate(std::time_t time);

}  // namespace carat::net
