#include "graft/eval/predictions.h"

#include <algorithm>

#include "graft/eval/metric.h"

namespace graft::eval {

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

std::vector<std::vector<int64_t>> confusion_matrix(const Predictions& p) {
  std::vector<std::vector<int64_t>> counts(p.classes.size(),
                                           std::vector<int64_t>(p.classes.size(), 0));
  for (int64_t i = 0; i < p.size(); ++i) {
    ++counts[static_cast<size_t>(p.label(i))][static_cast<size_t>(p.predicted(i))];
  }
  return counts;
}

std::vector<ClassScore> class_scores(const Predictions& p) {
  if (p.regression() || p.language()) return {};
  const size_t classes = p.classes.size();
  std::vector<int64_t> hit(classes), truth(classes), said(classes);
  for (int64_t i = 0; i < p.size(); ++i) {
    std::vector<char> is_said(classes, 0);
    if (p.multi_label()) {
      const auto scores = p.row(i);
      for (size_t c = 0; c < classes; ++c) is_said[c] = scores[c] >= 0.5F;
    } else {
      is_said[static_cast<size_t>(p.predicted(i))] = 1;
    }
    for (size_t c = 0; c < classes; ++c) said[c] += is_said[c];
    for (const int label : p.labels[static_cast<size_t>(i)]) {
      ++truth[static_cast<size_t>(label)];
      hit[static_cast<size_t>(label)] += is_said[static_cast<size_t>(label)];
    }
  }
  std::vector<ClassScore> result;
  for (size_t c = 0; c < classes; ++c) {
    ClassScore score;
    score.name = p.classes[c];
    score.count = truth[c];
    const auto h = static_cast<double>(hit[c]);
    score.precision = said[c] > 0 ? h / static_cast<double>(said[c]) : 0;
    score.recall = truth[c] > 0 ? h / static_cast<double>(truth[c]) : 0;
    score.f1 = said[c] + truth[c] > 0 ? 2 * h / static_cast<double>(said[c] + truth[c]) : 0;
    const auto [low, high] = wilson_interval(h, static_cast<double>(truth[c]));
    score.recall_low = low;
    score.recall_high = high;
    result.push_back(score);
  }
  return result;
}

Json to_json_line(const Predictions& p, int64_t i, const std::string& split) {
  Json line = {{"split", split}, {"input", p.inputs[static_cast<size_t>(i)]}};
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
  const auto scores = p.row(i);
  if (p.regression()) {
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
