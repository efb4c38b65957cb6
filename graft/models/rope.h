#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::models {

/// Rotary position embeddings (Su et al. 2021), with every scaling in use: default, linear, dynamic
/// (NTK), llama3, yarn (Peng et al. 2023) and longrope (Ding et al. 2024). Where frequencies depend
/// on the length, each text gets those of its own: what lies beside it does not change it.
class Rope {
 public:
  /// Reads "rope_parameters", or the older "rope_theta" and "rope_scaling"; `layer_type` picks one
  /// where the config has several ("sliding_attention"). `width` is that of a head. What cannot be
  /// is an error (exit code 3).
  Rope(const Json& config, int64_t width, const std::string& layer_type);

  /// Cosines and sines [T, rotated / 2] of tokens.
  struct Turn {
    at::Tensor cos, sin;
  };
  /// Those of the tokens behind the first `past` [B] of texts, `lengths` [B] of each, on the device
  /// and in the type of `like`. Without `past` they are whole texts.
  Turn turn(const at::Tensor& lengths, const at::Tensor& like, const at::Tensor& past = {}) const;
  /// The heads of x [T, heads width] rotated, halves against each other.
  at::Tensor rotate(const at::Tensor& x, const Turn& turn) const;

  /// Whether a text's length changes how its tokens are rotated (dynamic, longrope).
  bool depends_on_length() const { return frequencies_.empty(); }
  /// Frequencies [rotated / 2] of a text of that many tokens.
  std::vector<float> frequencies(int64_t length) const;

 private:
  Turn make_turn(const at::Tensor& lengths, const at::Tensor& like, const at::Tensor& past) const;
  /// Angles [T, rotated / 2], in double precision where `precise`.
  at::Tensor angles(const at::Tensor& lengths, const at::Tensor& past, bool precise) const;
  void read(const Json& config, const Json& parameters);
  std::vector<double> plain(double theta) const;
  std::vector<double> llama3(const Json& parameters) const;
  std::vector<double> yarn(const Json& parameters);

  int64_t width_, rotated_;
  std::string type_;
  double theta_ = 10000, factor_ = 1, scaling_ = 1;
  int64_t original_ = 0;             // positions of the pretraining
  std::vector<double> frequencies_;  // of types that do not look at the length
  std::vector<double> short_, long_;
  /// The last turn on a GPU: the layers of a pass share it.
  struct Known {
    at::Tensor lengths, past;
    Turn turn;
  };
  mutable std::mutex mutex_;
  mutable Known known_;
};

/// The length above which a text is rotated by other frequencies altogether (longrope), or 0 where
/// there is none: what was computed of its beginning while it was shorter must be computed anew, as
/// transformers does it.
int64_t rope_limit(const Json& config);
/// Whether frequencies change with each token ("dynamic"). While a text is continued its keys stay
/// as they were made, as in transformers; read again from the beginning, it has others.
bool rope_grows(const Json& config);

}  // namespace graft::models
