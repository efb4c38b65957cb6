#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/filters.h"
#include "graft/text/chat/jinja/methods.h"
#include "graft/text/chat/jinja/print.h"
#include "graft/text/chat/jinja/text_operations.h"

namespace graft::texts::jinja {
namespace {

Value fallback(Runtime&, const Value& input, const Given& given) {
  if (input.is_undefined() || (given.boolean(1, false) && !input.truthy()))
    return given.has(0) ? given.at(0) : Value(Text());
  return input;
}

/// json.dumps as transformers configures it: nothing is escaped for HTML, and not ASCII by default.
Value to_json_filter(Runtime& runtime, const Value& input, const Given& given) {
  JsonStyle style;
  style.ascii = given.boolean(0, false);
  style.sort_keys = given.boolean(3, false);
  if (given.set(1)) {
    style.lines = true;
    style.item_separator = ",";
    if (given.at(1).is_text()) {
      style.indent = given.at(1).as_text()->str();
    } else {
      style.indent.assign(static_cast<size_t>(std::clamp<int64_t>(given.integer(1, 0), 0, 1000)),
                          ' ');
    }
  }
  if (given.set(2)) {
    const std::vector<Value> separators = items_of(runtime, given.at(2));
    if (separators.size() != 2) fail_here("tojson: separators are two texts");
    style.item_separator = to_text(runtime, separators[0]).str();
    style.key_separator = to_text(runtime, separators[1]).str();
  }
  return to_json(runtime, input, style);
}

/// float(text) of Python, or nothing.
std::optional<double> read_float(std::string text) {
  text = strip(Text(text), std::nullopt, true, true).str();
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  const char* first = text.data();
  const char* last = first + text.size();
  const bool plus = first != last && *first == '+';
  double value = 0;
  const auto [end, error] = std::from_chars(first + (plus ? 1 : 0), last, value);
  if (error == std::errc::result_out_of_range) return std::strtod(text.c_str(), nullptr);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<int64_t> truncated(double value) {
  if (!(std::abs(value) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<int64_t> read_whole(std::string text, int base) {
  text = strip(Text(text), std::nullopt, true, true).str();
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  const bool minus = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.erase(0, 1);
  if (text.size() > 2 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 32);
    if ((base == 16 && mark == 'x') || (base == 8 && mark == 'o') || (base == 2 && mark == 'b'))
      text.erase(0, 2);
  }
  int64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, base);
  if (error != std::errc() || end != last || text.empty() || text[0] == '-') return std::nullopt;
  return minus ? -value : value;
}

Value to_whole(Runtime&, const Value& input, const Given& given) {
  Value otherwise = given.has(0) ? given.at(0) : Value(int64_t{0});
  int64_t whole = 0;
  if (input.is_whole(&whole)) return whole;
  if (input.is_undefined()) fail_undefined(input);
  std::optional<int64_t> result;
  if (const double* number = input.as_float()) {
    result = truncated(*number);
  } else if (const Text* text = input.as_text()) {
    const int64_t base = given.integer(1, 10);
    if (base < 2 || base > 36) fail_here("int: the base lies between 2 and 36");
    result = read_whole(text->str(), static_cast<int>(base));
    if (!result) {
      if (const auto value = read_float(text->str())) result = truncated(*value);
    }
  }
  return result ? Value(*result) : otherwise;
}

Value to_float(Runtime&, const Value& input, const Given& given) {
  Value otherwise = given.has(0) ? given.at(0) : Value(0.0);
  double number = 0;
  if (input.is_number(&number)) return number;
  if (input.is_undefined()) fail_undefined(input);
  if (const Text* text = input.as_text()) {
    if (const auto value = read_float(text->str())) return *value;
  }
  return otherwise;
}

Value absolute(Runtime&, const Value& input, const Given&) {
  int64_t whole = 0;
  if (input.is_whole(&whole)) {
    if (whole == INT64_MIN) fail_here("an integer grows beyond 64 bits");
    return whole < 0 ? -whole : whole;
  }
  if (const double* number = input.as_float()) return std::abs(*number);
  if (input.is_undefined()) fail_undefined(input);
  fail_here("abs: a number was expected, not {}", input.type_name());
}

Value round(Runtime& runtime, const Value& input, const Given& given) {
  const int64_t precision = std::clamp<int64_t>(given.integer(0, 0), -300, 300);
  const std::string method = given.text(runtime, 1, "common").str();
  double number = 0;
  if (input.is_undefined()) fail_undefined(input);
  if (!input.is_number(&number))
    fail_here("round: a number was expected, not {}", input.type_name());
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil") return std::ceil(number * scale) / scale;
  if (method == "floor") return std::floor(number * scale) / scale;
  if (method != "common") fail_here("round: the method is common, ceil or floor");
  int64_t whole = 0;
  if (input.is_whole(&whole))
    return precision >= 0 ? whole : static_cast<int64_t>(std::nearbyint(number * scale) / scale);
  if (!std::isfinite(number)) return number;
  if (precision < 0) return std::nearbyint(number * scale) / scale;
  // Printing rounds the exact value, half to even, as Python does.
  return std::strtod(fmt::format("{:.{}f}", number, precision).c_str(), nullptr);
}

Value attribute(Runtime& runtime, const Value& input, const Given& given) {
  // Methods and attributes, but no items.
  const std::string name = given.text(runtime, 0, "").str();
  if (input.as_dict() == nullptr) return get_attribute(runtime, input, name);
  auto method = find_method(input, name);
  return method ? *method : Value::undefined("a dictionary has no attribute '" + name + "'");
}

// One line adds a filter.
constexpr Operation kFilters[] = {
    {"default", "default_value? boolean?", fallback},
    {"d", "default_value? boolean?", fallback},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", to_json_filter},
    {"int", "default? base?", to_whole},
    {"float", "default?", to_float},
    {"abs", "", absolute},
    {"round", "precision? method?", round},
    {"attr", "name", attribute},
};

}  // namespace

const Operation* find_value_filter(std::string_view name) {
  return find_operation(kFilters, name);
}

}  // namespace graft::texts::jinja
