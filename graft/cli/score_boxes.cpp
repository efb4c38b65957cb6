#include "graft/cli/score_boxes.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "graft/base/error.h"
#include "graft/cli/arguments.h"
#include "graft/data/coco_file.h"
#include "graft/data/names.h"
#include "graft/eval/detection.h"

namespace graft::cli {
namespace {

eval::MeasuredBox measured(const std::array<double, 4>& box) {
  return {box[0], box[1], box[2], box[3]};
}

/// Training leaves such annotations out; a measure must not depend on what was left out.
void check_truth(const data::CocoFile& truth, const std::string& file) {
  for (size_t i = 0; i < truth.annotations.size(); ++i) {
    const data::CocoFile::Annotation& one = truth.annotations[i];
    if (one.image < 0 || one.category < 0) {
      fail_unreadable("eval: {}: an annotation has the {} {}, which the file does not list", file,
                      one.image < 0 ? "image_id" : "category_id",
                      one.image < 0 ? one.image_id : one.category_id);
    }
    if (!std::all_of(one.box.begin(), one.box.end(), [](double v) { return std::isfinite(v); })) {
      fail_unreadable("eval: {}: an annotation of image {} has a bbox that holds no finite number",
                      file, one.image_id);
    }
  }
}

eval::BoxScores score(const data::CocoFile& truth, const std::vector<data::CocoResult>& results) {
  std::vector<std::string> names;
  for (const auto& category : truth.categories) {
    names.push_back(category.name.empty() ? fmt::format("category {}", category.id)
                                          : data::printable(category.name));
  }
  std::vector<eval::PictureBoxes> pictures(truth.images.size());
  for (const auto& one : truth.annotations) {
    pictures[static_cast<size_t>(one.image)].truth.push_back(
        {measured(one.box), one.category, one.area, one.crowd});
  }
  for (const auto& one : results) {
    pictures[static_cast<size_t>(one.image)].found.push_back(
        {measured(one.box), one.category, one.score});
  }
  eval::DetectionMetric metric(std::move(names));
  for (size_t i = 0; i < pictures.size(); ++i) metric.add(truth.images[i].id, pictures[i]);
  return metric.scores();
}

std::string shown(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.4f}", value);
}

std::string table(const eval::BoxScores& scores) {
  std::string text =
      fmt::format("{} images, {} objects ({} more are ignored), {} boxes that count\n\n",
                  data::grouped(scores.images), data::grouped(scores.objects),
                  data::grouped(scores.ignored), data::grouped(scores.found));
  for (const auto& [name, value] : scores.figures.named())
    text += fmt::format("  {:<6} {:>7}   {}\n", name, shown(value), eval::figure_meaning(name));
  if (!std::isnan(scores.best.f1)) {
    text += fmt::format(
        "\nbest F1 {:.4f}: boxes with a score of at least {:.4g} (precision {:.4f}, recall "
        "{:.4f})\n",
        scores.best.f1, scores.best.threshold, scores.best.precision, scores.best.recall);
  }
  size_t width = 5;
  for (const auto& one : scores.classes) width = std::max(width, one.name.size());
  text += fmt::format("\n{:<{}} {:>9} {:>9} {:>7} {:>7} {:>7} {:>8} {:>7}\n", "class", width,
                      "objects", "found", "AP", "AP50", "AR100", "best F1", "score");
  for (const auto& one : scores.classes) {
    if (one.objects == 0 && one.found == 0) continue;
    text += fmt::format("{:<{}} {:>9} {:>9} {:>7} {:>7} {:>7} {:>8} {:>7}\n", one.name, width,
                        data::grouped(one.objects), data::grouped(one.found), shown(one.figures.ap),
                        shown(one.figures.ap50), shown(one.figures.ar100), shown(one.best.f1),
                        shown(one.best.threshold));
  }
  return text;
}

}  // namespace

bool names_predictions(const Words& words) {
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return word.starts_with("predictions="); });
}

int score_boxes(const Words& words) {
  Arguments arguments("eval",
                      "Measures boxes that any tool found: AP and AR as COCO computes them, AP of "
                      "Pascal VOC, and the score with the best F1.");
  Words given;
  bool json = false;
  arguments.app().add_option("words", given,
                             "predictions=FILE in COCO's results format, data=FILE with COCO's "
                             "annotations");
  arguments.app().add_flag("--json", json, "one JSON document");
  if (!arguments.parse(words)) return 0;
  const Json keys = read_overrides(given, "see graft eval predictions= --help");
  for (const auto& [key, value] : keys.items()) {
    if ((key == "predictions" || key == "data") && value.is_string()) continue;
    fail_usage("eval: with predictions= only data= is given beside, both with a file; got {}={}",
               key, value.dump());
  }
  if (!keys.contains("data"))
    fail_usage("eval: predictions= needs data=, the file of annotations (instances_….json)");
  const std::string predictions = keys["predictions"];
  const std::string data = keys["data"];
  const data::CocoFile truth = data::read_coco(data);
  check_truth(truth, data);
  const eval::BoxScores scores = score(truth, data::read_coco_results(predictions, truth));
  if (!json) {
    std::cout << table(scores);
    return 0;
  }
  Json out = {{"predictions", predictions}, {"data", data}};
  out.update(eval::to_json(scores));
  std::cout << out.dump(2) << "\n";
  return 0;
}

}  // namespace graft::cli
