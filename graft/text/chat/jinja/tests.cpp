#include "graft/text/chat/jinja/tests.h"

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/filters.h"
#include "graft/text/chat/jinja/operators.h"
#include "graft/text/chat/jinja/print.h"
#include "graft/text/chat/jinja/text_operations.h"

namespace graft::texts::jinja {
namespace {

/// value % divisor == rest
bool leaves(Runtime& runtime, const Value& value, int64_t divisor, int64_t rest) {
  return equal(binary(runtime, "%", value, Value(divisor)), Value(rest));
}

bool is_sequence(const Value& value) {
  const Sequence* list = value.as_sequence();
  if (list != nullptr)
    return list->kind != Sequence::Kind::generator && list->kind != Sequence::Kind::view;
  return value.is_text() || value.as_dict() != nullptr || value.is_undefined();
}

template <bool (*fits)(int)>
Value ordered(Runtime&, const Value& a, const Given& given) {
  return fits(order(a, given.at(0), "<"));
}
bool is_less(int sign) {
  return sign < 0;
}
bool is_more(int sign) {
  return sign > 0;
}
bool is_not_more(int sign) {
  return sign <= 0;
}
bool is_not_less(int sign) {
  return sign >= 0;
}

Value is_equal(Runtime&, const Value& a, const Given& given) {
  return equal(a, given.at(0));
}
Value is_unequal(Runtime&, const Value& a, const Given& given) {
  return !equal(a, given.at(0));
}

Value same(Runtime&, const Value& a, const Given& given) {
  const Value& b = given.at(0);
  if (a.is_text() || a.as_float() != nullptr || a.as_sequence() != nullptr)
    return a.data().index() == b.data().index() && a.as_text() == b.as_text() &&
           a.as_sequence() == b.as_sequence();
  return a.is_bool() == b.is_bool() && equal(a, b);
}

// One line adds a test.
constexpr Operation kTests[] = {
    {"defined", "",
     [](Runtime&, const Value& v, const Given&) -> Value { return !v.is_undefined(); }},
    {"undefined", "",
     [](Runtime&, const Value& v, const Given&) -> Value { return v.is_undefined(); }},
    {"none", "", [](Runtime&, const Value& v, const Given&) -> Value { return v.is_none(); }},
    {"string", "", [](Runtime&, const Value& v, const Given&) -> Value { return v.is_text(); }},
    {"boolean", "", [](Runtime&, const Value& v, const Given&) -> Value { return v.is_bool(); }},
    {"true", "",
     [](Runtime&, const Value& v, const Given&) -> Value { return v.is_bool() && v.truthy(); }},
    {"false", "",
     [](Runtime&, const Value& v, const Given&) -> Value { return v.is_bool() && !v.truthy(); }},
    {"integer", "",
     [](Runtime&, const Value& v, const Given&) -> Value { return v.as_integer() != nullptr; }},
    {"float", "",
     [](Runtime&, const Value& v, const Given&) -> Value { return v.as_float() != nullptr; }},
    {"number", "",
     [](Runtime&, const Value& v, const Given&) -> Value {
       double number = 0;
       return v.is_number(&number);
     }},
    {"mapping", "",
     [](Runtime&, const Value& v, const Given&) -> Value { return v.as_dict() != nullptr; }},
    {"sequence", "",
     [](Runtime&, const Value& v, const Given&) -> Value { return is_sequence(v); }},
    {"iterable", "",
     [](Runtime&, const Value& v, const Given&) -> Value {
       return v.as_sequence() != nullptr || v.is_text() || v.as_dict() != nullptr ||
              v.is_undefined() || v.as_loop() != nullptr;
     }},
    {"callable", "",
     [](Runtime&, const Value& v, const Given&) -> Value {
       return v.as_callable() != nullptr || v.is_undefined();  // which fails when it is called
     }},
    {"escaped", "",
     [](Runtime&, const Value& v, const Given&) -> Value {
       return v.is_text() && v.as_text()->markup;
     }},
    {"odd", "",
     [](Runtime& r, const Value& v, const Given&) -> Value { return leaves(r, v, 2, 1); }},
    {"even", "",
     [](Runtime& r, const Value& v, const Given&) -> Value { return leaves(r, v, 2, 0); }},
    {"divisibleby", "num",
     [](Runtime& r, const Value& v, const Given& given) -> Value {
       return leaves(r, v, given.integer(0, 1), 0);
     }},
    {"lower", "",
     [](Runtime& r, const Value& v, const Given&) -> Value {
       const Text text = to_text(r, v);
       return lower(text).str() == text.str() && upper(text).str() != text.str();
     }},
    {"upper", "",
     [](Runtime& r, const Value& v, const Given&) -> Value {
       const Text text = to_text(r, v);
       return upper(text).str() == text.str() && lower(text).str() != text.str();
     }},
    {"in", "seq",
     [](Runtime& r, const Value& v, const Given& given) -> Value {
       return contains(r, given.at(0), v);
     }},
    {"filter", "",
     [](Runtime&, const Value& v, const Given&) -> Value {
       return v.is_text() && find_filter(v.as_text()->str()) != nullptr;
     }},
    {"test", "",
     [](Runtime&, const Value& v, const Given&) -> Value {
       return v.is_text() && find_test(v.as_text()->str()) != nullptr;
     }},
    {"sameas", "other", same},
    {"equalto", "other", is_equal},
    {"eq", "other", is_equal},
    {"==", "other", is_equal},
    {"ne", "other", is_unequal},
    {"!=", "other", is_unequal},
    {"lt", "other", ordered<is_less>},
    {"lessthan", "other", ordered<is_less>},
    {"<", "other", ordered<is_less>},
    {"le", "other", ordered<is_not_more>},
    {"<=", "other", ordered<is_not_more>},
    {"gt", "other", ordered<is_more>},
    {"greaterthan", "other", ordered<is_more>},
    {">", "other", ordered<is_more>},
    {"ge", "other", ordered<is_not_less>},
    {">=", "other", ordered<is_not_less>},
};

}  // namespace

const Operation* find_test(std::string_view name) {
  return find_operation(kTests, name);
}

bool apply_test(Runtime& runtime, std::string_view name, const Value& input,
                const Arguments& arguments) {
  const Operation* test = find_test(name);
  if (test == nullptr) fail_here("the test '{}' is not supported", name);
  runtime.spend(1);
  return test->apply(runtime, input, Given(test->name, test->parameters, arguments)).truthy();
}

}  // namespace graft::texts::jinja
