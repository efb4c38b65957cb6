#include "graft/text/chat/jinja/interpreter.h"

#include <algorithm>

#include "graft/text/chat/jinja/access.h"
#include "graft/text/chat/jinja/callable.h"
#include "graft/text/chat/jinja/failure.h"
#include "graft/text/chat/jinja/print.h"

namespace graft::texts::jinja {
namespace {

/// Sets a variable back when it goes.
template <typename T>
class Restore {
 public:
  explicit Restore(T& variable) : variable_(variable), value_(variable) {}
  ~Restore() { variable_ = value_; }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& variable_;
  T value_;
};

}  // namespace

Text Interpreter::render(const std::vector<std::pair<std::string, Value>>& variables) {
  Scopes::Guard globals(scopes_, nullptr);
  for (const auto& [name, value] : variables) (*globals).set(name, value);
  Scopes::Guard scope(scopes_, &*globals);
  Text out;
  run(template_.body, *scope, out);
  return out;
}

Interpreter::Flow Interpreter::run(const ast::Body& body, Scope& scope, Text& out) {
  const Deeper deeper(runtime_);
  for (const ast::Statement& statement : body) {
    runtime_.line = statement.line;
    runtime_.spend(1);
    const Flow flow =
        std::visit([&](const auto& node) { return run(node, scope, out); }, statement.node);
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

void Interpreter::write(const Text& text, Text& out) {
  runtime_.spend_text(out.size() + text.size() > runtime_.limits().output_bytes
                          ? out.size() + text.size()
                          : text.size());
  Text placed = text;
  placed.change_origins([this](Origin& origin) {
    if (origin.during < 0) origin.during = runtime_.during;
  });
  out.append(placed);
}

Interpreter::Flow Interpreter::run(const ast::Data& node, Scope&, Text& out) {
  write(Text(node.text), out);
  return Flow::normal;
}

Interpreter::Flow Interpreter::run(const ast::Output& node, Scope& scope, Text& out) {
  write(to_text(runtime_, eval(node.value, scope)), out);
  return Flow::normal;
}

Interpreter::Flow Interpreter::run(const ast::If& node, Scope& scope, Text& out) {
  for (const auto& [condition, body] : node.branches) {
    if (eval(condition, scope).truthy()) return run(body, scope, out);
  }
  return run(node.otherwise, scope, out);
}

int32_t Interpreter::message_of(const Value& value) {
  if (const Dict* dict = value.as_dict()) return dict->message;
  if (const Sequence* parts = value.as_sequence(); parts != nullptr && parts->items.size() <= 4) {
    for (const Value& part : parts->items) {
      if (part.as_dict() != nullptr && part.as_dict()->message >= 0) return part.as_dict()->message;
    }
  }
  return -1;
}

std::vector<Value> Interpreter::chosen_items(const ast::For& node, Scope& scope) {
  std::vector<Value> items = items_of(runtime_, eval(node.items, scope));
  if (!node.condition) return items;
  std::vector<Value> chosen;
  for (Value& item : items) {
    Scopes::Guard inner(scopes_, &scope);
    assign(node.target, item, *inner);
    if (eval(node.condition, *inner).truthy()) chosen.push_back(std::move(item));
  }
  return chosen;
}

Interpreter::Flow Interpreter::run(const ast::For& node, Scope& scope, Text& out) {
  auto items = std::make_shared<Sequence>();
  items->items = chosen_items(node, scope);
  for (const Value& item : items->items) items->depth = std::max(items->depth, item.depth() + 1);
  if (items->items.empty()) {
    Scopes::Guard inner(scopes_, &scope);
    return run(node.otherwise, *inner, out);
  }
  auto state = std::make_shared<LoopState>();
  state->items = items;
  for (size_t i = 0; i < items->items.size(); ++i) {
    const Restore during(runtime_.during);
    const Restore bind(may_bind_);
    const Value& item = items->items[i];
    const int32_t message = message_of(item);
    if (message >= 0) runtime_.during = message;
    may_bind_ = message < 0;
    state->index = i;
    Scopes::Guard inner(scopes_, &scope);
    (*inner).set("loop", Value(Value::Data(state)));
    {
      const Restore assigned(may_bind_);
      may_bind_ = false;
      assign(node.target, item, *inner);
    }
    if (run(node.body, *inner, out) == Flow::breaks) break;
  }
  return Flow::normal;
}

void Interpreter::assign(const ast::Target& target, const Value& value, Scope& scope) {
  if (!target.parts.empty()) {
    const std::vector<Value> items = items_of(runtime_, value);
    if (items.size() != target.parts.size())
      fail_here("{} names are to be set from {} values", target.parts.size(), items.size());
    for (size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i], scope);
    return;
  }
  if (target.attribute.empty()) {
    if (const int32_t message = message_of(value); may_bind_ && message >= 0) {
      runtime_.during = message;
      may_bind_ = false;
    }
    return scope.set(target.name, value);
  }
  const Value* object = scope.find(target.name);
  Namespace* names = object == nullptr ? nullptr : object->as_namespace();
  if (names == nullptr)
    fail_here("'{}' is no namespace: its attributes cannot be set", target.name);
  if (target.attribute.starts_with('_'))
    fail_here("an attribute of a namespace cannot begin with an underscore");
  runtime_.spend(names->attributes.entries.size());
  names->attributes.set(Value::text(target.attribute), value);
}

Interpreter::Flow Interpreter::run(const ast::Set& node, Scope& scope, Text&) {
  assign(node.target, eval(node.value, scope), scope);
  return Flow::normal;
}

Text Interpreter::captured(const ast::Body& body, Scope& scope) {
  Scopes::Guard inner(scopes_, &scope);
  Text text;
  run(body, *inner, text);
  return text;
}

Value Interpreter::filtered(const ast::ExpressionPtr& filters, Text text, Scope& scope) {
  if (!filters) return text;
  const Restore input(block_input_);
  block_input_ = Value(std::move(text));
  return eval(filters, scope);
}

Interpreter::Flow Interpreter::run(const ast::SetBlock& node, Scope& scope, Text&) {
  assign(node.target, filtered(node.filters, captured(node.body, scope), scope), scope);
  return Flow::normal;
}

Interpreter::Flow Interpreter::run(const ast::FilterBlock& node, Scope& scope, Text& out) {
  write(to_text(runtime_, filtered(node.filters, captured(node.body, scope), scope)), out);
  return Flow::normal;
}

Interpreter::Flow Interpreter::run(const ast::With& node, Scope& scope, Text& out) {
  Scopes::Guard inner(scopes_, &scope);
  for (const auto& [target, value] : node.values) assign(target, eval(value, scope), *inner);
  return run(node.body, *inner, out);
}

Interpreter::Flow Interpreter::run(const ast::Generation& node, Scope& scope, Text& out) {
  Text said = captured(node.body, scope);
  said.change_origins([](Origin& origin) { origin.generated = true; });
  write(said, out);
  return Flow::normal;
}

Interpreter::Flow Interpreter::run(const ast::Break&, Scope&, Text&) {
  return Flow::breaks;
}
Interpreter::Flow Interpreter::run(const ast::Continue&, Scope&, Text&) {
  return Flow::continues;
}

Interpreter::Flow Interpreter::run(const ast::Macro& node, Scope& scope, Text&) {
  runtime_.spend(sizeof(Scope) + 200);
  scope.keep();
  Scope* defined_in = &scope;
  scope.set(node.name,
            make_callable(node.name, [this, &node, defined_in](Runtime&, const Arguments& given) {
              return call_macro(node, *defined_in, given);
            }));
  return Flow::normal;
}

Value Interpreter::call_macro(const ast::Macro& macro, Scope& defined_in, const Arguments& given) {
  const Restore during(runtime_.during);
  const Restore bind(may_bind_);
  may_bind_ = false;
  Scopes::Guard scope(scopes_, &defined_in);
  const auto& parameters = macro.parameters;
  if (given.positional.size() > parameters.size())
    fail_here("the macro '{}' takes at most {} arguments, not {}", macro.name, parameters.size(),
              given.positional.size());
  for (const auto& [name, value] : given.named) {
    const auto fits = [&name](const ast::Macro::Parameter& p) { return p.name == name; };
    if (std::none_of(parameters.begin(), parameters.end(), fits))
      fail_here("the macro '{}' has no parameter '{}'", macro.name, name);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ast::Macro::Parameter& parameter = parameters[i];
    Value value = Value::undefined("the parameter '" + parameter.name + "' was not given");
    const auto named =
        std::find_if(given.named.begin(), given.named.end(),
                     [&parameter](const auto& pair) { return pair.first == parameter.name; });
    if (i < given.positional.size()) {
      value = given.positional[i];
    } else if (named != given.named.end()) {
      value = named->second;
    } else if (parameter.fallback) {
      value = eval(parameter.fallback, *scope);
    }
    // A macro that is handed a message outside of a loop handles that message.
    if (const Dict* dict = value.as_dict(); dict != nullptr && runtime_.during < 0)
      runtime_.during = dict->message;
    (*scope).set(parameter.name, std::move(value));
  }
  Text text;
  run(macro.body, *scope, text);
  return text;
}

}  // namespace graft::texts::jinja
