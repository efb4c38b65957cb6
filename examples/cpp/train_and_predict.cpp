// Fine-tunes the bundled model on the bundled photos and classifies one picture with the result.
//   train_and_predict [output folder], from the root of the repository
#include <exception>
#include <iostream>

#include "graft/graft.h"

int main(int argc, char** argv) try {
  const std::string output = argc > 1 ? argv[1] : "runs/train_and_predict";

  // The keys of docs/configuration.md. What is left out is decided by the plan.
  const graft::train::Config config = graft::train::make_config({
      {"model", "examples/models/mobilenet_v2_0.35_224"},
      {"data", "examples/data/clothing"},
      {"strategy", {{"name", "head"}, {"solver", "logistic"}}},
      {"budget", {{"time", "5m"}}},
      {"output", output},
      {"overwrite", true},
  });
  graft::plan::Planned planned = graft::plan::make_plan(config);
  std::cout << graft::plan::decisions_text(planned.facts);

  const graft::Json summary = graft::train::execute(planned.job, planned.facts, {});
  const graft::Json& metric = summary["metric"];
  std::cout << metric["name"].get<std::string>() << " on the " << metric["split"].get<std::string>()
            << " split: " << metric["value"].get<double>() << "\n";

  graft::train::Predictor predictor(output);
  const auto hats = graft::data::open_dataset("examples/data/clothing", 0).test;
  const graft::train::Prediction answer = predictor.classify(hats.load(0));
  std::cout << hats.sample(0).id << ": " << answer.label << "\n";
  for (size_t c = 0; c < answer.scores.size(); ++c) {
    std::cout << "  " << predictor.classes()[c] << " " << answer.scores[c] << "\n";
  }
  return 0;
} catch (const std::exception& e) {  // graft::Error carries an exit code beside its message
  std::cerr << e.what() << "\n";
  return 1;
}
