#include "graft/data/check.h"

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <optional>

#include "graft/base/clock.h"
#include "graft/cli/arguments.h"
#include "graft/cli/record_check.h"

namespace graft::cli {

namespace {

/// DATA may also be written as data=…, as in graft train.
Json data_of(const std::string& path, const Words& given) {
  Json data = Json::object();
  const bool word = path.find('=') != std::string::npos && !std::filesystem::exists(path);
  Words words = given;
  if (word) words.insert(words.begin(), path);
  data.update(read_overrides(words, "see graft check --help"));
  if (!word) data["path"] = path;
  if (!data.contains("data")) return data;
  const Json named = data["data"];
  data.erase("data");
  if (named.is_object()) {
    data.update(named);
  } else {
    data["path"] = named;
  }
  return data;
}

/// A configuration, with the keys that are not about data taken out of `data`.
Json take_configuration(Json& data) {
  Json config = Json::object();
  for (const char* key : {"model", "chat", "chat_template"}) {
    if (!data.contains(key)) continue;
    config[key] = data[key];
    data.erase(key);
  }
  // data.train is a path.
  if (data.contains("train") && data["train"].is_object()) {
    config["train"] = data["train"];
    data.erase("train");
  }
  config["data"] = data;
  return config;
}

}  // namespace

Command check() {
  return {
      "check", "finds what is wrong with data: unreadable files, duplicates, imbalance",
      [](const Words& words) {
        Arguments arguments("check",
                            "Reads every picture or text and tells what is wrong. Exit code 3 when "
                            "something is unreadable.");
        std::string path;
        Words given;
        bool json = false;
        arguments.app().add_option("DATA", path, "data as in data=")->required();
        arguments.app().add_option("words", given,
                                   "keys of data, for instance format=csv; model=… (and chat.…, "
                                   "train.max_length=…) shows records as the tokens of a model");
        arguments.app().add_flag("--json", json, "one JSON document");
        if (!arguments.parse(words)) return 0;
        Json data = data_of(path, given);
        const Json config = take_configuration(data);
        const data::Dataset dataset = data::open_dataset(data, 0);
        const data::CheckReport report = data::check(dataset, usable_cores());
        std::optional<data::RecordReport> records;
        if (config.contains("model")) records = check_records(dataset, config);
        if (json) {
          Json all = report.json();
          if (records) all["records"] = records->json();
          std::cout << all.dump(2) << "\n";
        } else {
          std::cout << report.text();
          if (records) std::cout << records->text(::isatty(STDOUT_FILENO) == 1);
        }
        return report.unreadable.empty() && (!records || records->refused.empty()) ? 0 : 3;
      }};
}

}  // namespace graft::cli
