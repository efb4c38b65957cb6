#include "graft/data/text_columns.h"

#include <algorithm>
#include <array>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data {
namespace {

using Names = std::vector<std::string>;

// Tried in this order, in the spelling that plain_name gives.
const std::vector<std::pair<std::string, std::string>> kPairs = {
    {"sentence1", "sentence2"},   {"sentence_a", "sentence_b"}, {"premise", "hypothesis"},
    {"question1", "question2"},   {"question", "context"},      {"question", "sentence"},
    {"question", "passage"},      {"query", "passage"},         {"query", "document"},
    {"text", "text_pair"},        {"text1", "text2"},           {"text_a", "text_b"},
    {"sentence_1", "sentence_2"}, {"text_1", "text_2"}};
const Names kTitles = {"title", "headline", "subject"};
const Names kBodies = {"description", "content", "body", "abstract"};
const Names kTexts = {"text",         "sentence", "review",      "content",   "comment",
                      "comment_text", "tweet",    "message",     "body",      "document",
                      "question",     "query",    "description", "utterance", "review_body",
                      "headline",     "title"};
const Names kLabels = {"label",
                       "labels",
                       "class",
                       "class_name",
                       "class_index",
                       "category",
                       "categories",
                       "tag",
                       "tags",
                       "sentiment",
                       "emotion",
                       "emotions",
                       "intent",
                       "topic",
                       "gold_label",
                       "entailment_judgment",
                       "entailment_label",
                       "is_duplicate",
                       "target",
                       "stars",
                       "rating",
                       "score",
                       "similarity_score",
                       "relatedness_score",
                       "value"};
const Names kSplits = {"split", "set", "subset"};
const Names kIds = {"",    "id",      "idx",         "index",     "guid",
                    "uid", "pair_id", "sentence_id", "unnamed:_0"};

class Finder {
 public:
  Finder(const Names& names, const Options& options, const std::string& where, bool labelled)
      : names_(names), options_(options), where_(where), labelled_(labelled) {
    for (const auto& name : names) plain_.push_back(plain_name(name));
  }

  TextColumns find() {
    if (options_.is_set("split")) columns_.split = given("split", options_.at("split"));
    if (options_.is_set("id")) columns_.id = given("id", options_.at("id"));
    if (labelled_ && options_.is_set("label")) columns_.labels = given_list("label");
    find_texts();
    if (!columns_.split) columns_.split = usual(kSplits);
    if (labelled_) find_labels();
    return columns_;
  }

 private:
  void find_texts() {
    if (options_.is_set("text_pair")) columns_.pair = given("text_pair", options_.at("text_pair"));
    if (options_.is_set("text")) {
      columns_.text = given_list("text");
      return;
    }
    if (!columns_.pair && (find_pair() || find_title())) return;
    auto text = usual(kTexts);
    if (!text) text = only_unknown();
    if (!text) {
      fail_unreadable(
          "{} has no column with a usual name for texts; name it in data.columns.text; the columns "
          "are: {}",
          where_, listed());
    }
    columns_.text = {*text};
  }

  /// The one column that is nothing else, whatever it is called.
  std::optional<size_t> only_unknown() const {
    std::optional<size_t> found;
    for (size_t i = 0; i < names_.size(); ++i) {
      const bool known = std::ranges::any_of(
          std::array{&kIds, &kSplits, &kLabels},
          [&](auto* list) { return std::ranges::find(*list, plain_[i]) != list->end(); });
      if (known || taken(i)) continue;
      if (found) return std::nullopt;
      found = i;
    }
    return found;
  }

  bool find_pair() {
    for (const auto& [first, second] : kPairs) {
      const auto a = called(first);
      const auto b = called(second);
      if (!a || !b || taken(*a) || taken(*b)) continue;
      columns_.text = {*a};
      columns_.pair = b;
      return true;
    }
    return false;
  }

  /// A title and its text belong together, unless a column is called text.
  bool find_title() {
    if (called("text")) return false;
    const auto title = usual(kTitles);
    const auto body = usual(kBodies);
    if (!title || !body) return false;
    columns_.text = {*title, *body};
    return true;
  }

  void find_labels() {
    if (!columns_.labels.empty()) return;
    if (const auto label = usual(kLabels)) {
      columns_.labels = {*label};
      return;
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      const bool id = std::find(kIds.begin(), kIds.end(), plain_[i]) != kIds.end();
      if (!taken(i) && !id) columns_.labels.push_back(i);
    }
    if (columns_.labels.size() == 1) return;
    fail_unreadable(
        "{} has {} with labels; name it in data.columns.label (a list of 0/1 columns for several "
        "labels); the columns are: {}",
        where_, columns_.labels.empty() ? "no column" : "no column that is surely the one",
        listed());
  }

