#include "graft/train/task.h"

#include "graft/base/error.h"
#include "graft/eval/metric.h"

namespace graft::train {
namespace {

void check_metric(const Config& config, const data::Dataset& data) {
  if (config.is_auto("", "metric")) return;
  eval::Predictions kind;
  kind.multi_label = data.multi_label;
  kind.regression = data.regression;
  const eval::Metric& metric = eval::find_metric(config.values["metric"].get<std::string>());
  if (metric.defined_for(kind)) return;
  std::string known;
  for (const eval::Metric& other : eval::metrics()) {
    if (other.defined_for(kind)) known += (known.empty() ? "" : ", ") + other.name;
  }
  fail_usage("metric={} is not defined where {}; give one of {}", metric.name,
             data.regression    ? "the labels are numbers"
             : data.multi_label ? "samples may have several labels"
                                : "every sample has one class",
             known);
}

/// What speaks of classes has no meaning for numbers.
void check_numbers(const Config& config) {
  const Json& train = config.values["train"];
  std::string key;
  if (train["loss"] != "auto" && train["loss"] != "squared")
    key = "train.loss=" + train["loss"].get<std::string>();
  if (!train["class_weights"].is_null()) key = "train.class_weights";
  if (train["label_smoothing"].get<double>() > 0) key = "train.label_smoothing";
  if (train["mixup"].get<double>() > 0) key = "train.mixup";
  if (train["cutmix"].get<double>() > 0) key = "train.cutmix";
  if (config.values["sampling"]["balanced"].get<bool>()) key = "sampling.balanced";
  if (key.empty()) return;
  fail_usage(
      "{} is for classes, but the labels of the data are numbers; leave it out, or set "
      "data.labels=classes to make a class of each number",
      key);
}

}  // namespace

models::Problem problem_of(const data::Dataset& data) {
  return data.regression    ? models::Problem::regression
         : data.multi_label ? models::Problem::multi_label
                            : models::Problem::single_label;
}

std::string task_of(const data::Dataset& data) {
  const bool texts = data.train.source->content() == data::Content::texts;
  return std::string(texts ? "text" : "image") +
         (data.regression ? "-regression" : "-classification");
}

void settle_task(Config& config, const data::Dataset& data) {
  Json& train = config.values["train"];
  if (!config.is_auto("", "task") && config.values["task"] != task_of(data)) {
    fail_usage("task={}, but the data are for {}; leave it out, or see data.labels",
               config.values["task"].get<std::string>(), task_of(data));
  }
  if (data.regression) check_numbers(config);
  if (!data.regression && train["loss"] == "squared") {
    fail_usage(
        "train.loss=squared is for numbers, but the labels of the data are classes; give "
        "cross-entropy or focal, or set data.labels=regression where they are numbers");
  }
  if (train["loss"] == "auto") train["loss"] = data.regression ? "squared" : "cross-entropy";
  for (const char* key : {"mixup", "cutmix"}) {
    if (train[key].get<double>() > 0 && data.train.source->content() == data::Content::texts)
      fail_usage("train.{} blends pictures, but the data are texts; leave it out", key);
  }
  check_metric(config, data);
}

}  // namespace graft::train
