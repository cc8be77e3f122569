#include "tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace carat {
namespace {

// The definition itself: merge the adjacent pair of lowest rank, the leftmost on ties, until none
// is left.
std::vector<TokenId> NaiveEncode(const std::vector<Bpe::Merge>& merges,
                                 const std::vector<Bpe::Symbol>& word) {
  std::map<std::pair<TokenId, TokenId>, std::pair<size_t, TokenId>> rules;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    rules.emplace(std::pair(merges[rank].left, merges[rank].right),
                  std::pair(rank, merges[rank].result));
  }
  std::vector<TokenId> ids;
  for (const Bpe::Symbol& symbol : word) ids.push_back(symbol.id);
  for (;;) {
    size_t best = ids.size(), best_rank = SIZE_MAX;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto rule = rules.find({ids[i], ids[i + 1]});
      if (rule != rules.end() && rule->second.first < best_rank) {
        best = i;
        best_rank = rule->second.first;
      }
    }
    if (best == ids.size()) return ids;
    ids[best] = rules.at({ids[best], ids[best + 1]}).second;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

char32_t First(const std::string& text) { return DecodeUtf8(text, 0).code; }
char32_t Last(const std::string& text) {
  char32_t code = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = DecodeUtf8(text, at);
    code = step.code;
    at += step.size;
  }
  return code;
}

// A random vocabulary over a few characters and byte tokens. The byte tokens' own spelling can be
// put together from characters, as in the real one.
class RandomTable {
 public:
  RandomTable(std::mt19937& rng, size_t num_merges) {
    for (const char* text : {"a", "b", "\xC3\xA9", "<", "1", ">", "<1>", "<2>"}) Id(text);
    for (size_t i = 0; i < num_merges; ++i) {
      // Short pieces are picked more often, so that merges chain and compete for the same text.
      const auto pick = [&] {
        return pieces_[std::min(rng() % pieces_.size(), rng() % pieces_.size())];
      };
      const std::string left = pick(), right = pick();
      if (left.size() + right.size() > 12) continue;
      merges_.push_back({Id(left), Id(right), Id(left + right), Last(left), First(right)});
    }
  }
  const std::vector<Bpe::Merge>& merges() const { return merges_; }

  std::vector<Bpe::Symbol> Word(std::mt19937& rng, size_t size) const {
    std::vector<Bpe::Symbol> word;
    const size_t kinds = 1 + rng() % 8;  // few kinds make long runs and many ties
    for (size_t i = 0; i < size; ++i) {
      const size_t kind = rng() % kinds;
      // A byte token stands for a character that the vocabulary lacks.
      word.push_back(
          {kind < 6 ? First(pieces_[kind]) : U'\u4E2D', static_cast<TokenId>(kind), kind >= 6});
    }
    return word;
  }

 private:
  TokenId Id(const std::string& text) {
    const auto [at, added] = ids_.emplace(text, static_cast<TokenId>(pieces_.size()));
    if (added) pieces_.push_back(text);
    return at->second;
  }
  std::vector<std::string> pieces_;
  std::map<std::string, TokenId> ids_;
  std::vector<Bpe::Merge> merges_;
};

TEST(Bpe, EqualsItsDefinition) {
  std::mt19937 rng(1);
  size_t merged = 0;
  for (int table = 0; table < 400; ++table) {
    const RandomTable random(rng, rng() % 60);
    const Bpe bpe(random.merges());
    for (int round = 0; round < 40; ++round) {
      const auto word = random.Word(rng, rng() % 40);
      std::vector<TokenId> ids;
      bpe.Encode(word, ids);
      ASSERT_EQ(ids, NaiveEncode(random.merges(), word))
          << "table " << table << ", round " << round;
      merged += word.size() - ids.size();
    }
  }
  EXPECT_GT(merged, 50'000u);  // the tables do something
}

std::vector<TokenId> Encode(const std::vector<Bpe::Merge>& merges, std::string_view word) {
  std::vector<Bpe::Symbol> symbols;
  for (const char c : word) symbols.push_back({static_cast<char32_t>(c), c - 'a', false});
  std::vector<TokenId> ids;
  Bpe(merges).Encode(symbols, ids);
  return ids;
}

TEST(Bpe, TheLeftmostOfEqualPairsFirst) {
  const std::vector<Bpe::Merge> aa = {{0, 0, 10, 'a', 'a'}};
  EXPECT_EQ(Encode(aa, "aaa"), (std::vector<TokenId>{10, 0}));
  EXPECT_EQ(Encode(aa, "aaaa"), (std::vector<TokenId>{10, 10}));
  EXPECT_EQ(Encode(aa, "aaaaa"), (std::vector<TokenId>{10, 10, 0}));
}

TEST(Bpe, RankBeatsPosition) {
  // bc before ab.
  const std::vector<Bpe::Merge> merges = {{1, 2, 10, 'b', 'c'}, {0, 1, 11, 'a', 'b'}};
  EXPECT_EQ(Encode(merges, "abc"), (std::vector<TokenId>{0, 10}));
  EXPECT_EQ(Encode(merges, "abab"), (std::vector<TokenId>{11, 11}));
}

TEST(Bpe, APairThatStandsTwiceKeepsItsFirstRank) {
  const std::vector<Bpe::Merge> merges = {
      {0, 1, 10, 'a', 'b'}, {1, 2, 11, 'b', 'c'}, {0, 1, 12, 'a', 'b'}};
  EXPECT_EQ(Encode(merges, "abc"), (std::vector<TokenId>{10, 2}));
}

TEST(Bpe, AppendsAndTakesEmptyWords) {
  std::vector<TokenId> ids = {99};
  const Bpe bpe({});
  bpe.Encode({}, ids);
  const Bpe::Symbol one{U'x', 7, false};
  bpe.Encode(std::span(&one, 1), ids);
  EXPECT_EQ(ids, (std::vector<TokenId>{99, 7}));
}

}  // namespace
}  // namespace carat
