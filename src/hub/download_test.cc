// Whole downloads from the fake Hub, on good days and on bad ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "base/bytes.h"
#include "hub/client.h"
#include "hub/part_file.h"
#include "io/file.h"
#include "tests/support/errors.h"
#include "tests/support/hub_fixture.h"

namespace carat {
namespace {

class Download : public HubFixture {
 protected:
  // The error leaves a part that a good day completes.
  void ExpectResumes(const std::string& file, const std::string& content) {
    EXPECT_FALSE(std::filesystem::exists(target_));
    hub_->Reset();
    ExpectWhole(Get(file), content);
  }
};

TEST_F(Download, BringsLargeSmallAndEmptyFiles) {
  const auto big = Get("big.gguf");
  ExpectWhole(big, big_);
  EXPECT_EQ(big->bytes_fetched, big_.size());
  EXPECT_FALSE(big->was_there);
  std::filesystem::remove(target_);
  ExpectWhole(Get("small.json"), small_);
  std::filesystem::remove(target_);
  ExpectWhole(Get("empty.txt"), "");
}

TEST_F(Download, TheTokenStaysAtTheEndpointAndRangesDoNotOverlap) {
  ExpectWhole(Get("big.gguf"), big_);
  std::set<std::string> ranges;
  size_t at_hub = 0;
  for (const auto& asked : hub_->Log()) {
    EXPECT_EQ(asked.authorization, asked.server == "hub" ? "Bearer hf_secret" : "") << asked.path;
    EXPECT_EQ(asked.encoding, "identity");
    at_hub += asked.server == "hub";
    if (asked.server != "cdn") continue;
    EXPECT_TRUE(ranges.insert(asked.range).second) << asked.range;
  }
  EXPECT_EQ(ranges.size(), (big_.size() + kSegment - 1) / kSegment);
  EXPECT_EQ(at_hub, 2u);  // the look-up, and one request for a signed address
}

TEST_F(Download, TheTokenDoesNotComeBackWithARedirect) {
  const std::string back = hub_->url() + "/google/gemma-test/resolve/main/small.json";
  static_cast<void>(Get("big.gguf", "{\"cdn_redirect\": \"" + back + "\"}"));
  size_t came_back = 0;
  for (const auto& asked : hub_->Log()) {
    if (asked.server == "cdn") {
      EXPECT_EQ(asked.authorization, "");
    }
    if (asked.path != "/google/gemma-test/resolve/main/small.json") continue;
    ++came_back;
    EXPECT_EQ(asked.authorization, "");
  }
  EXPECT_GE(came_back, 1u);
}

TEST_F(Download, SeveralRangesRunAtOnce) {
  // Every connection brings 200,000 bytes a second, so that one would take five seconds.
  const auto before = std::chrono::steady_clock::now();
  ExpectWhole(Get("big.gguf", R"({"bytes_per_second": 200000})"), big_);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(4));
}

TEST_F(Download, TellsHowFarItIs) {
  DownloadProgress last;
  bool checked = false;
  ExpectWhole(Get("big.gguf", R"({"bytes_per_second": 400000})", Options(),
                  [&](const DownloadProgress& progress) {
                    EXPECT_EQ(progress.bytes_total, big_.size());
                    EXPECT_LE(progress.bytes_done, big_.size());
                    if (progress.phase == last.phase) {
                      EXPECT_GE(progress.bytes_done, last.bytes_done);
                    }
                    checked |= progress.phase == DownloadProgress::Phase::kChecking;
                    last = progress;
                    return true;
                  }),
              big_);
  EXPECT_TRUE(checked);
}

TEST_F(Download, ServersThatIgnoreRanges) {
  ExpectWhole(Get("big.gguf", R"({"ignore_ranges": true})"), big_);
  EXPECT_EQ(hub_->Log().back().range, "");
  std::filesystem::remove(target_);
  ExpectWhole(
      Get("big.gguf", R"({"ignore_ranges": true, "break_after": 700000, "break_times": 2})"), big_);
  std::filesystem::remove(target_);
  // What always breaks at the same place is given up, though every attempt brings bytes.
  ExpectError(Get("big.gguf", R"({"ignore_ranges": true, "break_after": 700000})"),
              {"big.gguf", "failed", "running the same command again"});
}

TEST_F(Download, GoesOnAfterBrokenConnections) {
  ExpectWhole(Get("big.gguf", R"({"break_after": 30000, "break_times": 10})"), big_);
  std::filesystem::remove(target_);
  HubOptions one_request = Options();
  one_request.segment_bytes = 1 << 20;
  const auto done = Get("big.gguf", R"({"break_after": 150000})", one_request);
  ExpectWhole(done, big_);
  EXPECT_EQ(done->bytes_fetched, big_.size());  // nothing came twice
}

TEST_F(Download, GivesUpOnWhatAlwaysBreaks) {
  const auto done = Get("big.gguf", R"({"break_after": 10})");
  ExpectError(done, {"google/gemma-test/big.gguf", "failed", "running the same command again"});
  EXPECT_EQ(done.error().code, ErrorCode::kIo);
  ExpectResumes("big.gguf", big_);
}

TEST_F(Download, GoesOnAfterStalls) {
  ExpectWhole(Get("big.gguf", R"({"stall_after": 1000, "stall_times": 2})"), big_);
  std::filesystem::remove(target_);
  HubOptions options = Options();
  options.retries = 1;
  ExpectError(Get("big.gguf", R"({"stall_after": 1000})", options), "nothing more came from");
  ExpectResumes("big.gguf", big_);
}

TEST_F(Download, ServersInTrouble) {
  for (const char* status : {"429", "500", "503", "408"}) {
    ExpectWhole(
        Get("big.gguf",
            std::string(R"({"fail": {"server": "cdn", "times": 3, "status": )") + status + "}}"),
        big_);
    std::filesystem::remove(target_);
  }
  ExpectWhole(Get("big.gguf", R"({"fail": {"server": "hub", "times": 2, "status": 502}})"), big_);
  std::filesystem::remove(target_);
  hub_->Reset();
  ExpectError(Get("big.gguf", R"({"fail": {"server": "cdn", "status": 500}})"),
              {"in trouble", "status 500", "running the same command again"});
  EXPECT_EQ(hub_->Log().size(), 9u);  // the look-up, and four times two
  ExpectResumes("big.gguf", big_);
}

TEST_F(Download, WhoMayNotAndWhatIsNotThere) {
  ExpectError(Get("big.gguf", R"({"needs_token": "other"})"), "refused the access token");
  ExpectError(Get("big.gguf", R"({"fail": {"server": "hub", "status": 404}})"), "no such file");
  const auto refused = Get("big.gguf", R"({"fail": {"server": "cdn", "status": 403}})");
  ExpectError(refused, "status 403 from http://127.0.0.1");
  EXPECT_EQ(refused.error().Message().find("signature"), std::string::npos);
  ExpectError(Get("big.gguf", R"({"fail": {"server": "cdn", "status": 416}})"), "shorter");
  ExpectError(Get("big.gguf", R"({"fail": {"server": "cdn", "status": 204}})"), "something else");
}

TEST_F(Download, SignedAddressesThatExpire) {
  ExpectWhole(Get("big.gguf", R"({"cdn_uses": 3})"), big_);
  std::filesystem::remove(target_);
  ExpectWhole(Get("big.gguf", R"({"cdn_uses": 1})"), big_);
}

TEST_F(Download, RedirectsThatLeadAstray) {
  for (const auto& [location, told] : {std::pair{"http://cdn.example/x", "not encrypted"},
                                       {"file:///etc/passwd", "not https"},
                                       {"ftp://127.0.0.1/x", "not https"},
                                       {"", "says no address"}}) {
    const std::string scenario = std::string(R"("redirect": ")") + location + "\"}";
    if (*location != '\0') ExpectError(Get("big.gguf", "{" + scenario), {"big.gguf", told});
    ExpectError(
        Get("big.gguf", R"({"fail": {"server": "cdn", "status": 302, "headers": {"Location": ")" +
                            std::string(location) + "\"}}}"),
        {"big.gguf", told});
  }
  ExpectError(Get("big.gguf", "{\"cdn_redirect\": \"" + hub_->cdn_url() + "/loop\"}"),
              {"redirects without end", "at most 8"});
}

