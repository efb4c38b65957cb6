#pragma once

#include "graft/data/decoded_pictures.h"
#include "graft/data/scene_writer.h"

namespace graft::data {

/// Pictures in which objects are marked, by a SceneWriter.
class BoxInputs final : public Inputs {
 public:
  /// `preprocess` must give pictures of one size.
  BoxInputs(image::Preprocess preprocess, const Dataset& data);

  std::unique_ptr<Batches> batches(const View& view, std::vector<int64_t> order, const Pass& pass,
                                   LoaderOptions options,
                                   std::shared_ptr<ThreadPool> pool) override;
  /// Objects beside those that the samples have, a list for each position of a view; for that
  /// view's source only, in place of those that were added before.
  void add_objects(const View& view, std::vector<std::vector<BoxLabel>> objects);
  bool random() const override { return augmentation_.random(); }
  bool mixes() const override { return augmentation_.mixes(); }
  void set_augmentation(const Json& augment) override;
  nn::Flow example(int64_t samples) const override;
  void keep(const Dataset& data, int64_t bytes) override { decoded_.keep(data, bytes); }
  ReadCost try_reading(const View& view, int64_t samples,
                       const std::function<bool()>& stop) const override;

 private:
  /// Objects that a scene may hold.
  int64_t most() const { return most_ * augmentation_.scenes(); }

  image::Preprocess preprocess_;
  image::BoxAugmentation augmentation_;
  DecodedPictures decoded_;
  std::shared_ptr<const MoreObjects> more_;
  int64_t most_ = 1;   // objects of one picture
  int64_t usual_ = 1;  // the same, on average
  int64_t classes_ = 1;
};

}  // namespace graft::data
