#pragma once

#include <functional>
#include <string>
#include <vector>

namespace graft::cli {

using Words = std::vector<std::string>;

/// A command of the program. commands/<name>.cpp makes one, commands.def lists it.
struct Command {
  std::string name;     ///< as it is typed
  std::string summary;  ///< one line of `graft --help`
  /// Runs with the words behind the command's name; returns the exit code. Errors are thrown.
  std::function<int(const Words& words)> run;
};

const std::vector<Command>& commands();

/// Splits a command line, runs the command, prints errors to stderr; the exit code of the program.
int run_program(int argc, char** argv);

}  // namespace graft::cli
