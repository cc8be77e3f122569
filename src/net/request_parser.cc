#include "net/request_parser.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "net/ascii.h"
#include "net/chunk_reader.h"
#include "net/target.h"

namespace carat::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

// Empty lines before a request (RFC 9112, section 2.2, asks for patience with one).
constexpr int kEmptyLines = 4;

std::string_view Trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// What Beast calls while it reads a head.
class Sink final : public http::basic_parser<true> {
 public:
  std::string method, target;
  int version = 0;  // 10 or 11
  Fields fields;

 private:
  using Length = boost::optional<std::uint64_t>;

  void on_request_impl(http::verb, BeastView name, BeastView text, int number,
                       error_code&) override {
    version = number;
    method.assign(name.data(), name.size());
    target.assign(text.data(), text.size());
  }
  void on_response_impl(int, BeastView, int, error_code&) override {}
  void on_field_impl(http::field, BeastView name, BeastView value, error_code&) override {
    fields.emplace_back(LowerAscii({name.data(), name.size()}),
                        Trimmed({value.data(), value.size()}));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const Length&, error_code&) override {}
  size_t on_body_impl(BeastView, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  size_t on_chunk_body_impl(std::uint64_t, BeastView, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}
};

}  // namespace

class RequestParser::Impl {
 public:
  explicit Impl(const Limits& limits) : limits_(limits), chunks_(limits.chunk_line_bytes) {
    sink_.body_limit(boost::none);
  }

  State Put(std::string_view& input) {
    if (state == State::kHead) PutHead(input);
    if (state == State::kBody && chunked_) {
      PutChunks(input);
    } else if (state == State::kBody) {
      const std::string_view part = input.substr(0, length_ - body.size());
      body.append(part);
      input.remove_prefix(part.size());
      if (body.size() == length_) state = State::kDone;
    }
    return state;
  }

  State ReadBody(size_t most_bytes) {
    CARAT_CHECK(state == State::kAdmit);
    most_bytes_ = most_bytes;
    if (!has_body()) return state = State::kDone;
    if (length_ > most_bytes) return TooLarge();
    return state = State::kBody;
  }

  State state = State::kHead;
  Refusal refusal;
  RequestHead head;
  std::string body;
  bool begun() const { return !text_.empty(); }
  bool http11() const { return sink_.version >= 11; }
  bool keep_alive() const { return sink_.is_header_done() && sink_.keep_alive(); }
  bool has_body() const { return chunked_ || length_ > 0; }

 private:
  State Refuse(int status, std::string_view what) {
    refusal = {.status = status, .what = std::string(what)};
    return state = State::kRefused;
  }
  State TooLarge() {
    return Refuse(413, most_bytes_ == 0
                           ? "this takes no body"
                           : "the body is larger than " + std::to_string(most_bytes_) + " bytes");
  }

  // Up to the empty line, byte by byte: nonsense is told at once, not when time is up.
  void PutHead(std::string_view& input) {
    size_t used = 0;
    while (used < input.size()) {
      if (text_.size() >= limits_.head_bytes) {
        Refuse(431, "the head is larger than " + std::to_string(limits_.head_bytes) + " bytes");
        return;
      }
      const char c = input[used++];
      if (!CheckByte(c)) return;
      text_.push_back(c);
      if (text_ == "\r\n") {
        text_.clear();
        lines_ = 0;
        if (++empty_lines_ > kEmptyLines) Refuse(400, "there are empty lines and no request");
      }
      if (text_.ends_with("\r\n\r\n")) {
        ReadHead();
        break;
      }
      if (state != State::kHead) break;
    }
    input.remove_prefix(used);
  }

