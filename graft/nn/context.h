#pragma once

#include <ATen/core/Generator.h>

#include <optional>
#include <vector>

namespace graft::nn {

class KeyValueCache;

/// What a forward pass knows beside its tensors.
struct Context {
  bool training = false;  ///< dropout and drop path act, but only in blocks that train
  std::optional<at::Generator> generator;  ///< source of dropout masks, of the model's device
  std::vector<bool> trained;               ///< by block; empty means all
  int block = 0;                           ///< the block that runs now
  /// Of the sequences that a decoder goes on with; null where whole texts are read.
  KeyValueCache* cache = nullptr;
  /// Blocks of the backbone keep what enters them and run once more in backward (recompute.h).
  bool recompute = false;
  /// This pass repeats an earlier one: what a pass leaves behind, statistics, is there already.
  bool again = false;

  /// Whether random layers act in the running block: a frozen block is a fixed function.
  bool random() const {
    return training && (trained.empty() || trained[static_cast<size_t>(block)]);
  }
};

/// Makes a context known to the adapters that run on this thread while it is alive.
class ContextGuard {
 public:
  explicit ContextGuard(const Context& context);
  ~ContextGuard();
  ContextGuard(const ContextGuard&) = delete;
  ContextGuard& operator=(const ContextGuard&) = delete;
  /// The innermost context of this thread, or null outside a forward pass.
  static const Context* current();

 private:
  const Context* outer_;
};

}  // namespace graft::nn
