#include "graft/data/dataset.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/data/label_cell.h"
#include "graft/data/label_kind.h"
#include "graft/data/names.h"
#include "graft/data/replay.h"
#include "graft/data/split_files.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

/// Whether a folder may hold a file a split; other formats read folders in ways of their own.
bool reads_split_files(const std::string& format) {
  return format == "auto" || find_in(formats(), format, "data format").reads_files;
}

std::vector<Part> parts_of(const Options& options) {
  std::vector<Part> parts;
  if (options.is_set("path")) {
    const fs::path path = options.text("path");
    if (fs::is_directory(path) && reads_split_files(options.text("format")))
      parts = split_files(path);
    if (parts.empty()) parts.push_back({path, Split::none});
  }
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const std::string key = split_name(split);
    if (!options.is_set(key)) continue;
    if (options.is_set("path")) {
      fail_usage(
          "data.path and data.{} exclude each other; give either the path of all data or one a "
          "split",
          key);
    }
    parts.push_back({options.text(key), split});
  }
  if (parts.empty() ||
      (parts.front().split != Split::none && parts.front().split != Split::train)) {
    fail_usage(
        "data needs a path, or train (and validation, test); for instance data=photos or "
        "data.train=photos/train");
  }
  return parts;
}

/// A path that was given for one split counts whole, unless it holds that split among others.
void assign_split(Listing& listing, const Part& part) {
  if (part.split == Split::none) return;
  const std::set<Split> inside(listing.splits.begin(), listing.splits.end());
  if (inside.size() > 1) {
    if (!inside.contains(part.split)) {
      fail_unreadable("{} was given for data.{} and holds several splits, but not that one",
                      part.path.string(), split_name(part.split));
    }
    std::vector<bool> keep;
    keep.reserve(listing.splits.size());
    for (const Split split : listing.splits) keep.push_back(split == part.split);
    keep_samples(listing, keep);
  }
  std::fill(listing.splits.begin(), listing.splits.end(), part.split);
}

std::vector<std::string> all_classes(const std::vector<Listing>& listings) {
  std::set<std::string> names;
  for (const Listing& listing : listings)
    names.insert(listing.classes.begin(), listing.classes.end());
  std::vector<std::string> classes(names.begin(), names.end());
  const bool tags = listings.front().target == Target::token_classes;
  tags ? sort_tags(classes) : sort_names(classes);
  return classes;
}

std::vector<std::string> given_classes(const Options& options) {
  std::vector<std::string> classes;
  for (const Json& name : options.at("classes")) {
    classes.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  }
  const std::set<std::string> different(classes.begin(), classes.end());
  if (classes.empty() || different.size() != classes.size()) {
    fail_usage("data.classes must name at least one class, and none twice");
  }
  return classes;
}

SplitRule rule_of(const Options& options) {
  static const std::vector<Option> split_options = {
      number("validation", 0.15, "share that becomes validation when none is given")
          .between(0, 0.9),
      number("test", nullptr, "share that becomes test when none is given").between(0, 0.9)};
  const Options split(split_options, options.at("split"), "data.split");
  SplitRule rule;
  rule.validation = split.number("validation");
  if (split.is_set("test")) rule.test = split.number("test");
  if (options.is_set("folds")) rule.folds = static_cast<int>(options.integer("folds"));
  if (options.is_set("fold")) rule.fold = static_cast<int>(options.integer("fold"));
  if (options.is_set("fold") != options.is_set("folds")) {
    fail_usage(
        "data.folds (how many) and data.fold (which one, from 0) are given together or not at all");
  }
  rule.fraction = options.number("fraction");
  return rule;
}

LabelKind kind_of(const Options& options) {
  const std::string name = options.text("labels");
  return name == "regression" ? LabelKind::numbers
         : name == "classes"  ? LabelKind::classes
                              : LabelKind::automatic;
}

/// What all listings together are for.
Target settle_target(std::vector<Listing>& listings, const Options& options) {
  const auto count = [&](Target target) {
    return std::count_if(listings.begin(), listings.end(),
                         [&](const Listing& listing) { return listing.target == target; });
  };
  for (const auto& [target, what] : {std::pair{Target::next_token, "texts to continue"},
                                     {Target::token_classes, "words with tags"},
                                     {Target::similarity, "pairs of texts with a score"},
                                     {Target::retrieval, "texts that belong together"},
                                     {Target::boxes, "pictures with boxes"}}) {
    const auto some = count(target);
    if (some == static_cast<int64_t>(listings.size())) return target;
    if (some == 0) continue;
    fail_unreadable(
        "data: some of train, validation and test hold {}, others do not; give one kind", what);
  }
  if (settle_labels(listings, kind_of(options))) return Target::regression;
  return count(Target::multi_label) > 0 ? Target::multi_label : Target::single_label;
}

