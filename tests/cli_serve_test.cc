// Commands beside a server that runs: they use its model, and show its key to nobody else.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/run_carat.h"

namespace carat {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::string kPoint = (SourceDir() / "tests/fixtures/point").string();

class ServedTest : public testing::Test {
 protected:
  ~ServedTest() override { End(); }

  std::string Environment() const {
    return "env -u DISPLAY -u WAYLAND_DISPLAY -u CARAT_OFFLINE CARAT_HOME=" + home_.path().string();
  }
  Ran Carat(const std::string& arguments) const { return RunCarat(arguments, Environment()); }

  void Serve(const std::string& options = "") {
    const Ran started =
        RunProgram("sh", "-c '" + Environment() + " " + CARAT_BINARY + " serve --port 0 " +
                             options + " >" + (home_ / "log").string() + " 2>&1 & echo $!'");
    pid_ = std::stoi(started.out);
    for (int i = 0; i < 600 && !fs::exists(home_ / "server.json"); ++i)
      std::this_thread::sleep_for(50ms);
    ASSERT_TRUE(fs::exists(home_ / "server.json")) << MustRead(home_ / "log");
  }
  void End() {
    if (pid_ > 0) ::kill(pid_, SIGTERM);
    for (int i = 0; i < 600 && pid_ > 0 && ::kill(pid_, 0) == 0; ++i)
      std::this_thread::sleep_for(50ms);
    pid_ = 0;
  }

  const TempFolder home_;
  pid_t pid_ = 0;
};

constexpr const char* kByServer = "answers on the server that runs";

TEST_F(ServedTest, CommandsUseItsModel) {
  Serve();
  const Ran run = Carat("run 'What is 12 plus 7?'");
  EXPECT_EQ(run.out, "19\n") << run.err;
  ExpectHas(run.err, {kByServer});
  EXPECT_EQ(
      Carat("run --system 'You are carat.' --stop plus --max-tokens 30 --temperature 0 --seed 1"
            " 'What is 12 plus 7?'")
          .out,
      "19\n");
  const Ran picture = Carat("run --image " + kPoint + "/shapes.png 'What colour is the circle?'");
  ExpectHas(picture.out, {"yellow"});
  const Ran events = Carat("run --json 'Count from 3 to 5.'");
  ExpectHas(events.out, {R"("event": "text")", R"("event": "done", "reason": "stop")"});
  for (const std::string& command :
       {"transcribe --format srt " + kPoint + "/door.wav", "transcribe " + kPoint + "/seven.wav",
        "describe " + kPoint + "/shapes.png"}) {
    const Ran there = Carat(command), here = Carat(command + " --own");
    ExpectHas(there.err, {kByServer});
    EXPECT_EQ(here.err.find(kByServer), std::string::npos);
    EXPECT_EQ(there.out, here.out);
    EXPECT_EQ(there.code, 0);
  }
}

TEST_F(ServedTest, OptionsOfLoadingLoadItHere) {
  Serve();
  const std::string path = (SourceDir() / "models/point").string();
  for (const char* const option : {"--own", "--threads 1", "--cache f32", "--no-repetition-guard",
                                   "--draft-depth 2", "--context 512"}) {
    const Ran run = Carat(std::string("run ") + option + " 'What is 12 plus 7?'");
    EXPECT_EQ(run.out, "19\n") << option;
    EXPECT_EQ(run.err.find(kByServer), std::string::npos) << option;
  }
  EXPECT_EQ(Carat("run --model " + path + " Hello").err.find(kByServer), std::string::npos);
}

// In a chat what a file held when it was shown counts, and not what it holds when it is asked
// about.
TEST_F(ServedTest, SendsMediaAsTheyWere) {
  Serve();
  const std::string picture = (home_ / "picture.png").string();
  fs::copy_file(kPoint + "/shapes.png", picture);
  const Ran run = RunProgram("python3",
                             (SourceDir() / "tests/support/chat.py").string() + " " + CARAT_BINARY +
                                 " '/image " + picture + "' '!rm " + picture +
                                 "' 'What colour is the circle?' 'What colour is the square?'",
                             Environment());
  ExpectHas(run.out, {kByServer, "The circle is yellow.", "blue"});
}

TEST_F(ServedTest, RefusalsAreTheServers) {
  Serve("--context 256");
  const std::string text(4000, 'x');
  const Ran run = Carat("run 'a " + text + "'");
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.out, "");
  ExpectHas(run.err, {"carat: ", "255 maximum"});
}

