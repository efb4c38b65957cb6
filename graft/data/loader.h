#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graft/base/parallel.h"
#include "graft/data/batch.h"
#include "graft/data/dataset.h"
#include "graft/data/image_cache.h"
#include "graft/data/sample_writer.h"
#include "graft/image/augment.h"
#include "graft/image/preprocess.h"

namespace graft::data {

/// From a picture to what a network takes. All randomness comes from Rng{seed, epoch, index}, where
/// index is the sample of the source (and its how-manieth visit, when an epoch visits it again): so
/// batches do not depend on workers, order, cursor or cache.
struct Transform {
  image::Preprocess preprocess;      ///< its output must have a fixed size
  image::Augmentation augmentation;  ///< none by default
  uint64_t seed = 0;
  uint64_t epoch = 0;  ///< epoch % k gives k fixed augmented views
};

/// A picture that could not be read and was left out of its batch.
struct BadSample {
  int64_t position;  ///< in the view
  std::string id;
  std::string reason;
};

struct LoaderOptions {
  int64_t batch_size = 32;
  std::vector<int64_t> ends;  ///< where batches of texts end in the order; empty: by batch_size
  int prefetch = 2;           ///< batches that are prepared ahead of the one that is used
  bool drop_last = false;     ///< leave out what does not fill a batch
  int64_t first_batch = 0;    ///< where to begin (resume)
  int64_t classes = 0;        ///< > 0: multi-label, batches have `targets` of that many columns
  double max_bad_share =
      0.01;  ///< more of an epoch's pictures unreadable (and more than one) end the run
  std::function<void(const BadSample&)> on_bad;  ///< called by next(), in the order of the epoch
};

/// The batches of one epoch, in order: `order` holds positions in the view (see epoch_order).
/// Pictures are decoded by the threads of `pool` (null: by the caller of next), a few batches
/// ahead. Not thread-safe.
///
///   Loader loader(set.train, epoch_order(set.train.strata(n), {}, seed, epoch), transform, {},
///   pool, cache); while (auto batch = loader.next()) step(*batch);
class Loader final : public Batches {
 public:
  /// `cache` may be null; it must belong to the view's source.
  Loader(View view, std::vector<int64_t> order, Transform transform, LoaderOptions options,
         std::shared_ptr<ThreadPool> pool = nullptr, std::shared_ptr<ImageCache> cache = nullptr);
  /// The same of what a writer of one's own makes of the samples.
  Loader(View view, std::vector<int64_t> order, std::shared_ptr<const SampleWriter> writer,
         LoaderOptions options, std::shared_ptr<ThreadPool> pool);
  ~Loader() override;

  /// A batch without any readable picture is passed over.
  std::optional<Batch> next() override;
  /// Batches of the whole epoch.
  int64_t batches() const { return batches_; }
  int64_t bad_samples() const { return bad_; }
  /// Time that next() spent waiting for pictures.
  double wait_seconds() const { return wait_seconds_; }

 private:
  struct Work;
  struct Pending;
  void start_batch();
  Batch finish(Work& work);
  void count_bad(const Work& work);

  View view_;
  std::vector<int64_t> order_;
  std::vector<uint32_t>
      visits_;  // how often the order had the sample before; empty when none comes twice
  std::shared_ptr<const SampleWriter> writer_;
  LoaderOptions options_;
  std::shared_ptr<ThreadPool> pool_;
  int64_t batches_ = 0;
  int64_t next_batch_ = 0;
  int64_t bad_ = 0;
  double wait_seconds_ = 0;
  std::list<Pending> pending_;
};

/// One sample of the view as evaluation sees it: [1, 3, H, W] float32, channels last. The size may
/// depend on the picture.
at::Tensor load_one(const View& view, int64_t position, const image::Preprocess& preprocess);
/// The same for a picture from anywhere.
at::Tensor to_pixels(const image::Image& picture, const image::Preprocess& preprocess);

}  // namespace graft::data