/// The texts that every sample has.
int64_t least_texts(const std::vector<Listing>& listings, std::vector<std::string>& notes) {
  int64_t least = listings.front().texts_a_sample;
  int64_t most = least;
  for (const Listing& listing : listings) {
    least = std::min(least, listing.texts_a_sample);
    most = std::max(most, listing.texts_a_sample);
  }
  if (least < most) {
    notes.push_back(fmt::format(
        "the splits have differing numbers of negatives a sample; {} of each are used, as many as "
        "all have",
        least - 2));
  }
  return least;
}

/// A class that is only measured, never learned, is nearly always a misnamed folder.
void check_learned(Dataset& dataset, bool folds) {
  const auto learned = dataset.train.class_counts(dataset.classes.size());
  for (const View* view : {&dataset.validation, &dataset.test}) {
    const auto measured = view->class_counts(dataset.classes.size());
    std::vector<std::string> missing;
    for (size_t c = 0; c < learned.size(); ++c) {
      if (measured[c] > 0 && learned[c] == 0) missing.push_back(dataset.classes[c]);
    }
    if (missing.empty()) continue;
    const char* name = view == &dataset.test ? "test" : "validation";
    // Of many objects in few pictures, rare ones often fall into one split.
    if (dataset.target == Target::boxes) {
      dataset.notes.push_back(fmt::format(
          "the {} split has boxes of class(es) that training lacks: {}", name, join_some(missing)));
      continue;
    }
    if (!folds) {
      fail_unreadable(
          "the {} split has {} class(es) that training lacks: {}; rename or remove them, or list "
          "the classes in data.classes{}",
          name, missing.size(), join_some(missing),
          dataset.target == Target::token_classes ? ": words with other tags then count as \"O\""
                                                  : "");
    }
    dataset.notes.push_back(
        fmt::format("all samples of {} are in the {} split of this fold: too few to divide",
                    join_some(missing), name));
  }
}

}  // namespace

const std::vector<Option>& data_options() {
  static const std::vector<Option> all = [] {
    std::vector<std::string> names = {"auto"};
    for (const Format& format : formats()) names.push_back(format.name);
    return std::vector<Option>{
        text("path", nullptr,
             "all data: an image folder, a table, a tar or IDX files; texts in a table, as JSON "
             "lines or in class folders"),
        text("format", "auto", "how the data are stored").one_of(names),
        text("train", nullptr, "data to train on, when the splits lie apart"),
        text("validation", nullptr, "data to choose by"),
        text("test", nullptr, "data to measure on, once"),
        any("columns", nullptr,
            "columns of a table: {path, label, split, root}, of boxes {path, xmin, ymin, xmax, "
            "ymax, "
            "label, split, root}, of texts {text, text_pair, label, "
            "split, id}, of texts that are compared {anchor, positive, negative, score, split, "
            "id}, of words with tags {word, tag} or {words, tags, text, entities, split, id}"),
        text("labels", "auto",
             "what labels of texts are: classes, or numbers that a regression learns; auto: "
             "numbers when one of them is not whole")
            .one_of({"auto", "classes", "regression"}),
        list("classes", nullptr,
             "the classes in their order; default: those that are there, by name"),
        any("split", nullptr,
            "shares of splits that are not given: {validation: 0.15, test: 0.15}"),
        integer("folds", nullptr, "divide all samples into that many stratified folds")
            .between(2, 1000),
        integer("fold", nullptr, "the fold that is the test split, from 0").at_least(0),
        number("fraction", 1.0, "share of each class of train that is used").between(0, 1),
        any("replay", nullptr,
            "earlier data, some of which are learned beside: a path, or a mapping such as this one "
            "with `samples`, how many of its train split")};
  }();
  return all;
}

