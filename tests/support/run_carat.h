// The program run by the shell, for tests that look at it from outside.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {

struct Ran {
  int code = -1;    // -1: it was ended by a signal
  std::string out;  // standard output
  std::string err;  // standard error
};

// `arguments` may redirect the streams ("2>&-"), `environment` set variables ("NAME=value").
inline Ran RunProgram(const std::string& program, const std::string& arguments,
                      const std::string& environment = "") {
  const TempFolder folder;
  const std::filesystem::path err = folder / "err";
  Ran ran;
  FILE* pipe = ::popen(
      // Ours stand first, so that redirections among the arguments win.
      ("</dev/null 2>" + err.string() + " " + environment + " " + program + " " + arguments)
          .c_str(),
      "r");
  if (pipe == nullptr) return ran;
  char block[4096];
  for (size_t n = 0; (n = std::fread(block, 1, sizeof block, pipe)) > 0;) ran.out.append(block, n);
  const int status = ::pclose(pipe);
  // A shell says 128 and more for a program that a signal ended.
  if (WIFEXITED(status) && WEXITSTATUS(status) < 128) ran.code = WEXITSTATUS(status);
  ran.err = MustRead(err);
  return ran;
}

inline Ran RunCarat(const std::string& arguments, const std::string& environment = "") {
  return RunProgram(CARAT_BINARY, arguments, environment);
}

// The model with a tokenizer and random weights.
inline std::string Fixture() { return (SourceDir() / "tests/fixtures/tiny").string(); }

inline void ExpectHas(std::string_view text, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << '"' << part << "\" is not in: " << text;
}

inline void WriteText(const std::filesystem::path& path, std::string_view text) {
  const Status done = WriteFileAtomic(path, AsBytes(text));
  ASSERT_TRUE(done.has_value()) << done.error().Message();
}

}  // namespace carat
