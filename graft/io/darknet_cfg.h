#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace graft::io {

/// "key=value" of a section; `line` counts from 1.
struct CfgValue {
  std::string key, text;
  int line = 0;
};

/// "[convolutional]" and the values below it.
struct CfgSection {
  std::string name;
  int line = 0;
  std::vector<CfgValue> values;
};

/// The sections of a Darknet .cfg in their order, without comments (# or ;) and spaces. Text that
/// is neither a section nor a value, and too much of it, are errors (exit code 3) that name `where`
/// and the line.
std::vector<CfgSection> parse_cfg(std::string_view text, const std::string& where);

/// A new text for the value in a line, or for a line behind it.
struct CfgChange {
  int line = 0;
  std::string text;
  bool behind = false;
};
/// The same text with these changes; everything else, comments too, stays byte for byte.
std::string change_cfg(std::string_view text, const std::vector<CfgChange>& changes);

/// The values of one section as numbers and words. Errors (exit code 3) name the line, the key and
/// what was expected.
class CfgReader {
 public:
  CfgReader(const CfgSection& section, const std::string& where)
      : section_(section), where_(where) {}

  /// Null where the key is absent. A key that is there twice with different values is an error:
  /// programs differ in which one they take.
  const CfgValue* find(std::string_view key) const;
  const CfgValue& need(std::string_view key) const;

  int64_t integer(std::string_view key, int64_t fallback, int64_t low, int64_t high) const;
  int64_t integer(std::string_view key, int64_t low, int64_t high) const;  ///< must be there
  double number(std::string_view key, double fallback, double low, double high) const;
  std::string word(std::string_view key, const std::string& fallback,
                   const std::vector<std::string>& choices) const;
  std::vector<double> numbers(std::string_view key, size_t most) const;    ///< must be there
  std::vector<int64_t> integers(std::string_view key, size_t most) const;  ///< must be there

  /// "<where>, line 12: [route]".
  std::string place() const;
  [[noreturn]] void wrong(const CfgValue& value, const std::string& expected) const;

 private:
  const CfgSection& section_;
  const std::string& where_;
};

}  // namespace graft::io
