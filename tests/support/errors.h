// What tests ask of an error: that it says what, where, wanted and found.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace carat {

// The result is an error, and its message holds every part.
template <class T>
void ExpectError(const Result<T>& result, std::initializer_list<std::string_view> parts) {
  if (result.has_value()) {
    ADD_FAILURE() << "no error, but one with \"" << (parts.size() > 0 ? *parts.begin() : "") << '"';
    return;
  }
  const std::string message = result.error().Message();
  for (const std::string_view part : parts) {
    EXPECT_NE(message.find(part), std::string::npos) << '"' << part << "\" is not in: " << message;
  }
}
template <class T>
void ExpectError(const Result<T>& result, std::string_view part) {
  ExpectError(result, {part});
}

}  // namespace carat
