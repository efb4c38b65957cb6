#include <filesystem>
#include <iostream>

#include "graft/base/error.h"
#include "graft/cli/arguments.h"
#include "graft/report/compare_page.h"
#include "graft/report/run_folder.h"
#include "graft/report/summary_table.h"
#include "graft/train/run_report.h"

namespace graft::cli {

Command report() {
  return {
      "report", "writes the HTML page of a run, or one that compares several",
      [](const Words& words) {
        Arguments arguments("report",
                            "Writes report.html of a run, or a comparison of several runs.");
        std::vector<std::string> runs;
        std::string output = "comparison.html";
        arguments.app().add_option("RUN", runs, "run folders")->required();
        arguments.app()
            .add_option("--output,-o", output, "file of the comparison")
            ->capture_default_str();
        if (!arguments.parse(words)) return 0;
        if (runs.size() == 1) {
          graft::train::write_report(runs.front());
          std::cout << graft::report::summary_table(graft::report::read_run_folder(runs.front()))
                    << "report: " << runs.front() << "/report.html\n";
          return 0;
        }
        const std::string ending = std::filesystem::path(output).extension().string();
        if (std::filesystem::exists(output) && ending != ".html" && ending != ".htm") {
          fail_usage("report: {} is there and no page; give a file of another name to --output",
                     output);
        }
        graft::train::write_comparison({runs.begin(), runs.end()}, output);
        std::cout << "comparison: " << output << "\n";
        return 0;
      }};
}

}  // namespace graft::cli
