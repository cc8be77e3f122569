// Conversations that drafting is measured on if none are given: such as carat-point knows, of every
// kind of text.
#pragma once

#include <string_view>

namespace carat {

inline constexpr std::string_view kBenchConversations = R"json([
{"messages": [{"role": "user", "content": "Hi, my name is Ida."}]},
{"messages": [{"role": "user", "content": "Read this story. Jonas was a happy pilot. On Friday Jonas went to the kitchen. There Jonas found a purple clock. A hen sat beside it. Jonas gave the clock to Maria. Then they walked to the river together. Who got the clock?"}], "thinking": true},
{"messages": [{"role": "user", "content": "What time is it in Boston?"}],
 "tools": [{"type": "function", "function": {"name": "tellHour", "description": "The time in a city", "parameters": {"type": "object", "properties": {"where": {"type": "string", "description": "the city"}}, "required": ["where"]}}}]},
{"messages": [{"role": "user", "content": "Tell me this story in one sentence: Frank was a happy nurse. On Friday Frank went to the bridge. It was a sunny day. There Frank found a green map. A duck sat beside it. Frank gave the map to Sam. Sam was glad and gave Frank a rope."}]},
{"messages": [{"role": "system", "content": "Answer only with JSON with the fields name, job, age, colour and city."}, {"role": "user", "content": "Theo is a painter. Theo is 71 years old. Theo lives in Boston. Theo likes yellow."}]},
{"messages": [{"role": "user", "content": "Sam has 36 drums and loses 14. How many drums does Sam have left?"}], "thinking": true},
{"messages": [{"role": "user", "content": "Write a note: call Oscar."}],
 "tools": [{"type": "function", "function": {"name": "keepNote", "description": "Writes a note", "parameters": {"type": "object", "properties": {"content": {"type": "string", "description": "what to write"}}, "required": ["content"]}}}]},
{"messages": [{"role": "user", "content": "Sort these words by the alphabet: Chicago, Berlin, Paris, Cairo, Dublin, Warsaw."}]},
{"messages": [{"role": "user", "content": "How often does the word lion stand here: lion lion bag door lion bag lion?"}], "thinking": true},
{"messages": [{"role": "user", "content": "Set the light of the station to yellow."}],
 "tools": [{"type": "function", "function": {"name": "changeLights", "description": "Sets the colour of a room's light", "parameters": {"type": "object", "properties": {"place": {"type": "string", "description": "the room"}, "colour": {"type": "string", "description": "the colour"}}, "required": ["place", "colour"]}}}]},
{"messages": [{"role": "user", "content": "Make this short: Leo was a happy gardener. On Wednesday Leo went to the park. There Leo found a blue drum. A tiger sat beside it. Leo gave the drum to Emma. Emma was glad and gave Leo a basket."}]},
{"messages": [{"role": "user", "content": "What is the price of architecture today?"}]},
{"messages": [{"role": "user", "content": "Calculate 23 - 79 with the tool. How much is 98 + 15? Use the tool."}],
 "tools": [{"type": "function", "function": {"name": "computeSum", "description": "Calculates an expression", "parameters": {"type": "object", "properties": {"formula": {"type": "string", "description": "what to calculate"}}, "required": ["formula"]}}}]},
{"messages": [{"role": "user", "content": "Read this story. Leo was a happy gardener. On Monday Leo went to the bridge. There Leo found a blue drum. A tiger sat beside it. Leo gave the drum to Emma. Who got the drum?"}], "thinking": true},
{"messages": [{"role": "user", "content": "Write in capital letters: coin mirror"}]},
{"messages": [{"role": "user", "content": "Please work out 91 plus 82."}]}
])json";

}  // namespace carat
