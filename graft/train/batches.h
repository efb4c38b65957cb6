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

#include "graft/data/inputs.h"
#include "graft/eval/predictions.h"
#include "graft/nn/flow.h"
#include "graft/train/deadline.h"
#include "graft/train/feature_cache.h"
#include "graft/train/job.h"
#include "graft/train/pace.h"

namespace graft::train {

/// Some training samples at a border of the chain.
struct MicroBatch {
  std::vector<int64_t> positions;  ///< in the training view
  nn::Flow flow;                   ///< what enters block `from`
  int from = 0;
  int64_t number = 0;  ///< in the epoch
  /// int64 [B], or float [B, C] when mixed, multi-label or numbers; of preferences the reference
  at::Tensor targets;
};

/// What a cache of the training split holds: of the samples in the order of Reader::cache_order the
/// first `samples`, each with `views` views, filled in batches of `batch`. A replay asks for the
/// same.
struct Kept {
  static constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kBatch = 16;  ///< where the time is not short
  int64_t samples = kAll, views = kAll, batch = kBatch;
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

  /// The order in which an epoch visits positions of the training view.
  std::vector<int64_t> epoch_order(int64_t epoch) const;
  /// All positions of a view, so that every beginning stands for the whole (data::spread_order).
  std::vector<int64_t> spread(const data::View& view) const;
  /// The training samples of the first epoch, each once, spread in the same way.
  std::vector<int64_t> first_pass() const;
  /// Positions of the training view that a run may visit, in the order in which caches are filled.
  std::vector<int64_t> cache_order() const;
  std::unique_ptr<data::Batches> batches(const data::View& view, std::vector<int64_t> order,
                                         bool augment, int64_t epoch, int64_t batch,
                                         int64_t first_batch) const;
  at::Tensor targets(const data::View& view, const std::vector<int64_t>& positions) const;

  /// Scores of a view's samples, without augmentation. Stops before the batch that `deadline` might
  /// not allow; what is measured then stands for the whole (data::spread_order).
  /// Where the run has no measure yet, `first` takes the risk of one batch that lasts as the others
  /// did, not longer.
  eval::Predictions evaluate(const data::View& view, const Deadline& deadline, bool first = false);
  /// What blocks [0, to_block) make of a view's samples, [n, D], from caches where there are any;
  /// of preferences a row has what was made of both texts. Of some of its positions; without those
  /// that cannot be read or that the clock left out.
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
  // Sizes of batches through the frozen part do not depend on train.batch, so that what a cache
  // holds and an evaluation measures does not either. Small ones waste less of a time that is
  // short.
  static constexpr int64_t kBatch = Kept::kBatch, kSmallBatch = 8;
  static constexpr double kLargeBatchShare = 0.04;  // of the time left

  struct Filled;
  Filled fill(const data::View& view, const std::vector<int64_t>& positions, int border,
              const Kept& wanted, bool augment, const Deadline& deadline);
  int64_t cache_limit() const;
  int64_t batch_size(const Deadline& deadline) const;
  at::Tensor forward_cached(const FeatureCache& cache, const std::vector<int64_t>& rows,
                            int to_block, const Deadline& deadline);

  Job& job_;
  Warn warn_;
  int64_t views_ = 0;
  std::shared_ptr<ThreadPool> pool_;
  std::unique_ptr<FeatureCache> train_cache_, validation_cache_;
  std::vector<int64_t> rows_, validation_rows_;  // position → first row, -1 where not kept
  bool training_cut_ = false;
  bool validation_fits_ = false;  // beside the training split, in train.cache_limit
  int64_t cached_views_ = 1;
  std::optional<Kept> kept_;
  Pace pace_;
  double cached_validation_s_ = 0;
  mutable std::set<std::string> bad_;  // ids
  double evaluation_flops_ = 0;
};

/// Logits [n, classes] of samples of a view of `data`, as probabilities (of a regression, as they
/// are) and losses beside the truth; of a language model what it gives of each text. Preferences:
/// see preference_predictions.
eval::Predictions make_predictions(const std::vector<std::string>& classes,
                                   const data::Dataset& data, const data::View& view,
                                   const std::vector<int64_t>& positions, const at::Tensor& logits);

/// The micro-batches of one epoch, from a cursor on.
class BatchStream {
 public:
  BatchStream(Job& job, Reader& reader, int64_t epoch, int64_t first_batch);
  /// The next one, or nothing at the end of the epoch.
  std::optional<MicroBatch> next();

 private:
  Job& job_;
  Reader& reader_;
  int64_t epoch_, batch_, size_;
  std::vector<int64_t> order_;
  std::unique_ptr<data::Batches> batches_;  // none when everything is cached
};

}  // namespace graft::train
