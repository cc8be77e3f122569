// Fields: the members of a request's object, each of which must be read: what nobody asked for is
// an error that names it, so that no parameter is silently ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/json.h"

namespace carat {

// "wrong value", and of what kind it is.
std::unexpected<Error> WrongKind(std::string where, std::string wanted, const Json& found);

// What carat does not do; `found` is quoted.
std::unexpected<Error> NotSupported(std::string what, std::string where, std::string_view found);

// Borrows the Json. A member that is null counts as absent. Errors have the member's path as
// `where`.
class Fields {
 public:
  // An error if it is no object. `path` is that of the object; empty for the whole request.
  static Result<Fields> Of(const Json& value, std::string path);

  const std::string& path() const { return path_; }
  std::string PathOf(std::string_view key) const;  // "messages[2].content", "model"

  // The member, marked as read; null pointer: absent.
  const Json* Take(std::string_view key);
  bool Has(std::string_view key) const;  // and it is not null
  Result<const Json*> Require(std::string_view key);
  Result<std::optional<bool>> Bool(std::string_view key);
  Result<std::optional<int64_t>> Int(std::string_view key, int64_t low, int64_t high);
  Result<std::optional<double>> Number(std::string_view key, double low, double high);
  Result<std::optional<std::string>> String(std::string_view key);
  Result<std::string> RequireString(std::string_view key);
  // One of `values`.
  Result<std::optional<std::string>> OneOf(std::string_view key,
                                           std::vector<std::string_view> values);
  // Members that the dialect says to accept and that change nothing here ("user", "metadata").
  void Ignore(const std::vector<std::string_view>& keys);
  // Honoured only at its do-nothing value: anything else is kUnsupported and names it.
  Status Only(std::string_view key, const std::vector<Json>& harmless);

  // Call last: an error that names a member that was not read.
  Status Done() const;

 private:
  Fields(const Json& value, std::string path);
  const Json* value_;
  std::string path_;
  std::vector<bool> read_;
};

}  // namespace carat
