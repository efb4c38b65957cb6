#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graft/text/chat/jinja/value.h"

namespace graft::texts::jinja {

/// Names of a template, one within another: the template, each turn of a loop, each call of a
/// macro.
class Scope {
 public:
  explicit Scope(Scope* outer) : outer_(outer) {}

  /// From the innermost scope that has it; null when none does.
  const Value* find(const std::string& name) const;
  void set(const std::string& name, Value value);

  /// A macro remembers where it was defined: this scope and those around it live on.
  void keep();
  bool kept() const { return kept_; }

 private:
  Scope* outer_;
  std::vector<std::pair<std::string, Value>> values_;  // few
  bool kept_ = false;
};

/// Owns the scopes of one rendering.
class Scopes {
 public:
  /// A scope for as long as the guard lives, longer when a macro needs it.
  class Guard {
   public:
    Guard(Scopes& scopes, Scope* outer) : scopes_(scopes), scope_(std::make_unique<Scope>(outer)) {}
    ~Guard() {
      if (scope_->kept()) scopes_.kept_.push_back(std::move(scope_));
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    Scope& operator*() { return *scope_; }

   private:
    Scopes& scopes_;
    std::unique_ptr<Scope> scope_;
  };

 private:
  std::vector<std::unique_ptr<Scope>> kept_;
};

}  // namespace graft::texts::jinja
