#include "graft/text/chat/jinja/scope.h"

namespace graft::texts::jinja {

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    for (const auto& [key, value] : scope->values_) {
      if (key == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(const std::string& name, Value value) {
  for (auto& [key, old] : values_) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  values_.emplace_back(name, std::move(value));
}

void Scope::keep() {
  for (Scope* scope = this; scope != nullptr && !scope->kept_; scope = scope->outer_)
    scope->kept_ = true;
}

}  // namespace graft::texts::jinja
