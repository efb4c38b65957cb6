#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "graft/text/chat/jinja/text.h"

namespace graft::texts::jinja {

struct Sequence;
struct Dict;
struct Namespace;
struct Callable;
struct LoopState;

/// What a name, item or attribute that is not there gives: prints as nothing, fails when used.
struct Undefined {
  std::shared_ptr<const std::string> what;  ///< "'x' is undefined"
};
struct None {};

/// A value of a template, as Python would hold it. Cheap to copy: everything large is shared and,
/// namespaces aside, never changes after it was made (the sandbox of transformers forbids that
/// too).
class Value {
 public:
  using Data =
      std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const Text>,
                   std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>, Namespace*,
                   std::shared_ptr<const Callable>, std::shared_ptr<LoopState>>;

  Value() = default;
  Value(None none) : data_(none) {}
  Value(bool value, Origin from = {}) : data_(value), origin(from) {}
  Value(int64_t value, Origin from = {}) : data_(value), origin(from) {}
  Value(double value, Origin from = {}) : data_(value), origin(from) {}
  Value(Text text) : data_(std::make_shared<const Text>(std::move(text))) {}
  Value(const char*) = delete;  // it would become a bool
  explicit Value(Data data, Origin from = {}) : data_(std::move(data)), origin(from) {}

  static Value undefined(std::string what);
  static Value text(std::string_view bytes, Origin from = {}) { return Text(bytes, from); }

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_text() const { return as_text() != nullptr; }
  /// Null when it is something else.
  const Text* as_text() const { return shared<const Text>(); }
  const Sequence* as_sequence() const { return shared<const Sequence>(); }
  const Dict* as_dict() const { return shared<const Dict>(); }
  const Callable* as_callable() const { return shared<const Callable>(); }
  LoopState* as_loop() const { return shared<LoopState>(); }
  Namespace* as_namespace() const;
  /// Integers and booleans, which Python counts among them.
  const int64_t* as_integer() const { return std::get_if<int64_t>(&data_); }
  const double* as_float() const { return std::get_if<double>(&data_); }
  bool is_whole(int64_t* value) const;
  bool is_number(double* value) const;
  const Data& data() const { return data_; }

  /// How Python calls its type: "str", "int", "NoneType" …
  std::string type_name() const;
  bool truthy() const;
  /// How many containers lie inside each other, at most.
  int depth() const;

 private:
  template <typename T>
  T* shared() const {
    const auto* pointer = std::get_if<std::shared_ptr<T>>(&data_);
    return pointer == nullptr ? nullptr : pointer->get();
  }

  Data data_;

 public:
  /// Of scalars and of the brackets that print around a container; texts know it by character.
  Origin origin;
};

/// Lists, and what behaves like one.
struct Sequence {
  enum class Kind { list, tuple, range, view, generator };

  Kind kind = Kind::list;
  std::vector<Value> items;
  int depth = 1;
  mutable bool used = false;  ///< a generator gives its items once
};

/// Keys keep their order.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  int depth = 1;
  int32_t message = -1;  ///< index in the conversation, for the message itself

  const Value* find(std::string_view key) const;
  const Value* find(const Value& key) const;
  void set(Value key, Value value);
};

/// The only thing that a template may change. Owned by the Runtime, so that templates which chain
/// or close circles of them cost neither leaks nor stack.
struct Namespace {
  Dict attributes;
};

Value make_sequence(std::vector<Value> items, Sequence::Kind kind = Sequence::Kind::list,
                    Origin origin = {});
/// Computes the depth; a Failure when it is too deep.
Value make_dict(Dict dict, Origin origin = {});

/// ==, and what `in` and dictionaries use. 1 == 1.0 == true, as in Python.
bool equal(const Value& a, const Value& b);
/// -1, 0, 1; a Failure for what Python does not order. `sign` is the operator for the message.
int order(const Value& a, const Value& b, std::string_view sign);

}  // namespace graft::texts::jinja
