#pragma once

#include <optional>
#include <regex>
#include <string>

namespace graft::peft {

/// A regular expression over module paths, as peft's configurations hold them. Matching takes time
/// linear in the path, whatever the pattern, because the pattern comes out of a file.
class PathPattern {
 public:
  /// Python's syntax as far as ECMAScript shares it; anything else is an error (exit code 3) that
  /// names `where` and the pattern.
  PathPattern(const std::string& pattern, const std::string& where);
  /// Python's re.fullmatch.
  bool matches(const std::string& path) const;
  /// Whether the end of `path`, from its beginning or a dot on, matches: peft's rule for
  /// rank_pattern and alpha_pattern.
  bool matches_end(const std::string& path) const;

 private:
  std::string
      plain_;  // letters, digits, "_" and "." for any character; empty when it is more than that
  std::optional<std::regex> whole_, end_;
};

}  // namespace graft::peft
