#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace graft::data {

/// No text that a person wrote is longer; beyond it a quote or a line end is missing.
inline constexpr size_t kMaxRecordBytes = size_t{16} << 20;

/// A file of text as UTF-8 without a byte order mark. Sequences that are valid UTF-8 stay, every
/// other byte is read as Windows-1252 (which holds Latin-1), and a note tells so. Errors (exit code
/// 3): more than 4 GiB, UTF-16, a NUL byte (with its line).
std::string read_text_file(const std::filesystem::path& path, std::vector<std::string>& notes,
                           size_t max_bytes = size_t{4} << 30);

/// The same of bytes from elsewhere; `where` names their source.
std::string text_of(std::string raw, const std::string& where, std::vector<std::string>& notes);

/// Makes text of bytes that are not all UTF-8 as `read_text_file` does; false where they were.
bool to_utf8(std::string& text);

/// The first lines of a file as they are, for detection: at most 64 KiB, without a byte order mark,
/// and the last line only when it is whole. Empty when the file cannot be read.
std::vector<std::string> first_lines(const std::filesystem::path& path);

/// Cuts text into lines at LF; a CR before it does not count.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}
  bool next(std::string_view& line);
  int64_t number() const { return number_; }  ///< of the line that `next` gave, from 1

 private:
  std::string_view text_;
  int64_t number_ = 0;
};

/// Without `blanks` at both ends.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n");
/// ASCII letters in lower case.
std::string lowered(std::string text);

}  // namespace graft::data
