// History: what has returned is on the disk, belongs to its owner, and is gone when it is deleted.
#include "history/history.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

constexpr auto kOwner = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;

namespace fs = std::filesystem;

HistoryMessage Says(const std::string& role, const std::string& text, const std::string& parent) {
  HistoryMessage message{.parent = parent, .role = role};
  message.body.Set("content", text);
  return message;
}

Json Picture(const std::string& hash) {
  Json part, body;
  part.Set("type", "image");
  part.Set("media", hash);
  body.Set("content", Json(Json::Array{part}));
  return body;
}

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class HistoryTest : public testing::Test {
 protected:
  History& Open() {
    history_.reset();
    auto opened = History::Open(folder_ / "history");
    EXPECT_TRUE(opened.has_value()) << opened.error().Message();
    history_ = *std::move(opened);
    return *history_;
  }
  // Whether any file, of the database or beside it, holds the text.
  bool Holds(std::string_view text) const {
    for (const auto& file : fs::recursive_directory_iterator(folder_ / "history"))
      if (file.is_regular_file() && MustRead(file.path()).find(text) != std::string::npos)
        return true;
    return false;
  }
  std::string Add(History& history, const std::string& conversation, const std::string& text,
                  const std::string& parent, const std::string& role = "user") {
    const auto added = history.Add("ann", conversation, Says(role, text, parent));
    EXPECT_TRUE(added.has_value()) << added.error().Message();
    return added.value_or("");
  }

  TempFolder folder_;
  std::unique_ptr<History> history_;
};

TEST_F(HistoryTest, KeepsATree) {
  History& history = Open();
  const std::string id = history.Create("ann", "", Json(Json::Object())).value();
  const std::string first = Add(history, id, "one", "");
  const std::string answer = Add(history, id, "an answer", first, "assistant");
  const std::string other = Add(history, id, "another answer", first, "assistant");
  const std::string edited = Add(history, id, "one, edited", "");
  EXPECT_EQ(history.Get("ann", id)->leaf, edited);
  Json settings;
  settings.Set("temperature", 0.5);
  EXPECT_TRUE(history.Change("ann", id, "Title", settings, answer).has_value());

  ASSERT_VALUE(const HistoryConversation read, Open().Get("ann", id));
  EXPECT_EQ(read.title, "Title");
  EXPECT_EQ(read.settings.Dump(), settings.Dump());
  EXPECT_EQ(read.leaf, answer);
  ASSERT_EQ(read.messages.size(), 4U);
  EXPECT_EQ(read.messages[0].parent, "");
  EXPECT_EQ(read.messages[1].parent, first);
  EXPECT_EQ(read.messages[2].id, other);
  EXPECT_EQ(read.messages[2].parent, first);
  EXPECT_EQ(read.messages[3].parent, "");
  EXPECT_EQ(read.messages[2].body.Find("content")->string(), "another answer");
  EXPECT_EQ(read.messages[2].role, "assistant");
}

TEST_F(HistoryTest, BelongsToItsOwner) {
  History& history = Open();
  const std::string id = history.Create("ann", "hers", {}).value();
  const std::string message = Add(history, id, "a secret", "");
  const std::string hash = history.Keep("ann", Bytes("picture"), "image/png")->hash;
  const auto gone = [](const auto& result) {
    return !result.has_value() && result.error().code == ErrorCode::kNotFound;
  };
  EXPECT_TRUE(history.List("bob", 10)->empty());
  EXPECT_TRUE(gone(history.Get("bob", id)));
  EXPECT_TRUE(gone(history.Change("bob", id, "his", {}, {})));
  EXPECT_TRUE(gone(history.Delete("bob", id)));
  EXPECT_TRUE(gone(history.Add("bob", id, Says("user", "x", ""))));
  EXPECT_TRUE(gone(history.Rewrite("bob", message, {}, MessageState::kWhole)));
  EXPECT_TRUE(gone(history.DeleteMessage("bob", message)));
  EXPECT_TRUE(gone(history.Medium("bob", hash)));
  EXPECT_TRUE(gone(history.MediumBytes("bob", hash)));
  EXPECT_TRUE(history.Search("bob", "secret", 10)->empty());
  EXPECT_TRUE(history.Search("bob", "hers", 10)->empty());
  const std::string his = history.Create("bob", "", {}).value();
  EXPECT_TRUE(gone(history.Change("bob", his, {}, {}, message)));
  EXPECT_TRUE(gone(history.Add("bob", his, Says("user", "x", message))));
  HistoryMessage seen{.role = "user", .body = Picture(hash)};
  EXPECT_TRUE(gone(history.Add("bob", his, seen)));
  EXPECT_TRUE(history.Get("bob", his)->messages.empty());
  EXPECT_EQ(history.Get("ann", id)->title, "hers");
}

