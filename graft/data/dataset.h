#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"
#include "graft/base/options.h"
#include "graft/base/target.h"
#include "graft/data/source.h"

namespace graft::data {

/// Some samples of a source, in a fixed order. Positions in a view are what orders and batches
/// speak of; `indices` says which samples of the source they are.
struct View {
  std::shared_ptr<const Source> source;
  std::vector<int64_t> indices;

  int64_t size() const { return static_cast<int64_t>(indices.size()); }
  bool empty() const { return indices.empty(); }
  /// Position → sample of the source.
  int64_t index(int64_t position) const { return indices[static_cast<size_t>(position)]; }
  const Sample& sample(int64_t position) const { return source->sample(index(position)); }
  /// The first label, -1 when there is none.
  int label(int64_t position) const;
  std::vector<int> labels() const;
  image::Image load(int64_t position) const { return source->load(index(position)); }
  Text text(int64_t position) const { return source->text(index(position)); }
  /// Samples that carry each class; a sample with several labels counts for each. Where words have
  /// classes it is words that count.
  std::vector<int64_t> class_counts(size_t classes) const;
  /// What stratification goes by: the label; of several the one that is rarest in this view; the
  /// number `classes` where there is none.
  std::vector<int> strata(size_t classes) const;
  /// The samples at `positions` of this view.
  View pick(const std::vector<int64_t>& positions) const;
};

/// Labelled pictures or texts in three disjoint parts. Without a test part `test` is empty:
/// validation is then the only measure, and it is optimistic because it also chooses.
struct Dataset {
  std::vector<std::string> classes;
  /// Of a regression `Sample::value` is learned; no labels, `classes` is {"value"}. Of similarity
  /// it is how alike the two texts are, and there are no classes. Where tokens, preferences or what
  /// belongs together are learned there are neither values nor labels.
  Target target = Target::single_label;
  /// Texts of a sample that a model reads one by one: 2 of pairs that are compared, and more with
  /// negatives (Text).
  int64_t texts_a_sample = 1;
  View train, validation, test;
  std::vector<std::string>
      empty_classes;               ///< named by the source, without any picture; not in `classes`
  std::vector<std::string> notes;  ///< what was decided and left out, one sentence each

  bool multi_label() const { return target == Target::multi_label; }
  bool regression() const { return target == Target::regression; }
  /// Samples are records that a language model learns: answers, or which of two is better.
  bool language() const { return target == Target::next_token || preference(); }
  bool preference() const { return target == Target::preference; }
  /// The words of a sample have classes, `Sample::labels` one each.
  bool token_classes() const { return target == Target::token_classes; }
  /// Samples are texts that are compared: how alike they are, or what belongs together.
  bool pairs() const { return target == Target::similarity || target == Target::retrieval; }
  /// Samples are pictures in which objects are marked (Sample::boxes).
  bool boxes() const { return target == Target::boxes; }
  std::vector<const View*> views() const { return {&train, &validation, &test}; }
};

/// How the parts that are not given are made. All draws are stratified by class and depend on the
/// seed only.
struct SplitRule {
  double validation = 0.15;  ///< share of the samples that are divided
  double test = -1;          ///< the same; below 0: 0.15 when nothing is given but one unsplit set
  int folds = 0;        ///< > 1: all samples together in stratified folds; fold `fold` is the test
  int fold = 0;         ///< from 0; validation is a share of the rest
  double fraction = 1;  ///< a stratified part of train that is kept; validation and test stay whole
};

/// The keys of `data` (a mapping), for validation and documentation.
const std::vector<Option>& data_options();

/// Opens what `data` says: the text of a path, or a mapping with the keys
///
///     path | train, validation, test   where the samples lie (a folder may hold train.tar.gz, …)
///     format           auto, or the name of a format
///     columns          {path, label, split, root}, for boxes {xmin, ymin, xmax, ymax, …}, for
///     texts {text, text_pair, label, split, id} labels           auto | classes | regression
///     classes          the classes in their order; samples of others are left out. Names for the
///                      classes 0, 1, … when the data have numbers
///     split            {validation: 0.15, test: 0.15}
///     folds, fold      k-fold: fold i of k is the test split
///     fraction         share of train that is kept
///     replay           earlier data to learn beside (replay.h)
///
/// Given splits are used. Of one unsplit set 70 / 15 / 15 % become train, validation and test;
/// where only validation is missing, 15 % of train become it; where only test is missing, there is
/// none. Classes are sorted by name unless given. Errors: no data and damaged data (exit code 3), a
/// class in validation or test that training lacks (3), wrong keys (2).
Dataset open_dataset(const Json& data, uint64_t seed);

/// The same for a source of one's own: divides `source` by `rule`. `splits` has one entry a sample,
/// or none at all when nothing is given. Of pairs that are compared two texts of a sample count,
/// unless the caller sets Dataset::texts_a_sample.
Dataset make_dataset(const std::shared_ptr<const Source>& source, std::vector<std::string> classes,
                     const std::vector<Split>& splits, Target target, const SplitRule& rule,
                     uint64_t seed);

}  // namespace graft::data
