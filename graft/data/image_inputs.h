#pragma once

#include "graft/data/decoded_pictures.h"

namespace graft::data {

/// Pictures: decoded, augmented and preprocessed by a Loader.
class ImageInputs final : public Inputs {
 public:
  /// `preprocess` must give pictures of one size.
  explicit ImageInputs(image::Preprocess preprocess) : preprocess_(std::move(preprocess)) {}

  std::unique_ptr<Batches> batches(const View& view, std::vector<int64_t> order, const Pass& pass,
                                   LoaderOptions options,
                                   std::shared_ptr<ThreadPool> pool) override;
  bool random() const override { return augmentation_.random(); }
  void set_augmentation(const Json& augment) override;
  nn::Flow example(int64_t samples) const override;
  void keep(const Dataset& data, int64_t bytes) override { decoded_.keep(data, bytes); }
  ReadCost try_reading(const View& view, int64_t samples,
                       const std::function<bool()>& stop) const override;

 private:
  image::Preprocess preprocess_;
  image::Augmentation augmentation_;
  DecodedPictures decoded_;
};

}  // namespace graft::data
