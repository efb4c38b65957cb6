#include <algorithm>
#include <tuple>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/data/dataset.h"
#include "graft/data/names.h"
#include "graft/data/stratify.h"

namespace graft::data {
namespace {

/// Keeps the draws of one seed apart.
enum Purpose : uint64_t { kTestPart = 1, kValidationPart, kFolds, kFraction };

constexpr double kTestShare = 0.15;

class Divider {
 public:
  Divider(Dataset& dataset, const SplitRule& rule, uint64_t seed)
      : set_(dataset), rule_(rule), seed_(seed) {}

  void divide(View unsplit) {
    if (rule_.folds > 1) return into_folds(std::move(unsplit));
    const bool test_given = !set_.test.empty();
    const bool validation_given = !set_.validation.empty();
    append(set_.train, unsplit);
    const auto before = static_cast<double>(set_.train.size());
    const double test = rule_.test >= 0 ? rule_.test : validation_given ? 0 : kTestShare;
    if (!test_given && test > 0) set_.test = take(test, kTestPart);
    if (!validation_given && rule_.validation > 0 && !set_.train.empty()) {
      // Both shares are of the samples before anything was taken.
      const double left = static_cast<double>(set_.train.size()) / before;
      set_.validation = take(std::min(1.0, rule_.validation / left), kValidationPart);
    }
    say_what_was_made(!validation_given, !test_given);
    if (test_given && rule_.test > 0) {
      set_.notes.emplace_back("data.split.test has no effect: the test split is given");
    }
    keep_fraction();
  }

 private:
  static void append(View& view, const View& more) {
    view.indices.insert(view.indices.end(), more.indices.begin(), more.indices.end());
    std::sort(view.indices.begin(), view.indices.end());
  }

  std::vector<int> strata(const View& view) const { return view.strata(set_.classes.size()); }

  /// Moves a stratified part of train into a view of its own.
  View take(double fraction, Purpose purpose) {
    const auto part = stratified_part(strata(set_.train), fraction, hash_key({seed_, purpose}));
    View taken = set_.train.pick(part);
    std::vector<int64_t> rest;
    for (int64_t i = 0, next = 0; i < set_.train.size(); ++i) {
      if (next < static_cast<int64_t>(part.size()) && part[static_cast<size_t>(next)] == i) {
        ++next;
      } else {
        rest.push_back(i);
      }
    }
    set_.train = set_.train.pick(rest);
    return taken;
  }

  void into_folds(View all) {
    for (const View* view : set_.views()) append(all, *view);
    if (all.size() < rule_.folds) {
      fail_usage("data.folds is {}, but there are only {} samples", rule_.folds, all.size());
    }
    const auto folds = stratified_folds(strata(all), rule_.folds, hash_key({seed_, kFolds}));
    std::vector<int64_t> inside;
    std::vector<int64_t> outside;
    for (int64_t i = 0; i < all.size(); ++i) {
      (folds[static_cast<size_t>(i)] == rule_.fold ? inside : outside).push_back(i);
    }
    set_.test = all.pick(inside);
    set_.train = all.pick(outside);
    set_.validation = take(rule_.validation, kValidationPart);
    set_.notes.push_back(
        fmt::format("fold {} of {} (counted from 0): all {} samples in stratified folds (seed {}), "
                    "{} are the test split, {} of the "
                    "rest ({:.0f} %, stratified) validation",
                    rule_.fold, rule_.folds, grouped(all.size()), seed_, grouped(set_.test.size()),
                    grouped(set_.validation.size()), 100 * rule_.validation));
    keep_fraction();
  }

  /// How samples were drawn.
  const char* manner() const {
    if (set_.target == Target::token_classes) return "stratified by the rarest tag of each text";
    return set_.classes.empty() ? "at random" : "a random part of each class";
  }

