// Result<T>: how every room reports what came from outside and was wrong.
//
// Errors are values with four parts, so that a message can always say what is wrong, where, what
// was wanted and what was found. Broken invariants of our own are CARAT_CHECK (check.h), never a
// Result.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace carat {

// What the caller can do about an error. The text is for people, the code for programs.
enum class ErrorCode {
  kInvalid,      // the input breaks its format or the rules: mend the input
  kUnsupported,  // the input is sound, but carat does not do this
  kNotFound,     // a file, a tensor or a name is not there
  kIo,           // the operating system refused
  kContextFull,  // the conversation does not fit the context any more
  kCancelled,    // the caller asked to stop
  kNoMemory,     // memory could not be had
  kBusy,         // too many ask at once: try again later
};

// `what` is a sentence fragment without a final stop ("wrong magic number"); `where` a file, an
// offset or a field path; `wanted` and `found` values. Parts that do not apply stay empty.
struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string what = {};
  std::string where = {};
  std::string wanted = {};
  std::string found = {};

  // "WHERE: WHAT (wanted W, found F)".
  std::string Message() const;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// Makes the failing side of any Result: return Fail({.what = …, .where = …}).
inline std::unexpected<Error> Fail(Error error) { return std::unexpected<Error>(std::move(error)); }

// Puts `outer` in front of the error's place: "model.gguf" + "offset 12" = "model.gguf, offset 12".
Error Within(std::string_view outer, Error error);

}  // namespace carat

#define CARAT_CONCAT_(a, b) a##b
#define CARAT_CONCAT(a, b) CARAT_CONCAT_(a, b)

// CARAT_TRY(expression): returns the error of a Result or Status, else goes on.
#define CARAT_TRY(...) CARAT_TRY_(CARAT_CONCAT(carat_try_, __LINE__), __VA_ARGS__)
#define CARAT_TRY_(result, ...)                                        \
  if (auto result = (__VA_ARGS__); !result.has_value()) {              \
    return std::unexpected<::carat::Error>(std::move(result).error()); \
  }                                                                    \
  static_assert(true)

// CARAT_ASSIGN(const auto x, expression): as CARAT_TRY, and binds the value to x.
#define CARAT_ASSIGN(declaration, ...) \
  CARAT_ASSIGN_(CARAT_CONCAT(carat_result_, __LINE__), declaration, __VA_ARGS__)
#define CARAT_ASSIGN_(result, declaration, ...)                        \
  auto result = (__VA_ARGS__);                                         \
  if (!result.has_value()) {                                           \
    return std::unexpected<::carat::Error>(std::move(result).error()); \
  }                                                                    \
  declaration = *std::move(result)
