#pragma once

#include <string>

#include "tests/unit/models/golden.h"

/// What the tests of families that read texts share: the checkpoints that save_pretrained wrote,
/// and the numbers that transformers computes with them (tests/golden/text_models).
namespace graft::models::test {

constexpr double kTolerance = 1e-4;

struct TextCase {
  explicit TextCase(const std::string& name, Task task = Task::classes,
                    const Json& overrides = Json());
  Model& model() const { return *loaded.model; }
  /// Logits of the texts whose names begin with `prefix`.
  at::Tensor forward(const std::string& prefix = "") const;
  /// The loss that transformers takes of them, with a graph.
  at::Tensor loss() const;
  /// What is wanted of each real token, -100 where nothing is: of a language model what follows.
  at::Tensor wanted() const;
  /// The rows of real tokens of padded values [B, S, V].
  at::Tensor real(const std::string& prefix, const std::string& name) const;

  io::TensorMap tensors;
  LoadedModel loaded;
};

/// A gradient of transformers in the shape that graft's parameter has.
at::Tensor as_here(const TextCase& c, const std::string& name, const at::Tensor& theirs);

/// "loss" and every "grad.…" of the file.
void expect_loss_and_gradients(const TextCase& c);
/// "train_loss": ten steps of AdamW. Double precision takes the padded path of attention, float32
/// the loops.
void expect_losses(const TextCase& c, bool in_double);
/// The tensors that save_model writes are those that were read, but for `left`.
void expect_saved_as_read(const TextCase& c, const std::string& name,
                          const std::vector<std::string>& left = {});

}  // namespace graft::models::test
