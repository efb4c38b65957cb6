#pragma once

#include <array>
#include <string>
#include <vector>

#include "graft/image/filter.h"

namespace graft::image::detail {

/// Class attributes of an image processor of transformers 5.23: what a key means when it is absent.
struct Processor {
  const char* name;
  int side;            ///< of "size"
  bool shortest_edge;  ///< "size" is one side, not both; an old plain number means the same
  int crop;            ///< of "crop_size"
  bool center_crop;
  Filter filter;
  std::array<double, 3> mean;
  std::array<double, 3> std;
  bool normalize = true;  ///< "do_normalize"
};

const std::vector<Processor>& processors();

/// By class name, in any of its spellings (…Fast, …Pil, …FeatureExtractor); null when unknown.
const Processor* find_processor(const std::string& class_name);
/// The class that AutoImageProcessor takes for a model type; null when unknown.
const Processor* processor_of_model(const std::string& model_type);

}  // namespace graft::image::detail
