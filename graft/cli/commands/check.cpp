#include "graft/data/check.h"

#include <iostream>

#include "graft/base/clock.h"
#include "graft/cli/arguments.h"
#include "graft/train/config.h"

namespace graft::cli {

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
        arguments.app().add_option("words", given, "keys of data, for instance format=csv");
        arguments.app().add_flag("--json", json, "one JSON document");
        if (!arguments.parse(words)) return 0;
        Json data = read_overrides(given, "see graft check --help");
        data["path"] = path;
        const data::CheckReport report = data::check(data::open_dataset(data, 0), usable_cores());
        if (json)
          std::cout << report.json().dump(2) << "\n";
        else
          std::cout << report.text();
        return report.unreadable.empty() ? 0 : 3;
      }};
}

}  // namespace graft::cli