TEST_F(HistoryTest, ListsTheNewestChangesFirst) {
  History& history = Open();
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(history.Create("ann", std::to_string(i), {}).value());
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  Add(history, ids[2], "x", "");
  std::string titles, before;
  for (size_t pages = 0; pages < 9; ++pages) {
    ASSERT_VALUE(const auto page, history.List("ann", 3, before));
    for (const HistoryConversation& one : page) titles += one.title;
    if (page.empty()) break;
    before = page.back().id;
  }
  EXPECT_EQ(titles, "2654310");
  ExpectError(history.List("ann", 3, "nothing"), "conversation");
}

TEST_F(HistoryTest, DeletesFromEveryFile) {
  History& history = Open();
  const std::string kept = history.Create("ann", "kept", {}).value();
  Add(history, kept, "this stays for good", "");
  const std::string id = history.Create("ann", "titanium secret", {}).value();
  std::string last;
  for (int i = 0; i < 300; ++i)
    last = Add(history, id, "the quick zirconium number " + std::to_string(i), last);
  const std::string hash = history.Keep("ann", Bytes("beryllium picture"), "image/png")->hash;
  HistoryMessage seen{.parent = last, .role = "user", .body = Picture(hash)};
  EXPECT_TRUE(history.Add("ann", id, seen).has_value());
  for (const char* text : {"titanium", "zirconium", "beryllium"}) EXPECT_TRUE(Holds(text)) << text;
  EXPECT_TRUE(history.Delete("ann", id).has_value());
  for (const char* text : {"titanium", "zirconium", "beryllium"}) EXPECT_FALSE(Holds(text)) << text;
  // The index is of parts of words.
  EXPECT_FALSE(Holds("zir"));
  EXPECT_TRUE(Holds("this stays for good"));
  EXPECT_FALSE(history.Medium("ann", hash).has_value());
}

// A long history's index is merged in steps, between which others go on.
TEST_F(HistoryTest, DeletesOfALongHistory) {
  History& history = Open();
  std::mt19937 rng(3);
  const auto words = [&] {
    std::string text;
    for (int i = 0; i < 2000; ++i) text += fmt::format("{:x} ", rng());
    return text;
  };
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) {
    ids.push_back(history.Create("ann", "", Json(Json::Object())).value());
    Add(history, ids.back(), fmt::format("secret{:02}word {}", i, words()), "");
  }
  std::atomic<bool> going_on = true;
  std::atomic<int> reads = 0;
  std::thread other([&] {
    while (going_on) reads += history.Get("ann", ids[1]).has_value() ? 1 : 0;
  });
  int most = 0;  // during one deletion
  for (size_t i = 0; i < ids.size(); i += 2) {
    const int before = reads;
    EXPECT_TRUE(history.Delete("ann", ids[i]).has_value());
    most = std::max(most, reads - before);
  }
  going_on = false;
  other.join();
  EXPECT_GT(most, 2);  // one may have begun before, and one have ended after it
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string word = fmt::format("secret{:02}word", i);
    EXPECT_EQ(history.Search("ann", word, 10)->size(), i % 2) << i;
    EXPECT_EQ(Holds(word), i % 2 == 1) << i;
  }
}

TEST_F(HistoryTest, PresetsAreTheirOwners) {
  History& history = Open();
  Json settings;
  settings.Set("system", "be kind and quiet");
  EXPECT_TRUE(history.KeepPreset("ann", {.name = "b", .settings = settings}).has_value());
  EXPECT_TRUE(
      history.KeepPreset("ann", {.name = "a", .settings = Json(Json::Object())}).has_value());
  EXPECT_TRUE(
      history.KeepPreset("bob", {.name = "c", .settings = Json(Json::Object())}).has_value());
  ASSERT_VALUE(const auto presets, Open().Presets("ann"));
  ASSERT_EQ(presets.size(), 2U);
  EXPECT_EQ(presets[0].name, "a");
  EXPECT_EQ(presets[1].settings.Dump(), settings.Dump());
  ExpectError(history_->DropPreset("bob", "b"), {"no such preset"});
  EXPECT_TRUE(history_->DropPreset("ann", "b").has_value());
  EXPECT_FALSE(Holds("kind and quiet"));
  for (size_t i = 1; i < History::kMaxPresets; ++i) {
    EXPECT_TRUE(
        history_->KeepPreset("ann", {.name = std::to_string(i), .settings = settings}).has_value());
  }
  ExpectError(history_->KeepPreset("ann", {.name = "more", .settings = settings}), {"too many"});
  EXPECT_TRUE(history_->KeepPreset("ann", {.name = "a", .settings = settings}).has_value());
}

