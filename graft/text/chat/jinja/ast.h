#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "graft/text/chat/jinja/value.h"

/// What a template is, parsed. Only data: Interpreter gives it meaning.
namespace graft::texts::jinja::ast {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Body = std::vector<Statement>;

struct Arguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr list, dict;  ///< *list, **dict; may be null
};

struct Literal {
  Value value;
};
struct Name {
  std::string name;
};
struct Items {  ///< [a, b] and (a, b)
  bool tuple = false;
  std::vector<ExpressionPtr> items;
};
struct Mapping {  ///< {a: b}
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};
struct Unary {  ///< + - not
  std::string sign;
  ExpressionPtr operand;
};
struct Binary {  ///< + - * / // % **
  std::string sign;
  ExpressionPtr left, right;
};
struct Concat {  ///< a ~ b ~ c
  std::vector<ExpressionPtr> parts;
};
struct Compare {  ///< a < b < c; signs also "in", "not in"
  ExpressionPtr first;
  std::vector<std::pair<std::string, ExpressionPtr>> rest;
};
struct Logic {  ///< and, or
  bool is_and = true;
  std::vector<ExpressionPtr> parts;
};
struct Conditional {                 ///< a if condition else b
  ExpressionPtr condition, yes, no;  ///< `no` may be null
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Item {
  ExpressionPtr object, index;
};
struct Slice {
  ExpressionPtr object, start, stop, step;  ///< the last three may be null
};
struct Call {
  ExpressionPtr callee;
  Arguments arguments;
};
struct Filter {
  ExpressionPtr input;  ///< null in {% filter %} and {% set %} blocks: their text
  std::string name;
  Arguments arguments;
};
struct Test {
  ExpressionPtr input;
  std::string name;
  Arguments arguments;
};

struct Expression {
  std::variant<Literal, Name, Items, Mapping, Unary, Binary, Concat, Compare, Logic, Conditional,
               Attribute, Item, Slice, Call, Filter, Test>
      node;
  int line = 0;
};

/// What `for` and `set` assign to: a name, `namespace.attribute`, or a list of targets.
struct Target {
  std::string name;
  std::string attribute;  ///< empty unless it is of a namespace
  std::vector<Target> parts;
};

struct Data {  ///< text outside of tags
  std::string text;
};
struct Output {  ///< {{ }}
  ExpressionPtr value;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  Body otherwise;
};
struct For {
  Target target;
  ExpressionPtr items;
  ExpressionPtr condition;  ///< null, or which items take part
  Body body, otherwise;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
struct SetBlock {
  Target target;
  ExpressionPtr filters;  ///< null, or a chain whose innermost input is null
  Body body;
};
struct FilterBlock {
  ExpressionPtr filters;
  Body body;
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> values;
  Body body;
};
struct Macro {
  struct Parameter {
    std::string name;
    ExpressionPtr fallback;  ///< may be null
  };
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
};
struct Generation {  ///< {% generation %} of transformers: what the model says
  Body body;
};
struct Break {};
struct Continue {};

struct Statement {
  std::variant<Data, Output, If, For, Set, SetBlock, FilterBlock, With, Macro, Generation, Break,
               Continue>
      node;
  int line = 0;
};

struct Template {
  Body body;
  bool has_generation = false;
};

}  // namespace graft::texts::jinja::ast
