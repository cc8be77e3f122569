// Routes: one table from method and path to the function that answers.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "api/api_error.h"
#include "net/message.h"

namespace carat {

class Api;
struct Call;

// A route's function answers through call.exchange before it returns.
using RouteFunction = void (*)(Api& api, Call& call);

struct Route {
  enum class Body { kNone, kJson, kForm, kBytes };  // kForm: multipart/form-data

  std::string_view method;
  std::string_view pattern;  // "{id}" stands for one segment that is not empty
  RouteFunction run;
  Dialect dialect = Dialect::kOpenAi;  // of its errors
  Body body = Body::kNone;
  size_t max_body = 0;
  // kOpen: needs no key, the owner is empty. kUrgent: runs even where its owner has as many
  // requests under way as it may. kQuery: reads what stands behind '?', which else is refused.
  // kSecret: nothing of it stands in a log, not even where content is wanted.
  enum Flag : unsigned { kOpen = 1, kUrgent = 2, kQuery = 4, kSecret = 8 };
  unsigned flags = 0;
  // Answers at once and without a key, however many requests are under way; null: `run` does.
  net::Reply (*at_door)() = nullptr;
};

struct RouteMatch {
  const Route* route = nullptr;  // null: none
  std::string id = {};           // what stood for {id}
  std::string allow = {};  // without a route: the methods that the path has; empty: no such path
};
std::span<const Route> AllRoutes();
// HEAD is GET: what is sent leaves the body away.
RouteMatch FindRoute(std::string_view method, std::string_view path);

// Of a path without a route: by how it begins.
Dialect DialectOf(std::string_view path);

}  // namespace carat
