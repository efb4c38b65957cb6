#include "roof.h"

#include <torch/types.h>

#include <functional>

#include "graft/base/clock.h"

namespace graft::bench {
namespace {

constexpr int64_t kLayers = 12, kWidth = 768, kInner = 3072, kHeads = 12, kPatches = 196,
                  kPatch = 16 * 16 * 3;
constexpr int64_t kRank = 8;

/// What is computed for one linear layer.
struct Wants {
  bool input_gradient = false, weight_gradient = false;
};

/// A list of products with their operands and results allocated beforehand. Results of one size
/// share their memory, because only the time is looked at; every layer has weights of its own.
class Products {
 public:
  explicit Products(at::ScalarType type) : options_(at::TensorOptions().dtype(type)) {}

  void linear(int64_t rows, int64_t in, int64_t out, Wants wants) {
    const at::Tensor x = buffer({rows, in}), y = buffer({rows, out});
    const at::Tensor weight = at::randn({out, in}, options_);
    multiply(y, x, weight.t());
    if (wants.input_gradient) multiply(buffer({rows, in}), y, weight);
    if (wants.weight_gradient) multiply(at::empty({out, in}, options_), y.t(), x);
  }

  /// softmax(q k^T) v; backward needs the gradients of v, of the scores, of q and of k.
  void attention(int64_t batch, int64_t queries, int64_t tokens, bool backward) {
    const int64_t width = kWidth / kHeads;
    const at::Tensor q = buffer({batch * kHeads, queries, width}),
                     k = buffer({batch * kHeads, tokens, width});
    const at::Tensor scores = buffer({batch * kHeads, queries, tokens});
    multiply(scores, q, k.transpose(1, 2));
    multiply(q, scores, k);
    if (!backward) return;
    multiply(k, scores.transpose(1, 2), q);
    multiply(scores, q, k.transpose(1, 2));
    multiply(q, scores, k);
    multiply(k, scores.transpose(1, 2), q);
  }

  void run() const {
    for (const auto& product : products_) product();
  }

 private:
  at::Tensor buffer(const std::vector<int64_t>& shape) {
    for (const auto& known : buffers_) {
      if (known.sizes() == at::IntArrayRef(shape)) return known;
    }
    return buffers_.emplace_back(at::randn(shape, options_).mul_(0.01));
  }
  void multiply(const at::Tensor& result, const at::Tensor& a, const at::Tensor& b) {
    // Results that are also operands would grow without bound over the runs.
    const at::Tensor out = at::empty_like(result);
    products_.emplace_back([out, a, b] {
      at::Tensor target = out;
      if (a.dim() == 2)
        at::mm_out(target, a, b);
      else
        at::bmm_out(target, a, b);
    });
  }

  at::TensorOptions options_;
  std::vector<at::Tensor> buffers_;
  std::vector<std::function<void()>> products_;
};

}  // namespace

std::vector<double> time_vit_products(const std::string& mode, int64_t batch,
                                      const std::string& dtype, int64_t warmup, int64_t steps) {
  const at::NoGradGuard no_grad;
  const bool full = mode == "full", lora = mode == "lora";
  const int64_t tokens = kPatches + 1, rows = batch * tokens;
  Products products(dtype == "bfloat16" ? at::kBFloat16 : at::kFloat);
  products.linear(batch * kPatches, kPatch, kWidth, {false, full});
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    const bool last = layer == kLayers - 1;
    // Under lora nothing below the first layer's adapters wants a gradient.
    const Wants entry{full || (lora && layer > 0), full};
    const Wants inner{full || lora, full};
    const int64_t kept = last ? batch : rows;
    products.linear(rows, kWidth, 3 * kWidth, entry);
    if (lora) {
      for (int member = 0; member < 2; ++member) {
        products.linear(rows, kWidth, kRank, {layer > 0, true});
        products.linear(rows, kRank, kWidth, {true, true});
      }
    }
    products.attention(batch, last ? 1 : tokens, tokens, full || lora);
    products.linear(kept, kWidth, kWidth, inner);
    products.linear(kept, kWidth, kInner, inner);
    products.linear(kept, kInner, kWidth, inner);
  }
  std::vector<double> seconds;
  for (int64_t i = 0; i < warmup + steps; ++i) {
    const Stopwatch watch;
    products.run();
    if (i >= warmup) seconds.push_back(watch.seconds());
  }
  return seconds;
}

}  // namespace graft::bench
