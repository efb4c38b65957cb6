#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "graft/data/image_cache.h"
#include "graft/data/loader.h"
#include "graft/eval/predictions.h"
#include "graft/nn/flow.h"
#include "graft/train/deadline.h"
#include "graft/train/feature_cache.h"
#include "graft/train/job.h"

namespace graft::train {

/// Some training samples at a border of the chain.
struct MicroBatch {
  std::vector<int64_t> positions;  ///< in the training view
  nn::Flow flow;                   ///< "pixels", or what enters block `from`
  int from = 0;
  int64_t number = 0;  ///< in the epoch
  at::Tensor targets;  ///< int64 [B], or float [B, C] when mixed or multi-label
};

/// Reads samples for training and evaluation: decoding, augmentation, and the outputs of the frozen
/// prefix where they are kept.
class Reader {
 public:
  using Warn = std::function<void(const std::string&)>;
  Reader(Job& job, Warn warn);

  /// A stage begins whose lowest trained block is `border`, and which will pass over the data about
  /// `passes` times. Fills the caches when that is allowed, pays and fits; says whether it did.
  /// `cached_samples` is raised by the samples that went through the prefix for it.
  bool begin_border(int border, double passes, const Deadline& deadline, int64_t& cached_samples);
  const FeatureCache* train_cache() const { return train_cache_.get(); }
  /// Whether the cache holds a training sample (it does not when the picture could not be read),
  /// and its row.
  bool has_row(int64_t position) const { return rows_[static_cast<size_t>(position)] >= 0; }
  int64_t cache_row(int64_t position, int64_t epoch) const;
  /// Epoch that a sample's random stream is drawn from: fixed views repeat.
  int64_t stream_epoch(int64_t epoch) const;

  /// The order in which an epoch visits positions of the training view.
  std::vector<int64_t> epoch_order(int64_t epoch) const;
  std::unique_ptr<data::Loader> loader(const data::View& view, std::vector<int64_t> order,
                                       bool augment, int64_t epoch, int64_t batch,
                                       int64_t first_batch) const;
  at::Tensor targets(const data::View& view, const std::vector<int64_t>& positions) const;

  /// Scores of a view's samples, without augmentation. Stops early when `deadline` would be passed.
  eval::Predictions evaluate(const data::View& view, const Deadline& deadline);
  /// Logits [n, classes] of a view's samples by the whole model, from caches where there are any.
  at::Tensor forward_all(const data::View& view, int to_block, const Deadline& deadline,
                         std::vector<int64_t>& positions);
  /// Training and evaluation samples that could not be read.
  int64_t bad_samples() const { return static_cast<int64_t>(bad_.size()); }
  /// Samples that evaluations have sent through [0, border) and [border, end).
  double evaluation_flops() const { return evaluation_flops_; }

 private:
  std::unique_ptr<FeatureCache> fill(const data::View& view, const std::vector<int64_t>& positions,
                                     int border, int64_t views, bool augment,
                                     const Deadline& deadline);
  int64_t cache_limit() const;

  Job& job_;
  Warn warn_;
  int64_t views_ = 0;
  std::map<const data::Source*, std::shared_ptr<data::ImageCache>> images_;
  std::shared_ptr<ThreadPool> pool_;
  std::unique_ptr<FeatureCache> train_cache_, validation_cache_;
  std::vector<int64_t> rows_;          // position → first row, -1 where not kept
  std::set<int64_t> rows_bad_;         // unreadable ones of the newest fill
  mutable std::set<std::string> bad_;  // ids
  double evaluation_flops_ = 0;
};

/// Logits [n, classes] of samples of a view, as probabilities and losses beside the truth.
eval::Predictions make_predictions(const std::vector<std::string>& classes, bool multi_label,
                                   const data::View& view, const std::vector<int64_t>& positions,
                                   const at::Tensor& logits);

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
  std::unique_ptr<data::Loader> loader_;  // none when everything is cached
};

}  // namespace graft::train
