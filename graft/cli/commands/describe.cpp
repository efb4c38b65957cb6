#include <iostream>

#include "graft/base/error.h"
#include "graft/cli/arguments.h"
#include "graft/data/dataset.h"
#include "graft/data/format.h"
#include "graft/data/sampling.h"
#include "graft/eval/metric.h"
#include "graft/image/augment.h"
#include "graft/image/policies.h"
#include "graft/models/family.h"
#include "graft/peft/method.h"
#include "graft/strategies/strategy.h"
#include "graft/text/augment.h"
#include "graft/train/config.h"
#include "graft/train/job.h"

namespace graft::cli {
namespace {

struct Described {
  std::string kind;
  Entry entry;
};

std::vector<Described> everything() {
  std::vector<Described> all;
  for (const auto& r : peft::methods()) all.push_back({"method", r});
  for (const auto& r : strategies::strategies()) all.push_back({"strategy", r});
  for (const auto& r : models::families()) all.push_back({"model", r});
  for (const auto& r : image::augmentations()) all.push_back({"augmentation", r});
  for (const auto& r : texts::augmentations()) all.push_back({"text augmentation", r});
  for (const auto& r : image::policies())
    all.push_back({"policy", {r.name, r.summary, {}, r.source}});
  for (const auto& r : data::formats()) all.push_back({"source", r});
  for (const auto& r : data::sampling_policies()) all.push_back({"sampling", r});
  for (const auto& r : eval::metrics()) all.push_back({"metric", r});
  for (const auto& s : graft::train::config_sections()) {
    all.push_back({"settings", {s.name.empty() ? "config" : s.name, s.help, s.options, ""}});
  }
  all.push_back({"settings",
                 {"model", "where the model comes from, when it is a mapping",
                  graft::train::model_options(), ""}});
  all.push_back(
      {"settings",
       {"data", "where the samples come from, when it is a mapping", data::data_options(), ""}});
  return all;
}

Json options_json(const std::vector<Option>& options) {
  Json list = Json::array();
  for (const Option& o : options) {
    Json item = {{"name", o.name}, {"default", o.fallback}, {"help", o.help}};
    if (o.min) item["min"] = *o.min;
    if (o.max) item["max"] = *o.max;
    if (!o.choices.empty()) item["choices"] = o.choices;
    list.push_back(item);
  }
  return list;
}

void print_entry(const Described& d) {
  std::cout << fmt::format("{} {}: {}\n", d.kind, d.entry.name, d.entry.summary);
  if (!d.entry.source.empty()) std::cout << "  source: " << d.entry.source << "\n";
  for (const Option& o : d.entry.options) {
    std::string range;
    if (o.min && o.max)
      range = fmt::format(" [{:g} … {:g}]", *o.min, *o.max);
    else if (o.min)
      range = fmt::format(" [at least {:g}]", *o.min);
    for (const auto& c : o.choices) range += (range.empty() ? " " : " | ") + c;
    std::cout << fmt::format("  {:<18} {:<14} {}{}\n", o.name,
                             o.fallback.is_null() ? "-" : o.fallback.dump(), o.help, range);
  }
}

}  // namespace

Command describe() {
  return {
      "describe", "lists methods, strategies, models, sources, augmentations, metrics and settings",
      [](const Words& words) {
        Arguments arguments("describe", "Lists what graft knows, or one entry with its options.");
        std::string name;
        bool json = false;
        arguments.app().add_option("NAME", name, "an entry, or a kind such as method");
        arguments.app().add_flag("--json", json, "one JSON document");
        if (!arguments.parse(words)) return 0;
        const auto all = everything();
        std::vector<std::string> names;
        Json found = Json::array();
        bool any = false;
        std::string kind;
        for (const Described& d : all) {
          names.push_back(d.entry.name);
          if (!name.empty() && d.entry.name != name && d.kind != name) continue;
          any = true;
          if (json) {
            found.push_back({{"kind", d.kind},
                             {"name", d.entry.name},
                             {"summary", d.entry.summary},
                             {"source", d.entry.source},
                             {"options", options_json(d.entry.options)}});
          } else if (name.empty()) {
            if (d.kind != kind) std::cout << "\n" << d.kind << "\n";
            kind = d.kind;
            std::cout << fmt::format("  {:<22} {}\n", d.entry.name, d.entry.summary);
          } else {
            print_entry(d);
          }
        }
        if (!any)
          fail_usage("describe: there is nothing called '{}'{}", name, did_you_mean(name, names));
        if (json) std::cout << found.dump(2) << "\n";
        return 0;
      }};
}

}  // namespace graft::cli
