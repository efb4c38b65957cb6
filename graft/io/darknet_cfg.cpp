#include "graft/io/darknet_cfg.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "graft/base/error.h"

namespace graft::io {
namespace {

constexpr size_t kMostBytes = size_t{4} << 20;
constexpr size_t kMostSections = 5000;
constexpr size_t kMostValues = 200;  // of one section
constexpr std::string_view kBlank = " \t\r\v\f";

/// Calls f(line, number) for each line, without its line end.
template <typename F>
void for_each_line(std::string_view text, F&& f) {
  int number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    f(text.substr(0, end), ++number);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

/// Darknet drops every space of a line; what follows # is a comment.
std::string without_spaces(std::string_view line) {
  std::string kept;
  for (const char c : line.substr(0, line.find('#'))) {
    if (kBlank.find(c) == std::string_view::npos) kept += c;
  }
  return kept;
}

template <typename T>
std::optional<T> parsed(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> items(const std::string& text) {
  std::vector<std::string> list;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    list.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

/// Not all of a long value, and nothing that a terminal would obey.
std::string shown(std::string_view text) {
  std::string safe;
  for (const char c : text.substr(0, 60)) safe += c >= ' ' && c != 127 ? c : '?';
  return text.size() > 60 ? safe + "…" : safe;
}

/// "key = 80  # comment" with another value.
std::string with_value(std::string_view line, const std::string& value) {
  size_t begin = line.find('=') + 1;
  size_t end = std::min(line.find('#'), line.size());
  while (begin < end && kBlank.find(line[begin]) != std::string_view::npos) ++begin;
  while (end > begin && kBlank.find(line[end - 1]) != std::string_view::npos) --end;
  return std::string(line.substr(0, begin)).append(value).append(line.substr(end));
}

}  // namespace

std::vector<CfgSection> parse_cfg(std::string_view text, const std::string& where) {
  if (text.size() > kMostBytes)
    fail_unreadable("{}: a cfg of {} bytes; at most {} are read", where, text.size(), kMostBytes);
  std::vector<CfgSection> sections;
  for_each_line(text, [&](std::string_view raw, int number) {
    const std::string line = without_spaces(raw);
    if (line.empty() || line[0] == ';') return;
    if (line[0] == '[') {
      if (line.size() < 3 || line.back() != ']')
        fail_unreadable("{}, line {}: '{}' is no section; expected a name in brackets", where,
                        number, shown(line));
      if (sections.size() == kMostSections)
        fail_unreadable("{}, line {}: more than {} sections", where, number, kMostSections);
      sections.push_back({line.substr(1, line.size() - 2), number, {}});
      return;
    }
    const size_t equals = line.find('=');
    if (equals == std::string::npos || equals == 0)
      fail_unreadable("{}, line {}: '{}' is neither a [section] nor key=value", where, number,
                      shown(line));
    if (sections.empty())
      fail_unreadable(
          "{}, line {}: '{}' stands before the first [section]; a cfg begins with [net]", where,
          number, shown(line));
    auto& values = sections.back().values;
    if (values.size() == kMostValues)
      fail_unreadable("{}, line {}: more than {} values in one section", where, number,
                      kMostValues);
    values.push_back({line.substr(0, equals), line.substr(equals + 1), number});
  });
  return sections;
}

std::string change_cfg(std::string_view text, const std::vector<CfgChange>& changes) {
  std::string result;
  for_each_line(text, [&](std::string_view line, int number) {
    std::string written(line);
    std::string added;
    for (const CfgChange& change : changes) {
      if (change.line != number) continue;
      if (change.behind)
        added += change.text + "\n";
      else
        written = with_value(line, change.text);
    }
    result += written;
    // The last line may have no end.
    const bool ends = line.data() + line.size() < text.data() + text.size();
    if (ends || !added.empty()) result += '\n';
    result += added;
  });
  return result;
}

std::string CfgReader::place() const {
  return fmt::format("{}, line {}: [{}]", where_, section_.line, shown(section_.name));
}

void CfgReader::wrong(const CfgValue& value, const std::string& expected) const {
  fail_unreadable("{}, line {}: {} of [{}] must be {}, got '{}'", where_, value.line,
                  shown(value.key), shown(section_.name), expected, shown(value.text));
}

const CfgValue* CfgReader::find(std::string_view key) const {
  const CfgValue* found = nullptr;
  for (const CfgValue& value : section_.values) {
    if (value.key != key) continue;
    if (found && found->text != value.text)
      fail_unreadable("{}, lines {} and {}: {} of [{}] is '{}' and '{}'; remove one of them",
                      where_, found->line, value.line, shown(key), shown(section_.name),
                      shown(found->text), shown(value.text));
    found = &value;
  }
  return found;
}

const CfgValue& CfgReader::need(std::string_view key) const {
  const CfgValue* value = find(key);
  if (!value) fail_unreadable("{} has no {}", place(), key);
  return *value;
}

int64_t CfgReader::integer(std::string_view key, int64_t fallback, int64_t low,
                           int64_t high) const {
  return find(key) ? integer(key, low, high) : fallback;
}

int64_t CfgReader::integer(std::string_view key, int64_t low, int64_t high) const {
  const CfgValue& value = need(key);
  const auto number = parsed<int64_t>(value.text);
  if (!number || *number < low || *number > high)
    wrong(value, fmt::format("a whole number from {} to {}", low, high));
  return *number;
}

double CfgReader::number(std::string_view key, double fallback, double low, double high) const {
  const CfgValue* value = find(key);
  if (!value) return fallback;
  const auto number = parsed<double>(value->text);
  if (!number || !(*number >= low && *number <= high))
    wrong(*value, fmt::format("a number from {} to {}", low, high));
  return *number;
}

std::string CfgReader::word(std::string_view key, const std::string& fallback,
                            const std::vector<std::string>& choices) const {
  const CfgValue* value = find(key);
  if (!value) return fallback;
  if (std::ranges::find(choices, value->text) == choices.end())
    wrong(*value, fmt::format("one of {}", fmt::join(choices, ", ")));
  return value->text;
}

std::vector<double> CfgReader::numbers(std::string_view key, size_t most) const {
  const CfgValue& value = need(key);
  std::vector<double> list;
  for (const std::string& item : items(value.text)) {
    const auto number = parsed<double>(item);
    if (!number || !std::isfinite(*number) || list.size() == most)
      wrong(value, fmt::format("at most {} numbers", most));
    list.push_back(*number);
  }
  if (list.empty()) wrong(value, "a list of numbers");
  return list;
}

std::vector<int64_t> CfgReader::integers(std::string_view key, size_t most) const {
  std::vector<int64_t> list;
  for (const double number : numbers(key, most)) {
    if (number != std::floor(number) || std::abs(number) > 1e6) wrong(need(key), "whole numbers");
    list.push_back(static_cast<int64_t>(number));
  }
  return list;
}

}  // namespace graft::io
