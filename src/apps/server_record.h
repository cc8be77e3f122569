// What a running server says of itself to other programs of its user: a file of mode 0600 in a
// folder of mode 0700.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace carat {

class ServerRecord {
 public:
  struct Content {
    std::string url;
    std::string key_file;    // empty: no key is asked for
    std::string model_path;  // of a model that was named by its path; else empty
  };

  static Result<ServerRecord> Write(const Content& content);
  // Of the server that was started last and still runs. kNotFound where there is none.
  static Result<Content> Read();

  ServerRecord(ServerRecord&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  ServerRecord& operator=(ServerRecord&&) = delete;
  ~ServerRecord();  // removes it, if it is still this server's

 private:
  explicit ServerRecord(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;  // empty: moved from
};

}  // namespace carat
