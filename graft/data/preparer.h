#pragma once

#include <memory>

#include "graft/data/loader.h"
#include "graft/data/sample_writer.h"

namespace graft::data {

/// Pictures that are classified: "pixels" [B, 3, H, W] float32, channels last.
class Preparer final : public SampleWriter {
 public:
  Preparer(View view, Transform transform, std::shared_ptr<ImageCache> cache);

  nn::Flow room(int64_t samples) const override;
  void write(int64_t position, uint32_t visit, const nn::Flow& batch, int64_t row) const override;

 private:
  /// The picture as the random part begins with it, from the cache where it is there.
  std::shared_ptr<const image::Image> start(int64_t position) const;

  View view_;
  Transform transform_;
  std::shared_ptr<ImageCache> cache_;
  image::Dimensions size_;
  bool random_;
  bool whole_;  // the random part begins with the whole picture, not with the preprocessed one
  uint64_t kind_;
};

/// Room for "pixels" of one size; a preprocessing whose pictures differ in size is an error (exit
/// code 2).
at::Tensor empty_pixels(int64_t samples, image::Dimensions size);
image::Dimensions fixed_size(const image::Preprocess& preprocess);
/// Where row i of a batch begins.
float* row_of(const at::Tensor& tensor, int64_t row);

}  // namespace graft::data
