#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "graft/base/rng.h"
#include "graft/data/batch_order.h"
#include "graft/data/inputs.h"
#include "graft/eval/predictions.h"
#include "graft/nn/flow.h"
#include "graft/train/deadline.h"
#include "graft/train/feature_cache.h"
#include "graft/train/job.h"
#include "graft/train/pace.h"

namespace graft::train {

/// Of a batch's tokens, the share that is computed where `shared` are left out.
inline double computed_share(int64_t tokens, int64_t shared) {
  return shared > 0 ? 1 - static_cast<double>(shared) / static_cast<double>(tokens) : 1;
}

/// Some training samples at a border of the chain.
struct MicroBatch {
  std::vector<int64_t> positions;  ///< in the training view
  nn::Flow flow;                   ///< what enters block `from`
  int from = 0;
  int64_t number = 0;  ///< in the epoch
  /// As Objective::targets gives them; float [B, C] when mixed.
  at::Tensor targets;
  /// Of texts that are mixed: a text's own share of what enters the head (data::mix_rows).
  double share = 1;
  int64_t tokens = 0;  ///< of texts
  int64_t shared = 0;  ///< of them, those that another text has in common (data::share_prefixes)
  /// The share of tokens that is in the flow.
  double computed() const { return computed_share(tokens, shared); }
};

/// Whether samples are mixed before they enter the chain; texts are where they enter the head.
bool mixes_inputs(const Job& job);

/// Sends a micro-batch through the rest of the chain, blocks below `border` without a graph.
nn::Flow pass(models::Model& model, MicroBatch& batch, int border, nn::Context& context);

/// Samples that go through frozen blocks, or in an evaluation through all of them, at a time: what
/// is usual in the data decides, not train.batch, so that what a cache holds and an evaluation
/// measures does not depend on that. Short texts are more at a time, or their products would wait
/// for the weights. Under budget.memory no more than train.batch.
int64_t pass_batch(const Job& job);

/// What a cache of the training split holds: of the samples in the order of Reader::cache_order the
/// first `samples`, each with `views` views, filled in batches of `batch`. A replay asks for the
/// same.
struct Kept {
  static constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
  int64_t samples = kAll, views = kAll;
  int64_t batch = 0;  ///< 0: pass_batch, as where the time is not short
};

/// Reads samples for training and evaluation: decoding, augmentation, and the outputs of the frozen
/// prefix where they are kept.
class Reader {
 public:
  using Warn = std::function<void(const std::string&)>;
  Reader(Job& job, Warn warn);

  /// A stage begins whose lowest trained block is `border`, and which will pass over the data about
  /// `passes` times. Fills the caches when that is allowed, pays and fits; says whether it did.
  /// Where `deadline` cuts the filling, what is there is kept and training uses no other samples.
  /// `replayed` repeats such a cut. `cached_samples` is raised by the samples that went through the
  /// prefix for it.
  bool begin_border(int border, double passes, const Deadline& deadline,
                    const std::optional<Kept>& replayed, int64_t& cached_samples);
  /// Fills the cache of the validation split beside that of the training split, if there is one.
  void cache_validation(const Deadline& deadline);
  const FeatureCache* train_cache() const { return train_cache_.get(); }
  /// Whether the clock left out training samples.
  bool training_cut() const { return training_cut_; }
  /// What the clock left of the cache; nothing when it is whole and was filled as always.
  const std::optional<Kept>& kept() const { return kept_; }
  /// Whether the cache holds a training sample (it does not when the picture could not be read),
  /// and its row.
  bool has_row(int64_t position) const { return rows_[static_cast<size_t>(position)] >= 0; }
  int64_t cache_row(int64_t position, int64_t epoch) const;
  /// Epoch that a sample's random stream is drawn from: fixed views repeat.
  int64_t stream_epoch(int64_t epoch) const;
  /// Whether the stage's batches, where they are not cached, compute what texts have in common
  /// once.
  bool shares_prefixes() const { return shares_prefixes_; }
  /// Whether augmentations that show several samples in one act in an epoch (train.close_last).
  bool mixes_samples(int64_t epoch) const;

