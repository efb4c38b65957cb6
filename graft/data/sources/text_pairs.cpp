#include <cmath>
#include <string_view>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/data/label_cell.h"
#include "graft/data/named_rows.h"
#include "graft/data/names.h"
#include "graft/data/object_reader.h"
#include "graft/data/pair_columns.h"
#include "graft/data/row_fields.h"
#include "graft/data/text_file.h"
#include "graft/data/text_records.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

using Texts = std::vector<std::string>;

/// Reads pairs of texts, with what is like the second but wrong, or with a score.
class Pairs {
 public:
  Pairs(const fs::path& path, const Options& options)
      : options_(options),
        records_(printable(path.string()), unit_of(path)),
        rows_(path, records_.notes()),
        columns_(find_pair_columns(rows_.names(), options_, rows_.where())),
        scored_(!columns_.score.empty() && columns_.negatives.empty()) {}

  Listing open() {
    rows_.for_each([this](int64_t number, const Json& row) { add(number, row); });
    if (blank_ > 0) {
      records_.notes().push_back(fmt::format("{}: {} record(s) without both texts are left out",
                                             rows_.where(), grouped(blank_)));
    }
    records_.notes().push_back(described());
    records_.allow_several();  // that is, no labels
    Listing listing = records_.finish();
    listing.target = scored_ ? Target::similarity : Target::retrieval;
    listing.texts_a_sample = 2 + static_cast<int64_t>(negatives_);
    for (size_t i = 0; i < values_.size(); ++i) listing.samples[i].value = values_[i];
    return listing;
  }

 private:
  void add(int64_t number, const Json& row) {
    const Texts anchors = texts_at(row, columns_.anchor);
    const Texts positives = texts_at(row, columns_.positive);
    if (anchors.empty() || positives.empty()) {
      ++blank_;
      return;
    }
    if (anchors.size() > 1)
      fail_unreadable("'{}' must be one text, got a list", printable(columns_.anchor));
    const Texts negatives = negatives_of(row);
    const float score = scored_ ? score_of(row) : 0;
    const Split split = split_of_row(row, options_);
    const std::string id = id_of_row(row, options_);
    // What belongs to several texts is as many samples.
    for (size_t k = 0; k < positives.size(); ++k) {
      std::vector<std::string_view> texts = {anchors.front(), positives[k]};
      texts.insert(texts.end(), negatives.begin(), negatives.end());
      std::string name = id.empty() ? fmt::format("{}:{}", rows_.unit(), number) : id;
      if (positives.size() > 1) name += fmt::format(":{}", k + 1);
      records_.add(number, texts, {}, split, name);
      if (scored_) values_.push_back(score);
    }
  }

  /// The text, or the texts of a list, that are not blank.
  Texts texts_at(const Json& row, const std::string& name) const {
    Texts texts;
    const auto found = row.find(name);
    if (found == row.end() || found->is_null()) return texts;
    const auto add = [&](const Json& value) {
      if (!value.is_string()) {
        fail_unreadable("'{}' must be a text, got {}", printable(name), value.type_name());
      }
      if (!trimmed(value.get_ref<const std::string&>()).empty()) texts.push_back(value);
    };
    if (!found->is_array()) {
      add(*found);
      return texts;
    }
    for (const Json& item : *found) add(item);
    return texts;
  }

  /// As many as the first record has: a batch holds whole rows of them.
  Texts negatives_of(const Json& row) {
    Texts negatives;
    for (const auto& name : columns_.negatives) {
      for (auto& text : texts_at(row, name)) negatives.push_back(std::move(text));
    }
    if (!counted_) negatives_ = negatives.size();
    counted_ = true;
    if (negatives.size() < negatives_) {
      fail_unreadable("{} negative(s), but the first record has {}: every record must have them",
                      negatives.size(), negatives_);
    }
    negatives.resize(negatives_);
    return negatives;
  }

  float score_of(const Json& row) const {
    const auto found = row.find(columns_.score);
    const Json value = found == row.end() ? Json() : *found;
    std::optional<double> number;
    if (value.is_number()) number = value.get<double>();
    if (value.is_boolean()) number = value.get<bool>() ? 1 : 0;
    if (value.is_string()) number = number_in(trimmed(value.get_ref<const std::string&>()));
    if (!number || !std::isfinite(*number)) {
      fail_unreadable(
          "'{}' must be a number that says how alike the texts are, got {}; name another field in "
          "data.columns.score",
          printable(columns_.score), printable(value.dump()));
    }
    return static_cast<float>(*number);
  }

  std::string described() const {
    const std::string pair = fmt::format("{}: '{}' and '{}'", rows_.where(),
                                         printable(columns_.anchor), printable(columns_.positive));
    if (scored_) return pair + fmt::format(" are as alike as '{}' says", printable(columns_.score));
    std::string text = pair + " belong together";
    if (negatives_ > 0) text += fmt::format(", with {} negative(s) each", negatives_);
    if (!columns_.score.empty()) {
      text += fmt::format("; '{}' is not used beside negatives", printable(columns_.score));
    }
    return text;
  }

  const Options& options_;
  TextRecords records_;
  NamedRows rows_;
  PairColumns columns_;
  bool scored_;
  std::vector<float> values_;  // one a record that was added
  size_t negatives_ = 0;
  bool counted_ = false;  // in the first record
  int64_t blank_ = 0;
};

}  // namespace

Format text_pairs() {
  Format format;
  format.name = "text-pairs";
  format.summary =
      "pairs of texts that belong together, with negatives or not, or that are as alike as a score "
      "says: JSON, Parquet, or a table with a header";
  format.source = "data sets of sentence-transformers and FlagEmbedding; STS-B, SICK";
  format.content = Content::texts;
  format.reads_files = true;
  format.options = pair_column_options();
  format.detect = [](const fs::path& path) { return names_pairs(peek_names(path)); };
  format.open = [](const fs::path& path, const Options& options) {
    return Pairs(path, options).open();
  };
  return format;
}

}  // namespace graft::data::sources
