#include "roof.h"

#include <torch/types.h>

#include <functional>

#include "graft/base/clock.h"

namespace graft::bench {
namespace {

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

  /// softmax(q k^T) v of `heads` heads in all; backward needs the gradients of v, of the scores, of
  /// q and of k.
  void attention(int64_t heads, int64_t width, int64_t queries, int64_t keys, bool backward) {
    const at::Tensor q = buffer({heads, queries, width}), k = buffer({heads, keys, width});
    const at::Tensor scores = buffer({heads, queries, keys});
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

/// ViT-B/16 at 224 pixels. The last layer's queries, output projection and MLP are those of the
/// class token, which is all that a classifier reads. LoRA is of rank 8 on q and v.
void vit(Products& products, bool full, bool lora, int64_t batch) {
  constexpr int64_t kLayers = 12, kWidth = 768, kInner = 3072, kHeads = 12, kPatches = 196,
                    kPatch = 16 * 16 * 3, kRank = 8;
  const int64_t tokens = kPatches + 1, rows = batch * tokens;
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
    products.attention(batch * kHeads, kWidth / kHeads, last ? 1 : tokens, tokens, full || lora);
    products.linear(kept, kWidth, kWidth, inner);
    products.linear(kept, kWidth, kInner, inner);
    products.linear(kept, kInner, kWidth, inner);
  }
}

/// A Llama of SmolLM2-135M's shape on texts of 256 tokens, each of which predicts the next. A
/// causal query sees half of the keys on average. LoRA is of rank 16 on every linear layer, with
/// one product for all A of layers that read the same; head is the final norm and the output
/// matrix.
void llama(Products& products, bool full, bool lora, int64_t batch) {
  constexpr int64_t kLayers = 30, kWidth = 576, kInner = 1536, kHeads = 9, kKeyHeads = 3,
                    kVocabulary = 49152, kTokens = 256, kRank = 16;
  const int64_t rows = batch * kTokens, head = kWidth / kHeads;
  const auto layer_of = [&](int64_t in, const std::vector<int64_t>& members, bool entry) {
    int64_t out = 0;
    for (const int64_t member : members) out += member;
    products.linear(rows, in, out, {full || (lora && !entry), full});
    if (!lora) return;
    products.linear(rows, in, kRank * static_cast<int64_t>(members.size()), {!entry, true});
    for (const int64_t member : members) products.linear(rows, kRank, member, {true, true});
  };
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    layer_of(kWidth, {kWidth, kKeyHeads * head, kKeyHeads * head}, layer == 0 && !full);
    products.attention(batch * kHeads, head, kTokens, kTokens / 2, full || lora);
    layer_of(kWidth, {kWidth}, false);
    layer_of(kWidth, {kInner, kInner}, false);
    layer_of(kInner, {kWidth}, false);
  }
  products.linear(rows, kWidth, kVocabulary, {true, !lora});
}

}  // namespace

std::vector<double> time_products(const std::string& model, const std::string& mode, int64_t batch,
                                  const std::string& dtype, int64_t warmup, int64_t steps) {
  const at::NoGradGuard no_grad;
  Products products(dtype == "bfloat16" ? at::kBFloat16 : at::kFloat);
  (model == "vit_b16" ? vit : llama)(products, mode == "full", mode == "lora", batch);
  std::vector<double> seconds;
  for (int64_t i = 0; i < warmup + steps; ++i) {
    const Stopwatch watch;
    products.run();
    if (i >= warmup) seconds.push_back(watch.seconds());
  }
  return seconds;
}

}  // namespace graft::bench
