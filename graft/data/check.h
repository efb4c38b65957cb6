#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/data/dataset.h"

namespace graft::data {

/// A sample as people know it.
struct Place {
  Split split = Split::none;
  std::string id;
  std::vector<int> labels;
};

struct Unreadable {
  Place place;
  std::string reason;
};

/// Pictures that are equal, or look alike; texts that are equal.
struct Twins {
  std::vector<Place> places;
  std::string excerpt;         ///< how the text begins; empty for pictures
  bool across_splits = false;  ///< what is measured was also learned
  bool different_labels = false;
};

struct ClassCount {
  std::string name;
  int64_t train = 0, validation = 0, test = 0;
};

/// What is to be said of pictures with boxes.
struct BoxReport {
  std::vector<ClassCount> classes;  ///< boxes, where CheckReport::classes counts pictures
  int64_t boxes = 0, crowds = 0, difficult = 0;
  int64_t small = 0, medium = 0, large = 0;  ///< COCO's size classes: 32 x 32, 96 x 96 pixels
  float min_side = 0, median_side = 0, max_side = 0;  ///< square roots of the boxes' areas, pixels
  int64_t dropped_boxes = 0, cut_boxes = 0;           ///< see Sample
  std::vector<Place> dropped, cut;
  std::vector<Place> outside;   ///< boxes leave the picture, which is not as large as the data say
  std::vector<Place> repeated;  ///< a box stands there twice
  std::vector<Place> bare;      ///< no box at all
};

/// What is wrong, or worth knowing, about data before anything is trained on them.
struct CheckReport {
  static constexpr int kTinySide = 32;  ///< a shorter side below it is called tiny
  static constexpr double kOddProportion =
      4;  ///< a longer side of more times the shorter one is called odd

  static constexpr int kShortText = 3;      ///< a text of fewer characters is called short
  static constexpr int kLongText = 10'000;  ///< one of more is called long

  Content content = Content::images;
  int64_t samples = 0;
  std::vector<ClassCount> classes;
  std::vector<std::string>
      empty_classes;     ///< named by the source or by `classes`, without any sample to train on
  double imbalance = 1;  ///< largest / smallest class that train has
  std::vector<Unreadable> unreadable;
  std::vector<Twins> duplicates;  ///< groups of pictures whose pixels are equal, or of texts that
                                  ///< differ in white space only
  std::vector<Twins>
      look_alikes;  ///< groups that differ little: scaled, recompressed, taken in one series
  std::vector<Place> tiny, odd;
  int min_side = 0, median_side = 0, max_side = 0;  ///< of the shorter sides, pixels
  std::vector<Place> short_texts, long_texts;
  int64_t min_characters = 0, median_characters = 0,
          max_characters = 0;  ///< of both texts of a pair
  bool records = false;        ///< for a language model: `classes` is one row "records"
  bool pairs = false;          ///< of texts that are compared: `classes` is one row "pairs"
  bool values = false;         ///< of a regression (`classes` is one row "value") and scored pairs
  bool tagged = false;         ///< words have classes: `classes` counts words, and there are
  int64_t words = 0, entities = 0;
  /// Entities that begin with a tag which says that one goes on (I-X): all, as IOB1 has it, or by
  /// mistake, then in these texts.
  int64_t without_beginning = 0;
  std::vector<Place> ill_formed;
  std::optional<BoxReport> boxes;  ///< of pictures with boxes
  float min_value = 0, median_value = 0, max_value = 0;
  std::vector<std::string> notes;  ///< of the dataset

  /// One sentence each for what should be mended before training: unreadable files, duplicates
  /// across splits or with different labels, empty classes, strong imbalance (above 10). Empty when
  /// all is well.
  std::vector<std::string> problems() const;
  /// Lists are cut at kListed entries; "counts" has their whole lengths.
  Json json() const;
  static constexpr size_t kListed = 1000;
  /// For people: counts, then problems, then examples (at most `examples` of a kind).
  std::string text(size_t examples = 5) const;
};

/// Decodes every picture, or reads every text, of the three splits once, with `threads` threads.
/// `progress(done, all)` is called now and then, from those threads one at a time; it may be empty.
CheckReport check(const Dataset& dataset, int threads,
                  const std::function<void(int64_t done, int64_t all)>& progress = {});

}  // namespace graft::data
