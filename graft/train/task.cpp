#include "graft/train/task.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>

#include "graft/base/error.h"
#include "graft/eval/metric.h"
#include "graft/train/objective.h"

namespace graft::train {
namespace {

constexpr int64_t kUsualRecord = 2048;  // tokens: where other tools cut, too

void check_metric(const Config& config, const Objective& objective) {
  if (config.is_auto("", "metric")) return;
  const eval::Metric& metric = eval::find_metric(config.values["metric"].get<std::string>());
  if (metric.defined_for(objective.target())) return;
  std::string known;
  for (const eval::Metric& other : eval::metrics()) {
    if (other.defined_for(objective.target())) known += (known.empty() ? "" : ", ") + other.name;
  }
  fail_usage("metric={} is not defined where {}; give one of {}", metric.name, objective.fact(),
             known);
}

void settle_loss(Config& config, const Objective& objective) {
  Json& loss = config.values["train"]["loss"];
  const std::vector<std::string> known = objective.losses();
  if (loss == "auto") loss = known.front();
  if (std::find(known.begin(), known.end(), loss.get<std::string>()) != known.end()) return;
  fail_usage("train.loss={} cannot be taken, because {}; give {}{}", loss.get<std::string>(),
             objective.fact(), fmt::join(known, " or "),
             objective.target() == Target::single_label && loss == "squared"
                 ? ", or set data.labels=regression where the labels are numbers"
                 : "");
}

/// strategy={name: head, r: 16} is LoRA of the output matrix.
void settle_head_rank(Config& config, const Objective& objective) {
  const strategies::Choice& strategy = config.strategy;
  if (strategy.name != "head" || !strategy.options.is_set("r")) return;
  if (objective.head() != models::Task::next_token) {
    fail_usage(
        "strategy head: r is the rank of what a language model learns beside its output matrix, "
        "but {}, and the head learns whole; leave r out",
        objective.fact());
  }
  const int64_t r = strategy.options.integer("r");
  const auto methods =
      peft::parse_methods({{"name", "lora"}, {"r", r}, {"alpha", 2 * r}, {"target", {"lm_head"}}});
  Json& method = config.values["method"];
  if (method != "auto" && method != peft::to_json(methods)) {
    fail_usage(
        "strategy head: r={} is a method of its own, LoRA of lm_head; leave method={} out, or name "
        "lm_head among its targets and give another strategy",
        r, peft::name_of(config.methods));
  }
  method = peft::to_json(methods);
  config.methods = methods;
}

/// train.mask_share speaks of masked tokens only.
void check_no_masking(const Config& config, const Objective& objective) {
  if (objective.head() == models::Task::masked_token) return;
  for (const Section& section : config_sections()) {
    for (const Option& option : section.options) {
      if (section.name != "train" || option.name != "mask_share") continue;
      if (config.at("train", "mask_share") == option.fallback) continue;
      fail_usage(
          "train.mask_share is for task=masked-language-modeling, but {}; leave it out (hiding "
          "tokens of other texts is augment=token_masking)",
          objective.fact());
    }
  }
}

}  // namespace

void check_no_classes(const Config& config, const std::string& why) {
  const Json& train = config.values["train"];
  std::string key;
  if (!train["class_weights"].is_null()) key = "train.class_weights";
  if (train["label_smoothing"].get<double>() > 0) key = "train.label_smoothing";
  if (train["mixup"].get<double>() > 0) key = "train.mixup";
  if (train["cutmix"].get<double>() > 0) key = "train.cutmix";
  if (config.values["sampling"]["balanced"].get<bool>()) key = "sampling.balanced";
  if (!key.empty()) fail_usage("{} is for classes, but {}", key, why);
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

void settle_data(Config& config) {
  Json& data = config.values["data"];
  for (const auto& objective : objectives()) {
    const std::string format = objective->data_format();
    if (format.empty() || config.values["task"] != objective->task(data::Content::texts)) continue;
    if (data.is_string()) data = Json{{"path", data}};
    if (data.is_object() && data.value("format", Json("auto")) == "auto") data["format"] = format;
    return;
  }
}

void settle_target(const Config& config, data::Dataset& data) {
  for (const auto& objective : objectives()) {
    if (objective->claim(config, data)) return;
  }
}

std::string task_of(const data::Dataset& data) {
  return objective_of(data.target).task(data.train.source->content());
}

void settle_task(Config& config, const data::Dataset& data) {
  const Objective& objective = objective_of(data.target);
  if (!config.is_auto("", "task") && config.values["task"] != task_of(data)) {
    fail_usage("task={}, but the data are for {}; leave it out, or see data.labels",
               config.values["task"].get<std::string>(), task_of(data));
  }
  check_no_masking(config, objective);
  objective.settle(config, data);
  settle_loss(config, objective);
  settle_head_rank(config, objective);
  const bool whole_classes =
      objective.target() == Target::single_label || objective.target() == Target::multi_label;
  if (config.values["train"]["mixup"].get<double>() > 0 && !whole_classes)
    fail_usage("train.mixup mixes samples and their classes, but {}; leave it out",
               objective.fact());
  if (config.values["train"]["cutmix"].get<double>() > 0 &&
      data.train.source->content() == data::Content::texts) {
    fail_usage(
        "train.cutmix pastes pieces of pictures, but the data are texts; train.mixup is for both");
  }
  check_metric(config, objective);
}

}  // namespace graft::train