TEST_F(Download, LiesAboutLengthsAndRanges) {
  ExpectError(Get("big.gguf", R"({"body_extra": 100})"),
              {"announced a wrong length", "wanted 65536"});
  ExpectError(Get("big.gguf", R"({"body_extra": -100})"), "announced a wrong length");
  ExpectError(Get("small.json", R"({"body_extra": 100})"), "announced a wrong length");
  ExpectError(Get("big.gguf", R"({"chunked_extra": 100})"), "sent more than it announced");
  ExpectError(Get("small.json", R"({"chunked_extra": 1})"), "sent more than it announced");
  ExpectError(Get("big.gguf", R"({"chunked_extra": -65536})"), "sent less than it announced");
  for (const char* range : {"bytes 0-65535/1000001", "bytes 1-65536/1000000", "bytes 0-9/1000000",
                            "nonsense", "bytes 0-65535/*"}) {
    ExpectError(Get("big.gguf", std::string(R"({"content_range": ")") + range + "\"}"),
                {"another part of the file", "wanted bytes 0-65535/1000000", range});
  }
  ExpectError(Get("big.gguf", R"({"body_status": 202})"), {"something else", "202"});
  ExpectError(Get("big.gguf", R"({"gzip": true})"), {"compressed", "gzip"});
  ExpectResumes("big.gguf", big_);
}