  /// All positions of a view, so that every beginning stands for the whole (data::spread_order).
  std::vector<int64_t> spread(const data::View& view) const;
  /// The training samples of the first epoch, each once, spread in the same way.
  std::vector<int64_t> first_pass() const;
  /// Positions of the training view that a run may visit, in the order in which caches are filled.
  std::vector<int64_t> cache_order() const;
  std::unique_ptr<data::Batches> batches(const data::View& view, std::vector<int64_t> order,
                                         bool augment, int64_t epoch, int64_t batch) const;
  /// The augmented training samples of an epoch.
  std::unique_ptr<data::Batches> batches(const data::BatchOrder& order, int64_t epoch,
                                         int64_t first_batch) const;

  /// Called with what blocks gave of the samples at some positions of a view.
  using Visitor =
      std::function<void(const nn::Flow& result, const std::vector<int64_t>& positions)>;
  /// Sends samples of a view through blocks [0, to_block) without graph and augmentation, from
  /// caches where there are any; without those that cannot be read or that the clock left out.
  void visit(const data::View& view, const std::vector<int64_t>& wanted, int to_block,
             const Deadline& deadline, bool first, const Visitor& visitor);
  /// What a view's samples come to (Objective::evaluation), without augmentation. Stops before the
  /// batch that `deadline` might not allow; what is measured then stands for the whole
  /// (data::spread_order). Where the run has no measure yet, `first` takes the risk of one batch
  /// that lasts as the others did, not longer.
  eval::Predictions evaluate(const data::View& view, const Deadline& deadline, bool first = false);
  /// The first tensor of what `visit` gives, [n, D] float32, in the order of the view; where a
  /// sample is several texts, its row has what was made of all of them.
  at::Tensor forward_some(const data::View& view, const std::vector<int64_t>& wanted, int to_block,
                          const Deadline& deadline, std::vector<int64_t>& positions,
                          bool first = false);
  /// Seconds that evaluating a view should take, at no less than `sample_s` a sample; 0 before
  /// anything was measured or tried.
  double seconds_for(const data::View& view, double sample_s) const;
  const Pace& pace() const { return pace_; }
  /// Training and evaluation samples that could not be read.
  int64_t bad_samples() const { return static_cast<int64_t>(bad_.size()); }
  /// Samples that evaluations have sent through [0, border) and [border, end).
  double evaluation_flops() const { return evaluation_flops_; }

 private:
  // Batches of a time that is short, of which they waste less.
  static constexpr int64_t kSmallBatch = 8;
  static constexpr double kLargeBatchShare = 0.04;  // of the time left

  std::unique_ptr<data::Batches> batches(const data::View& view, std::vector<int64_t> order,
                                         bool augment, int64_t epoch,
                                         data::LoaderOptions options) const;

  struct Filled;
  Filled fill(const data::View& view, const std::vector<int64_t>& positions, int border,
              const Kept& wanted, bool augment, const Deadline& deadline);
  int64_t cache_limit() const;
  int64_t batch_size(const Deadline& deadline) const;
  void visit_cached(const FeatureCache& cache, const std::vector<int64_t>& rows,
                    const std::vector<int64_t>& positions, int to_block, const Deadline& deadline,
                    const Visitor& visitor);

  Job& job_;
  Warn warn_;
  int64_t views_ = 0;
  std::shared_ptr<ThreadPool> pool_;
  std::unique_ptr<FeatureCache> train_cache_, validation_cache_;
  std::vector<int64_t> rows_, validation_rows_;  // position → first row, -1 where not kept
  bool training_cut_ = false;
  bool shares_prefixes_ = false;
  bool validation_fits_ = false;  // beside the training split, in train.cache_limit
  int64_t cached_views_ = 1;
  std::optional<Kept> kept_;
  Pace pace_;
  int64_t pass_batch_;
  double cached_validation_s_ = 0;
  mutable std::set<std::string> bad_;  // ids
  double evaluation_flops_ = 0;
};

/// The micro-batches of one epoch, from a cursor on.
class BatchStream {
 public:
  BatchStream(Job& job, Reader& reader, int64_t epoch, int64_t first_batch);
  /// The next one, or nothing at the end of the epoch.
  std::optional<MicroBatch> next();
  /// Micro-batches of the epoch.
  int64_t size() const { return order_.batches(); }

 private:
  Rng mixing(int64_t number) const;
  void mix_texts(MicroBatch& batch) const;

  Job& job_;
  Reader& reader_;
  int64_t epoch_, batch_;
  data::BatchOrder order_;
  std::unique_ptr<data::Batches> batches_;  // none when everything is cached
};

}  // namespace graft::train
