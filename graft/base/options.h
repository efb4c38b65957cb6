#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft {

/// One setting of a catalogue entry or of the configuration: what it is, its default and its
/// bounds. The same record feeds validation, `graft describe`, the generated docs and the contract
/// tests.
struct Option {
  enum class Type { boolean, integer, number, text, list, any };

  std::string name;
  Type type = Type::any;
  Json fallback;                     ///< the default; null means "not set"
  std::string help;                  ///< one line
  std::optional<double> min, max;    ///< inclusive bounds of numbers
  std::vector<std::string> choices;  ///< of texts; empty means any

  Option& between(double low, double high) { return min = low, max = high, *this; }
  Option& at_least(double low) { return min = low, *this; }
  Option& one_of(std::vector<std::string> values) { return choices = std::move(values), *this; }
};

Option flag(std::string name, bool fallback, std::string help);
Option integer(std::string name, Json fallback, std::string help);
Option number(std::string name, Json fallback, std::string help);
Option text(std::string name, Json fallback, std::string help);
Option list(std::string name, Json fallback, std::string help);
Option any(std::string name, Json fallback, std::string help);

/// Values checked against their records, with every default filled in.
class Options {
 public:
  Options() = default;
  /// `given` must be an object (or null); `where` names it in errors ("method lora"). Unknown keys,
  /// wrong types and values out of bounds are errors (exit code 2) that name the nearest known key.
  Options(const std::vector<Option>& known, const Json& given, const std::string& where);

  const Json& json() const { return values_; }
  const Json& at(const std::string& name) const;
  bool is_set(const std::string& name) const { return !at(name).is_null(); }
  bool boolean(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  double number(const std::string& name) const;
  std::string text(const std::string& name) const;
  /// A list of texts; a single text counts as a list of one.
  std::vector<std::string> texts(const std::string& name) const;

 private:
  Json values_ = Json::object();
};

/// The candidate that differs least from `word`, or "" when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);
/// " (did you mean 'x'?)" or "".
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace graft