TEST_F(HistoryTest, DeletesABranch) {
  History& history = Open();
  HistoryConversation deep;  // deeper than SQLite's triggers go
  for (int i = 0; i < 3000; ++i) {
    HistoryMessage message = Says("user", "leftmost", i == 0 ? "" : std::to_string(i - 1));
    message.id = std::to_string(i);
    deep.messages.push_back(std::move(message));
  }
  deep.leaf = "2999";
  ASSERT_VALUE(const std::string id, history.Import("ann", deep));
  ASSERT_VALUE(const HistoryConversation imported, history.Get("ann", id));
  const std::string first = imported.messages[0].id, left = imported.messages[1].id;
  const std::string right = Add(history, id, "right branch", first);
  EXPECT_TRUE(history.Change("ann", id, {}, {}, imported.leaf).has_value());
  EXPECT_TRUE(history.DeleteMessage("ann", left).has_value());
  ASSERT_VALUE(const HistoryConversation read, history.Get("ann", id));
  EXPECT_EQ(read.messages.size(), 2U);
  EXPECT_EQ(read.leaf, right);
  EXPECT_TRUE(history.DeleteMessage("ann", first).has_value());
  EXPECT_EQ(history.Get("ann", id)->leaf, "");
  EXPECT_TRUE(history.Get("ann", id)->messages.empty());
  EXPECT_FALSE(Holds("leftmost"));
}

TEST_F(HistoryTest, ShowsTheVersionBesideADeletedOne) {
  History& history = Open();
  const std::string id = history.Create("ann", "", {}).value();
  const std::string first = Add(history, id, "one", "");
  const std::string a = Add(history, id, "answer", first, "assistant");
  const std::string behind = Add(history, id, "two", a);
  const std::string b = Add(history, id, "another", first, "assistant");
  EXPECT_TRUE(history.DeleteMessage("ann", b).has_value());
  EXPECT_EQ(history.Get("ann", id)->leaf, behind);
  const std::string edited = Add(history, id, "one, edited", "");
  EXPECT_TRUE(history.DeleteMessage("ann", edited).has_value());
  EXPECT_EQ(history.Get("ann", id)->leaf, behind);
}

TEST_F(HistoryTest, KeepsMediaWhileTheyAreUsed) {
  History& history = Open();
  const std::string a = history.Create("ann", "", {}).value();
  const std::string b = history.Create("ann", "", {}).value();
  ASSERT_VALUE(const HistoryMedium medium, history.Keep("ann", Bytes("pixels"), "image/png"));
  EXPECT_EQ(history.Keep("ann", Bytes("pixels"), "image/png")->hash, medium.hash);
  EXPECT_TRUE(history.Keep("bob", Bytes("pixels"), "image/png").has_value());
  for (const std::string& id : {a, b}) {
    EXPECT_TRUE(history.Add("ann", id, {.role = "user", .body = Picture(medium.hash)}).has_value());
  }
  EXPECT_TRUE(history.Delete("ann", a).has_value());
  EXPECT_EQ(history.MediumBytes("ann", medium.hash).value(), "pixels");
  EXPECT_TRUE(history.Delete("ann", b).has_value());
  EXPECT_FALSE(history.Medium("ann", medium.hash).has_value());
  // Another owner's is another's, and one that was sent just now may be used yet.
  EXPECT_EQ(history.MediumBytes("bob", medium.hash).value(), "pixels");
  ExpectError(history.MediumBytes("bob", "../history.db"), "medium");
  // A file of a program that was killed.
  std::ofstream(folder_ / "history" / "media" / "stray") << "stray bytes";
  EXPECT_EQ(Open().MediumBytes("bob", medium.hash).value(), "pixels");
  EXPECT_FALSE(Holds("stray bytes"));
}

