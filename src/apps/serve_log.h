// The log of carat serve: lines of JSON. Nothing of what is asked or answered stands in it, unless
// somebody wants that.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/request_log.h"
#include "base/result.h"

namespace carat {

class ServeLog {
 public:
  // Empty: standard error. Appends, and makes the file with mode 0600.
  static Result<ServeLog> Open(const std::string& path);
  ServeLog(const ServeLog&);
  ServeLog(ServeLog&&) noexcept;
  ServeLog& operator=(ServeLog&&) noexcept;
  ~ServeLog();

  // For the api; called in several threads.
  std::function<void(const RequestLog&)> sink() const;
  // Notes errors as events of this name; called in several threads.
  std::function<void(const Error&)> errors(std::string event) const;
  void Event(const std::string& event, const std::string& detail) const;
  // After the file was moved away.
  void Reopen();

 private:
  struct State;
  explicit ServeLog(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace carat
