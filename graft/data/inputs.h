#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/base/parallel.h"
#include "graft/data/batch.h"
#include "graft/data/dataset.h"
#include "graft/data/loader.h"

namespace graft::data {

/// How one pass goes over samples.
struct Pass {
  bool augment = false;
  uint64_t seed = 0;
  uint64_t epoch = 0;  ///< of the random streams; epoch % k gives k fixed views
  bool mixes = true;   ///< augmentations that show several samples in one may act
};

/// What reading a sample costs, in one thread.
struct ReadCost {
  double first_s = 0;     ///< the first time
  double again_s = 0;     ///< once it was kept (Inputs::keep)
  double kept_bytes = 0;  ///< what keeping it takes
};

/// How samples become what enters a model's chain: the place where pictures and texts differ.
class Inputs {
 public:
  virtual ~Inputs() = default;
  Inputs() = default;
  Inputs(const Inputs&) = delete;
  Inputs& operator=(const Inputs&) = delete;

  /// The batches of a pass over positions of a view, in this order. `pool` may be null.
  virtual std::unique_ptr<Batches> batches(const View& view, std::vector<int64_t> order,
                                           const Pass& pass, LoaderOptions options,
                                           std::shared_ptr<ThreadPool> pool) = 0;
  /// Texts that a sample consists of, each one a row of "lengths"; 1 of pictures.
  virtual int64_t parts() const { return 1; }
  /// Tokens of each sample of a view, without augmentation; pictures have none.
  virtual std::vector<int64_t> lengths(const View& /*view*/) { return {}; }
  /// Whether an augmented pass differs from the one before.
  virtual bool random() const = 0;
  /// Whether an augmentation shows several samples in one.
  virtual bool mixes() const { return false; }
  /// Sets what `augment` in a configuration says.
  virtual void set_augmentation(const Json& augment) = 0;
  /// Samples that did not fit the model and were shortened, so far.
  virtual int64_t cut() const { return 0; }
  /// Divides samples that are too long and can be divided, and leaves out those from which nothing
  /// can be learned; says so in the notes. None left to train on is an error (exit code 3).
  virtual void settle_samples(Dataset& /*data*/) {}
  /// What a user should know before training starts; empty when nothing.
  virtual std::string note() const { return ""; }
  /// Samples of the usual size with made-up content, on the CPU.
  virtual nn::Flow example(int64_t samples) const = 0;
  /// Of so many samples' tokens those that are left where what texts have in common is computed
  /// once (share_prefixes.h), as a share.
  virtual double computed_share(int64_t /*samples*/) const { return 1; }
  /// Samples of this data may be kept ready for the next pass, in this many bytes.
  virtual void keep(const Dataset& data, int64_t bytes) = 0;
  /// Reads some samples of a view, at least one, until `stop`; the medians. Samples that cannot be
  /// read are passed over.
  virtual ReadCost try_reading(const View& view, int64_t samples,
                               const std::function<bool()>& stop) const = 0;
};

}  // namespace graft::data
