#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace graft::nn {

enum class SeamKind { linear, convolution, embedding };

/// A place where an adapter can sit: which layer, what shape. All a method needs to know.
struct Site {
  std::string
      path;  ///< module path, for instance "resnet.encoder.stages.0.layers.0.layer.0.convolution"
  SeamKind kind = SeamKind::linear;
  int block = 0;
  int64_t in = 0;   ///< input features or channels; of an embedding the rows of its table
  int64_t out = 0;  ///< output features or channels
  bool bias = false;
  // Convolutions only:
  std::array<int64_t, 2> kernel{1, 1}, stride{1, 1}, padding{0, 0}, dilation{1, 1};
  int64_t groups = 1;
  std::string padding_mode = "zeros";  ///< zeros, reflect, replicate, circular
};

struct NamedTensor {
  std::string name;  ///< below the site's path, for instance "lora_A.weight"
  at::Tensor* value;
};

/// What is added to a weight: scale * b a, with a [r, in] and b [out, r].
struct LowRank {
  at::Tensor a, b;
  double scale;
  double dropout = 0;  ///< share of the input that a does not see while its block trains
};

/// What a method adds to one layer: y = W x + b, or the rows of a table [rows, width] at x, which
/// are ids then. Each hook is the identity unless overridden; at the start an adapter changes
/// nothing.
class Adapter {
 public:
  virtual ~Adapter() = default;
  /// Not asked of embeddings.
  virtual at::Tensor input(const at::Tensor& x) { return x; }
  /// What the layer gives instead of y; may be written into the y of a convolution.
  virtual at::Tensor output(const at::Tensor& x, const at::Tensor& y) = 0;
  /// The update of a linear layer, where output() adds x a^T b^T * scale and nothing else: such
  /// layers compute it along with their own product (low_rank_linear.h, output_loss.h).
  virtual std::optional<LowRank> low_rank() const { return std::nullopt; }
  /// Whether scaled_output exists; a frozen norm behind the layer then folds into its weight.
  virtual bool scales() const { return false; }
  /// y + `scale` [out] x what output() adds: y is the layer's output times `scale` already.
  virtual at::Tensor scaled_output(const at::Tensor& /*x*/, const at::Tensor& y,
                                   const at::Tensor& /*scale*/) {
    return y;
  }
  /// Folds the adapter into weight and bias; the plain layer then gives the same output.
  /// `bias` may be undefined when the layer has none.
  virtual void merge(at::Tensor& weight, at::Tensor& bias) const = 0;
  /// Trained tensors, in a fixed order.
  virtual std::vector<NamedTensor> parameters() = 0;
  /// Forward multiply-adds x 2 for the base layer's forward cost `positions` = batch x positions.
  virtual double flops(double positions) const = 0;
  /// Name of the method, as in the catalogue.
  virtual std::string method() const = 0;
};

}  // namespace graft::nn
