#include "graft/nn/context.h"

namespace graft::nn {
namespace {

thread_local const Context* innermost = nullptr;

}  // namespace

ContextGuard::ContextGuard(const Context& context) : outer_(innermost) {
  innermost = &context;
}
ContextGuard::~ContextGuard() {
  innermost = outer_;
}
const Context* ContextGuard::current() {
  return innermost;
}

}  // namespace graft::nn
