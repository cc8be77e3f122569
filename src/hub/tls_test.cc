// Certificates are verified, and nobody without a good one sees a token.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "hub/client.h"
#include "tests/support/errors.h"
#include "tests/support/fake_hub.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    const std::string make =
        "cd " + folder_.path().string() +
        " && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2"
        " -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>log && cat key cert >both";
    if (std::system(make.c_str()) != 0) GTEST_SKIP() << "no certificate: openssl does not run";
  }
  Status Fetch(const FakeHub& hub, HubOptions options) const {
    if (options.endpoint == HubOptions().endpoint) options.endpoint = hub.url();
    options.retries = 0;
    CARAT_ASSIGN(HubClient client, HubClient::Create(std::move(options)));
    CARAT_ASSIGN(const RemoteFile file, client.Resolve("a/b", "main", "file"));
    CARAT_TRY(client.Download(file, folder_ / "target"));
    return {};
  }
  TempFolder folder_;
};

TEST_F(Tls, OnlyTheRightCertificateWillDo) {
  FakeHub hub(folder_ / "both");
  const std::string content(100'000, 'x');
  hub.Put("a/b", "file", content);
  ASSERT_TRUE(hub.url().starts_with("https://localhost:")) << hub.url();

  const std::string cert = (folder_ / "cert").string();
  const auto good = Fetch(hub, {.ca_file = cert});
  ASSERT_TRUE(good.has_value()) << good.error().Message();
  EXPECT_EQ(MustRead(folder_ / "target"), content);

  ExpectError(Fetch(hub, {.token = "hf_secret"}),
              {"a/b/file", "the certificate of", "not trusted"});
  std::string by_number = hub.url();
  by_number.replace(by_number.find("localhost"), 9, "127.0.0.1");
  ExpectError(Fetch(hub, {.endpoint = by_number, .ca_file = cert}), "not trusted");
  ExpectError(Fetch(hub, {.ca_file = (folder_ / "log").string()}), "not trusted");
}

}  // namespace
}  // namespace carat
