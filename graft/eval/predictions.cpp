#include "graft/eval/predictions.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "graft/eval/metric.h"
#include "graft/eval/words.h"

namespace graft::eval {
namespace {

double ratio(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

double Tally::precision() const {
  return ratio(hits, said);
}

double Tally::recall() const {
  return ratio(hits, truth);
}

double Tally::f1() const {
  return ratio(2 * hits, truth + said);
}

int Predictions::predicted(int64_t i) const {
  const auto scores_of = row(i);
  return static_cast<int>(std::max_element(scores_of.begin(), scores_of.end()) - scores_of.begin());
}

double token_loss(const Predictions& p, const std::vector<int64_t>& samples) {
  double sum = 0;
  double tokens = 0;
  for (const int64_t i : samples) {
    const auto count = static_cast<double>(p.tokens[static_cast<size_t>(i)]);
    sum += count * p.losses[static_cast<size_t>(i)];
    tokens += count;
  }
  return tokens > 0 ? sum / tokens : 0;
}

double recall_at(const Predictions& p, const std::vector<int64_t>& samples, int64_t most) {
  const auto found = std::count_if(samples.begin(), samples.end(), [&](int64_t i) {
    return p.ranks[static_cast<size_t>(i)] <= most;
  });
  return ratio(found, static_cast<int64_t>(samples.size()));
}

std::vector<std::vector<int64_t>> confusion_matrix(const Predictions& p) {
  std::vector<std::vector<int64_t>> counts(p.classes.size(),
                                           std::vector<int64_t>(p.classes.size(), 0));
  for (int64_t i = 0; i < p.size(); ++i) {
    ++counts[static_cast<size_t>(p.label(i))][static_cast<size_t>(p.predicted(i))];
  }
  return counts;
}

ClassScore class_score(const std::string& name, const Tally& tally) {
  ClassScore score{name, tally.truth, tally.precision(), tally.recall(), tally.f1()};
  std::tie(score.recall_low, score.recall_high) =
      wilson_interval(static_cast<double>(tally.hits), static_cast<double>(tally.truth));
  return score;
}

std::vector<ClassScore> class_scores(const Predictions& p) {
  if (p.regression() || p.language() || p.pairs() || p.finds_boxes()) return {};
  if (p.token_classes()) return entity_scores(p);
  const size_t classes = p.classes.size();
  std::vector<Tally> tallies(classes);
  for (int64_t i = 0; i < p.size(); ++i) {
    std::vector<char> is_said(classes, 0);
    if (p.multi_label()) {
      const auto scores = p.row(i);
      for (size_t c = 0; c < classes; ++c) is_said[c] = scores[c] >= 0.5F;
    } else {
      is_said[static_cast<size_t>(p.predicted(i))] = 1;
    }
    for (size_t c = 0; c < classes; ++c) tallies[c].said += is_said[c];
    for (const int label : p.labels[static_cast<size_t>(i)]) {
      Tally& tally = tallies[static_cast<size_t>(label)];
      ++tally.truth;
      tally.hits += is_said[static_cast<size_t>(label)];
    }
  }
  std::vector<ClassScore> result;
  for (size_t c = 0; c < classes; ++c) result.push_back(class_score(p.classes[c], tallies[c]));
  return result;
}

Json to_json(const std::vector<ClassScore>& scores) {
  Json list = Json::array();
  for (const ClassScore& score : scores) {
    list.push_back({{"class", score.name},
                    {"count", score.count},
                    {"precision", score.precision},
                    {"recall", score.recall},
                    {"recall_interval", {score.recall_low, score.recall_high}},
                    {"f1", score.f1}});
  }
  return list;
}

namespace {

constexpr size_t kMostWritten = 100;  // boxes of a picture

Json corners(const MeasuredBox& box) {
  Json list = Json::array();
  // Hundredths of a pixel are enough for a file that people read.
  for (const double side : {box.x, box.y, box.x + box.width, box.y + box.height})
    list.push_back(std::round(100 * side) / 100);
  return list;
}

void describe_boxes(const Predictions& p, const PictureBoxes& picture, Json& line) {
  line["objects"] = Json::array();
  for (const TrueBox& object : picture.truth) {
    Json one = {{"class", p.classes[static_cast<size_t>(object.label)]},
                {"box", corners(object.box)}};
    if (object.crowd) one["crowd"] = true;
    if (object.difficult) one["difficult"] = true;
    line["objects"].push_back(one);
  }
  line["found"] = Json::array();
  for (const FoundBox& box : picture.found) {
    if (line["found"].size() == kMostWritten) break;
    line["found"].push_back({{"class", p.classes[static_cast<size_t>(box.label)]},
                             {"score", std::round(1e5 * box.score) / 1e5},
                             {"box", corners(box.box)}});
  }
}

}  // namespace

Json to_json_line(const Predictions& p, int64_t i, const std::string& split) {
  Json line = {{"split", split}, {"input", p.inputs[static_cast<size_t>(i)]}};
  if (p.token_classes()) {
    describe_words(p, i, line);
    return line;
  }
  if (p.finds_boxes()) {
    describe_boxes(p, p.boxes[static_cast<size_t>(i)], line);
    line["loss"] = p.losses[static_cast<size_t>(i)];
    return line;
  }
  if (p.language()) line["tokens"] = p.tokens[static_cast<size_t>(i)];
  if (p.preference()) {
    line["chosen"] = p.chosen[static_cast<size_t>(i)];
    line["rejected"] = p.rejected[static_cast<size_t>(i)];
    line["margin"] = p.margins[static_cast<size_t>(i)];
    line["loss"] = p.losses[static_cast<size_t>(i)];
    return line;
  }
  if (p.language()) {
    line["hits"] = p.hits[static_cast<size_t>(i)];
    line["loss"] = p.losses[static_cast<size_t>(i)];
    return line;
  }
  if (p.target == Target::retrieval) {
    line["rank"] = p.ranks[static_cast<size_t>(i)];
    line["loss"] = p.losses[static_cast<size_t>(i)];
    return line;
  }
  const auto scores = p.row(i);
  if (p.regression() || p.target == Target::similarity) {
    line["label"] = p.values[static_cast<size_t>(i)];
    line["predicted"] = scores.front();
    line["loss"] = p.losses[static_cast<size_t>(i)];
    return line;
  }
  const int predicted = p.predicted(i);
  if (p.multi_label()) {
    Json labels = Json::array();
    double least = 1;
    for (const int label : p.labels[static_cast<size_t>(i)]) {
      labels.push_back(p.classes[static_cast<size_t>(label)]);
      least = std::min<double>(least, scores[static_cast<size_t>(label)]);
    }
    line["label"] = labels;
    line["predicted"] = Json::array();
    for (size_t c = 0; c < p.classes.size(); ++c) {
      if (scores[c] >= 0.5F) line["predicted"].push_back(p.classes[c]);
    }
    line["probability"] = scores[static_cast<size_t>(predicted)];
    line["label_probability"] = least;
  } else {
    line["label"] = p.classes[static_cast<size_t>(p.label(i))];
    line["predicted"] = p.classes[static_cast<size_t>(predicted)];
    line["probability"] = scores[static_cast<size_t>(predicted)];
    line["label_probability"] = scores[static_cast<size_t>(p.label(i))];
  }
  line["loss"] = p.losses[static_cast<size_t>(i)];
  return line;
}

}  // namespace graft::eval
