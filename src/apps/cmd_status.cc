// carat status: what a running server does.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "api/access.h"
#include "apps/commands.h"
#include "apps/output.h"
#include "apps/own_server.h"
#include "apps/terminal.h"
#include "io/json.h"
#include "net/client.h"

namespace carat {
namespace {

struct StatusOptions {
  std::string url, key_file;
  bool json = false;
};

// Members of objects as lines, deeper ones behind dots.
void PrintMembers(const Json& json, const std::string& prefix) {
  for (const auto& [name, value] : json.object()) {
    if (value.is_object()) {
      PrintMembers(value, prefix + name + ".");
    } else {
      const std::string text = value.is_string() ? value.string() : value.Dump();
      WriteOut(fmt::format("{:<32} {}\n", EscapeLine(prefix + name), EscapeLine(text)));
    }
  }
}

Status Run(StatusOptions o) {
  net::ClientRequest request{.url = o.url, .target = "/v1/carat/status"};
  if (o.url.empty()) {
    CARAT_ASSIGN(const OwnServer server, FindOwnServer());
    request.url = o.url = server.url;
    request.fields = server.KeyFields();
  }
  if (!o.key_file.empty()) {
    request.fields.clear();
    CARAT_ASSIGN(const auto keys, ReadKeys(o.key_file));
    request.fields.emplace_back("authorization", "Bearer " + keys.front().key);
  }
  CARAT_ASSIGN(const net::Reply reply, net::Ask(request));
  if (reply.status != 200) {
    return Fail({.what = "the server refuses",
                 .where = o.url,
                 .wanted = reply.status == 401 ? "--api-key-file with one of its keys" : "",
                 .found = fmt::format("status {}", reply.status)});
  }
  CARAT_ASSIGN(const Json json, ParseJson(reply.body));
  if (o.json || !json.is_object()) {
    WriteOut(json.Dump(2) + "\n");
  } else {
    PrintMembers(json, "");
  }
  return {};
}

}  // namespace

void AddStatus(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<StatusOptions>();
  CLI::App* status = app.add_subcommand("status", "Say what a running carat serve does");
  status->add_option("--url", o->url, "of the server; your own that runs, if not given")
      ->check(NotEmpty());
  status->add_option("--api-key-file", o->key_file, "a key of the server; its own, if not given")
      ->check(NotEmpty());
  status->add_flag("--json", o->json, "as JSON");
  status->callback([o, &exit_code] {
    if (const Status done = Run(*o); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
