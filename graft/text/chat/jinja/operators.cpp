#include "graft/text/chat/jinja/operators.h"

#include <cmath>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/text_operations.h"

namespace graft::texts::jinja {
namespace {

[[noreturn]] void fail_types(std::string_view sign, const Value& a, const Value& b) {
  fail_here("'{}' does not work between {} and {}", sign, a.type_name(), b.type_name());
}

[[noreturn]] void fail_size() {
  fail_here("an integer grows beyond 64 bits");
}

int64_t floor_divide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) fail_size();
    if (result == 0 || result == 1) break;
    if (result == -1) return exponent % 2 == 1 ? -1 : 1;
  }
  return result;
}

Value whole_arithmetic(std::string_view sign, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (sign == "+") overflow = __builtin_add_overflow(a, b, &result);
  if (sign == "-") overflow = __builtin_sub_overflow(a, b, &result);
  if (sign == "*") overflow = __builtin_mul_overflow(a, b, &result);
  if (sign == "/" || sign == "//" || sign == "%") {
    if (b == 0) fail_here("division by zero");
    if (sign == "/") return static_cast<double>(a) / static_cast<double>(b);
    if (b == -1) return whole_arithmetic("*", sign == "%" ? 0 : a, -1);  // of the least integer
    result = sign == "//" ? floor_divide(a, b) : a - b * floor_divide(a, b);
  }
  if (sign == "**") {
    if (b < 0) return std::pow(static_cast<double>(a), static_cast<double>(b));
    result = power(a, b);
  }
  if (overflow) fail_size();
  return result;
}

Value float_arithmetic(std::string_view sign, double a, double b) {
  if (sign == "+") return a + b;
  if (sign == "-") return a - b;
  if (sign == "*") return a * b;
  if (sign == "**") return std::pow(a, b);
  if (b == 0) fail_here("division by zero");
  if (sign == "/") return a / b;
  if (sign == "//") return std::floor(a / b);
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Value add_texts(Runtime& runtime, const Text& a, const Text& b) {
  runtime.spend_text(a.size() + b.size());
  const bool markup = a.markup || b.markup;
  Text sum = markup && !a.markup ? escape_html(a) : a;
  sum.append(markup && !b.markup ? escape_html(b) : b);
  sum.markup = markup;
  return sum;
}

Value repeated(Runtime& runtime, const Value& value, int64_t times) {
  if (times < 0) times = 0;
  if (const Text* text = value.as_text()) {
    if (!text->empty() && static_cast<size_t>(times) > runtime.limits().output_bytes / text->size())
      runtime.spend_text(runtime.limits().output_bytes + 1);
    Text out;
    runtime.spend_text(text->size() * static_cast<size_t>(times));
    for (int64_t i = 0; i < times && !text->empty(); ++i) out.append(*text);
    return out;
  }
  const Sequence& list = *value.as_sequence();
  std::vector<Value> items;
  for (int64_t i = 0; i < times && !list.items.empty(); ++i) {
    runtime.spend(list.items.size() * sizeof(Value));
    items.insert(items.end(), list.items.begin(), list.items.end());
  }
  return make_sequence(std::move(items), list.kind, value.origin);
}

bool is_list(const Value& value) {
  const Sequence* list = value.as_sequence();
  return list != nullptr &&
         (list->kind == Sequence::Kind::list || list->kind == Sequence::Kind::tuple);
}

}  // namespace

Value binary(Runtime& runtime, std::string_view sign, const Value& a, const Value& b) {
  runtime.spend(1);
  int64_t whole_a = 0, whole_b = 0;
  const bool is_whole_a = a.is_whole(&whole_a), is_whole_b = b.is_whole(&whole_b);
  if (is_whole_a && is_whole_b) return whole_arithmetic(sign, whole_a, whole_b);
  double number_a = 0, number_b = 0;
  if (a.is_number(&number_a) && b.is_number(&number_b))
    return float_arithmetic(sign, number_a, number_b);
  if (a.is_undefined()) fail_undefined(a);
  if (sign == "%" && a.is_text()) {
    const Sequence* list = b.as_sequence();
    if (list != nullptr && list->kind == Sequence::Kind::tuple)
      return format_percent(runtime, *a.as_text(), list->items);
    // Python minds a value too many only where it could not be looked into by name.
    const bool open = list != nullptr || b.as_dict() != nullptr || b.is_undefined();
    return format_percent(runtime, *a.as_text(), {b}, !open);
  }
  if (b.is_undefined()) fail_undefined(b);
  if (sign == "+") {
    if (a.is_text() && b.is_text()) return add_texts(runtime, *a.as_text(), *b.as_text());
    if (is_list(a) && is_list(b) && a.as_sequence()->kind == b.as_sequence()->kind) {
      std::vector<Value> items = a.as_sequence()->items;
      const auto& more = b.as_sequence()->items;
      runtime.spend((items.size() + more.size()) * sizeof(Value));
      items.insert(items.end(), more.begin(), more.end());
      return make_sequence(std::move(items), a.as_sequence()->kind, a.origin);
    }
  }
  if (sign == "*") {
    if ((a.is_text() || is_list(a)) && is_whole_b) return repeated(runtime, a, whole_b);
    if ((b.is_text() || is_list(b)) && is_whole_a) return repeated(runtime, b, whole_a);
  }
  fail_types(sign, a, b);
}

Value negated(const Value& a, bool minus) {
  int64_t whole = 0;
  if (a.is_whole(&whole)) return minus ? whole_arithmetic("*", whole, -1) : Value(whole);
  if (const double* number = a.as_float()) return minus ? -*number : *number;
  if (a.is_undefined()) fail_undefined(a);
  fail_here("'{}' does not work on {}", minus ? "-" : "+", a.type_name());
}

}  // namespace graft::texts::jinja
