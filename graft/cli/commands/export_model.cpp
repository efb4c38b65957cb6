#include <filesystem>
#include <iostream>

#include "graft/cli/arguments.h"
#include "graft/cli/outputs.h"
#include "graft/models/darknet/files.h"
#include "graft/models/darknet/network.h"
#include "graft/train/job.h"
#include "graft/train/run_model.h"

namespace graft::cli {
namespace {

/// transformers' classes of these families read the first token, whatever their config says.
void note_pooling(const models::Model& model) {
  const Json pooling = model.config().value("classifier_pooling", Json());
  if (model.task() != models::Task::classes || !graft::train::reads_texts(model) ||
      models::find_family(model.family()).obeys_pooling)
    return;
  if (!pooling.is_string() || pooling == "first" || pooling == "cls") return;
  std::cerr << "graft: note: the head reads the " << pooling.get<std::string>()
            << " of the tokens, but transformers gives it the first: there this folder predicts "
               "something else. Train with model.pooling=first for a model that is the same "
               "in both\n";
}

}  // namespace

Command export_model() {
  return {"export", "writes a run or a model for other programs", [](const Words& words) {
            Arguments arguments(
                "export",
                "Writes a run or a model as a folder that transformers loads, of a model of "
                "embeddings one that sentence-transformers loads, of a YOLO the files of "
                "Darknet, which OpenCV reads, too.");
            std::string model;
            std::string output;
            std::string format = "auto";
            arguments.app().add_option("RUN", model, "run folder or model")->required();
            arguments.app()
                .add_option("--format", format,
                            "hf: Hugging Face; darknet: .cfg, .weights and .names; auto: where "
                            "models of this kind come from")
                ->check(CLI::IsMember({"auto", "hf", "darknet"}))
                ->capture_default_str();
            arguments.app().add_option(
                "--output,-o", output,
                "folder that is written; default: export-hf or export-darknet in the run");
            if (!arguments.parse(words)) return 0;
            const auto loaded = graft::train::load_any_model(model);
            if (format == "auto")
              format = loaded.model->family() == models::kDarknetFamily ? "darknet" : "hf";
            if (output.empty())
              output = (std::filesystem::path(model) / ("export-" + format)).string();
            claim_new_folder("export", output);
            if (format == "darknet") {
              models::save_darknet(*loaded.model, output, "yolo");
            } else {
              models::save_model(*loaded.model, output);
              note_pooling(*loaded.model);
            }
            std::cout << "written: " << output << "\n";
            return 0;
          }};
}

}  // namespace graft::cli