TEST_F(ServedTest, CopiesConversationsWhetherItRunsOrNot) {
  const std::string copy = (home_ / "copy").string(), later = (home_ / "later").string();
  ExpectHas(Carat("backup " + copy).err, {"no conversations are kept there"});
  Serve();
  const Ran made = Carat("backup " + copy);
  EXPECT_EQ(made.out, copy + "\n") << made.err;
  struct stat info{};
  ASSERT_EQ(::stat((copy + "/history.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const Ran again = Carat("backup " + copy);
  EXPECT_EQ(again.code, 2);
  ExpectHas(again.err, {"not there yet"});
  End();
  EXPECT_EQ(Carat("backup " + later).out, later + "\n");
  Serve("--history " + later);
}

TEST_F(ServedTest, TwoStartsOfThePageAreOne) {
  WriteText(home_ / "serve.conf", "port = 0\n");
  std::vector<std::thread> starts;
  std::vector<Ran> ran(2);
  std::atomic<int> ended = 0;
  for (Ran& one : ran) {
    starts.emplace_back([&] {
      one = Carat("page");
      ++ended;
    });
  }
  for (int i = 0; i < 1200 && ended == 0; ++i) std::this_thread::sleep_for(50ms);
  const Json record = MustParse(MustRead(home_ / "server.json"));
  ::kill(static_cast<pid_t>(record.Find("pid")->integer()), SIGTERM);
  for (std::thread& start : starts) start.join();
  for (const Ran& one : ran) {
    EXPECT_EQ(one.err.find("used by another program"), std::string::npos) << one.err;
    ExpectHas(one.out, {"http://127.0.0.1:"});
  }
  const auto served = [](const Ran& one) {
    return one.err.find("\"serving\"") != std::string::npos;
  };
  EXPECT_NE(served(ran[0]), served(ran[1]));
}

TEST_F(ServedTest, ShowsItsKeyToNobodyElse) {
  Serve();
  End();
  // Another program, which answers whatever it is asked, and notes it.
  const std::string seen = (home_ / "seen").string();
  const std::string fake = (SourceDir() / "tests/support/any_answer.py").string();
  const Ran started =
      RunProgram("sh", "-c 'python3 " + fake + " " + seen + " " + (home_ / "port").string() +
                           " >/dev/null 2>&1 & echo $!'");
  pid_ = std::stoi(started.out);
  for (int i = 0; i < 200 && !fs::exists(home_ / "port"); ++i) std::this_thread::sleep_for(50ms);
  std::this_thread::sleep_for(200ms);
  WriteText(home_ / "server.json", R"({"url": "http://127.0.0.1:)" + MustRead(home_ / "port") +
                                       R"(", "pid": )" + started.out + R"(, "key_file": ")" +
                                       (home_ / "api-keys").string() + "\"}");
  for (const std::string& command :
       {std::string("status"), std::string("page"), "backup " + (home_ / "copy").string()}) {
    const Ran ran = Carat(command);
    EXPECT_EQ(ran.code, 2) << command;
    ExpectHas(ran.err, {"gets no key"});
  }
  EXPECT_EQ(Carat("run 'What is 12 plus 7?'").out, "19\n");  // by itself
  const std::string asked = MustRead(seen);
  EXPECT_NE(asked.find("/v1/carat/page/proof"), std::string::npos);
  EXPECT_EQ(asked.find("carat-"), std::string::npos) << asked;
}

}  // namespace
}  // namespace carat
