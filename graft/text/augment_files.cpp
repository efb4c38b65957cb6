#include "graft/text/augment_files.h"

#include <algorithm>
#include <filesystem>

#include "graft/base/error.h"
#include "graft/base/files.h"

namespace graft::texts {
namespace {

constexpr size_t kMostBytes = size_t{256} << 20;
constexpr std::string_view kBlank = " \t\r";

}  // namespace

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

std::string file_of(const Options& options, const std::string& where) {
  if (!options.is_set("file")) fail_usage("{}: give file, see graft describe", where);
  return options.text("file");
}

std::vector<std::pair<int64_t, std::string>> numbered_lines(const std::string& file,
                                                            const std::string& where) {
  if (!std::filesystem::is_regular_file(file))
    fail_unreadable("{}: there is no file {}", where, file);
  const std::string text = read_file(file, kMostBytes);
  std::vector<std::pair<int64_t, std::string>> lines;
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    ++number;
    std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!trimmed(line).empty()) lines.emplace_back(number, std::move(line));
    begin = end + 1;
  }
  return lines;
}

std::vector<std::string> split_at(std::string_view line, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= line.size();) {
    const size_t end = std::min(line.find(separator, begin), line.size());
    parts.push_back(trimmed(line.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

}  // namespace graft::texts
