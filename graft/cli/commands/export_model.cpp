#include <filesystem>
#include <iostream>

#include "graft/cli/arguments.h"
#include "graft/cli/outputs.h"
#include "graft/models/darknet/files.h"
#include "graft/models/darknet/network.h"
#include "graft/models/text_tower.h"
#include "graft/train/job.h"
#include "graft/train/run_model.h"

namespace graft::cli {
namespace {

/// What transformers' classes give to the head whatever their config says: the first token, those
/// of decoders the last. ModernBERT's asks the config, which knows "cls" and "mean".
void note_pooling(const models::Model& model) {
  if (model.task() != models::Task::classes || !graft::train::reads_texts(model)) return;
  const models::Family& family = models::find_family(model.family());
  const auto theirs = family.architectures.contains(models::Task::next_token)
                          ? models::Pooling::last
                          : models::Pooling::first;
  const models::Pooling ours = models::pooling_of(model.config(), theirs);
  if (ours == theirs || (family.obeys_pooling && ours == models::Pooling::mean)) return;
  const auto named = [](models::Pooling pooling) {
    return pooling == models::Pooling::first ? "first" : models::pooling_name(pooling);
  };
  std::cerr << "graft: note: the head reads the " << named(ours)
            << " of the tokens, but transformers gives it the " << named(theirs)
            << ": there this folder predicts something else. Train with model.pooling="
            << named(theirs) << " for a model that is the same in both\n";
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
