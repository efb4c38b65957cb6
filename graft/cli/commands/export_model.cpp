#include <filesystem>
#include <iostream>

#include "graft/cli/arguments.h"
#include "graft/cli/outputs.h"
#include "graft/train/run_model.h"

namespace graft::cli {

Command export_model() {
  return {"export", "writes a run or a model for other programs", [](const Words& words) {
            Arguments arguments("export",
                                "Writes a run or a model as a folder that transformers loads.");
            std::string model;
            std::string output;
            std::string format = "hf";
            arguments.app().add_option("RUN", model, "run folder or model")->required();
            arguments.app()
                .add_option("--format", format, "hf: Hugging Face")
                ->check(CLI::IsMember({"hf"}))
                ->capture_default_str();
            arguments.app().add_option("--output,-o", output,
                                       "folder that is written; default: export-hf in the run");
            if (!arguments.parse(words)) return 0;
            if (output.empty()) output = (std::filesystem::path(model) / "export-hf").string();
            claim_new_folder("export", output);
            const auto loaded = graft::train::load_any_model(model);
            models::save_model(*loaded.model, output);
            std::cout << "written: " << output << "\n";
            return 0;
          }};
}

}  // namespace graft::cli