namespace {

/// Labels that are taken for classes and hardly can be.
void note_odd_classes(Dataset& dataset) {
  const auto& names = dataset.classes;
  const int64_t samples = dataset.train.size() + dataset.validation.size() + dataset.test.size();
  if (names.size() == 1) {
    dataset.notes.push_back(
        fmt::format("all samples are of one class ({}): there is nothing to tell apart", names[0]));
    return;
  }
  constexpr size_t kSuspicious = 20;
  if (names.size() < kSuspicious || 2 * static_cast<int64_t>(names.size()) < samples) return;
  const auto word =
      std::ranges::find_if(names, [](const std::string& name) { return !number_in(name); });
  const bool numbers =
      std::ranges::count_if(names,
                            [](const std::string& name) { return number_in(name).has_value(); }) *
          2 >
      static_cast<std::ptrdiff_t>(names.size());
  dataset.notes.push_back(fmt::format(
      "{} samples have {} classes, hardly any of them twice{}", samples, names.size(),
      numbers && word != names.end()
          ? fmt::format(": most labels are numbers, but '{}' is none, so all are classes; mend it, "
                        "and they are learned as numbers",
                        *word)
          : "; are the labels meant to be classes?"));
}

}  // namespace

Dataset open_dataset(const Json& data, uint64_t seed) {
  const Options options(data_options(), data.is_string() ? Json{{"path", data}} : data, "data");
  const SplitRule rule = rule_of(options);
  const std::string format = options.text("format") == "auto" ? "" : options.text("format");
  const std::vector<Part> parts = parts_of(options);
  std::vector<Listing> listings;
  for (const Part& part : parts) {
    listings.push_back(open_listing(part.path, format, options.at("columns")));
    Listing& listing = listings.back();
    assign_split(listing, part);
    // Apart, "train/dress/1.jpg" and "test/dress/1.jpg" would have one id.
    if (parts.size() < 2) continue;
    const std::string prefix = std::string(split_name(part.split)) + "/";
    for (Sample& sample : listing.samples) {
      if (!sample.id.starts_with(prefix)) sample.id = prefix + sample.id;
    }
  }

  std::vector<std::string> notes;
  const Target target = settle_target(listings, options);
  const bool given = options.is_set("classes");
  if (given && target == Target::regression) {
    fail_usage(
        "data.classes has no meaning where labels are numbers (data.labels=classes makes "
        "classes of them)");
  }
  const bool compared = target == Target::similarity || target == Target::retrieval;
  if (given && (compared || target == Target::next_token)) {
    fail_usage("data.classes has no meaning where texts are {}: they have no classes",
               compared ? "compared" : "continued");
  }
  const std::vector<std::string> classes = given ? given_classes(options) : all_classes(listings);
  if (given && name_numbers(listings, classes)) {
    notes.emplace_back("the classes are numbers in the data and called as data.classes says");
  }
  std::set<std::string> empty;
  std::vector<Split> splits;
  int64_t left_out = 0;
  for (Listing& listing : listings) {
    if (given) left_out += keep_classes(listing, classes);
    notes.insert(notes.end(), listing.notes.begin(), listing.notes.end());
    splits.insert(splits.end(), listing.splits.begin(), listing.splits.end());
    for (const auto& name : listing.empty_classes) {
      if (std::find(classes.begin(), classes.end(), name) == classes.end()) empty.insert(name);
    }
  }
  if (splits.empty())
    fail_unreadable("no sample has a class of data.classes ({})", join_some(classes));
  if (left_out > 0) {
    notes.push_back(fmt::format(
        "{} {}", grouped(left_out),
        target == Target::token_classes
            ? "words have tags that data.classes does not list and count as \"O\""
        : target == Target::boxes
            ? "boxes of classes that data.classes does not list are left out; their pictures stay"
            : "samples of classes that data.classes does not list are left out"));
  }
  const int64_t texts = least_texts(listings, notes);
  Dataset dataset = make_dataset(join_listings(std::move(listings), classes), classes, splits,
                                 target, rule, seed);
  dataset.texts_a_sample = texts;
  dataset.notes.insert(dataset.notes.begin(), notes.begin(), notes.end());
  dataset.empty_classes.assign(empty.begin(), empty.end());
  if (target == Target::single_label) note_odd_classes(dataset);
  if (!given) check_learned(dataset, rule.folds > 1);
  if (options.is_set("replay")) open_replay(dataset, options.at("replay"), seed);
  return dataset;
}

}  // namespace graft::data
