// The conversation of `carat run` in a terminal.
#pragma once

#include "apps/conversation.h"
#include "apps/media_options.h"
#include "base/result.h"

namespace carat {

struct ChatOptions {
  const GivenMedia& media;  // for the first message; its options hold for what is named later too
  bool keep_history = true;
};

// Reads messages and commands from the terminal until the end; what goes wrong is said, and the
// conversation stays. Fails only if the media that the program was started with cannot be shown.
Status Chat(Conversation& conversation, const ChatOptions& options);

}  // namespace carat
