// Responses in a file: there again after the server has ended, their owner's alone, gone when they
// are deleted.
#include "api/response_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

StoredResponse Ended(const std::string& id, const std::string& previous, const std::string& text) {
  Json item, response;
  item.Set("id", "msg_" + id.substr(5) + "_0");
  item.Set("text", text);
  response.Set("id", id);
  response.Set("status", "completed");
  response.Set("output", Json(Json::Array{item}));
  return {.id = id,
          .owner = "ann",
          .previous = previous,
          .input = Json(Json::Array()),
          .answer = std::make_shared<Answer>(1, 2, std::vector<std::string>()),
          .render = [response](const Answer&) { return response; }};
}

class Stores {
 public:
  std::unique_ptr<ResponseStore> Open() {
    auto archive = OpenResponseFile(folder_ / "responses.db",
                                    [](const Error& error) { ADD_FAILURE() << error.Message(); });
    EXPECT_TRUE(archive.has_value()) << archive.error().Message();
    return std::make_unique<ResponseStore>(ResponseStore::Limits(), *std::move(archive));
  }
  bool Holds(const std::string& text) const {
    for (const auto& file : std::filesystem::directory_iterator(folder_.path()))
      if (MustRead(file.path()).find(text) != std::string::npos) return true;
    return false;
  }

 private:
  TempFolder folder_;
};

TEST(ResponseFile, OutlivesTheServer) {
  Stores stores;
  {
    const auto store = stores.Open();
    for (const auto& [id, previous] :
         {std::pair<std::string, std::string>("resp_a", ""), {"resp_b", "resp_a"}}) {
      StoredResponse response = Ended(id, previous, "the text of " + id);
      const auto answer = response.answer;
      store->Add(std::move(response));
      answer->Add({.kind = AnswerEvent::Kind::kEnd});
    }
    store->SettleEnded();
    EXPECT_TRUE(stores.Holds("the text of resp_b"));
  }
  const auto store = stores.Open();
  EXPECT_FALSE(store->Find("bob", "resp_a").has_value());
  const auto found = store->Find("ann", "resp_b");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->response.Find("status")->string(), "completed");
  EXPECT_EQ(found->answer, nullptr);
  EXPECT_EQ(store->Conversation("ann", "resp_b")->size(), 2U);
  const auto item = store->Item("ann", "msg_a_0");
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->Find("text")->string(), "the text of resp_a");
  EXPECT_FALSE(store->Item("ann", "msg_a_7").has_value());
  EXPECT_FALSE(store->Item("bob", "msg_a_0").has_value());
}

TEST(ResponseFile, DeletesFromTheDisk) {
  Stores stores;
  {
    const auto store = stores.Open();
    StoredResponse response = Ended("resp_a", "", "a secret of somebody");
    const auto answer = response.answer;
    store->Add(std::move(response));
    answer->Add({.kind = AnswerEvent::Kind::kEnd});
    store->SettleEnded();
  }
  const auto store = stores.Open();
  EXPECT_TRUE(stores.Holds("a secret of somebody"));
  EXPECT_FALSE(*store->Remove("bob", "resp_a"));
  EXPECT_TRUE(*store->Remove("ann", "resp_a"));
  EXPECT_FALSE(*store->Remove("ann", "resp_a"));
  EXPECT_FALSE(stores.Holds("a secret of somebody"));
  EXPECT_FALSE(store->Find("ann", "resp_a").has_value());
}

TEST(ResponseFile, RefusesAFileOfOthers) {
  const TempFolder folder;
  std::ofstream(folder / "x") << "";
  std::filesystem::permissions(
      folder / "x", std::filesystem::perms::owner_read | std::filesystem::perms::others_read);
  ExpectError(OpenResponseFile(folder / "x", {}), {"x", "0600"});
}

}  // namespace
}  // namespace carat
