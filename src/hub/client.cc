#include "hub/client.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/scoped_fd.h"
#include "base/utf8.h"
#include "hub/answers.h"
#include "hub/fetch.h"
#include "hub/http.h"
#include "hub/part_file.h"
#include "hub/url.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr int kWaitMs = 100;
constexpr size_t kMaxTokenBytes = 4096;

bool IsVisibleAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

Status CheckOptions(const HubOptions& options) {
  const auto wrong = [](std::string what, std::string wanted) {
    return Fail({.what = std::move(what), .where = {}, .wanted = std::move(wanted)});
  };
  // What is wrong with a token is said without showing it.
  if (options.token.size() > kMaxTokenBytes || !IsVisibleAscii(options.token))
    return wrong("this is no access token", "visible ASCII characters, without spaces");
  if (!std::ranges::all_of(options.user_agent, [](char c) { return c >= ' ' && c < 0x7F; }))
    return wrong("the user agent cannot be sent", "printable ASCII characters");
  if (options.connections < 1 || options.connections > 16)
    return wrong("bad number of connections", "1 to 16");
  if (options.retries < 0 || options.retries > 1000)
    return wrong("bad number of retries", "0 to 1000");
  if (!(options.stall_seconds > 0) || !(options.first_wait_seconds >= 0) ||
      !(options.longest_wait_seconds >= 0)) {
    return wrong("bad number of seconds to wait", "a positive number");
  }
  if (options.segment_bytes < 4096) return wrong("segments are too small", "4096 bytes at least");
  return {};
}

Status CheckFile(const RemoteFile& file) {
  CARAT_TRY(CheckRepository(file.repository));
  CARAT_TRY(CheckRemoteFile(file.file));
  CARAT_TRY(CheckCommit(file.commit));
  const bool sha256 = file.hash.kind == FileHash::Kind::kSha256;
  if (!IsDigest(sha256 ? Digest::Kind::kSha256 : Digest::Kind::kSha1, file.hash.hex))
    return Fail({.what = "the file has no proper hash", .found = Quoted(file.hash.hex)});
  if (file.size > uint64_t{1} << 53)
    return Fail({.what = "the file is too large", .found = std::to_string(file.size)});
  return {};
}

std::unexpected<Error> Cancelled(const RemoteFile& file) {
  return Fail({.code = ErrorCode::kCancelled, .what = "cancelled", .where = NameOf(file)});
}

}  // namespace

struct HubClient::State {
  HubOptions options;
  Home home;
  HttpPool pool;

  bool Go() const { return !options.keep_going || options.keep_going(); }
  std::function<bool(uint64_t)> Checking(const RemoteFile& file, const DownloadWatch& watch) const;
  Result<HttpResult> Head(const Hop& hop, const RemoteFile& file);
  // Fills in what the answer says of the file; absent if that is all, else where to ask on.
  Result<std::optional<Hop>> ReadAnswer(const HttpResult& result, const Hop& hop,
                                        RemoteFile& found) const;
  Status Sleep(double seconds, const RemoteFile& file);
  Result<bool> IsThere(const RemoteFile& file, const std::filesystem::path& target,
                       const DownloadWatch& watch) const;
};

Result<HttpResult> HubClient::State::Head(const Hop& hop, const RemoteFile& file) {
  const int id = pool.Start({.url = hop.url, .head = true, .bearer = hop.Bearer(home)});
  for (;;) {
    for (HttpResult& result : pool.Wait(kWaitMs)) {
      if (result.id == id) return std::move(result);
    }
    if (!Go()) {
      pool.Cancel(id);
      return Cancelled(file);
    }
  }
}

Status HubClient::State::Sleep(double seconds, const RemoteFile& file) {
  const double end = Now() + seconds;
  while (Now() < end) {
    if (!Go()) return Cancelled(file);
    pool.Wait(static_cast<int>(std::clamp<double>((end - Now()) * 1000, 1, kWaitMs)));
  }
  return {};
}

Result<std::optional<Hop>> HubClient::State::ReadAnswer(const HttpResult& result, const Hop& hop,
                                                        RemoteFile& found) const {
  const bool redirect = IsRedirect(result.status);
  // Looked at even where it need not be followed: a hub that leads astray is not believed
  // otherwise.
  auto next = redirect ? hop.Next(home, result.headers) : Result<Hop>(hop);
  if (!next.has_value()) return Fail(std::move(next).error());
  auto facts = ReadFileFacts(result.headers, !redirect);
  if (facts.has_value()) {
    found.commit = std::move(facts->commit);
    found.size = facts->size;
    found.hash = std::move(facts->hash);
    return std::nullopt;
  }
  // A repository that was renamed answers under its new name; elsewhere nobody is asked for facts.
  if (redirect && !next->left_home) return *std::move(next);
  return Fail(std::move(facts).error());
}