  void say_what_was_made(bool own_validation, bool own_test) {
    std::string made;
    int64_t before = set_.train.size();
    for (const auto& [own, view, name] :
         {std::tuple{own_validation, &set_.validation, "validation"},
          std::tuple{own_test, &set_.test, "test"}}) {
      if (!own || view->empty()) continue;
      made += fmt::format("{}{} ({} samples)", made.empty() ? "" : " and ", name,
                          grouped(view->size()));
      before += view->size();
    }
    if (!made.empty()) {
      set_.notes.push_back(
          fmt::format("{} taken out of the {} samples to train on, {} (seed {}); {} are left", made,
                      grouped(before), manner(), seed_, grouped(set_.train.size())));
    }
    if (set_.test.empty()) {
      set_.notes.emplace_back(
          "there is no test split: what is measured is validation, which also chooses");
    }
    if (set_.validation.empty()) {
      set_.notes.emplace_back(
          "there is no validation split: nothing can be chosen or stopped by it");
    }
  }

  void keep_fraction() {
    if (rule_.fraction >= 1) return;
    const int64_t before = set_.train.size();
    const auto kept = stratified_kept(rule_.fraction);
    set_.train = set_.train.pick(kept);
    set_.notes.push_back(
        fmt::format("data.fraction {}: {} of the {} samples of train are used, {} (seed {})",
                    rule_.fraction, grouped(set_.train.size()), grouped(before), manner(), seed_));
  }

  /// Every class keeps one sample at least; a smaller fraction's part lies inside a larger one's.
  std::vector<int64_t> stratified_kept(double fraction) const {
    const auto groups = strata(set_.train);
    auto members = members_of(groups, static_cast<int>(set_.classes.size()) + 1);
    std::vector<int64_t> kept;
    for (size_t c = 0; c < members.size(); ++c) {
      if (members[c].empty()) continue;
      Rng(hash_key({seed_, kFraction, c})).shuffle(members[c]);
      const auto n = static_cast<double>(members[c].size());
      const auto count = std::max<int64_t>(1, std::llround(fraction * n));
      kept.insert(kept.end(), members[c].begin(), members[c].begin() + count);
    }
    std::sort(kept.begin(), kept.end());
    return kept;
  }

  Dataset& set_;
  const SplitRule& rule_;
  uint64_t seed_;
};

void check_rule(const SplitRule& rule) {
  if (rule.validation < 0 || rule.validation + std::max(0.0, rule.test) >= 1) {
    fail_usage(
        "data.split: validation ({}) and test ({}) must be shares from 0 that leave something to "
        "train on",
        rule.validation, std::max(0.0, rule.test));
  }
  if (rule.folds != 0 && (rule.folds < 2 || rule.fold < 0 || rule.fold >= rule.folds)) {
    fail_usage(
        "data.fold must be from 0 to data.folds - 1, and data.folds at least 2; got fold {} of {}",
        rule.fold, rule.folds);
  }
  if (!(rule.fraction > 0 && rule.fraction <= 1)) {
    fail_usage("data.fraction must be above 0 and at most 1, got {}", rule.fraction);
  }
}

}  // namespace

Dataset make_dataset(const std::shared_ptr<const Source>& source, std::vector<std::string> classes,
                     const std::vector<Split>& splits, Target target, const SplitRule& rule,
                     uint64_t seed) {
  GRAFT_ASSERT(splits.empty() || static_cast<int64_t>(splits.size()) == source->size());
  check_rule(rule);
  Dataset dataset;
  dataset.classes = std::move(classes);
  dataset.target = target;
  if (dataset.pairs()) dataset.texts_a_sample = 2;
  View unsplit{source, {}};
  for (View* view : {&dataset.train, &dataset.validation, &dataset.test}) view->source = source;
  for (int64_t i = 0; i < source->size(); ++i) {
    const Split split = splits.empty() ? Split::none : splits[static_cast<size_t>(i)];
    View& view = split == Split::train        ? dataset.train
                 : split == Split::validation ? dataset.validation
                 : split == Split::test       ? dataset.test
                                              : unsplit;
    view.indices.push_back(i);
  }
  Divider(dataset, rule, seed).divide(std::move(unsplit));
  if (dataset.train.empty()) fail_unreadable("there are no samples to train on");
  return dataset;
}

}  // namespace graft::data
