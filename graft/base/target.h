#pragma once

#include <cstdint>

namespace graft {

/// What is learned of a sample: its class, all classes that it has, a number, each of its tokens
/// from those before, which of two answers is the better one, its masked tokens from all others,
/// the class of each of its words, how alike its two texts are, which of many texts belongs to its
/// own, or where its objects are and what.
enum class Target : uint8_t {
  single_label,
  multi_label,
  regression,
  next_token,
  preference,
  masked_token,
  token_classes,
  similarity,
  retrieval,
  boxes
};

}  // namespace graft
