// Follows a run, and ends it: an Observer that prints each evaluation and stops at a wanted
// accuracy.
//   own_observer [output folder], from the root of the repository
#include <algorithm>
#include <exception>
#include <iostream>

#include "graft/graft.h"

class UntilGoodEnough final : public graft::train::Observer {
 public:
  explicit UntilGoodEnough(double wanted) : wanted_(wanted) {}

  void on_evaluation(const graft::train::EvaluationEvent& event) override {
    for (const auto& [name, measured] : event.metrics) {
      if (name != "accuracy") continue;
      std::cout << event.split << " after step " << event.step << ": " << measured.value << "\n";
      if (event.split == "validation") best_ = std::max(best_, measured.value);
    }
  }
  bool wants_stop() override { return best_ >= wanted_; }

  // What a resumed run needs back goes into the checkpoints under this name.
  std::string name() const override { return "until_good_enough"; }
  graft::Json save() const override { return {{"best", best_}}; }
  void load(const graft::Json& state) override { best_ = state.at("best"); }

 private:
  double wanted_;
  double best_ = 0;
};

int main(int argc, char** argv) try {
  const graft::train::Config config = graft::train::make_config({
      {"model", "examples/models/mobilenet_v2_0.35_224"},
      {"data", "examples/data/clothing"},
      {"strategy", "head"},
      {"train", {{"lr", 0.003}}},
      {"budget", {{"epochs", 20}}},
      {"output", argc > 1 ? argv[1] : "runs/own_observer"},
      {"overwrite", true},
  });
  graft::plan::Planned planned = graft::plan::make_plan(config);
  UntilGoodEnough observer(0.7);
  const graft::Json summary = graft::train::execute(planned.job, planned.facts, {&observer});
  std::cout << "ended: " << summary["status"].get<std::string>() << "\n";
  return 0;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
