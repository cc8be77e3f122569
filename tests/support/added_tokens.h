// The texts of the 24 added tokens (gemma4-12b specification, section 9.2), in the order of their
// ids: the tests' own list, so that the tokenizer's is checked against it.
#pragma once

#include <string_view>

namespace carat {

inline constexpr std::string_view kAddedTokens[] = {
    "<pad>",
    "<eos>",
    "<bos>",
    "<unk>",
    "<mask>",
    "<|tool>",
    "<tool|>",
    "<|tool_call>",
    "<tool_call|>",
    "<|tool_response>",
    "<tool_response|>",
    "<|\"|>",
    "<|think|>",
    "<|channel>",
    "<channel|>",
    "<|turn>",
    "<turn|>",
    "<|image>",
    "<|audio>",
    "<|image|>",
    "<|audio|>",
    "<image|>",
    "<audio|>",
    "<|video|>",
};

}  // namespace carat
