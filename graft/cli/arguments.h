#pragma once

#include <CLI/CLI.hpp>

#include <string>

#include "graft/base/json.h"
#include "graft/cli/command.h"

namespace graft::cli {

/// The flags and words of one command, with its help.
class Arguments {
 public:
  Arguments(const std::string& command, const std::string& summary)
      : app_(summary, "graft " + command) {}
  CLI::App& app() { return app_; }
  /// False when --help was asked for (and printed). Wrong use is an error (exit code 2).
  bool parse(const Words& words);

 private:
  CLI::App app_;
};

/// A configuration from words: YAML files in order, then key=value in order.
Json read_configuration(const Words& words);

/// `key=value` words as a mapping; anything else is an error naming the command's use.
Json read_overrides(const Words& words, const std::string& usage);

}  // namespace graft::cli