  bool CheckByte(char c) {
    const char last = text_.empty() ? '\0' : text_.back();
    if ((c == '\n') != (last == '\r')) {
      Refuse(400, "a line of the head does not end with CR and LF");
    } else if ((static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\r' && c != '\n') ||
               c == 0x7F) {
      Refuse(400, "the head has a control character");
    } else if (last == '\n' && (c == ' ' || c == '\t')) {
      Refuse(400, "a field of the head is folded into several lines");
    } else if (c == '\n' && ++lines_ > limits_.head_fields + 2) {
      Refuse(431, "the head has more than " + std::to_string(limits_.head_fields) + " fields");
    }
    return state == State::kHead;
  }

  void ReadHead() {
    sink_.header_limit(static_cast<std::uint32_t>(text_.size() + 1));
    error_code error;
    const size_t used = sink_.put(boost::asio::buffer(text_), error);
    if (error == http::error::bad_version && text_.find(" HTTP/") != std::string::npos) {
      Refuse(505, "only HTTP/1.1 and HTTP/1.0 are served here");
    } else if (error || used != text_.size() || !sink_.is_header_done()) {
      Refuse(400, "this is no HTTP request: " + error.message());
    } else if (CheckFraming() && CheckHost()) {
      head.method = std::move(sink_.method);
      head.fields = std::move(sink_.fields);
      state = State::kAdmit;
    }
  }

  std::pair<size_t, std::string_view> Find(std::string_view name) const {
    std::pair<size_t, std::string_view> found = {0, {}};
    for (const auto& [field, value] : sink_.fields)
      if (field == name) found = {found.first + 1, value};
    return found;
  }

  // Where the request ends may not be a matter of opinion: the next one is read from there.
  bool CheckFraming() {
    const auto [lengths, length] = Find("content-length");
    const auto [codings, coding] = Find("transfer-encoding");
    if (lengths > 0 && codings > 0) {
      Refuse(400, "Content-Length and Transfer-Encoding exclude each other");
    } else if (lengths > 1 || (lengths == 1 && (length.empty() || length.size() > 18 ||
                                                !std::ranges::all_of(length, IsDigit)))) {
      Refuse(400, "Content-Length is not one number");
    } else if (codings > 0 && sink_.version < 11) {
      Refuse(400, "Transfer-Encoding is not for HTTP/1.0");
    } else if (codings > 1 || (codings == 1 && LowerAscii(coding) != "chunked")) {
      Refuse(400, "Transfer-Encoding is not \"chunked\"");
    }
    chunked_ = codings > 0;
    if (lengths > 0) std::from_chars(length.data(), length.data() + length.size(), length_);
    return state == State::kHead;
  }

  bool CheckHost() {
    const auto [hosts, host] = Find("host");
    auto target = ParseTarget(sink_.method, sink_.target);
    if (target) head.path = std::move(target->path);
    if (hosts > 1 || !IsAuthority(host)) {
      Refuse(400, "Host is not one name");
    } else if (hosts == 0 && sink_.version >= 11) {
      Refuse(400, "Host is missing");
    } else if (!target) {
      Refuse(400, target.error().what);
    } else {
      head.query = std::move(target->query);
      if (!target->authority.empty()) {  // it counts, not the field (RFC 9112, section 3.2.2)
        std::erase_if(sink_.fields, [](const auto& field) { return field.first == "host"; });
        sink_.fields.emplace_back("host", std::move(target->authority));
      }
    }
    return state == State::kHead;
  }

  void PutChunks(std::string_view& input) {
    switch (chunks_.Read(input, body, most_bytes_)) {
      case ChunkReader::State::kMore:
        break;
      case ChunkReader::State::kDone:
        state = State::kDone;
        break;
      case ChunkReader::State::kTooLarge:
        TooLarge();
        break;
      case ChunkReader::State::kBad:
        Refuse(400, "the body is not well chunked: " + std::string(chunks_.problem()));
        break;
    }
  }

  const Limits& limits_;
  Sink sink_;
  std::string text_;     // the head
  size_t lines_ = 0;     // of it
  int empty_lines_ = 0;  // before it
  bool chunked_ = false;
  size_t length_ = 0;  // of a body that is not chunked
  size_t most_bytes_ = 0;
  ChunkReader chunks_;
};

RequestParser::RequestParser(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

RequestParser::State RequestParser::Put(std::string_view& input) { return impl_->Put(input); }
RequestParser::State RequestParser::ReadBody(size_t most_bytes) {
  return impl_->ReadBody(most_bytes);
}
RequestParser::State RequestParser::state() const { return impl_->state; }
const RequestParser::Refusal& RequestParser::refusal() const { return impl_->refusal; }
bool RequestParser::begun() const { return impl_->begun(); }
RequestHead& RequestParser::head() { return impl_->head; }
bool RequestParser::http11() const { return impl_->http11(); }
bool RequestParser::keep_alive() const { return impl_->keep_alive(); }
bool RequestParser::has_body() const { return impl_->has_body(); }
bool RequestParser::expects_continue() const {
  const auto expected = impl_->head.Field("expect");
  return http11() && expected && LowerAscii(*expected) == "100-continue";
}
std::string& RequestParser::body() { return impl_->body; }

}  // namespace carat::net
