// The subcommands. Each adds its options to the parser and a callback that does the work.
#pragma once

#include <CLI/CLI.hpp>
#include <string_view>

#include "base/result.h"

namespace carat {

// Exit codes: 0 done, 2 bad input or options, 130 cancelled by Ctrl-C.
void AddBackup(CLI::App& app, int& exit_code);
void AddBench(CLI::App& app, int& exit_code);
void AddDescribe(CLI::App& app, int& exit_code);
void AddImport(CLI::App& app, int& exit_code);
void AddInspect(CLI::App& app, int& exit_code);
void AddModels(CLI::App& app, int& exit_code);  // list, show, verify, rm
void AddPack(CLI::App& app, int& exit_code);
void AddPage(CLI::App& app, int& exit_code);
void AddPlan(CLI::App& app, int& exit_code);
// `offline`: whether --offline was given, known when the command runs.
void AddPull(CLI::App& app, int& exit_code, const bool& offline);
void AddQuantize(CLI::App& app, int& exit_code);
void AddRun(CLI::App& app, int& exit_code);
// Gives the command, whose configuration file the caller reads (serve_config.h).
CLI::App* AddServe(CLI::App& app, int& exit_code, const bool& offline);
void AddStatus(CLI::App& app, int& exit_code);
void AddTranscribe(CLI::App& app, int& exit_code);
void AddUnpack(CLI::App& app, int& exit_code);

inline constexpr std::string_view kVersion = "0.1.0";

// A whole number of 64 bits without a sign, as text; and a text that is not empty.
CLI::Validator WholeNumber();
CLI::Validator NotEmpty();

// Prints "carat: MESSAGE" to standard error and gives the exit code.
int Report(const Error& error);

}  // namespace carat
