#include "graft/peft/path_pattern.h"

#include <algorithm>

#include "graft/base/error.h"

namespace graft::peft {
namespace {

constexpr size_t kMaxLength = 65536;
constexpr size_t kMaxGroups = 500;  // the library's parser calls itself for each

constexpr auto syntax() {
#ifdef __GLIBCXX__
  // Its usual matcher backtracks: exponential time and a frame a character.
  return std::regex::ECMAScript | std::regex_constants::__polynomial;
#else
  return std::regex::ECMAScript;
#endif
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Names are by far the most common patterns, and compiling an expression for each of them is slow.
bool is_plain(const std::string& pattern) {
  return !pattern.empty() &&
         std::all_of(pattern.begin(), pattern.end(), [](char c) { return is_word(c) || c == '.'; });
}

bool plain_equal(const std::string& plain, const std::string& path, size_t from) {
  for (size_t i = 0; i < plain.size(); ++i) {
    if (plain[i] != '.' && plain[i] != path[from + i]) return false;
  }
  return true;
}

/// Python's form of an expression in that of std::regex. What both read, and differently, is
/// refused.
std::string translated(const std::string& pattern, const std::string& where) {
  std::string text;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (c == '\\') {
      ++i;
      if (!in_class && next == 'A') {
        text += '^';
      } else if (!in_class && next == 'Z') {
        text += '$';
      } else {
        text += c;
        if (next != '\0') text += next;
      }
      continue;
    }
    if (in_class && c == '[' && (next == ':' || next == '.' || next == '=')) {
      fail_unreadable(
          "{}: the pattern '{}' has '[{}' in a set, which means other things elsewhere; "
          "write \\[ for the character, or \\d, \\w, \\s for classes of characters",
          where, pattern, next);
    }
    if (!in_class && c == '[') {
      in_class = true;
      const size_t first = next == '^' ? i + 2 : i + 1;
      if (first < pattern.size() && pattern[first] == ']') {
        fail_unreadable(
            "{}: the pattern '{}' has a set that begins with ']', which means other "
            "things elsewhere; write \\]",
            where, pattern);
      }
    } else if (in_class && c == ']') {
      in_class = false;
    }
    text += c;
  }
  return text;
}

}  // namespace

PathPattern::PathPattern(const std::string& pattern, const std::string& where) {
  if (is_plain(pattern)) {
    plain_ = pattern;
    return;
  }
  const auto groups = static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '('));
  if (pattern.size() > kMaxLength || groups > kMaxGroups) {
    fail_unreadable(
        "{}: a pattern of {} characters with {} groups; at most {} characters and {} groups are "
        "read",
        where, pattern.size(), groups, kMaxLength, kMaxGroups);
  }
  const std::string expression = translated(pattern, where);
  try {
    whole_.emplace(expression, syntax());
    end_.emplace("(?:.*\\.)?(?:" + expression + ")", syntax());
  } catch (const std::regex_error& e) {
    fail_unreadable(
        "{}: the pattern '{}' is not a regular expression that graft reads ({}); Python's own "
        "forms, such "
        "as (?P<name>…) and look-behind, are not known: write it without them",
        where, pattern, e.what());
  }
}

bool PathPattern::matches(const std::string& path) const {
  if (whole_) return std::regex_match(path, *whole_);
  return path.size() == plain_.size() && plain_equal(plain_, path, 0);
}

bool PathPattern::matches_end(const std::string& path) const {
  if (end_) return std::regex_match(path, *end_);
  if (path.size() < plain_.size()) return false;
  const size_t from = path.size() - plain_.size();
  return (from == 0 || path[from - 1] == '.') && plain_equal(plain_, path, from);
}

}  // namespace graft::peft