TEST_F(HistoryTest, FindsTextInEveryLanguage) {
  History& history = Open();
  const std::string id = history.Create("ann", "Über den Wolken", {}).value();
  const std::string first = Add(history, id, "The Zirconium \"ring\" costs 100%", "");
  const std::string second = Add(history, id, "今日は天気がいいですね", first);
  Json body, part;
  part.Set("type", "text");
  part.Set("text", "a part with words");
  body.Set("content", Json(Json::Array{part}));
  const std::string third =
      history.Add("ann", id, {.parent = second, .role = "user", .body = body}).value();
  const auto found = [&](std::string_view text) {
    std::string messages;
    const std::vector<HistoryHit> hits = history.Search("ann", text, 10).value();
    for (const HistoryHit& hit : hits)
      messages += hit.message == first    ? "1"
                  : hit.message == second ? "2"
                  : hit.message == third  ? "3"
                                          : "t";
    return messages;
  };
  EXPECT_EQ(found("zircon"), "1");
  EXPECT_EQ(found("\"ring\" costs"), "1");
  EXPECT_EQ(found("100%"), "1");
  EXPECT_EQ(found("%"), "1");
  EXPECT_EQ(found("_"), "");
  EXPECT_EQ(found("天気が"), "2");
  EXPECT_EQ(found("天気"), "2");
  EXPECT_EQ(found("with words"), "3");
  EXPECT_EQ(found("Wolken"), "t");
  EXPECT_EQ(found("wi"), "3");
  EXPECT_EQ(found("nothing like it"), "");
  EXPECT_EQ(found("AND OR NOT ( * ^"), "");
  const auto hits = history.Search("ann", "zircon", 10).value();
  EXPECT_NE(hits[0].snippet.find("Zirconium"), std::string::npos);
}

TEST_F(HistoryTest, AnAnswerIsFoundOnceItIsWhole) {
  History& history = Open();
  const std::string id = history.Create("ann", "", {}).value();
  HistoryMessage writing = Says("assistant", "half an ans", "");
  writing.state = MessageState::kWriting;
  const std::string answer = history.Add("ann", id, writing).value();
  const auto rewrite = [&](const std::string& text, MessageState state) {
    EXPECT_TRUE(history.Rewrite("ann", answer, Says("", text, "").body, state).has_value());
  };
  rewrite("half an answer", MessageState::kWriting);
  EXPECT_TRUE(history.Search("ann", "answer", 10)->empty());
  rewrite("the whole answer", MessageState::kWhole);
  EXPECT_EQ(history.Search("ann", "whole answer", 10)->size(), 1U);
  rewrite("something else", MessageState::kWhole);
  EXPECT_TRUE(history.Search("ann", "whole answer", 10)->empty());
}

TEST_F(HistoryTest, ImportsWhatItGave) {
  History& history = Open();
  const std::string id = history.Create("ann", "A title", {}).value();
  const std::string first = Add(history, id, "one", "");
  Add(history, id, "two", first);
  const std::string third = Add(history, id, "three", first);
  ASSERT_VALUE(const auto original, history.Get("ann", id));
  ASSERT_VALUE(const std::string copy_id, history.Import("bob", original));
  ASSERT_VALUE(const auto copy, history.Get("bob", copy_id));
  ASSERT_EQ(copy.messages.size(), 3U);
  EXPECT_EQ(copy.title, "A title");
  EXPECT_EQ(copy.leaf, copy.messages[2].id);
  EXPECT_EQ(copy.messages[2].parent, copy.messages[0].id);
  EXPECT_EQ(copy.messages[2].created_ms, original.messages[2].created_ms);
  EXPECT_NE(copy.messages[2].id, third);
  auto broken = original;
  std::ranges::reverse(broken.messages);
  ExpectError(history.Import("bob", broken), "before its parent");
  broken = original;
  broken.leaf = "nothing";
  ExpectError(history.Import("bob", broken), "leaf");
  EXPECT_EQ(history.List("bob", 10)->size(), 1U);
}

