#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/chat/jinja/value.h"

namespace graft::texts::jinja {

/// What a template may cost at most. A conversation of a million tokens stays far below.
struct Limits {
  size_t output_bytes = size_t{64} << 20;  ///< of the rendered text, and of any text in between
  size_t work = size_t{2} << 30;           ///< steps, and bytes of text and lists that were made
  int depth = 600;                         ///< statements, expressions and macros inside each other
};

/// Names of fields and variables, numbered for Origin::field; number 0 is the template itself.
class Fields {
 public:
  uint16_t number(const std::string& name);
  const std::string& name(uint16_t number) const { return names_[number]; }

 private:
  std::vector<std::string> names_{"", "other"};
};

/// What filters, tests, functions and methods need of the rendering they are part of.
class Runtime {
 public:
  explicit Runtime(Limits limits) : limits_(limits) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Counts work; a Failure when the template has used up its share.
  void spend(size_t work) {
    spent_ += work;
    if (spent_ > limits_.work) too_much_work();
  }
  /// A Failure when a text grows beyond the limit; counts the bytes as work too.
  void spend_text(size_t bytes);
  const Limits& limits() const { return limits_; }

  Value new_namespace(Dict attributes);
  /// strftime of the moment that counts as now.
  std::string format_time(std::string_view format) const;

  Fields fields;
  std::function<std::string(std::string_view)> now;  ///< formats the current time
  int line = 0;                                      ///< of the template, for messages
  int32_t during = -1;                               ///< index of the message that is being handled
  int depth = 0;

 private:
  [[noreturn]] void too_much_work() const;

  Limits limits_;
  size_t spent_ = 0;
  std::vector<std::unique_ptr<Namespace>> namespaces_;
};

/// One level deeper, for as long as it lives.
class Deeper {
 public:
  explicit Deeper(Runtime& runtime);
  ~Deeper() { --runtime_.depth; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  Runtime& runtime_;
};

}  // namespace graft::texts::jinja
