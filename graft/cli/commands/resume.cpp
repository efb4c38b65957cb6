#include <iostream>

#include "graft/cli/arguments.h"
#include "graft/cli/progress.h"
#include "graft/cli/watchdog.h"
#include "graft/report/run_folder.h"
#include "graft/report/summary_table.h"
#include "graft/train/run.h"

namespace graft::cli {

Command resume() {
  return {"resume", "goes on with an interrupted run, to the same result", [](const Words& words) {
            Arguments arguments("resume",
                                "Goes on with an interrupted run from its last checkpoint.");
            std::string folder;
            arguments.app().add_option("RUN", folder, "the run folder")->required();
            if (!arguments.parse(words)) return 0;
            Watchdog watchdog;
            watchdog.watch(graft::train::time_left(folder));
            Progress progress;
            graft::train::resume(folder, {&progress, &watchdog});
            std::cout << report::summary_table(report::read_run_folder(folder));
            std::cout << "report: " << folder << "/report.html\n";
            return 0;
          }};
}

}  // namespace graft::cli
