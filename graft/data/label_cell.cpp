#include "graft/data/label_cell.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data {

void split_labels(std::string_view cell, std::vector<std::string>& labels) {
  labels.clear();
  for (size_t start = 0; start <= cell.size();) {
    const size_t end = std::min(cell.find_first_of(";|", start), cell.size());
    const std::string_view label = trimmed(cell.substr(start, end - start), " \t");
    if (!label.empty()) labels.push_back(printable(label));
    start = end + 1;
  }
}

std::optional<bool> marked(std::string_view cell) {
  const std::string value = lowered(std::string(trimmed(cell)));
  if (value == "1" || value == "1.0" || value == "true") return true;
  if (value.empty() || value == "0" || value == "0.0" || value == "false") return false;
  return std::nullopt;
}

std::optional<double> number_in(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::string label_text(const Json& value) {
  if (value.is_string()) return printable(trimmed(value.get_ref<const std::string&>()));
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_integer()) return value.dump();
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    const bool whole = number == std::floor(number) && std::abs(number) < 1e15;
    return whole ? std::to_string(std::llround(number)) : value.dump();
  }
  fail_unreadable("the label is {}; expected a text, a number, true, false or a list of them",
                  value.type_name());
}

}  // namespace graft::data
