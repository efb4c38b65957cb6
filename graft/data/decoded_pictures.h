#pragma once

#include <map>
#include <memory>

#include "graft/data/image_cache.h"
#include "graft/data/inputs.h"

namespace graft::data {

/// The decoded pictures of a data set's sources, as far as a bound allows to keep them.
class DecodedPictures {
 public:
  /// Forgets what is kept; 0 bytes keep nothing.
  void keep(const Dataset& data, int64_t bytes);
  /// Null where nothing is kept.
  std::shared_ptr<ImageCache> of(const Source* source) const;

 private:
  std::map<const Source*, std::shared_ptr<ImageCache>> caches_;
};

/// What it took to read one sample: the first time, again, and the bytes that keeping it takes.
struct OneRead {
  double first_s = 0, again_s = 0;
  double bytes = 0;
};

/// Inputs::try_reading by a function that reads the sample at a position of the view.
ReadCost median_cost(const View& view, int64_t samples, const std::function<bool()>& stop,
                     const std::function<OneRead(int64_t position)>& read);

}  // namespace graft::data
