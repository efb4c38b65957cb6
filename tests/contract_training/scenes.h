#pragma once

#include "graft/train/batches.h"
#include "tests/contract_training/fixture.h"

/// A tiny YOLO on pictures of coloured rectangles.
namespace graft::contract {

/// What lies in a folder of scenes.
struct Scenes {
  std::vector<std::string> classes = {"blue", "green", "red"};
  int train = 12, validation = 6, test = 6;
  bool empty_ones = true;  ///< every sixth picture shows nothing
};
/// A folder as YOLO has it: data.yaml, images/ and labels/ of each split. Pictures of 80 x 60 with
/// up to three rectangles that do not meet, on noise.
std::filesystem::path make_scenes(const std::filesystem::path& folder, const Scenes& scenes);
/// The usual ones, made once a process.
const std::filesystem::path& scenes();

/// tests/golden/darknet/tiny.cfg with random weights, for pictures of 64 x 64.
Json tiny_yolo();
/// As config_of, for tiny_yolo() on scenes().
Json box_config(const std::filesystem::path& output);

/// What a job's model finds in a view.
eval::Predictions found_in(train::Job& job, const data::View& view);

}  // namespace graft::contract
