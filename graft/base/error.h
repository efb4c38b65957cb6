#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace graft {

/// Why a run ended; the value is the exit code of the program.
enum class ErrorCode {
  internal = 1,      ///< anything else
  usage = 2,         ///< wrong use or configuration
  unreadable = 3,    ///< a model or data that cannot be read
  no_plan = 4,       ///< no plan fits the budget
  interrupted = 130  ///< stopped by the user; a checkpoint was written
};

/// What a user can cause. The message is one paragraph: what, where (file, key, line), what was
/// expected, what to do. Libraries throw it; only the command line prints it.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(code, fmt::format(text, std::forward<Args>(args)...));
}
/// Wrong use or configuration (exit code 2).
template <typename... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorCode::usage, fmt::format(text, std::forward<Args>(args)...));
}
/// A model or data that cannot be read (exit code 3).
template <typename... Args>
[[noreturn]] void fail_unreadable(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorCode::unreadable, fmt::format(text, std::forward<Args>(args)...));
}

namespace detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}  // namespace detail

}  // namespace graft

/// For our own mistakes, never reachable by input.
#define GRAFT_ASSERT(condition)                                                          \
  do {                                                                                   \
    if (!(condition)) ::graft::detail::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (false)
