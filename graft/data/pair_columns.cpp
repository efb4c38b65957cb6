#include "graft/data/pair_columns.h"

#include <algorithm>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/text_columns.h"

namespace graft::data {
namespace {

using Names = std::vector<std::string>;
using NamePairs = std::vector<std::pair<std::string, std::string>>;

// Tried in this order, in the spelling that plain_name gives; those of text_columns.h follow.
const NamePairs kCertain = {{"anchor", "positive"},
                            {"query", "positive"},
                            {"question", "positive"},
                            {"query", "pos"}};  // FlagEmbedding
const NamePairs kAnswered = {
    {"query", "answer"}, {"question", "answer"}, {"query", "response"},    {"question", "response"},
    {"sent0", "sent1"},  {"title", "abstract"},  {"title", "description"}, {"title", "body"}};
const Names kNegatives = {"negative", "negatives", "neg", "hard_neg", "hard_negative"};
const Names kScores = {
    "score", "scores", "similarity",  "similarity_score", "relatedness_score", "similarity_label",
    "label", "labels", "is_duplicate"};

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// "negative", and "negative_1", "negative_2" …
bool is_negative(const std::string& plain) {
  const size_t end = plain.find_last_not_of("0123456789");
  if (end == std::string::npos) return false;
  const bool numbered = end + 1 < plain.size() && plain[end] == '_';
  return contains(kNegatives, numbered ? plain.substr(0, end) : plain);
}

class Finder {
 public:
  Finder(const Names& names, const Options& options, const std::string& where)
      : names_(names), options_(options), where_(where) {
    for (const auto& name : names) plain_.push_back(plain_name(name));
  }

  PairColumns find() const {
    PairColumns found;
    find_pair(found);
    found.negatives = options_.is_set("negative") ? given_list("negative") : negatives();
    found.score = options_.is_set("score") ? given("score") : usual_score(found);
    return found;
  }

 private:
  void find_pair(PairColumns& found) const {
    if (options_.is_set("anchor") != options_.is_set("positive")) {
      fail_usage("data.columns: anchor and positive are named together or not at all");
    }
    if (options_.is_set("anchor")) {
      found.anchor = given("anchor");
      found.positive = given("positive");
      return;
    }
    for (const NamePairs* pairs : {&kCertain, &kAnswered, &usual_text_pairs()}) {
      for (const auto& [first, second] : *pairs) {
        found.anchor = called(first);
        found.positive = called(second);
        if (!found.anchor.empty() && !found.positive.empty()) return;
      }
    }
    fail_unreadable(
        "{} has no two columns with usual names for texts that belong together or are compared "
        "(anchor and positive, query and answer, sentence1 and sentence2, …); name them in "
        "data.columns.anchor and data.columns.positive; the columns are: {}",
        where_, listed());
  }

  Names negatives() const {
    Names found;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (is_negative(plain_[i])) found.push_back(names_[i]);
    }
    return found;
  }

  /// The name in the data of a plain one; empty when there is none.
  std::string called(const std::string& plain) const {
    const auto place = std::find(plain_.begin(), plain_.end(), plain);
    return place == plain_.end() ? "" : names_[static_cast<size_t>(place - plain_.begin())];
  }

  std::string usual_score(const PairColumns& found) const {
    for (const auto& plain : kScores) {
      const std::string name = called(plain);
      const bool taken = name == found.anchor || name == found.positive;
      if (!name.empty() && !taken && !contains(found.negatives, name)) return name;
    }
    return "";
  }

  std::string given(const std::string& key) const { return there(key, options_.text(key)); }

  Names given_list(const std::string& key) const {
    Names found;
    for (const auto& name : options_.texts(key)) found.push_back(there(key, name));
    return found;
  }

  std::string there(const std::string& key, const std::string& name) const {
    if (!contains(names_, name)) {
      fail_unreadable("{} has no column '{}' (data.columns.{}){}; its columns are: {}", where_,
                      printable(name), key, did_you_mean(name, names_), listed());
    }
    return name;
  }

  std::string listed() const { return printable(join_some(names_)); }

  const Names& names_;
  const Options& options_;
  const std::string& where_;
  Names plain_;
};

}  // namespace

std::vector<Option> pair_column_options() {
  return {text("anchor", nullptr,
               "field with the text that is compared; default: anchor, query, question, sentence1, "
               "…"),
          text("positive", nullptr,
               "field with what belongs to it, or is compared with it; default: positive, answer, "
               "passage, sentence2, … beside its anchor"),
          list("negative", nullptr,
               "field or fields with texts that are like the positive but do not belong to the "
               "anchor; default: negative, negative_1, negative_2, …"),
          text("score", nullptr,
               "field with how alike the two are, a number; default: score, similarity, "
               "relatedness_score, label, … Without one the two belong together"),
          text("split", nullptr,
               "field with train, validation or test; default: split when it says one of them"),
          text("id", nullptr, "field with a name for the record; default: its line")};
}

bool names_pairs(const Names& names) {
  Names plain;
  for (const auto& name : names) plain.push_back(plain_name(name));
  return std::any_of(kCertain.begin(), kCertain.end(), [&](const auto& pair) {
    return contains(plain, pair.first) && contains(plain, pair.second);
  });
}

PairColumns find_pair_columns(const Names& names, const Options& options,
                              const std::string& where) {
  return Finder(names, options, where).find();
}

}  // namespace graft::data
