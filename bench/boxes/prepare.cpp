#include <CLI/CLI.hpp>
#include <cstdio>

#include "graft/base/clock.h"
#include "graft/base/json.h"
#include "graft/data/dataset.h"
#include "graft/data/scene_writer.h"
#include "graft/tensor/device.h"

/// Pictures with boxes as a detector's training reads them, in one thread: decoded, augmented, as
/// floats. Prints one JSON line; bench/boxes/compare.py holds it beside Python's tools.
int main(int argc, char** argv) {
  using namespace graft;
  CLI::App app("prepare_boxes");
  std::string data, augment = "none";
  int side = 640;
  double seconds = 5;
  app.add_option("data", data)->required();
  app.add_option("--augment", augment, "in YAML, as a configuration has it");
  app.add_option("--side", side);
  app.add_option("--seconds", seconds);
  CLI11_PARSE(app, argc, argv);
  set_threads(1);
  const data::Dataset set = data::open_dataset(data, 0);
  data::SceneTransform transform;
  transform.preprocess.resize = image::Preprocess::Resize::letterbox;
  transform.preprocess.resize_width = transform.preprocess.resize_height = side;
  transform.augmentation = image::BoxAugmentation(parse_yaml(augment, "--augment"), "--augment");
  std::vector<int64_t> order;
  for (int64_t i = 0; i < set.train.size(); ++i) order.push_back(i);
  const data::SceneWriter writer(set.train, order, transform, 1000, nullptr);
  const nn::Flow room = writer.room(1);
  int64_t pictures = 0;
  writer.write(0, 0, room, 0);
  const Stopwatch watch;
  for (uint32_t pass = 0; watch.seconds() < seconds; ++pass) {
    for (const int64_t position : order) {
      writer.write(position, pass, room, 0);
      ++pictures;
    }
  }
  std::printf("%s\n", Json{{"pictures", pictures}, {"seconds", watch.seconds()}}.dump().c_str());
  return 0;
}