  bool taken(size_t i) const {
    const auto among = [i](const std::vector<size_t>& list) {
      return std::find(list.begin(), list.end(), i) != list.end();
    };
    return among(columns_.text) || among(columns_.labels) || columns_.pair == i ||
           columns_.split == i || columns_.id == i;
  }

  std::optional<size_t> called(const std::string& name) const {
    const auto found = std::find(plain_.begin(), plain_.end(), name);
    if (found == plain_.end()) return std::nullopt;
    return static_cast<size_t>(found - plain_.begin());
  }

  std::optional<size_t> usual(const Names& wanted) const {
    for (const auto& name : wanted) {
      const auto found = called(name);
      if (found && !taken(*found)) return only(*found);
    }
    return std::nullopt;
  }

  std::vector<size_t> given_list(const std::string& key) const {
    const Json& value = options_.at(key);
    std::vector<size_t> found;
    if (!value.is_array()) return {given(key, value)};
    for (const Json& item : value) found.push_back(given(key, item));
    if (found.empty()) fail_usage("data.columns.{} is an empty list; name a column", key);
    return found;
  }

  size_t given(const std::string& key, const Json& value) const {
    if (value.is_number_integer()) {
      const auto position = value.get<int64_t>();
      if (position < 1 || position > static_cast<int64_t>(names_.size())) {
        fail_unreadable("{} has no column {} (data.columns.{}); it has {}, counted from 1", where_,
                        position, key, names_.size());
      }
      return static_cast<size_t>(position - 1);
    }
    if (!value.is_string()) {
      fail_usage("data.columns.{} must name a column, or give its position from 1; got {}", key,
                 value.dump());
    }
    const auto name = value.get<std::string>();
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      fail_unreadable("{} has no column '{}' (data.columns.{}){}; its columns are: {}", where_,
                      name, key, did_you_mean(name, names_), listed());
    }
    return only(static_cast<size_t>(found - names_.begin()));
  }

  /// Of two columns with one name nobody can tell which is meant.
  size_t only(size_t i) const {
    if (std::ranges::count(names_, names_[i]) == 1) return i;
    fail_unreadable(
        "{} has several columns called '{}', so which one is meant cannot be told; rename one, or "
        "give positions from 1 in data.columns; the columns are: {}",
        where_, printable(names_[i]), listed());
  }

  /// Cells of a file without a header can be whole texts.
  std::string listed() const {
    Names shown;
    for (const auto& name : names_) {
      shown.push_back(printable(name.size() > 40 ? name.substr(0, 40) + "…" : name));
    }
    return join_some(shown);
  }

  const Names& names_;
  const Options& options_;
  const std::string& where_;
  bool labelled_;
  Names plain_;
  TextColumns columns_;
};

}  // namespace

std::vector<Option> text_column_options() {
  return {any("text", nullptr,
              "column with the text, by name or by position from 1; a list is joined with blanks; "
              "default: text, sentence, sentence1, premise, title + description, …"),
          any("text_pair", nullptr,
              "column with a second text; default: sentence2, hypothesis, context, … beside its "
              "first"),
          any("label", nullptr,
              "column with the label (in tables several are separated by ; or |), or a list of 0/1 "
              "columns; default: label, class, category, sentiment, score, …"),
          any("split", nullptr,
              "column with train, validation or test; default: split, set or subset when there"),
          any("id", nullptr, "column with a name for the record; default: its line")};
}

std::string plain_name(const std::string& name) {
  std::string text = lowered(std::string(trimmed(name)));
  std::replace_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  return text;
}

const std::vector<std::pair<std::string, std::string>>& usual_text_pairs() {
  return kPairs;
}

bool names_a_text(const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    const std::string low = plain_name(name);
    return std::find(kTexts.begin(), kTexts.end(), low) != kTexts.end() ||
           std::any_of(kPairs.begin(), kPairs.end(),
                       [&](const auto& pair) { return pair.first == low || pair.second == low; });
  });
}

std::optional<size_t> named_label(const std::vector<std::string>& names) {
  const auto found = std::ranges::find_if(names, [](const std::string& name) {
    return std::ranges::find(kLabels, plain_name(name)) != kLabels.end();
  });
  if (found == names.end()) return std::nullopt;
  return static_cast<size_t>(found - names.begin());
}

TextColumns find_text_columns(const std::vector<std::string>& names, const Options& options,
                              const std::string& where, bool labelled) {
  return Finder(names, options, where, labelled).find();
}

}  // namespace graft::data
