#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace graft::texts {

/// A stretch of text that matched, in bytes.
struct Match {
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// A regular expression with Oniguruma's Ruby syntax over UTF-8, as `tokenizers` uses it. Matching
/// may be done by several threads at once.
class Regex {
 public:
  /// Throws (exit code 3) when the pattern is wrong; `where` names its place in a file.
  Regex(const std::string& pattern, const std::string& where);
  /// A pattern that matches `text` itself.
  static Regex literal(const std::string& text, const std::string& where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  /// All matches from left to right that do not overlap, appended to `out`; an empty text has none.
  /// `text` is valid UTF-8.
  /// Throws when matching takes more steps than any sensible pattern needs.
  void find_all(std::string_view text, std::vector<Match>& out) const;
  const std::string& pattern() const { return pattern_; }

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
  std::string pattern_;
  std::string literal_;  ///< searched for instead, when not empty
  std::string where_;
};

}  // namespace graft::texts
