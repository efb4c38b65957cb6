#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graft/text/chat/jinja/arguments.h"
#include "graft/text/chat/jinja/ast.h"
#include "graft/text/chat/jinja/runtime.h"
#include "graft/text/chat/jinja/scope.h"

namespace graft::texts::jinja {

/// Renders a template. While a loop handles a message (its variable is one, or the first thing it
/// sets is), Runtime::during is that message, and what is written gets it as Origin::during.
class Interpreter {
 public:
  /// Both must outlive it.
  Interpreter(const ast::Template& source, Runtime& runtime)
      : template_(source), runtime_(runtime) {}

  /// Throws Failure, Refusal; Runtime::line says where.
  Text render(const std::vector<std::pair<std::string, Value>>& variables);

 private:
  enum class Flow { normal, breaks, continues };

  // Statements: write to `out`.
  Flow run(const ast::Body& body, Scope& scope, Text& out);
  Flow run(const ast::Data& node, Scope& scope, Text& out);
  Flow run(const ast::Output& node, Scope& scope, Text& out);
  Flow run(const ast::If& node, Scope& scope, Text& out);
  Flow run(const ast::For& node, Scope& scope, Text& out);
  Flow run(const ast::Set& node, Scope& scope, Text& out);
  Flow run(const ast::SetBlock& node, Scope& scope, Text& out);
  Flow run(const ast::FilterBlock& node, Scope& scope, Text& out);
  Flow run(const ast::With& node, Scope& scope, Text& out);
  Flow run(const ast::Macro& node, Scope& scope, Text& out);
  Flow run(const ast::Generation& node, Scope& scope, Text& out);
  Flow run(const ast::Break& node, Scope& scope, Text& out);
  Flow run(const ast::Continue& node, Scope& scope, Text& out);

  void write(const Text& text, Text& out);
  Text captured(const ast::Body& body, Scope& scope);
  void assign(const ast::Target& target, const Value& value, Scope& scope);
  std::vector<Value> chosen_items(const ast::For& node, Scope& scope);
  Value call_macro(const ast::Macro& macro, Scope& defined_in, const Arguments& arguments);
  /// The message that `value`, or a part of it, is; -1 for none.
  static int32_t message_of(const Value& value);

  // Expressions.
  Value eval(const ast::ExpressionPtr& expression, Scope& scope);
  Value eval(const ast::Literal& node, Scope& scope, int line);
  Value eval(const ast::Name& node, Scope& scope, int line);
  Value eval(const ast::Items& node, Scope& scope, int line);
  Value eval(const ast::Mapping& node, Scope& scope, int line);
  Value eval(const ast::Unary& node, Scope& scope, int line);
  Value eval(const ast::Binary& node, Scope& scope, int line);
  Value eval(const ast::Concat& node, Scope& scope, int line);
  Value eval(const ast::Compare& node, Scope& scope, int line);
  Value eval(const ast::Logic& node, Scope& scope, int line);
  Value eval(const ast::Conditional& node, Scope& scope, int line);
  Value eval(const ast::Attribute& node, Scope& scope, int line);
  Value eval(const ast::Item& node, Scope& scope, int line);
  Value eval(const ast::Slice& node, Scope& scope, int line);
  Value eval(const ast::Call& node, Scope& scope, int line);
  Value eval(const ast::Filter& node, Scope& scope, int line);
  Value eval(const ast::Test& node, Scope& scope, int line);
  bool compare(const std::string& sign, const Value& left, const Value& right);
  Arguments arguments(const ast::Arguments& given, Scope& scope);
  /// `text` through the filters of a block.
  Value filtered(const ast::ExpressionPtr& filters, Text text, Scope& scope);

  const ast::Template& template_;
  Runtime& runtime_;
  Scopes scopes_;
  bool may_bind_ = false;  ///< inside a turn of a loop that has no message yet
  Value block_input_;      ///< of the innermost filter of a block
};

}  // namespace graft::texts::jinja
