#pragma once

#include <cstdint>

namespace graft {

/// What is learned of a sample: its class, all classes that it has, a number, each of its tokens
/// from those before, or which of two answers is the better one.
enum class Target : uint8_t { single_label, multi_label, regression, next_token, preference };

}  // namespace graft