TEST_F(Download, AChunkedBodyIsTakenByItsLength) {
  ExpectWhole(Get("big.gguf", R"({"chunked_extra": 0})"), big_);
}

TEST_F(Download, WrongFacts) {
  hub_->Tell(R"({"linked_size_extra": 1})");
  ExpectError(Client().Download(*Client().Resolve(kRepository, "main", "big.gguf"), target_),
              "another part of the file, or of another file");
  hub_->Tell(R"({"linked_size_extra": 0, "linked_etag": ")" + std::string(64, 'a') + "\"}");
  ExpectError(Client().Download(*Client().Resolve(kRepository, "main", "big.gguf"), target_),
              {"google/gemma-test/big.gguf", "is not the one it announced", "wanted sha256:aaaa",
               "found sha256:"});
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(Download, ACorruptedBodyIsFetchedOnceMore) {
  const auto done = Get("big.gguf", R"({"flip_byte": 500000, "flip_times": 1})");
  ExpectWhole(done, big_);
  EXPECT_EQ(done->bytes_fetched, 2 * big_.size());
  std::filesystem::remove(target_);
  ExpectError(Get("small.json", R"({"flip_byte": 5})"),
              {"small.json", "is not the one it announced", "wanted gitsha1:", "found gitsha1:"});
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(Download, AFileThatChangedSinceItWasLookedUp) {
  const RemoteFile remote = Look("big.gguf");
  hub_->Put(std::string(kRepository), "big.gguf", Noise(big_.size(), 2));
  ExpectError(Client().Download(remote, target_), "the file changed at the server");
  hub_->Put(std::string(kRepository), "small.json", small_);
  const RemoteFile small = Look("small.json");
  hub_->Put(std::string(kRepository), "small.json", Noise(small_.size(), 2));
  ExpectError(Client().Download(small, target_), "is not the one it announced");
}

TEST_F(Download, TakesATargetThatIsTheFile) {
  ASSERT_OK(WriteFileAtomic(target_, AsBytes(big_)));
  const auto there = Get("big.gguf");
  ExpectWhole(there, big_);
  EXPECT_TRUE(there->was_there);
  EXPECT_EQ(there->bytes_fetched, 0u);
  EXPECT_EQ(hub_->Log().size(), 1u);

  for (const std::string& other : {Noise(big_.size(), 3), Noise(7), std::string()}) {
    ASSERT_OK(WriteFileAtomic(target_, AsBytes(other)));
    const auto replaced = Get("big.gguf");
    ExpectWhole(replaced, big_);
    EXPECT_FALSE(replaced->was_there);
  }
}

TEST_F(Download, KeepsWhatStandsInTheWay) {
  std::filesystem::create_directory(target_);
  ExpectError(Get("big.gguf"), {target_.string(), "no regular file"});
  std::filesystem::remove(target_);
  ASSERT_OK(WriteFileAtomic(target_, AsBytes("mine")));
  EXPECT_FALSE(Get("big.gguf", R"({"break_after": 10})").has_value());
  EXPECT_EQ(MustRead(target_), "mine");
  target_ = folder_ / "none" / "target";
  ExpectError(Get("big.gguf"), {"none/target.part", "No such file"});
}

TEST_F(Download, RefusesFilesThatNoHubDescribed) {
  RemoteFile file = Look("big.gguf");
  const auto with = [&](auto change) {
    RemoteFile changed = file;
    change(changed);
    return Client().Download(changed, target_);
  };
  ExpectError(with([](RemoteFile& f) { f.file = "../x"; }), "no folder's name");
  ExpectError(with([](RemoteFile& f) { f.repository = "x"; }), "no repository");
  ExpectError(with([](RemoteFile& f) { f.commit = "main"; }), "no commit");
  ExpectError(with([](RemoteFile& f) { f.hash.hex = "x"; }), "no proper hash");
  ExpectError(with([](RemoteFile& f) { f.size = ~uint64_t{0}; }), "too large");
  EXPECT_EQ(FilesLeft(), 0u);
}

}  // namespace
}  // namespace carat
