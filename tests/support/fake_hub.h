// A Hub on this machine (fake_hub.py), what it is told to do, and what it was asked.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/scoped_fd.h"
#include "io/json.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {

class FakeHub {
 public:
  // `pem`: a certificate for localhost and its key, to speak TLS with; then Tell, Log and Reset are
  // not to be had.
  explicit FakeHub(const std::filesystem::path& pem = {}) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return;
    const ScopedFd child_in(in[0]), child_out(out[1]), reading(out[0]);
    alive_ = ScopedFd(in[1]);
    const std::string script = (SourceDir() / "tests/support/fake_hub.py").string();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(child_in.get(), STDIN_FILENO);
      ::dup2(child_out.get(), STDOUT_FILENO);
      ::execlp("python3", "python3", script.c_str(), folder_.path().c_str(),
               pem.empty() ? nullptr : "--tls", pem.c_str(), nullptr);
      ::_exit(127);
    }
    std::string lines;
    char c = 0;
    while (std::ranges::count(lines, '\n') < 2 && ::read(reading.get(), &c, 1) == 1) lines += c;
    const size_t end = lines.find('\n');
    EXPECT_NE(end, std::string::npos) << "fake_hub.py does not start";
    url_ = lines.substr(0, end);
    if (end != std::string::npos)
      cdn_url_ = lines.substr(end + 1, lines.find('\n', end + 1) - end - 1);
  }
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;
  ~FakeHub() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  const std::string& url() const { return url_; }
  const std::string& cdn_url() const { return cdn_url_; }

  // Puts a file into a repository, whose folders come into being.
  void Put(const std::string& repository, const std::string& file, std::string_view content) {
    const std::filesystem::path path = folder_ / repository / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  // A scenario of fake_hub.py, as JSON.
  void Tell(const std::string& scenario) { Ask("POST /_control", scenario); }
  void Reset() { Ask("POST /_reset", ""); }

  struct Asked {
    std::string server, method, path, authorization, range, encoding;
    double time = 0;
  };
  std::vector<Asked> Log() {
    std::vector<Asked> log;
    const Json all = MustParse(Ask("GET /_log", ""));
    for (const Json& entry : all.array()) {
      const JsonView view(entry, "log");
      log.push_back({.server = view.String("server").value_or(""),
                     .method = view.String("method").value_or(""),
                     .path = view.String("path").value_or(""),
                     .authorization = view.StringOr("authorization", "").value_or(""),
                     .range = view.StringOr("range", "").value_or(""),
                     .encoding = view.StringOr("encoding", "").value_or(""),
                     .time = view.Number("time").value_or(0)});
    }
    return log;
  }

 private:
  std::string Ask(const std::string& line, const std::string& body) {
    const ScopedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string request = line +
                                " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    char block[4096];
    for (ssize_t n = 0; (n = ::read(fd.get(), block, sizeof block)) > 0;)
      answer.append(block, static_cast<size_t>(n));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << line << body << answer;
    const size_t head = answer.find("\r\n\r\n");
    return head == std::string::npos ? "" : answer.substr(head + 4);
  }

  TempFolder folder_;
  std::string url_, cdn_url_;
  ScopedFd alive_;  // the program ends when this closes, even if the test is killed
  pid_t pid_ = -1;
};

}  // namespace carat
