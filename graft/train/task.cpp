#include "graft/train/task.h"

#include <ctime>

#include "graft/base/error.h"
#include "graft/data/preferences.h"
#include "graft/eval/metric.h"

namespace graft::train {
namespace {

constexpr int64_t kUsualRecord = 2048;  // tokens: where other tools cut, too

void check_metric(const Config& config, const data::Dataset& data) {
  if (config.is_auto("", "metric")) return;
  const eval::Metric& metric = eval::find_metric(config.values["metric"].get<std::string>());
  if (metric.defined_for(data.target)) return;
  std::string known;
  for (const eval::Metric& other : eval::metrics()) {
    if (other.defined_for(data.target)) known += (known.empty() ? "" : ", ") + other.name;
  }
  fail_usage("metric={} is not defined where {}; give one of {}", metric.name,
             data.preference()    ? "a preference is learned"
             : data.language()    ? "texts are continued"
             : data.regression()  ? "the labels are numbers"
             : data.multi_label() ? "samples may have several labels"
                                  : "every sample has one class",
             known);
}

/// What speaks of classes has no meaning for numbers, nor for tokens.
void check_no_classes(const Config& config, const std::string& loss, const std::string& labels) {
  const Json& train = config.values["train"];
  std::string key;
  if (train["loss"] != "auto" && train["loss"] != loss)
    key = "train.loss=" + train["loss"].get<std::string>();
  if (!train["class_weights"].is_null()) key = "train.class_weights";
  if (train["label_smoothing"].get<double>() > 0) key = "train.label_smoothing";
  if (train["mixup"].get<double>() > 0) key = "train.mixup";
  if (train["cutmix"].get<double>() > 0) key = "train.cutmix";
  if (config.values["sampling"]["balanced"].get<bool>()) key = "sampling.balanced";
  if (key.empty()) return;
  fail_usage("{} is for classes, but {}", key, labels);
}

void check_no_chat(const Config& config) {
  for (const Section& section : config_sections()) {
    if (section.name != "chat") continue;
    for (const Option& option : section.options) {
      if (config.values["chat"][option.name] == option.fallback) continue;
      fail_usage("chat.{} is for texts that are continued, but the data are for {}; leave it out",
                 option.name, "classification or regression");
    }
  }
}

}  // namespace

std::time_t date_seconds(const std::string& date) {
  std::tm day{};
  const char* end = strptime(date.c_str(), "%Y-%m-%d", &day);
  if (!end || *end != 0) {
    fail_usage("chat.date must be auto or a date such as 2026-01-31, got '{}'", date);
  }
  return timegm(&day);
}

void settle_chat(Config& config) {
  Json& train = config.values["train"];
  if (train["max_length"] == "auto") train["max_length"] = kUsualRecord;
  Json& date = config.values["chat"]["date"];
  if (date == "auto") {
    std::tm day{};
    const std::time_t now = std::time(nullptr);
    gmtime_r(&now, &day);
    date = fmt::format("{:04}-{:02}-{:02}", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
  }
  date_seconds(date.get<std::string>());
}

void settle_target(const Config& config, data::Dataset& data) {
  if (config.values["train"]["loss"] == "dpo") data::keep_preferences(data);
}

std::string task_of(const data::Dataset& data) {
  if (data.language()) return "language-modeling";
  const bool texts = data.train.source->content() == data::Content::texts;
  return std::string(texts ? "text" : "image") +
         (data.regression() ? "-regression" : "-classification");
}

void settle_task(Config& config, const data::Dataset& data) {
  Json& train = config.values["train"];
  if (!config.is_auto("", "task") && config.values["task"] != task_of(data)) {
    fail_usage("task={}, but the data are for {}; leave it out, or see data.labels",
               config.values["task"].get<std::string>(), task_of(data));
  }
  if (data.regression()) {
    check_no_classes(config, "squared",
                     "the labels of the data are numbers; leave it out, or set data.labels=classes "
                     "to make a class of each number");
  }
  if (data.language()) {
    check_no_classes(config, data.preference() ? "dpo" : "cross-entropy",
                     "the data are texts to continue; leave it out");
  }
  if (!data.regression() && train["loss"] == "squared") {
    fail_usage(
        "train.loss=squared is for numbers, but the labels of the data are classes; give "
        "cross-entropy or focal, or set data.labels=regression where they are numbers");
  }
  if (train["loss"] == "auto") train["loss"] = data.regression() ? "squared" : "cross-entropy";
  for (const char* key : {"mixup", "cutmix"}) {
    if (train[key].get<double>() > 0 && data.train.source->content() == data::Content::texts)
      fail_usage("train.{} blends pictures, but the data are texts; leave it out", key);
  }
  check_metric(config, data);
  if (data.language())
    settle_chat(config);
  else
    check_no_chat(config);
}

}  // namespace graft::train
