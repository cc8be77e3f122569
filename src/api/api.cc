#include "api/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

#include "api/carat/recorder.h"
#include "api/routes.h"
#include "base/utf8.h"
#include "sys/clock.h"
#include "sys/ids.h"

namespace carat {
namespace {

constexpr JsonLimits kJsonLimits{.max_depth = 64, .max_nodes = 500'000};

net::Reply AsData(net::Reply reply) {
  net::Fields more = DataFields();
  std::ranges::move(more, std::back_inserter(reply.fields));
  return reply;
}

// At the door; has an id of its own.
net::Reply Refusal(const ApiError& error, Dialect dialect) {
  const std::string id = NewId("req_");
  net::Reply reply = ReplyOf(error, dialect, id);
  reply.fields.emplace_back("x-request-id", id);
  return AsData(std::move(reply));
}

// Adds the request's id to what a route sends, and notes it.
class NamedExchange : public net::Exchange {
 public:
  NamedExchange(net::Exchange& inner, Dialect dialect, RequestLog& log, bool content)
      : inner_(inner), dialect_(dialect), log_(log), content_(content) {}

  void Send(net::Reply reply) override { inner_.Send(Named(std::move(reply))); }
  bool Begin(net::Reply head) override { return inner_.Begin(Named(std::move(head))); }
  bool Write(std::string_view piece) override {
    Note(piece);
    const bool goes_on = inner_.Write(piece);
    log_.client_left = log_.client_left || !goes_on;
    return goes_on;
  }
  void End() override { inner_.End(); }
  void OnClosed(std::function<void()> closed) override { inner_.OnClosed(std::move(closed)); }

 private:
  void Note(std::string_view body) {
    log_.sent_bytes += body.size();
    if (content_) log_.answered += body;
  }
  net::Reply Named(net::Reply reply) {
    log_.status = reply.status;
    Note(reply.body);
    reply.fields.emplace_back("x-request-id", log_.id);
    if (dialect_ == Dialect::kAnthropic) reply.fields.emplace_back("request-id", log_.id);
    return AsData(std::move(reply));
  }

  net::Exchange& inner_;
  Dialect dialect_;
  RequestLog& log_;
  bool content_;
};

// That in which a client understands errors. `route` may be null.
Dialect DialectOf(const net::RequestHead& head, const Route* route) {
  if (head.Field("anthropic-version")) return Dialect::kAnthropic;
  return route != nullptr ? route->dialect : carat::DialectOf(head.path);
}

// A form or plain text can be sent by any page without asking; JSON can't.
bool HasType(const net::RequestHead& head, std::string_view wanted) {
  std::string_view type = head.Field("content-type").value_or("");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return std::ranges::equal(type, wanted, [](char sent, char letter) {
    return (sent >= 'A' && sent <= 'Z' ? sent - 'A' + 'a' : sent) == letter;
  });
}

std::optional<ApiError> CheckBody(const net::RequestHead& head, const Route& route) {
  const bool coded = std::ranges::any_of(
      head.fields, [](const auto& field) { return field.first == "content-encoding"; });
  if (coded) {
    return ApiError{.status = 415,
                    .code = "unsupported_content_encoding",
                    .message = "Bodies are taken as they are, without Content-Encoding."};
  }
  if (route.body == Route::Body::kNone) return std::nullopt;
  const std::string_view wanted = route.body == Route::Body::kJson    ? "application/json"
                                  : route.body == Route::Body::kBytes ? "application/octet-stream"
                                                                      : "multipart/form-data";
  if (HasType(head, wanted)) return std::nullopt;
  return ApiError{.status = 415,
                  .code = "unsupported_media_type",
                  .message = fmt::format("The body must be sent as Content-Type: {}.", wanted)};
}

// The official Anthropic client marks its beta calls so; they mean the same here.
bool IsBetaMark(const net::RequestHead& head, const Route& route) {
  return route.dialect == Dialect::kAnthropic && head.query == "beta=true";
}

// Many clients send an object with every POST.
bool IsEmptyBody(std::string_view body) {
  std::string text(body);
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  return text.empty() || text == "{}";
}

std::optional<ApiError> CheckQuery(const net::RequestHead& head, const Route& route) {
  if ((route.flags & Route::kQuery) != 0 || head.query.empty() || IsBetaMark(head, route))
    return std::nullopt;
  return ToApiError({.what = "this address takes no query", .found = Quoted(head.query, 60)});
}

}  // namespace

struct Api::Door {
  const Route* route;
  std::string id;
  std::string owner;
};

void Call::SendError(const ApiError& error) { exchange.Send(ReplyOf(error, dialect, id)); }
void Call::SendJson(const Json& body) { exchange.Send({.body = body.Dump()}); }
void Call::SendResult(const Result<Json>& body) {
  body ? SendJson(*body) : SendError(ToApiError(body.error()));
}

MediaWatch Call::StillThere() {
  const auto left = std::make_shared<std::atomic<bool>>(false);
  exchange.OnClosed([left] { *left = true; });
  return [left](double) { return !*left; };
}

Result<Json> Call::ParseBody() const {
  auto json = ParseJson(request.body, kJsonLimits);
  if (!json) {
    Error error = std::move(json).error();
    // Without the parser's own words.
    const bool syntax = error.what.starts_with("not valid JSON");
    error.what = "the body is no JSON that carat reads" + (syntax ? "" : ": " + error.what);
    if (!error.where.empty()) error.what += " at " + error.where;
    error.where.clear();
    return Fail(std::move(error));
  }
  return json;
}

Api::Api(ModelHost& host, ApiOptions options, Access access)
    : host_(host),
      options_(std::move(options)),
      access_(std::move(access)),
      answers_(options_.answers),
      responses_(options_.responses, std::move(options_.archive)),
      recorder_(options_.history != nullptr ? std::make_unique<Recorder>(*options_.history)
                                            : nullptr),
      recordings_(kMaxRecordings, access_.NumOwners() > 1) {}

Api::~Api() = default;

std::variant<Api::Door, net::Reply> Api::Open(const net::RequestHead& head) const {
  const RouteMatch match = FindRoute(head.method, head.path);
  const Dialect dialect = DialectOf(head, match.route);
  const bool gets = head.method == "GET" || head.method == "HEAD";
  const auto file = gets ? options_.files.find(head.path) : options_.files.end();
  const bool page = file != options_.files.end();
  if (const auto refused = access_.CheckOrigin(head, page)) return Refusal(*refused, dialect);
  if (page) return file->second;
  if (match.route != nullptr && match.route->at_door) return AsData(match.route->at_door());
  if (match.route != nullptr && (match.route->flags & Route::kOpen) != 0)
    return Door{match.route, match.id, {}};
  auto owner = access_.Owner(head);
  if (!owner) {
    net::Reply reply = Refusal(owner.error(), dialect);
    reply.fields.emplace_back("www-authenticate", "Bearer");
    return reply;
  }
  if (match.route != nullptr) return Door{match.route, match.id, *std::move(owner)};
  if (match.allow.empty()) {
    return Refusal({.status = 404, .code = "unknown_url", .message = "There is nothing here."},
                   dialect);
  }
  net::Reply reply = Refusal({.status = 405,
                              .code = "method_not_allowed",
                              .message = fmt::format("This takes {} only.", match.allow)},
                             dialect);
  reply.fields.emplace_back("allow", match.allow);
  return reply;
}

std::variant<size_t, net::Reply> Api::Admit(const net::RequestHead& head) {
  const auto note = [&](const std::string& owner, const Route* route, int status) {
    if (!options_.log) return;
    options_.log({.owner = owner,
                  .method = head.method,
                  .route = route != nullptr ? std::string(route->pattern) : std::string(),
                  .status = status});
  };
  auto opened = Open(head);
  if (auto* const reply = std::get_if<net::Reply>(&opened)) {
    // The others are files of the page, and who only asks whether the server is there.
    if (reply->status >= 400) note({}, FindRoute(head.method, head.path).route, reply->status);
    return std::move(*reply);
  }
  const Door& door = std::get<Door>(opened);
  auto refused = CheckBody(head, *door.route);
  if (!refused && (door.route->flags & Route::kOpen) == 0)
    refused = access_.Count(door.owner, Now());
  if (!refused) return door.route->max_body;
  const Dialect dialect = DialectOf(head, door.route);
  note(door.owner, door.route, StatusOf(*refused, dialect));
  return Refusal(*refused, dialect);
}

void Api::Handle(const net::Request& request, net::Exchange& exchange) {
  auto opened = Open(request.head);
  if (auto* const refused = std::get_if<net::Reply>(&opened)) {
    return exchange.Send(std::move(*refused));
  }
  const Door& door = std::get<Door>(opened);
  const Dialect dialect = DialectOf(request.head, door.route);
  const double start = Now();
  RequestLog log{.id = NewId("req_"),
                 .owner = door.owner,
                 .method = request.head.method,
                 .route = std::string(door.route->pattern),
                 .body_bytes = request.body.size()};
  const bool content = options_.log_content && (door.route->flags & Route::kSecret) == 0;
  // Uploads are no text.
  if (content && door.route->body == Route::Body::kJson) log.asked = request.body;
  NamedExchange named(exchange, dialect, log, content);
  Call call{.request = request,
            .exchange = named,
            .owner = door.owner,
            .id = log.id,
            .dialect = dialect,
            .path_id = door.id};
  const auto note = [&] {
    log.seconds = Now() - start;
    if (options_.log) options_.log(log);
  };
  try {
    Run(*door.route, call);
  } catch (...) {
    log.status = 500;
    note();
    throw;  // the server answers
  }
  note();
}

void Api::Run(const Route& route, Call& call) {
  if (const auto unknown = CheckQuery(call.request.head, route)) return call.SendError(*unknown);
  if (route.body == Route::Body::kNone && !IsEmptyBody(call.request.body)) {
    return call.SendError(ToApiError({.what = "this address takes no body"}));
  }
  if ((route.flags & (Route::kUrgent | Route::kOpen)) != 0) return route.run(*this, call);
  const auto place = access_.Enter(call.owner);
  if (!place) return call.SendError(place.error());
  route.run(*this, call);
}

net::Reply Api::Refuse(int status, std::string_view what, std::string_view path) {
  std::string message(what);
  if (!message.ends_with('.')) message += '.';
  const auto code = [&] {
    switch (status) {
      case 408:
        return "request_timeout";
      case 413:
        return "request_too_large";
      case 500:
        return "internal_error";
      case 503:
        return "overloaded";
      case 505:
        return "http_version_not_supported";
      default:
        return "bad_request";
    }
  };
  return Refusal({.status = status,
                  .code = code(),
                  .message = std::move(message),
                  .retry_after_s = status == 503 ? 1 : 0},
                 DialectOf(path));
}

net::Fields Api::AllAnswers() const { return SecurityFields(); }

}  // namespace carat
