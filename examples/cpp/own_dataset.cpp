// Trains on pictures that come from no file: a Source of one's own, here one that draws them.
//   own_dataset [output folder], from the root of the repository
#include <exception>
#include <iostream>

#include "graft/graft.h"

/// 120 pictures, each a bright bar on grey: lying (class 0) or standing (class 1).
class Bars final : public graft::data::Source {
 public:
  Bars() {
    for (int i = 0; i < 120; ++i) samples_.push_back({"bar " + std::to_string(i), {i % 2}});
  }
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  const graft::data::Sample& sample(int64_t i) const override {
    return samples_[static_cast<size_t>(i)];
  }
  /// Called from several threads at once.
  graft::image::Image load(int64_t i) const override {
    graft::image::Image picture(64, 64, 90);
    const int at = 8 + static_cast<int>(i * 7 % 40);
    for (int along = 6; along < 58; ++along) {
      for (int across = at; across < at + 8; ++across) {
        uint8_t* pixel =
            sample(i).labels[0] == 0 ? picture.at(along, across) : picture.at(across, along);
        pixel[0] = pixel[1] = pixel[2] = 250;
      }
    }
    return picture;
  }

 private:
  std::vector<graft::data::Sample> samples_;
};

int main(int argc, char** argv) try {
  graft::data::Dataset bars =
      graft::data::make_dataset(std::make_shared<Bars>(), {"lying", "standing"}, {},
                                graft::Target::single_label, graft::data::SplitRule(), /*seed=*/0);
  const graft::train::Config config = graft::train::make_config({
      {"model", "examples/models/mobilenet_v2_0.35_224"},
      {"data", "drawn bars"},  // only a name here
      {"strategy", "head"},
      {"budget", {{"epochs", 10}}},
      {"output", argc > 1 ? argv[1] : "runs/own_dataset"},
      {"overwrite", true},
  });
  graft::plan::Planned planned = graft::plan::make_plan(config, std::move(bars));
  const graft::Json summary = graft::train::execute(planned.job, planned.facts, {});
  const double accuracy = summary["metric"]["value"].get<double>();
  std::cout << "test accuracy " << accuracy << "\n";
  return accuracy > 0.9 ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
