#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace graft::eval {

/// A box as COCO's files have it, in pixels: the corner with the smallest coordinates, and the
/// sides. In doubles and not as an image::Box, because the last bits of an overlap decide whether
/// it reaches a threshold.
struct MeasuredBox {
  double x = 0, y = 0, width = 0, height = 0;
  double area() const { return width * height; }
};

/// An object that is there.
struct TrueBox {
  MeasuredBox box;
  int label = 0;
  double area = 0;     ///< as the data say; it decides the size class (of COCO it is the mask's)
  bool crowd = false;  ///< stands for many objects: any number of boxes inside it are ignored
  bool difficult = false;  ///< need not be found: one box on it is ignored (VOC)
  bool must_be_found() const { return !crowd && !difficult; }
};

/// A box that a detector gave.
struct FoundBox {
  MeasuredBox box;
  int label = 0;
  double score = 0;
};

/// Objects that are marked in one picture, and the boxes that were found in it.
struct PictureBoxes {
  std::vector<TrueBox> truth;
  std::vector<FoundBox> found;

  /// Its part of each class that has any, in their order.
  std::map<int, PictureBoxes> by_class() const;
};

/// Intersection over union; over the area of `found` alone where the truth is a crowd. 0 where the
/// boxes do not meet.
double overlap(const MeasuredBox& found, const MeasuredBox& truth, bool crowd);

/// The overlaps at which COCO measures, 0.50 to 0.95. The last bits are numpy's.
inline constexpr std::array<double, 10> kOverlaps = {
    0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95};

/// Objects by their area in pixels: all, below 32 x 32, up to 96 x 96, above.
enum class SizeClass : uint8_t { all, small, medium, large };
inline constexpr size_t kSizeClasses = 4;
/// Both bounds belong to a class, as in COCO's own measurement.
struct AreaRange {
  double low, high;
  bool contains(double area) const { return area >= low && area <= high; }
};
inline constexpr std::array<AreaRange, kSizeClasses> kAreaRanges = {
    {{0, 1e10}, {0, 32.0 * 32}, {32.0 * 32, 96.0 * 96}, {96.0 * 96, 1e10}}};

/// What became of one box that was found. Bit t of `hit` and `ignored` speaks of kOverlaps[t].
struct Verdict {
  double score = 0;
  std::array<uint16_t, kSizeClasses> hit{};      ///< it has an object of its own
  std::array<uint16_t, kSizeClasses> ignored{};  ///< it counts neither as right nor as wrong
  bool voc_hit = false, voc_ignored = false;     ///< by the rules of Pascal VOC, at 0.5
};

/// Judges the boxes of one class in one picture, for each size class and each overlap. The result
/// is in order of falling score; equal scores keep their order.
///
/// COCO (Lin et al. 2014, as pycocotools 2.0.11): the best-scored box takes the object with the
/// highest overlap of those that are free and of this size class, else one that is ignored (a
/// crowd, a difficult one, or one of another size); what takes an ignored object is ignored itself,
/// and so is what takes none and is of another size.
///
/// Pascal VOC (Everingham et al. 2010, VOCevaldet.m): a box belongs to the object with the highest
/// overlap, free or not; a second box on it is wrong, and one on a difficult object is ignored.
std::vector<Verdict> judge(const std::vector<TrueBox>& truth, const std::vector<FoundBox>& found);

}  // namespace graft::eval
