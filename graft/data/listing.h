#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/target.h"
#include "graft/data/sample.h"
#include "graft/data/source.h"

namespace graft::data {

/// What a format found at a path, before several of them become one dataset.
struct Listing {
  std::vector<std::string> classes;  ///< `Sample::labels` are positions in it
  std::vector<Sample> samples;
  std::vector<Split> splits;  ///< one a sample
  Target target = Target::single_label;
  bool multi_label() const { return target == Target::multi_label; }
  /// The labels are numbers, not all of them whole: `Sample::value` is what is learned, `labels`
  /// are empty and `classes` is {"value"}. Whole numbers are classes, and values too.
  bool regression() const { return target == Target::regression; }
  /// Texts of a sample that are read one by one: of pairs that are compared 2, and their negatives.
  int64_t texts_a_sample = 1;
  std::function<image::Image(int64_t)> load;  ///< as Source::load; empty where samples are texts
  std::function<Text(int64_t)> text;          ///< as Source::text; empty where they are pictures
  std::vector<std::string> empty_classes;     ///< named by the source, without any sample
  std::vector<std::string> notes;             ///< what was left out, one sentence each
};

/// The listings one after the other as one source; the labels are positions in `classes`, and
/// samples with a class that is not there must have been removed (see `keep_classes`). Listings of
/// pictures and of texts do not go together (exit code 3).
std::shared_ptr<const Source> join_listings(std::vector<Listing> listings,
                                            const std::vector<std::string>& classes);

/// Removes samples that have no class of `classes` (and, of several labels, those that are not
/// there). Returns how many samples were removed. Of words that have classes none is removed: those
/// whose class is not there become "O", and how many they are is returned; without "O" in `classes`
/// that is an error (exit code 2). Of pictures with boxes none is removed either, but boxes are,
/// and how many is returned.
int64_t keep_classes(Listing& listing, const std::vector<std::string>& classes);

/// Removes the samples for which `keep` is false; the others keep their order.
void keep_samples(Listing& listing, const std::vector<bool>& keep);

}  // namespace graft::data
