#include "graft/report/lookup.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace graft::report {
namespace {

constexpr int kMaxDepth = 100;

int depth_of(const std::string& text) {
  int depth = 0;
  int deepest = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!quoted && (c == ']' || c == '}'))
      --depth;
  }
  return deepest;
}

}  // namespace

const Json& value_at(const Json& root, KeyPath keys) {
  static const Json null_value;
  const Json* at = &root;
  for (const char* key : keys) {
    if (!at->is_object()) return null_value;
    const auto found = at->find(std::string(key));
    if (found == at->end()) return null_value;
    at = &*found;
  }
  return *at;
}

std::optional<double> number_at(const Json& root, KeyPath keys) {
  const Json& value = value_at(root, keys);
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  if (!std::isfinite(number)) return std::nullopt;
  return number;
}

double number_or_nan(const Json& root, KeyPath keys) {
  return number_at(root, keys).value_or(std::numeric_limits<double>::quiet_NaN());
}

std::string to_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_at(const Json& root, KeyPath keys, const std::string& fallback) {
  const Json& value = value_at(root, keys);
  return value.is_null() ? fallback : to_text(value);
}

int64_t count_at(const Json& root, KeyPath keys) {
  const double number = number_at(root, keys).value_or(0);
  return std::abs(number) < 9e15 ? static_cast<int64_t>(number) : 0;
}

Json parse_line(const std::string& line) {
  if (depth_of(line) > kMaxDepth) return Json(Json::value_t::discarded);
  return Json::parse(line, nullptr, /*allow_exceptions=*/false);
}

}  // namespace graft::report
