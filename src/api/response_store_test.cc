#include "api/response_store.h"

#include <gtest/gtest.h>

#include "tests/support/answer_script.h"

namespace carat {
namespace {

Json Item(const std::string& id, const std::string& text) {
  Json item;
  item.Set("id", id);
  item.Set("text", text);
  return item;
}

Json ResponseWith(Json::Array output) {
  Json response;
  response.Set("status", "completed");
  response.Set("output", Json(std::move(output)));
  return response;
}

StoredResponse Ended(const std::string& owner, const std::string& id, const std::string& previous,
                     const std::string& text = "") {
  return {.id = id,
          .owner = owner,
          .previous = previous,
          .input = Json(Json::Array{Item("in_" + id, text)}),
          .response = ResponseWith({Item("out_" + id, "")})};
}

std::string Ids(const Result<Json::Array>& items) {
  if (!items) return items.error().Message();
  std::string ids;
  for (const Json& item : *items) ids += item.Find("id")->string() + " ";
  return ids;
}

TEST(ResponseStore, RebuildsAConversation) {
  ResponseStore store({});
  store.Add(Ended("ann", "a", ""));
  store.Add(Ended("ann", "b", "a"));
  store.Add(Ended("ann", "c", "a"));
  EXPECT_EQ(Ids(store.Conversation("ann", "b")), "in_a out_a in_b out_b ");
  EXPECT_EQ(Ids(store.Conversation("ann", "c")), "in_a out_a in_c out_c ");
  EXPECT_EQ(store.Item("ann", "out_b")->Find("id")->string(), "out_b");
  EXPECT_FALSE(store.Item("ann", "nothing").has_value());
  EXPECT_TRUE(*store.Remove("ann", "a"));
  EXPECT_EQ(Ids(store.Conversation("ann", "b")), "no such response is stored (found \"a\")");
}

TEST(ResponseStore, BelongsToItsOwner) {
  ResponseStore store({});
  store.Add(Ended("ann", "a", ""));
  EXPECT_FALSE(store.Find("bob", "a").has_value());
  EXPECT_FALSE(*store.Remove("bob", "a"));
  EXPECT_FALSE(store.Item("bob", "in_a").has_value());
  EXPECT_FALSE(store.Conversation("bob", "a").has_value());
  store.Add(Ended("bob", "b", "a"));
  EXPECT_FALSE(store.Conversation("bob", "b").has_value());
  EXPECT_TRUE(store.Find("ann", "a").has_value());
}

TEST(ResponseStore, ForgetsWhatWasUsedLeastRecently) {
  ResponseStore store({.responses_per_owner = 2});
  store.Add(Ended("ann", "a", ""));
  store.Add(Ended("ann", "b", ""));
  EXPECT_TRUE(store.Find("ann", "a").has_value());
  store.Add(Ended("ann", "c", ""));
  EXPECT_TRUE(store.Find("ann", "a").has_value());
  EXPECT_FALSE(store.Find("ann", "b").has_value());
  EXPECT_EQ(store.use().responses, 2U);
}

TEST(ResponseStore, TakesBytesFromWhoHasMost) {
  ResponseStore store({.bytes = 3000, .bytes_per_owner = 2500});
  store.Add(Ended("bob", "small", "", std::string(500, 'x')));
  for (const char* id : {"a", "b", "c", "d"})
    store.Add(Ended("ann", id, "", std::string(800, 'x')));
  EXPECT_TRUE(store.Find("bob", "small").has_value());
  EXPECT_FALSE(store.Find("ann", "a").has_value());
  EXPECT_TRUE(store.Find("ann", "d").has_value());
  EXPECT_LE(store.use().bytes, 3000U);
  store.Add(Ended("ann", "huge", "", std::string(5000, 'x')));
  EXPECT_FALSE(store.Find("ann", "huge").has_value());
  EXPECT_TRUE(store.Find("bob", "small").has_value());
}

TEST(ResponseStore, KeepsWhatRuns) {
  ResponseStore store({.responses_per_owner = 1});
  const auto answer = std::make_shared<Answer>(1, 1000, std::vector<std::string>());
  StoredResponse running{.id = "r", .owner = "ann", .input = Json(Json::Array())};
  running.answer = answer;
  running.render = [](const Answer& of) {
    return ResponseWith({Item("out_r", of.ended() ? "all" : "part")});
  };
  store.Add(running);
  store.Add(Ended("ann", "a", ""));
  ASSERT_TRUE(store.Find("ann", "r").has_value());
  EXPECT_TRUE(store.Find("ann", "r")->response.Dump().contains("part"));
  EXPECT_FALSE(store.Conversation("ann", "r").has_value());
  EXPECT_FALSE(answer->cancelled());
  Play(Script({}, AnswerEnd::kStop), *answer);
  EXPECT_TRUE(store.Find("ann", "r")->response.Dump().contains("all"));
  EXPECT_EQ(Ids(store.Conversation("ann", "r")), "out_r ");
  store.Add(Ended("ann", "b", ""));
  EXPECT_FALSE(store.Find("ann", "r").has_value());
}

TEST(ResponseStore, CancelsWhatIsRemoved) {
  ResponseStore store({});
  StoredResponse running{.id = "r", .owner = "ann", .input = Json(Json::Array())};
  running.answer = std::make_shared<Answer>(1, 1000, std::vector<std::string>());
  running.render = [](const Answer&) { return ResponseWith({}); };
  store.Add(running);
  EXPECT_TRUE(*store.Remove("ann", "r"));
  EXPECT_TRUE(running.answer->cancelled());
}

class Shelf : public ResponseArchive {
 public:
  explicit Shelf(std::map<std::string, Json>& documents) : documents_(documents) {}
  void Put(const std::string& owner, const std::string& id, const Json& document) override {
    documents_[owner + "/" + id] = document;
  }
  std::optional<Json> Get(const std::string& owner, const std::string& id) override {
    const auto found = documents_.find(owner + "/" + id);
    if (found == documents_.end()) return std::nullopt;
    return found->second;
  }
  Result<bool> Remove(const std::string& owner, const std::string& id) override {
    return documents_.erase(owner + "/" + id) > 0;
  }

 private:
  std::map<std::string, Json>& documents_;
};

TEST(ResponseStore, HandsWhatHasEndedToItsArchive) {
  std::map<std::string, Json> documents;
  {
    ResponseStore store({}, std::make_unique<Shelf>(documents));
    StoredResponse running{.id = "r", .owner = "ann", .input = Json(Json::Array{Item("in_r", "")})};
    running.answer = std::make_shared<Answer>(1, 1000, std::vector<std::string>());
    running.render = [](const Answer&) { return ResponseWith({Item("out_r", "")}); };
    store.Add(running);
    EXPECT_TRUE(documents.empty());
    Play(Script({}, AnswerEnd::kStop), *running.answer);
  }
  ASSERT_EQ(documents.size(), 1U);
  ResponseStore store({}, std::make_unique<Shelf>(documents));
  EXPECT_EQ(Ids(store.Conversation("ann", "r")), "in_r out_r ");
  EXPECT_FALSE(store.Find("bob", "r").has_value());
  EXPECT_TRUE(*store.Remove("ann", "r"));
  EXPECT_FALSE(store.Find("ann", "r").has_value());
}

}  // namespace
}  // namespace carat
