#include "graft/models/box_truth.h"

#include <torch/types.h>

#include "graft/base/error.h"

namespace graft::models {

std::vector<std::vector<Truth>> usable_truth(const std::vector<std::vector<Truth>>& truth,
                                             image::Dimensions input, int64_t classes,
                                             int64_t& skipped) {
  const image::Box all{0, 0, static_cast<float>(input.width), static_cast<float>(input.height)};
  std::vector<std::vector<Truth>> kept(truth.size());
  for (size_t i = 0; i < truth.size(); ++i) {
    for (const Truth& one : truth[i]) {
      GRAFT_ASSERT(one.label >= 0 && one.label < classes);
      const image::Box box = image::intersection(one.box, all);
      // False of NaN, too.
      if (box.width() > 0 && box.height() > 0)
        kept[i].push_back({box, one.label});
      else
        ++skipped;
    }
  }
  return kept;
}

std::vector<std::vector<Truth>> truth_in(const at::Tensor& objects) {
  const at::Tensor table = objects.detach().to(at::kCPU, at::kFloat).contiguous();
  const auto rows = table.accessor<float, 3>();
  std::vector<std::vector<Truth>> truth(static_cast<size_t>(rows.size(0)));
  for (int64_t i = 0; i < rows.size(0); ++i) {
    for (int64_t k = 0; k < rows.size(1); ++k) {
      const auto row = rows[i][k];
      if (row[4] >= 0)
        truth[static_cast<size_t>(i)].push_back(
            {{row[0], row[1], row[2], row[3]}, static_cast<int>(row[4])});
    }
  }
  return truth;
}

}  // namespace graft::models
