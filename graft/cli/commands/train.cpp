#include <iostream>

#include "graft/cli/arguments.h"
#include "graft/cli/progress.h"
#include "graft/cli/watchdog.h"
#include "graft/plan/plan.h"
#include "graft/report/run_folder.h"
#include "graft/report/summary_table.h"
#include "graft/train/run.h"

namespace graft::cli {

Command train() {
  return {
      "train", "fine-tunes a model on data: decides what is left open, trains, measures, saves",
      [](const Words& words) {
        Arguments arguments(
            "train", "Fine-tunes a model. Needs model= and data=; all else is decided and said.");
        Words given;
        arguments.app().add_option("words", given, "config.yaml and key=value words");
        arguments.app().allow_extras(false);
        if (!arguments.parse(words)) return 0;
        const graft::train::Config config = graft::train::make_config(read_configuration(given));
        if (!config.is_auto("", "output")) graft::train::claim_output(config);
        Watchdog watchdog;
        watchdog.watch(config.budget.time_s);
        plan::Planned planned = plan::make_plan(config);
        watchdog.watch(planned.job.config.budget.time_s);  // ten minutes where nothing was given
        for (const auto& note : planned.job.notes) std::cerr << note << "\n";
        std::cerr << plan::decisions_text(planned.facts);
        Progress progress;
        graft::train::execute(planned.job, planned.facts, {&progress, &watchdog});
        const std::string folder = planned.job.config.output();
        std::cout << report::summary_table(report::read_run_folder(folder));
        std::cout << "run folder: " << folder << "\nreport:     " << folder << "/report.html\n";
        return 0;
      }};
}

}  // namespace graft::cli
