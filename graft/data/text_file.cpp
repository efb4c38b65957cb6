#include "graft/data/text_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/names.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

constexpr size_t kPeek = size_t{64} << 10;
constexpr std::string_view kMark = "\xEF\xBB\xBF";

/// 0x80 … 0x9F; the five that Windows-1252 leaves open are control characters, as in Latin-1.
constexpr std::array<uint16_t, 32> kWindows1252 = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

void append_windows_1252(unsigned char byte, std::string& text) {
  const uint32_t code = byte >= 0xA0 ? byte : kWindows1252[byte - 0x80U];
  if (code < 0x800) {
    text += static_cast<char>(0xC0 | (code >> 6));
  } else {
    text += static_cast<char>(0xE0 | (code >> 12));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
  }
  text += static_cast<char>(0x80 | (code & 0x3F));
}

/// Length of the valid UTF-8 that `text` begins with.
size_t valid_length(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length =
        static_cast<unsigned char>(text[at]) < 0x80 ? 1 : utf8_length(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

int64_t line_of(std::string_view text, size_t at) {
  return 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
}

std::string decoded(const std::string& raw) {
  std::string text;
  text.reserve(raw.size() + raw.size() / 16);
  std::string_view rest = raw;
  while (!rest.empty()) {
    const size_t valid = valid_length(rest);
    text += rest.substr(0, valid);
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    append_windows_1252(static_cast<unsigned char>(rest[0]), text);
    rest.remove_prefix(1);
  }
  return text;
}

}  // namespace

std::string read_text_file(const fs::path& path, std::vector<std::string>& notes,
                           size_t max_bytes) {
  return text_of(read_file(path, max_bytes), printable(path.string()), notes);
}

std::string text_of(std::string raw, const std::string& where, std::vector<std::string>& notes) {
  if (raw.starts_with("\xFF\xFE") || raw.starts_with("\xFE\xFF")) {
    fail_unreadable("{} is UTF-16; convert it: iconv -f UTF-16 -t UTF-8 {} >new", where, where);
  }
  if (const size_t at = raw.find('\0'); at != std::string::npos) {
    fail_unreadable(
        "{}, line {}: there is a NUL byte; expected text in UTF-8 (UTF-16 must be converted, and "
        "binary files are no data)",
        where, line_of(raw, at));
  }
  if (raw.starts_with(kMark)) raw.erase(0, kMark.size());
  const size_t valid = valid_length(raw);
  if (valid == raw.size()) return raw;
  notes.push_back(
      fmt::format("{} is not UTF-8 (line {} is the first that is not); such bytes were read as "
                  "Windows-1252 / Latin-1",
                  where, line_of(raw, valid)));
  return decoded(raw);
}

bool to_utf8(std::string& text) {
  if (valid_length(text) == text.size()) return false;
  text = decoded(text);
  return true;
}

std::vector<std::string> first_lines(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_regular_file(path, failed)) return {};
  std::string text(kPeek, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(kPeek));
  const bool cut = static_cast<size_t>(file.gcount()) == kPeek;
  text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (text.starts_with(kMark)) text.erase(0, kMark.size());
  std::vector<std::string> lines;
  LineReader reader(text);
  for (std::string_view line; reader.next(line);) lines.emplace_back(line);
  if (cut && !lines.empty()) lines.pop_back();
  return lines;
}

bool LineReader::next(std::string_view& line) {
  if (text_.empty()) return false;
  const size_t end = text_.find('\n');
  line = text_.substr(0, end);
  text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++number_;
  return true;
}

std::string_view trimmed(std::string_view text, std::string_view blanks) {
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace graft::data
