#include <iostream>

#include "graft/cli/arguments.h"
#include "graft/cli/outputs.h"
#include "graft/train/run_model.h"

namespace graft::cli {

Command merge() {
  return {"merge", "folds what a run learned into its base and writes the whole model",
          [](const Words& words) {
            Arguments arguments("merge",
                                "Writes config.json, preprocessor_config.json and "
                                "model.safetensors of a run, adapters folded in.");
            std::string run;
            std::string output;
            arguments.app().add_option("RUN", run, "run folder")->required();
            arguments.app().add_option("--output,-o", output, "folder that is written")->required();
            if (!arguments.parse(words)) return 0;
            claim_new_folder("merge", output);
            const auto loaded = graft::train::load_run_model(run);
            models::save_model(*loaded.model, output);
            std::cout << "written: " << output << "\n";
            return 0;
          }};
}

}  // namespace graft::cli
