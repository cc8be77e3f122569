#include "net/reply_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "net/ascii.h"

namespace carat::net {
namespace {

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

bool IsText(std::string_view value) {
  return std::ranges::all_of(value, [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7F);
  });
}

void Append(std::string_view name, std::string_view value, std::string& out) {
  constexpr std::array<std::string_view, 5> kOurs = {"connection", "content-length", "date",
                                                     "keep-alive", "transfer-encoding"};
  if (!IsToken(name) || !IsText(value) || std::ranges::count(kOurs, LowerAscii(name)) > 0) return;
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool MayHaveBody(int status) { return status >= 200 && status != 204 && status != 304; }

std::string FormatHead(const Reply& reply, const Fields& more, const Framing& framing,
                       std::time_t now) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", reply.status,
                                Reason(reply.status), HttpDate(now));
  if (!reply.content_type.empty()) Append("Content-Type", reply.content_type, out);
  for (const Fields* fields : {&reply.fields, &more})
    for (const auto& [name, value] : *fields) Append(name, value, out);
  if (framing.content_length)
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", *framing.content_length);
  if (framing.chunked) out += "Transfer-Encoding: chunked\r\n";
  return out += framing.keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
}

std::string FormatReply(const Reply& reply, const Fields& more, const AnswerTerms& terms) {
  Framing framing{.keep_alive = terms.keep_alive};
  const bool body = MayHaveBody(reply.status);
  if (body) framing.content_length = reply.body.size();
  std::string out = FormatHead(reply, more, framing, std::time(nullptr));
  if (body && !terms.head_only) out += reply.body;
  return out;
}

std::string HttpDate(std::time_t time) {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<size_t>(parts.tm_wday)], parts.tm_mday,
                     kMonths[static_cast<size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace carat::net
