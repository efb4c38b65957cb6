#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace graft::texts::jinja {

/// What is wrong, without the place: the parser and the interpreter add template and line, and make
/// a graft::Error of it.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename... Args>
[[noreturn]] void fail_here(fmt::format_string<Args...> text, Args&&... args) {
  throw Failure(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace graft::texts::jinja
