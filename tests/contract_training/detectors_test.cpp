#include "tests/contract_training/scenes.h"
#include "tests/contract_training/stops.h"

/// What training promises, for every family that finds objects.
namespace graft::contract {
namespace {

class Detectors : public ::testing::TestWithParam<Detector> {};

TEST_P(Detectors, AResumedRunEqualsTheUninterruptedOneBitForBit) {
  if (device() != "cpu" && !GetParam().repeats) GTEST_SKIP() << "a GPU adds up as it comes here";
  const test::ScratchDir scratch;
  const Json patch = {{"augment", "standard"}};
  run(with(detector_config(GetParam(), scratch / "whole"), patch));
  execute_until_stop(with(detector_config(GetParam(), scratch / "pieces"), patch), 2);
  resume_until_stop(scratch / "pieces", 4);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");
}

TEST_P(Detectors, CachedFeaturesGiveTheSameHead) {
  const test::ScratchDir scratch;
  // With steps as large as their gradients: others would make steps of what is zero but for
  // rounding.
  const Json patch = {{"strategy", "head"}, {"train", {{"optimizer", "sgd"}}}};
  run(with(with(detector_config(GetParam(), scratch / "plain"), patch), {{"cache", "none"}}));
  const Json summary =
      run(with(with(detector_config(GetParam(), scratch / "kept"), patch), {{"cache", "memory"}}));
  EXPECT_GT(summary["work"]["samples_cached"].get<int64_t>(), 0);
  EXPECT_LT(weights_gap(scratch / "plain", scratch / "kept"), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Families, Detectors, ::testing::ValuesIn(detectors()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace graft::contract
