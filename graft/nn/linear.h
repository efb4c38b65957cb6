#pragma once

#include <memory>

#include "graft/nn/seam.h"

namespace graft::nn {

class Embedding;
struct MemberUpdate;

/// y = x W^T + b with x [..., in], W [out, in]. A weight in float32 multiplies a bfloat16 x in
/// bfloat16.
class Linear final : public Seam {
 public:
  Linear(const Scope& scope, int64_t in, int64_t out, bool bias = true);
  /// A layer whose W is the table of an embedding, which must outlive it. What an adapter adds to
  /// the layer leaves the embedding as it is; to be merged, the two must come apart.
  Linear(const Scope& scope, Embedding& table, bool bias = false);
  at::Tensor operator()(const at::Tensor& x) const;

  Site site() const override;
  at::Tensor& weight() override { return *weight_; }
  const at::Tensor& weight() const { return *weight_; }
  at::Tensor& bias() override { return bias_; }
  const at::Tensor& bias() const { return bias_; }
  /// Writes down what x costs, for those who multiply by W themselves.
  void count(const at::Tensor& x) const;

 private:
  friend class LinearGroup;
  /// The updates of layers that can be computed along with their products; empty where one cannot,
  /// or a weight learns itself.
  static std::vector<MemberUpdate> low_rank_updates(const std::vector<const Linear*>& members);
  void finish(const Scope& scope, int64_t out, bool bias);

  std::string path_;
  int block_;
  at::Tensor own_;  // undefined where W is another layer's
  at::Tensor* weight_;
  at::Tensor bias_;
};

/// Linear layers that read the same input (q, k, v): one storage and one product. Each member keeps
/// its own names, freeze flag, adapters and gradient.
class LinearGroup {
 public:
  /// Members are registered under `scope / name`, in order.
  LinearGroup(const Scope& scope, const std::vector<std::string>& names, int64_t in,
              int64_t out_each, bool bias);
  /// Members of different widths, as where queries have more heads than keys.
  LinearGroup(const Scope& scope, const std::vector<std::string>& names, int64_t in,
              const std::vector<int64_t>& outs, bool bias);
  /// One output [..., out] a member.
  std::vector<at::Tensor> operator()(const at::Tensor& x) const;
  /// One of them, for an input that the others do not read.
  const Linear& member(size_t i) const { return *members_[i]; }
  std::vector<at::Tensor*> weights() const;
  /// Makes the members rows of one storage again after their tensors were replaced (another
  /// device).
  void repack();
  LinearGroup(const LinearGroup&) = delete;
  LinearGroup& operator=(const LinearGroup&) = delete;

 private:
  std::vector<std::unique_ptr<Linear>> members_;
  std::vector<int64_t> outs_;
  at::Tensor packed_weight_, packed_bias_;  // members' tensors are rows of these
};

/// Casts a parameter to the type of the activations; float32 stays as it is.
at::Tensor cast_like(const at::Tensor& parameter, const at::Tensor& x);

}  // namespace graft::nn
