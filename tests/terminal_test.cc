// `carat run` at a terminal, as a person uses it.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/run_carat.h"
#include "tests/support/terminal_program.h"

namespace carat {
namespace {

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlD = "\x04";
constexpr const char* kCtrlS = "\x13";  // the terminal takes no output
constexpr const char* kCtrlQ = "\x11";  // until this
constexpr const char* kUp = "\x1b[A";
constexpr const char* kMore = "… ";  // the prompt of a line that goes on

// So much for one token makes it the whole answer, so that answers are known.
const std::vector<std::string> kShort = {"--logit-bias", "347=100", "--max-tokens", "4"};
const std::vector<std::string> kLong = {
    "--logit-bias",          "347=100",   "--max-tokens", "100000",
    "--no-repetition-guard", "--context", "4096"};
constexpr std::string_view kShortAnswer = "aaaa";

std::vector<std::string> RunWith(const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {"run", "--model", Fixture()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return arguments;
}

// A conversation with its own home.
class Chat {
 public:
  explicit Chat(const std::vector<std::string>& options = kShort)
      : program_(CARAT_BINARY, RunWith(options), home_.path()) {
    program_.WaitForPrompt();
  }

  TerminalProgram& program() { return program_; }
  std::string Path(const std::string& name) const { return (home_ / name).string(); }

  // Types a line; what is shown from then until the next prompt.
  std::string Type(const std::string& line) {
    program_.Send(line + "\r");
    return program_.WaitForPrompt();
  }
  // The messages, by way of /save.
  std::string Saved() {
    const std::string path = Path("saved" + std::to_string(++num_saved_) + ".json");
    ExpectHas(Type("/save " + path), {"messages written to " + path});
    return MustParse(MustRead(path)).Dump();
  }

 private:
  TempFolder home_;
  TerminalProgram program_;
  int num_saved_ = 0;
};

std::string Message(const std::string& role, std::string_view content) {
  Json message;
  message.Set("role", role);
  message.Set("content", content);
  return message.Dump();
}
std::string Exchange(std::string_view question) {
  return Message("user", question) + ", " + Message("assistant", kShortAnswer);
}

unsigned ModeOf(const std::filesystem::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

TEST(Terminal, AnswersAndShowsTheStatus) {
  Chat chat;
  ExpectHas(chat.Type("hello"),
            {"aaaa\r\n[4 tokens, ", "/s; drafting: off (no drafter beside the model); prompt ",
             " read, 0 kept, ", "; context ", " of 4096; length]\r\n"});
  ExpectHas(chat.Type("more"), {"aaaa\r\n[4 tokens, "});
  EXPECT_EQ(chat.Saved(), "[" + Exchange("hello") + ", " + Exchange("more") + "]");
  chat.program().Send(kCtrlD);
  EXPECT_EQ(chat.program().WaitForEnd(), 0);
  EXPECT_TRUE(chat.program().is_cooked());
}

TEST(Terminal, CtrlCStopsAnAnswerAndKeepsTheConversation) {
  Chat chat(kLong);
  for (const char* question : {"hello\r", "again\r"}) {
    chat.program().Send(question);
    chat.program().WaitFor("aaa");
    chat.program().Send(kCtrlC);
    ExpectHas(chat.program().WaitForPrompt(), {"; cancelled]\r\n"});
  }
  ExpectHas(chat.Type("/stats"), {"4 messages; seed "});
}

TEST(Terminal, AnInterruptThatMeetsAWriteIsNoError) {
  Chat chat(kLong);
  for (const char* question : {"hello\r", "again\r"}) {
    chat.program().Send(question);
    chat.program().WaitFor("aaa");
    chat.program().Send(kCtrlS);
    ::usleep(100'000);  // by now it waits in a write; if not, the test only asks less
    chat.program().Signal(SIGINT);
    chat.program().Send(kCtrlQ);
    ExpectHas(chat.program().WaitForPrompt(), {"; cancelled]\r\n"});
  }
  ExpectHas(chat.Type("/stats"), {"4 messages; seed "});
}

TEST(Terminal, CtrlCEndsASingleAnswerWithCode130) {
  const TempFolder home;
  std::vector<std::string> arguments = RunWith(kLong);
  arguments.emplace_back("hello");
  TerminalProgram program(CARAT_BINARY, arguments, home.path());
  program.WaitFor("aaa");
  program.Send(kCtrlC);
  const int status = program.WaitForEnd();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130) << status;
  ExpectHas(program.screen(), {"ended early: cancelled"});
}

TEST(Terminal, CtrlCAtThePromptDropsTheLine) {
  Chat chat;
  chat.program().Send("half a mess");
  chat.program().WaitFor("mess");
  chat.program().Send(kCtrlC);
  ExpectHas(chat.program().WaitForPrompt(), {"^C"});
  chat.program().Send("first line\\\r");  // and a message that goes on
  chat.program().WaitForPrompt(kMore);
  chat.program().Send(kCtrlC);
  chat.program().WaitForPrompt();
  ExpectHas(chat.Type("/stats"), {"0 messages; "});
  chat.Type("whole");
  EXPECT_EQ(chat.Saved(), "[" + Exchange("whole") + "]");
}

TEST(Terminal, Commands) {
  Chat chat;
  ExpectHas(chat.Type("/help"), {"/system TEXT", "/save FILE", "/quit"});
  ExpectHas(chat.Type("/system"), {"no system prompt"});
  ExpectHas(chat.Type("/think"), {"thinking on"});
  ExpectHas(chat.Type("/think"), {"thinking off"});
  ExpectHas(chat.Type("/nonsense"), {"no such command", "/help", "found /nonsense"});
  ExpectHas(chat.Type("/save"), {"/save: a file name is missing"});
  chat.Type("hello");
  ExpectHas(chat.Type("/stats"), {"2 messages; seed ", " of 4096 positions; kernels ", "kernels "});
  ExpectHas(chat.Type("/new"), {"a new conversation"});
  ExpectHas(chat.Type("/stats"), {"0 messages; "});
  ExpectHas(chat.Type("/system Be kind."), {"system prompt set", "a new conversation"});
  ExpectHas(chat.Type("/system"), {"\x1b[?2004lBe kind.\r\n"});
  chat.Type("hello");
  EXPECT_EQ(chat.Saved(), "[" + Message("system", "Be kind.") + ", " + Exchange("hello") + "]");
  ExpectHas(chat.Type("/system -"), {"system prompt removed"});
  ExpectHas(chat.Type("/stats"), {"0 messages; "});
  chat.program().Send("/quit\r");
  EXPECT_EQ(chat.program().WaitForEnd(), 0);
}

TEST(Terminal, SaveAndLoad) {
  Chat chat;
  const std::string path = chat.Path("talk.json");
  chat.Type("hello");
  ExpectHas(chat.Type("/save ~/talk.json"), {"2 messages written to " + path});
  EXPECT_EQ(ModeOf(path), 0600u);
  EXPECT_EQ(MustParse(MustRead(path)).Dump(), "[" + Exchange("hello") + "]");
  chat.Type("more");
  ExpectHas(chat.Type("/save " + path), {"4 messages written to "});  // its own file

  WriteText(chat.Path("foreign"), "precious");
  ExpectHas(chat.Type("/save " + chat.Path("foreign")), {"exists already", "wanted another name"});
  EXPECT_EQ(MustRead(chat.Path("foreign")), "precious");

  chat.Type("/new");
  ExpectHas(chat.Type("/load " + path), {"4 messages read from " + path});
  chat.Type("third");
  EXPECT_EQ(chat.Saved(),
            "[" + Exchange("hello") + ", " + Exchange("more") + ", " + Exchange("third") + "]");
}

TEST(Terminal, LoadRefusesWhatCannotGoOn) {
  Chat chat;
  chat.Type("hello");
  const std::pair<std::string, std::string> cases[] = {
      {"{}", "wanted an array of messages, found an object"},
      {"", "not valid JSON"},
      {"[5]", "wanted an object, found 5"},
      {R"([{"content": "hi"}])", "role"},
      {R"([{"role": "king", "content": "hi"}])", "no such role"},
      {R"([{"role": "user", "content": [{"type": "image", "url": "x"}]}])",
       "messages[0].content[0].path"},
      {std::string(100000, '['), "nested deeper than"},
  };
  for (const auto& [text, problem] : cases) {
    SCOPED_TRACE(text.substr(0, 80));
    WriteText(chat.Path("bad.json"), text);
    ExpectHas(chat.Type("/load " + chat.Path("bad.json")), {"bad.json", problem});
  }
  ExpectHas(chat.Type("/load " + chat.Path("none.json")), {"none.json: cannot open the file"});
  EXPECT_EQ(chat.Saved(), "[" + Exchange("hello") + "]");
}

TEST(Terminal, MessagesOfSeveralLines) {
  Chat chat;
  chat.program().Send("\"\"\"\r");
  chat.program().WaitForPrompt(kMore);
  chat.program().Send("/help\r");
  chat.program().WaitForPrompt(kMore);
  ExpectHas(chat.Type("\"\"\""), {"aaaa"});  // no command, but a question
  EXPECT_TRUE(chat.Saved().starts_with(R"([{"role": "user", "content": "/help)"));
  chat.Type("/new");
  chat.program().Send("one\\\r");
  chat.program().WaitForPrompt(kMore);
  chat.Type("two");
  EXPECT_EQ(chat.Saved(), "[" + Exchange("one\ntwo") + "]");
}

TEST(Terminal, PastedLinesAreOneMessage) {
  Chat chat;
  ExpectHas(chat.Type("\x1b[200~one\ntwo\x1b[201~"), {"aaaa"});
  ExpectHas(chat.Type("\x1b[200~/help\r\tend\r\x1b[201~"), {"aaaa"});  // terminals send \r
  ExpectHas(chat.Type("\x1b[200~“é”\n日本 😀\x1b[201~"), {"aaaa"});
  EXPECT_EQ(chat.Saved(), "[" + Exchange("one\ntwo") + ", " + Exchange("/help\n\tend") + ", " +
                              Exchange("“é”\n日本 😀") + "]");
}

TEST(Terminal, TheHistoryIsPrivateAndShared) {
  const TempFolder home;
  const auto type = [](TerminalProgram& program, const std::string& line) {
    program.Send(line + "\r");
    program.WaitForPrompt();
  };
  {
    TerminalProgram first(CARAT_BINARY, RunWith(kShort), home.path());
    first.WaitForPrompt();
    TerminalProgram second(CARAT_BINARY, RunWith(kShort), home.path());
    second.WaitForPrompt();
    type(first, "alpha");
    type(second, "beta");
    type(first, "gamma");
    first.Send(kCtrlD);
    EXPECT_EQ(first.WaitForEnd(), 0);
    second.Send(kCtrlD);
    EXPECT_EQ(second.WaitForEnd(), 0);
  }
  EXPECT_EQ(ModeOf(home / "carat"), 0700u);
  EXPECT_EQ(ModeOf(home / "carat/history"), 0600u);
  EXPECT_EQ(MustRead(home / "carat/history"), "_HiStOrY_V2_\nalpha\nbeta\ngamma\n");

  TerminalProgram third(CARAT_BINARY, RunWith(kShort), home.path());
  third.WaitForPrompt();
  third.Send(kUp);
  third.WaitFor("gamma");
}

TEST(Terminal, NoHistoryLeavesNoFile) {
  std::vector<std::string> options = kShort;
  options.emplace_back("--no-history");
  Chat chat(options);
  chat.Type("secret");
  chat.program().Send(kCtrlD);
  EXPECT_EQ(chat.program().WaitForEnd(), 0);
  EXPECT_FALSE(std::filesystem::exists(chat.Path("carat")));
}

TEST(Terminal, ATerminateSignalAtThePromptRestoresTheTerminal) {
  for (const int signal : {SIGTERM, SIGHUP}) {
    Chat chat;
    EXPECT_FALSE(chat.program().is_cooked());
    chat.program().Signal(signal);
    const int status = chat.program().WaitForEnd();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << status;
    EXPECT_TRUE(chat.program().is_cooked());
    EXPECT_TRUE(chat.program().screen().ends_with("\x1b[?2004l"));  // pastes are not marked
  }
}

TEST(Terminal, TextOfOthersCannotSteerTheTerminal) {
  Chat chat({"--logit-bias", "51=100", "--max-tokens", "2"});  // the answer is two escapes
  ExpectHas(chat.Type("hello"), {"\x1b[?2004l<U+001B><U+001B>\r\n[2 tokens"});
  WriteText(chat.Path("talk.json"), "[" + Message("system", "a\x1b[2J\u202Eb\nc") + "]");
  chat.Type("/load " + chat.Path("talk.json"));
  ExpectHas(chat.Type("/system"), {"\x1b[?2004la<U+001B>[2J<U+202E>b\r\nc\r\n"});
}

TEST(TerminalMedia, DroppedFilesAreShownWithTheMessage) {
  const std::string picture = (SourceDir() / "tests/fixtures/media/plain.png").string();
  Chat chat;
  ExpectHas(chat.Type(picture + " what is it?"),
            {"plain.png: 37 x 23 pixels, budget 70 (chosen)", kShortAnswer});
  const std::string saved = chat.Saved();
  ExpectHas(saved,
            {"\"type\": \"image\"", "\"path\": \"" + picture + "\"", "\"text\": \"what is it?\""});
  // Without words it waits for the next message.
  const std::string sound = (SourceDir() / "tests/fixtures/media/stereo.wav").string();
  const std::string shown = chat.Type("'" + sound + "'");
  ExpectHas(shown, {"stereo.wav: 0.3 seconds of sound"});
  EXPECT_EQ(shown.find(kShortAnswer), std::string::npos);
  ExpectHas(chat.Type("and that?"), {kShortAnswer});
  // What is no medium is a message or a command like any other.
  ExpectHas(chat.Type("/nothing/here.png is no file"), {kShortAnswer});
  ExpectHas(chat.Type("/nothing"), {"no such command"});
}

TEST(TerminalMedia, CommandsShowAndLoadingShowsAgain) {
  const std::string folder = (SourceDir() / "tests/fixtures/media").string();
  Chat chat;
  ExpectHas(chat.Type("/image " + folder + "/plain.png"), {"plain.png: 37 x 23 pixels, budget 70"});
  ExpectHas(chat.Type("/audio " + folder + "/stereo.wav"), {"stereo.wav: 0.3 seconds of sound"});
  ExpectHas(chat.Type("/video " + folder + "/film.mp4"), {"film.mp4: 20 frames"});
  ExpectHas(chat.Type("/audio " + folder + "/plain.png"), {"plain.png", "another kind"});
  ExpectHas(chat.Type("what is that?"), {kShortAnswer});
  // The media of the first turn are not read again.
  const std::string second = chat.Type("and now?");
  ExpectHas(second, {kShortAnswer});
  const size_t kept = second.find(" kept");
  ASSERT_NE(kept, std::string::npos) << second;
  EXPECT_GT(std::stoi(second.substr(second.rfind(' ', kept - 1))), 60 + 8 + 20 * 40) << second;
  const std::string path = chat.Path("seen.json");
  chat.Type("/save " + path);
  chat.Type("/new");
  ExpectHas(chat.Type("/load " + path),
            {"plain.png: 37 x 23", "stereo.wav: 0.3", "film.mp4: 20 frames", "4 messages read"});
  ExpectHas(chat.Type("and now?"), {kShortAnswer});
  chat.Type("/image " + folder + "/plain.png");
  ExpectHas(chat.Type("/detach"), {});
  chat.Type("no picture");
  const std::string saved = chat.Saved();
  EXPECT_NE(saved.find(R"("content": "no picture")"), std::string::npos) << saved;
}

}  // namespace
}  // namespace carat
