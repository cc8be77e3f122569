#include "api/carat/tokens.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "api/fields.h"
#include "api/model_choice.h"
#include "base/utf8.h"

namespace carat {
namespace {

Json PieceOf(const Tokenizer& tokenizer, TokenId id) {
  const std::string_view bytes = tokenizer.TokenBytes(id);
  if (IsValidUtf8(bytes)) return bytes;
  Json::Array numbers;
  for (const char byte : bytes) {
    numbers.emplace_back(static_cast<int>(static_cast<unsigned char>(byte)));
  }
  return Json(std::move(numbers));
}

// The model that the body names, and what `run` makes of the body.
template <class Run>
void WithTokenizer(Api& api, Call& call, const Run& run) {
  const Result<Json> body = call.ParseBody();
  if (!body) return call.SendError(ToApiError(body.error()));
  const Json* const model = body->Find("model");
  std::optional<std::string> name;
  if (model != nullptr && model->is_string()) name = model->string();
  const auto loaded = ServiceFor(api.host(), name);
  if (!loaded) return call.SendError(loaded.error());
  const auto tokenizer = (*loaded)->engine->RequireTokenizer();
  if (!tokenizer) return call.SendError(ToApiError(tokenizer.error()));
  const Result<Json> reply = run(**tokenizer, *body);
  if (!reply) return call.SendError(ToApiError(reply.error()));
  call.SendJson(*reply);
}

}  // namespace

Result<Json> TokenizeWith(const Tokenizer& tokenizer, const Json& body) {
  CARAT_ASSIGN(Fields fields, Fields::Of(body, ""));
  CARAT_TRY(fields.String("model"));
  CARAT_ASSIGN(const std::string content, fields.RequireString("content"));
  CARAT_ASSIGN(const std::optional<bool> add_special, fields.Bool("add_special"));
  CARAT_ASSIGN(const std::optional<bool> parse_special, fields.Bool("parse_special"));
  CARAT_ASSIGN(const std::optional<bool> with_pieces, fields.Bool("with_pieces"));
  CARAT_TRY(fields.Done());
  std::vector<TokenId> ids = parse_special.value_or(false) ? tokenizer.EncodeControl(content)
                                                           : tokenizer.EncodeText(content);
  if (add_special.value_or(false)) ids.insert(ids.begin(), tokenizer.special().bos);
  Json::Array tokens;
  for (const TokenId id : ids) {
    if (!with_pieces.value_or(false)) {
      tokens.emplace_back(id);
      continue;
    }
    Json token;
    token.Set("id", id);
    token.Set("piece", PieceOf(tokenizer, id));
    tokens.push_back(std::move(token));
  }
  Json reply;
  reply.Set("tokens", Json(std::move(tokens)));
  return reply;
}

Result<Json> DetokenizeWith(const Tokenizer& tokenizer, const Json& body) {
  CARAT_ASSIGN(Fields fields, Fields::Of(body, ""));
  CARAT_TRY(fields.String("model"));
  CARAT_ASSIGN(const Json* const tokens, fields.Require("tokens"));
  CARAT_TRY(fields.Done());
  if (!tokens->is_array()) {
    return Fail({.what = "wrong value", .where = "tokens", .wanted = "an array of ids"});
  }
  std::vector<TokenId> ids;
  for (size_t i = 0; i < tokens->array().size(); ++i) {
    const Json& token = tokens->array()[i];
    const auto size = static_cast<int64_t>(tokenizer.size());
    if (!token.is_int() || token.integer() < 0 || token.integer() >= size) {
      return Fail({.what = "not the id of a token",
                   .where = fmt::format("tokens[{}]", i),
                   .wanted = fmt::format("an integer from 0 to {}", size - 1)});
    }
    ids.push_back(static_cast<TokenId>(token.integer()));
  }
  Json reply;
  reply.Set("content", tokenizer.Decode(ids));
  return reply;
}

void Tokenize(Api& api, Call& call) { WithTokenizer(api, call, TokenizeWith); }
void Detokenize(Api& api, Call& call) { WithTokenizer(api, call, DetokenizeWith); }

}  // namespace carat
