#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "graft/data/check.h"
#include "graft/image/codec.h"

namespace graft::data {

/// The samples of all splits in one row: what checks of pictures and of texts share.
class CheckedSamples {
 public:
  explicit CheckedSamples(const Dataset& dataset);

  int64_t size() const { return static_cast<int64_t>(items_.size()); }
  int64_t index(int64_t i) const {
    return items_[static_cast<size_t>(i)].index;
  }  ///< in the source
  const Source& source() const { return *set_.train.source; }
  Place place(int64_t i) const;
  Twins twins(const std::vector<int64_t>& group) const;
  /// Groups of two and more with equal prints, as they come; {0, 0} is equal to nothing.
  std::vector<std::vector<int64_t>> equal_groups(
      const std::vector<std::array<uint64_t, 2>>& prints) const;
  /// Counts, classes, values and notes.
  void describe(CheckReport& report) const;
  /// Calls `task` for each sample from `threads` threads, and `progress` now and then.
  void for_each(int threads, const std::function<void(int64_t done, int64_t all)>& progress,
                const std::function<void(int64_t i)>& task) const;

 private:
  struct Item {
    Split split;
    int64_t index;
  };

  void count_classes(CheckReport& report) const;
  void measure_values(CheckReport& report) const;

  const Dataset& set_;
  std::vector<Item> items_;
};

/// Words, entities and ill-formed sequences of tags, where words have classes.
void check_words(const CheckedSamples& samples, const std::vector<std::string>& classes,
                 CheckReport& report);

/// What is wrong with boxes. `sizes` are those of the decoded pictures, 0 x 0 where one cannot be
/// read.
BoxReport check_boxes(const CheckedSamples& samples, const std::vector<std::string>& classes,
                      const std::vector<image::Dimensions>& sizes);

/// `check` for a data set of texts.
CheckReport check_texts(const Dataset& dataset, int threads,
                        const std::function<void(int64_t done, int64_t all)>& progress);

}  // namespace graft::data