std::function<bool(uint64_t)> HubClient::State::Checking(const RemoteFile& file,
                                                         const DownloadWatch& watch) const {
  return [this, &watch, size = file.size, next = 0.0](uint64_t bytes) mutable {
    if (Now() < next) return true;
    next = Now() + 0.1;
    return Go() && (!watch || watch({DownloadProgress::Phase::kChecking, bytes, size}));
  };
}

Result<bool> HubClient::State::IsThere(const RemoteFile& file, const std::filesystem::path& target,
                                       const DownloadWatch& watch) const {
  struct stat info{};
  if (::lstat(target.c_str(), &info) != 0 && errno == ENOENT) return false;
  const auto error = [&](std::string what) {
    return Fail({.code = ErrorCode::kIo, .what = std::move(what), .where = target.string()});
  };
  const ScopedFd fd(::open(target.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0)
    return error(fmt::format("cannot open the file: {}", std::strerror(errno)));
  if (!S_ISREG(info.st_mode)) return error("what stands in the file's place is no regular file");
  if (static_cast<uint64_t>(info.st_size) != file.size) return false;
  CARAT_ASSIGN(const std::string hex,
               HashFile(fd.get(), file.size, file.hash, target, Checking(file, watch)));
  return hex == file.hash.hex;
}

HubClient::HubClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HubClient::HubClient(HubClient&& other) noexcept = default;
HubClient& HubClient::operator=(HubClient&& other) noexcept = default;
HubClient::~HubClient() = default;

Result<HubClient> HubClient::Create(HubOptions options) {
  CARAT_TRY(CheckOptions(options));
  auto endpoint = ParseEndpoint(options.endpoint);
  if (!endpoint.has_value()) return Fail(Within("hub address", std::move(endpoint).error()));
  CARAT_ASSIGN(HttpPool pool, HttpPool::Create({.user_agent = options.user_agent,
                                                .ca_file = options.ca_file,
                                                .proxy = options.proxy,
                                                .no_proxy = options.no_proxy,
                                                .stall_seconds = options.stall_seconds,
                                                .connections = options.connections}));
  Home home{.endpoint = *std::move(endpoint), .token = options.token};
  return HubClient(
      std::make_unique<State>(State{std::move(options), std::move(home), std::move(pool)}));
}

Result<RemoteFile> HubClient::Resolve(std::string_view repository, std::string_view revision,
                                      std::string_view file) {
  CARAT_TRY(CheckRepository(repository));
  CARAT_TRY(CheckRevision(revision));
  CARAT_TRY(CheckRemoteFile(file));
  RemoteFile found{.repository = std::string(repository), .file = std::string(file), .commit = {}};
  State& s = *state_;
  Patience patience(s.options);
  Hop hop = Hop::From(s.home, s.home.FileUrl(repository, revision, file));
  for (;;) {
    CARAT_ASSIGN(const HttpResult result, s.Head(hop, found));
    if (result.end == HttpResult::End::kComplete &&
        (result.status == 200 || IsRedirect(result.status))) {
      auto next = s.ReadAnswer(result, hop, found);
      if (!next.has_value()) return Fail(Within(NameOf(found), std::move(next).error()));
      if (!next->has_value()) return found;
      hop = **std::move(next);
      continue;
    }
    const Failure failure = Explain(result, hop, s.home, found);
    CARAT_ASSIGN(const double wait, patience.After(failure));
    if (s.options.on_retry) s.options.on_retry(failure.error, wait);
    CARAT_TRY(s.Sleep(wait, found));
    hop = Hop::From(s.home, s.home.FileUrl(repository, revision, file));
  }
}

Result<Downloaded> HubClient::Download(const RemoteFile& file, const std::filesystem::path& target,
                                       const DownloadWatch& watch) {
  CARAT_TRY(CheckFile(file));
  State& s = *state_;
  Downloaded done;
  std::string found;
  for (int attempt = 0; attempt < 2; ++attempt) {
    CARAT_ASSIGN(done.was_there, s.IsThere(file, target, watch));
    if (done.was_there) return done;
    CARAT_ASSIGN(PartFile part,
                 PartFile::Open({target, file.size, file.hash, s.options.segment_bytes}));
    Fetch fetch({s.options, s.home, s.pool, file, part, watch});
    const Status fetched = fetch.Run();
    done.bytes_fetched += fetch.bytes_fetched();
    CARAT_TRY(fetched);
    CARAT_ASSIGN(found, part.HashHex(s.Checking(file, watch)));
    if (found == file.hash.hex) {
      CARAT_TRY(part.Finish());
      return done;
    }
    part.Discard();
  }
  return Fail({.what = "the file that the server sent is not the one it announced",
               .where = NameOf(file),
               .wanted = file.hash.Text(),
               .found = FileHash{file.hash.kind, std::move(found)}.Text()});
}

}  // namespace carat
