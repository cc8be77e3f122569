// The conversation of `carat run` in a terminal.
#pragma once

#include "apps/conversation.h"
#include "apps/media_options.h"
#include "base/result.h"
#include "engine/session.h"

namespace carat {

struct ChatOptions {
  const GivenMedia& media;  // for the first message; its options hold for what is named later too
  bool keep_history = true;
};

// Reads messages and commands from the terminal until the end; what goes wrong is said, and the
// conversation stays. Fails only if the media that the program was started with cannot be shown.
Status Chat(Conversation& conversation, const Session& session, const ChatOptions& options);

// What a person can do about a full context, added to its error.
Error WithAdvice(Error error, const Session& session, bool chat);

}  // namespace carat
