#include "base/result.h"

namespace carat {

std::string Error::Message() const {
  std::string text;
  if (!where.empty()) text += where + ": ";
  text += what;
  if (!wanted.empty() || !found.empty()) {
    text += " (";
    if (!wanted.empty()) text += "wanted " + wanted;
    if (!wanted.empty() && !found.empty()) text += ", ";
    if (!found.empty()) text += "found " + found;
    text += ")";
  }
  return text;
}

Error Within(std::string_view outer, Error error) {
  error.where = error.where.empty() ? std::string(outer) : std::string(outer) + ", " + error.where;
  return error;
}

}  // namespace carat
