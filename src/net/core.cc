#include "net/core.h"

#include <exception>

namespace carat::net {

std::string RefusalText(Core& core, int status, std::string_view what, const AnswerTerms& terms) {
  ++core.refused;
  try {
    return FormatReply(core.handler.Refuse(status, what, terms.path), core.handler.AllAnswers(),
                       terms);
  } catch (const std::exception&) {
    return FormatReply({.status = status, .content_type = ""}, {}, terms);
  }
}

}  // namespace carat::net
