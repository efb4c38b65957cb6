#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graft/eval/box_match.h"

namespace graft::eval {

/// What a box that was found stands for.
enum class Fate : uint8_t {
  dropped,   ///< its score is too low
  right,     ///< an object of its class
  confused,  ///< an object of another class
  ignored,   ///< a crowd or a difficult object of its class
  alone      ///< no object that another box does not have already
};

/// The boxes and the objects of one picture, put together.
struct BoxPairs {
  static constexpr int kNone = -1;

  std::vector<Fate> fates;     ///< of each box
  std::vector<int> object_of;  ///< of each box: the position of its object, or kNone
  std::vector<int> box_of;     ///< of each object: the position of its box, or kNone

  /// An object that must be found, and no box stands for it.
  bool is_missed(const std::vector<TrueBox>& truth, size_t object) const;
};

/// Keeps the boxes with at least `least` as score and pairs them with objects that they overlap by
/// at least 0.5, the best score first: all with objects of their own class, by COCO's rule
/// (box_match.h), and only then those that are left with the objects that are left, whatever their
/// class. So what is `right` here is what precision and recall count at that score, and a box of a
/// wrong class takes no object away from one of the right class.
BoxPairs pair_boxes(const std::vector<TrueBox>& truth, const std::vector<FoundBox>& found,
                    double least);

}  // namespace graft::eval