TEST_F(HistoryTest, TellsWhoWaitsOfChanges) {
  History& history = Open();
  EXPECT_TRUE(history.WaitForChanges("ann", history.last_change(), 0).empty());
  std::string id;
  std::thread other([&] {
    history.Create("bob", "", {}).value();
    id = history.Create("ann", "", {}).value();
  });
  const auto changes = history.WaitForChanges("ann", 0, 10'000);
  other.join();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].conversation, id);
  EXPECT_TRUE(history.WaitForChanges("ann", changes[0].number, 0).empty());
  for (int i = 0; i < 1100; ++i) EXPECT_TRUE(history.Change("ann", id, "t", {}, {}).has_value());
  // Nobody knows any more what it was.
  EXPECT_EQ(history.WaitForChanges("ann", 1, 0)[0].conversation, "");
  EXPECT_EQ(history.WaitForChanges("ann", 1'000'000, 0)[0].conversation, "");
}

TEST_F(HistoryTest, CopiesItself) {
  History& history = Open();
  const std::string id = history.Create("ann", "kept", {}).value();
  const std::string hash = history.Keep("ann", Bytes("pixels"), "image/png")->hash;
  EXPECT_TRUE(history.Add("ann", id, {.role = "user", .body = Picture(hash)}).has_value());
  EXPECT_TRUE(history.Backup(folder_ / "copy").has_value());
  ExpectError(history.Backup(folder_ / "copy"), {"copy", "not there yet"});
  ExpectError(history.Backup(folder_ / "history" / "copy"), {"inside"});
  EXPECT_TRUE(history.Delete("ann", id).has_value());
  ASSERT_VALUE(const auto copy, History::Open(folder_ / "copy"));
  EXPECT_EQ(copy->Get("ann", id)->title, "kept");
  EXPECT_EQ(copy->MediumBytes("ann", hash).value(), "pixels");
}

TEST_F(HistoryTest, FilesAreTheUsersAlone) {
  History& history = Open();
  EXPECT_TRUE(history.Keep("ann", Bytes("x"), "image/png").has_value());
  for (const auto& file : fs::recursive_directory_iterator(folder_ / "history")) {
    EXPECT_EQ(fs::status(file).permissions(), file.is_directory() ? fs::perms::owner_all : kOwner)
        << file;
  }
  EXPECT_EQ(fs::status(folder_ / "history").permissions(), fs::perms::owner_all);
}

// A program that is killed at any moment loses nothing that it was told had been kept.
TEST_F(HistoryTest, LosesNothingWhenItIsKilled) {
  Open().Create("ann", "", {}).value();
  history_.reset();
  std::mt19937 rng(7);
  size_t kept = 0;
  for (int round = 0; round < 6; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto history = History::Open(folder_ / "history").value();
      const std::string id = history->List("ann", 1)->front().id;
      std::string parent = history->Get("ann", id)->leaf;
      for (int i = 0;; ++i) {
        parent = history->Add("ann", id, Says("user", std::to_string(i), parent)).value();
        const std::string line = parent + "\n";
        if (::write(ends[1], line.data(), line.size()) < 0) ::_exit(1);
      }
    }
    ::close(ends[1]);
    std::this_thread::sleep_for(std::chrono::milliseconds(30 + rng() % 60));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    std::string told(1 << 20, '\0');
    size_t size = 0;
    for (ssize_t n = 0; (n = ::read(ends[0], told.data() + size, told.size() - size)) > 0;)
      size += static_cast<size_t>(n);
    ::close(ends[0]);
    History& history = Open();
    const std::string id = history.List("ann", 1)->front().id;
    ASSERT_VALUE(const auto read, history.Get("ann", id));
    for (size_t at = 0; at < size; at += told.find('\n', at) + 1 - at) {
      const std::string message = told.substr(at, told.find('\n', at) - at);
      EXPECT_TRUE(
          std::ranges::any_of(read.messages, [&](const auto& m) { return m.id == message; }));
      ++kept;
    }
    history_.reset();
  }
  EXPECT_GT(kept, 10U);
}

TEST_F(HistoryTest, WhatWasBeingWrittenWasCut) {
  History& history = Open();
  const std::string id = history.Create("ann", "", {}).value();
  HistoryMessage writing = Says("assistant", "half", "");
  writing.state = MessageState::kWriting;
  EXPECT_TRUE(history.Add("ann", id, writing).has_value());
  ASSERT_VALUE(const auto read, Open().Get("ann", id));
  EXPECT_EQ(read.messages[0].state, MessageState::kCut);
  EXPECT_EQ(read.messages[0].body.Find("content")->string(), "half");
}

}  // namespace
}  // namespace carat
