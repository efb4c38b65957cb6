#include <fmt/format.h>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/filters.h"
#include "graft/text/chat/jinja/functions.h"
#include "graft/text/chat/jinja/interpreter.h"
#include "graft/text/chat/jinja/operators.h"
#include "graft/text/chat/jinja/print.h"
#include "graft/text/chat/jinja/tests.h"

namespace graft::texts::jinja {

Value Interpreter::eval(const ast::ExpressionPtr& expression, Scope& scope) {
  const Deeper deeper(runtime_);
  runtime_.spend(1);
  runtime_.line = expression->line;
  return std::visit([&](const auto& node) { return eval(node, scope, expression->line); },
                    expression->node);
}

Value Interpreter::eval(const ast::Literal& node, Scope&, int) {
  return node.value;
}

Value Interpreter::eval(const ast::Name& node, Scope& scope, int) {
  if (const Value* value = scope.find(node.name)) return *value;
  Value function = find_function(node.name);
  return function.is_undefined() ? Value::undefined(fmt::format("'{}' is undefined", node.name))
                                 : std::move(function);
}

Value Interpreter::eval(const ast::Items& node, Scope& scope, int) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const auto& item : node.items) items.push_back(eval(item, scope));
  runtime_.spend(items.size() * sizeof(Value));
  return make_sequence(std::move(items), node.tuple ? Sequence::Kind::tuple : Sequence::Kind::list);
}

Value Interpreter::eval(const ast::Mapping& node, Scope& scope, int line) {
  Dict dict;
  for (const auto& [key, value] : node.entries) {
    Value name = eval(key, scope);
    runtime_.line = line;
    if (name.depth() > 0) fail_here("a value of type {} cannot be a key", name.type_name());
    runtime_.spend(dict.entries.size() + 2 * sizeof(Value));
    dict.set(std::move(name), eval(value, scope));
  }
  return make_dict(std::move(dict));
}

Value Interpreter::eval(const ast::Unary& node, Scope& scope, int line) {
  const Value value = eval(node.operand, scope);
  runtime_.line = line;
  if (node.sign == "not") return !value.truthy();
  return negated(value, node.sign == "-");
}

Value Interpreter::eval(const ast::Binary& node, Scope& scope, int line) {
  const Value left = eval(node.left, scope);
  const Value right = eval(node.right, scope);
  runtime_.line = line;
  return binary(runtime_, node.sign, left, right);
}

Value Interpreter::eval(const ast::Concat& node, Scope& scope, int) {
  Text text;
  for (const auto& part : node.parts) {
    text.append(to_text(runtime_, eval(part, scope)));
    runtime_.spend_text(text.size());
  }
  return text;
}

bool Interpreter::compare(const std::string& sign, const Value& left, const Value& right) {
  if (sign == "==") return equal(left, right);
  if (sign == "!=") return !equal(left, right);
  if (sign == "in") return contains(runtime_, right, left);
  if (sign == "not in") return !contains(runtime_, right, left);
  const int result = order(left, right, sign);
  if (sign == "<") return result < 0;
  if (sign == "<=") return result <= 0;
  return sign == ">" ? result > 0 : result >= 0;
}

Value Interpreter::eval(const ast::Compare& node, Scope& scope, int line) {
  Value left = eval(node.first, scope);
  for (const auto& [sign, operand] : node.rest) {
    Value right = eval(operand, scope);
    runtime_.line = line;
    if (!compare(sign, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::eval(const ast::Logic& node, Scope& scope, int) {
  Value value;
  for (const auto& part : node.parts) {
    value = eval(part, scope);
    if (value.truthy() != node.is_and) break;
  }
  return value;
}

Value Interpreter::eval(const ast::Conditional& node, Scope& scope, int) {
  if (eval(node.condition, scope).truthy()) return eval(node.yes, scope);
  if (node.no) return eval(node.no, scope);
  return Value::undefined("the condition is false and there is no else");
}

Value Interpreter::eval(const ast::Attribute& node, Scope& scope, int line) {
  const Value object = eval(node.object, scope);
  runtime_.line = line;
  return get_attribute(runtime_, object, node.name);
}

Value Interpreter::eval(const ast::Item& node, Scope& scope, int line) {
  const Value object = eval(node.object, scope);
  const Value index = eval(node.index, scope);
  runtime_.line = line;
  return get_item(runtime_, object, index);
}

Value Interpreter::eval(const ast::Slice& node, Scope& scope, int line) {
  const Value object = eval(node.object, scope);
  const auto bound = [&](const ast::ExpressionPtr& expression) {
    return expression ? eval(expression, scope) : Value(None{});
  };
  const Value start = bound(node.start), stop = bound(node.stop), step = bound(node.step);
  runtime_.line = line;
  return get_slice(runtime_, object, start, stop, step);
}

Arguments Interpreter::arguments(const ast::Arguments& given, Scope& scope) {
  Arguments result;
  for (const auto& value : given.positional) result.positional.push_back(eval(value, scope));
  if (given.list) {
    for (Value& value : items_of(runtime_, eval(given.list, scope)))
      result.positional.push_back(std::move(value));
  }
  for (const auto& [name, value] : given.named) result.named.emplace_back(name, eval(value, scope));
  if (given.dict) {
    const Value value = eval(given.dict, scope);
    if (value.as_dict() == nullptr) fail_here("** wants a dictionary, not {}", value.type_name());
    for (const auto& [name, item] : value.as_dict()->entries)
      result.named.emplace_back(to_text(runtime_, name).str(), item);
  }
  return result;
}

Value Interpreter::eval(const ast::Call& node, Scope& scope, int line) {
  const Value callee = eval(node.callee, scope);
  const Arguments given = arguments(node.arguments, scope);
  runtime_.line = line;
  return call(runtime_, callee, given);
}

Value Interpreter::eval(const ast::Filter& node, Scope& scope, int line) {
  const Value input = node.input ? eval(node.input, scope) : block_input_;
  const Arguments given = arguments(node.arguments, scope);
  runtime_.line = line;
  return apply_filter(runtime_, node.name, input, given);
}

Value Interpreter::eval(const ast::Test& node, Scope& scope, int line) {
  const Value input = eval(node.input, scope);
  const Arguments given = arguments(node.arguments, scope);
  runtime_.line = line;
  return apply_test(runtime_, node.name, input, given);
}

}  // namespace graft::texts::jinja
