#include "graft/cli/arguments.h"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "graft/base/error.h"
#include "graft/train/config.h"

namespace graft::cli {

bool Arguments::parse(const Words& words) {
  // A text is taken as it is: "[a, b]" is no list of two.
  for (CLI::Option* option : app_.get_options()) {
    if (!option->get_positional()) option->allow_extra_args(false);
  }
  Words reversed(words.rbegin(), words.rend());
  try {
    app_.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::cout << app_.help();
    return false;
  } catch (const CLI::ParseError& e) {
    fail_usage("{}: {}; see {} --help", app_.get_name(), e.what(), app_.get_name());
  }
  return true;
}

namespace {

void merge(Json& into, const Json& from) {
  for (const auto& [key, value] : from.items()) {
    if (value.is_object() && into.contains(key) && into[key].is_object())
      merge(into[key], value);
    else
      into[key] = value;
  }
}

bool is_file_word(const std::string& word) {
  // A setting may be longer than a file's name can be.
  std::error_code ignored;
  return word.find('=') == std::string::npos || std::filesystem::exists(word, ignored);
}

}  // namespace

Json read_configuration(const Words& words) {
  Json given = Json::object();
  for (const auto& word : words) {
    if (!is_file_word(word)) {
      train::apply_override(given, word);
      continue;
    }
    if (!std::filesystem::exists(word))
      fail_usage("there is no configuration file {}, and it is not key=value either", word);
    const Json file = read_yaml(word);
    if (!file.is_object()) fail_usage("{}: expected a mapping of keys", word);
    merge(given, file);
  }
  return given;
}

Json read_overrides(const Words& words, const std::string& usage) {
  Json given = Json::object();
  for (const auto& word : words) {
    if (word.find('=') == std::string::npos) fail_usage("'{}' is not key=value; {}", word, usage);
    train::apply_override(given, word);
  }
  return given;
}

}  // namespace graft::cli
