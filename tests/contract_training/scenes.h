#pragma once

#include "graft/train/batches.h"
#include "tests/contract_training/fixture.h"

/// A tiny YOLO, and other detectors, on pictures of coloured rectangles.
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

/// A family of detectors that the contracts are held to.
struct Detector {
  std::string name;
  Json model;           ///< as in a configuration, for pictures of 64 x 64
  bool repeats = true;  ///< to the last bit, on a GPU as well
};
/// One line a family.
const std::vector<Detector>& detectors();
/// As box_config, for one of them.
Json detector_config(const Detector& detector, const std::filesystem::path& output);
// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
inline void PrintTo(const Detector& detector, std::ostream* out) {
  *out << detector.name;
}

/// What a job's model finds in a view.
eval::Predictions found_in(train::Job& job, const data::View& view);

}  // namespace graft::contract
