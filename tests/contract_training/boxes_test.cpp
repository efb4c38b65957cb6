#include <torch/types.h>

#include <algorithm>
#include <fstream>

#include "graft/base/error.h"
#include "graft/data/replay.h"
#include "graft/eval/detection.h"
#include "graft/eval/metric.h"
#include "graft/models/detector.h"
#include "graft/models/load.h"
#include "graft/plan/plan.h"
#include "graft/train/earlier_objects.h"
#include "graft/train/run_model.h"
#include "tests/contract_training/scenes.h"
#include "tests/contract_training/stops.h"

/// What training promises of classes it promises of objects.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

double value_of(const char* metric, const eval::Predictions& p) {
  return eval::measure(eval::find_metric(metric), p).value;
}

/// The same pictures to learn, to choose by and to measure.
Json by_heart(const fs::path& output) {
  Json config = box_config(output);
  const std::string train = (scenes() / "images/train").string();
  std::ofstream(scenes() / "heart.yaml") << "train: images/train\nval: images/train\n"
                                            "test: images/train\nnames: [blue, green, red]\n";
  config["data"] = (scenes() / "heart.yaml").string();
  return config;
}

TEST(BoxTraining, LearnsScenesByHeart) {
  const test::ScratchDir scratch;
  Json config = by_heart(scratch / "run");
  config["budget"] = {{"epochs", 80}};
  config["train"]["eval_every"] = 20;
  config["train"]["batch_norm"] = "train";
  train::Job job = open(config);
  EXPECT_LT(value_of("AP50", found_in(job, job.data.test)), 0.3);
  const Json summary = run(job);
  EXPECT_GT(summary["metric"]["value"].get<double>(), 0.9);
  EXPECT_EQ(summary["problem_type"], "object_detection");
  EXPECT_EQ(summary["task"], "object-detection");
  EXPECT_NEAR(summary["detection"]["AP50"].get<double>(), summary["metric"]["value"].get<double>(),
              1e-12);
  EXPECT_EQ(summary["per_class"].size(), 3);
  // The score that was best on validation goes with the model.
  const double threshold = summary["settings"]["detection"]["score"].get<double>();
  EXPECT_EQ(summary["detection"]["threshold"], threshold);
  EXPECT_EQ(models::detection_score(job.model()), threshold);
  const Json saved = read_json(scratch / "run/model/config.json");
  EXPECT_EQ(saved["detection"]["score"], threshold);

  // What the run wrote finds the same objects.
  const models::LoadedModel loaded = train::load_run_model(scratch / "run");
  const train::Objective& objective = train::objective_of(Target::boxes);
  int objects = 0, right = 0;
  for (int64_t i = 0; i < job.data.test.size(); ++i) {
    const auto answers = objective.answer(*loaded.model, {job.data.test.load(i)}, 3);
    for (const data::BoxLabel& object : job.data.test.sample(i).boxes) {
      ++objects;
      right += std::ranges::any_of(answers.front().objects, [&](const models::Detection& one) {
        return one.label == object.label && image::iou(one.box, object.box) > 0.5F;
      });
    }
  }
  EXPECT_GT(right, objects * 8 / 10);
}

TEST(BoxEvaluation, IsThatOfCoco) {
  const test::ScratchDir scratch;
  train::Job job = open(with(box_config(scratch / "run"), {{"budget", {{"epochs", 10}}}}));
  run(job);
  const eval::Predictions p = found_in(job, job.data.train);
  ASSERT_EQ(p.size(), 12);
  eval::DetectionMetric metric(p.classes);
  for (size_t i = 0; i < p.boxes.size(); ++i) metric.add(static_cast<int64_t>(i), p.boxes[i]);
  const eval::BoxFigures figures = metric.scores().figures;
  EXPECT_NEAR(value_of("AP", p), figures.ap, 1e-12);
  EXPECT_NEAR(value_of("AP50", p), figures.ap50, 1e-12);
  EXPECT_NEAR(value_of("AP75", p), figures.ap75, 1e-12);
  // Objects are where the data have them, in pixels of the picture.
  for (int64_t i = 0; i < p.size(); ++i) {
    const auto& boxes = job.data.train.sample(i).boxes;
    const auto& truth = p.boxes[static_cast<size_t>(i)].truth;
    ASSERT_EQ(truth.size(), boxes.size());
    for (size_t k = 0; k < boxes.size(); ++k) {
      EXPECT_EQ(static_cast<float>(truth[k].box.x), boxes[k].box.x0);
      EXPECT_EQ(truth[k].label, boxes[k].label);
    }
    for (const eval::FoundBox& box : p.boxes[static_cast<size_t>(i)].found) {
      EXPECT_GE(box.box.x, 0);
      EXPECT_LE(box.box.x + box.box.width, 80.001);
      EXPECT_LE(box.box.y + box.box.height, 60.001);
    }
  }
}

TEST(BoxTraining, IsTheSameForAnyWorkersAndBatchesOfReading) {
  const Json patch = {{"augment", "strong"}, {"budget", {{"epochs", 3}}}};
  const test::ScratchDir scratch;
  run(with(with(box_config(scratch / "one"), patch), {{"train", {{"workers", 1}}}}));
  run(with(with(box_config(scratch / "three"), patch),
           {{"train", {{"workers", 3}, {"image_cache", "none"}}}}));
  EXPECT_TRUE(same_weights(scratch / "one", scratch / "three"));
}

TEST(BoxTraining, TheLastPassesShowOnePictureAtATime) {
  const test::ScratchDir scratch;
  train::Job job = open(with(box_config(scratch / "run"), {{"augment", {{"mosaic", {{"p", 1}}}}},
                                                           {"train", {{"close_last", 0.25}}},
                                                           {"budget", {{"epochs", 4}}}}));
  const train::Reader reader(job, [](const std::string& text) { ADD_FAILURE() << text; });
  const auto pixels = [&](bool augment, int64_t epoch) {
    const auto batch = reader.batches(job.data.train, {0, 1, 2, 3}, augment, epoch, 4)->next();
    return batch->inputs.at("pixels");
  };
  const at::Tensor plain = pixels(false, 0);
  for (int64_t epoch = 0; epoch < 3; ++epoch) EXPECT_FALSE(at::equal(pixels(true, epoch), plain));
  EXPECT_TRUE(at::equal(pixels(true, 3), plain));
}

class BoxResume : public ::testing::TestWithParam<Json> {};

TEST_P(BoxResume, EqualsTheUninterruptedRunBitForBit) {
  const test::ScratchDir scratch;
  const Json patch = with({{"budget", {{"epochs", 4}}}}, GetParam());
  run(with(box_config(scratch / "whole"), patch));
  const Json pieces = with(box_config(scratch / "pieces"), patch);
  execute_until_stop(pieces, 2);
  resume_until_stop(scratch / "pieces", 7);
  train::resume(scratch / "pieces", {});
  expect_same_outcome(scratch / "whole", scratch / "pieces");
}

INSTANTIATE_TEST_SUITE_P(Kinds, BoxResume,
                         ::testing::Values(Json{{"augment", "standard"}},
                                           Json{{"strategy", "incremental"}},
                                           Json{{"strategy", "incremental"}, {"cache", "memory"}},
                                           Json{{"strategy", "head"},
                                                {"cache", "memory"},
                                                {"augment", "light"},
                                                {"train", {{"views", 2}}}}));

TEST(BoxTraining, CachedFeaturesGiveTheSameHead) {
  const test::ScratchDir scratch;
  const Json patch = {{"strategy", "head"}, {"budget", {{"epochs", 4}}}};
  run(with(with(box_config(scratch / "plain"), patch), {{"cache", "none"}}));
  const Json summary = run(with(with(box_config(scratch / "kept"), patch), {{"cache", "memory"}}));
  EXPECT_GT(summary["work"]["samples_cached"].get<int64_t>(), 0);
  EXPECT_LT(weights_gap(scratch / "plain", scratch / "kept"), 1e-4);
}

TEST(BoxTraining, IncrementalTrainsTheHeadThenAll) {
  const test::ScratchDir scratch;
  train::Job job = open(
      with(box_config(scratch / "run"),
           {{"strategy", {{"name", "incremental"}, {"share", 0.5}}}, {"budget", {{"epochs", 4}}}}));
  std::vector<std::map<std::string, at::Tensor>> at_stage;
  Watcher watcher;
  watcher.stage = [&](const train::StageEvent&) { at_stage.push_back(snapshot(job.model())); };
  run(job, {&watcher});
  ASSERT_EQ(at_stage.size(), 2);
  const auto end = snapshot(job.model());
  for (const auto& p : job.model().registry().parameters) {
    if (p.is_buffer()) continue;
    const bool head = p.block >= job.model().head();
    EXPECT_EQ(same_bytes(at_stage[0].at(p.name), at_stage[1].at(p.name)), !head) << p.name;
    EXPECT_FALSE(same_bytes(at_stage[1].at(p.name), end.at(p.name))) << p.name;
  }
}

TEST(BoxTraining, BackboneScaleSlowsWhatLiesBelowTheHead) {
  const test::ScratchDir scratch;
  const auto moved = [&](double scale) {
    train::Job job =
        open(with(box_config(scratch / fmt::format("run{}", scale)),
                  {{"strategy", {{"stages", {{{"train", "all"}, {"backbone_scale", scale}}}}}},
                   {"train",
                    {{"optimizer", "sgd"},
                     {"momentum", 0},
                     {"clip", 0},
                     {"weight_decay", 0},
                     {"lr", 1e-4},
                     {"head_lr", 1e-4},
                     {"schedule", "constant"}}},
                   {"budget", {{"steps", 1}}}}));
    const auto before = snapshot(job.model());
    run(job);
    std::pair<double, double> below_and_head;
    for (const auto& p : job.model().registry().parameters) {
      if (p.is_buffer()) continue;
      const double distance = (p.value->cpu() - before.at(p.name)).norm().item<double>();
      (p.block < job.model().head() ? below_and_head.first : below_and_head.second) += distance;
    }
    return below_and_head;
  };
  const auto [whole, head] = moved(1);
  const auto [tenth, same_head] = moved(0.1);
  EXPECT_GT(whole, 0);
  EXPECT_NEAR(tenth, 0.1 * whole, 0.01 * whole);
  EXPECT_NEAR(same_head, head, 1e-6 * head);
}

TEST(BoxTraining, AFittedHeadMayStayFrozen) {
  const test::ScratchDir scratch;
  train::Job job =
      open(with(box_config(scratch / "run"),
                {{"strategy", {{"name", "backbone"}, {"from", 1}, {"head", "frozen"}}}}));
  const auto before = snapshot(job.model());
  run(job);
  const auto after = snapshot(job.model());
  for (const auto& p : job.model().registry().parameters) {
    if (p.is_buffer()) continue;
    const bool trained = p.block >= 1 && p.block < job.model().head();
    EXPECT_EQ(same_bytes(before.at(p.name), after.at(p.name)), !trained) << p.name;
  }
}

TEST(BoxTraining, AdaptersFoldIntoConvolutionsAndNorms) {
  const test::ScratchDir scratch;
  Json config = by_heart(scratch / "run");
  config["method"] = {{"name", "lora"}, {"r", 2}, {"target", "all"}};
  config["budget"] = {{"epochs", 5}};
  train::Job job = open(config);
  run(job);
  const eval::Predictions trained = found_in(job, job.data.test);
  job.loaded = train::load_run_model(scratch / "run");  // merged
  const eval::Predictions merged = found_in(job, job.data.test);
  for (size_t i = 0; i < trained.losses.size(); ++i)
    EXPECT_NEAR(trained.losses[i], merged.losses[i], 1e-4 * std::abs(trained.losses[i]));
  EXPECT_NEAR(value_of("AP", trained), value_of("AP", merged), 1e-3);
}

TEST(ClassIncremental, OldRowsStayAndClassesAreToldApart) {
  const test::ScratchDir scratch;
  run(with(box_config(scratch / "first"), {{"budget", {{"epochs", 10}}}}));
  Scenes more;
  more.classes = {"red", "violet"};
  make_scenes(scratch / "more", more);
  Json config = with(box_config(scratch / "second"), {{"data", (scratch / "more").string()}});
  config["model"] = (scratch / "first").string();
  train::Job job = open(config);
  EXPECT_EQ(job.model().classes(), (std::vector<std::string>{"blue", "green", "red", "violet"}));
  const models::LoadedModel first = train::load_run_model(scratch / "first");
  const auto rows = [](models::Model& model) {
    const auto& p = model.registry().parameters.back();
    return p.value->view({3, -1}).contiguous();  // of three anchors; a bias
  };
  const at::Tensor old = rows(*first.model), now = rows(job.model());
  EXPECT_TRUE(same_bytes(old.contiguous(), now.slice(1, 0, old.size(1)).contiguous()));
  const Json summary = run(job);
  EXPECT_EQ(summary["by_origin"]["earlier"]["classes"], 1);  // blue and green are not there
  EXPECT_EQ(summary["by_origin"]["new"]["classes"], 1);
}

TEST(ClassIncremental, WhatTheEarlierModelFindsIsLearnedAlong) {
  const test::ScratchDir scratch;
  Json first = by_heart(scratch / "first");
  first["budget"] = {{"epochs", 80}};
  first["train"]["batch_norm"] = "train";
  first["train"]["eval_every"] = 20;
  ASSERT_GT(run(first)["metric"]["value"].get<double>(), 0.9);
  // The same pictures, of whose objects only the red ones are marked.
  Json second = with(box_config(scratch / "second"), {{"budget", {{"epochs", 2}}}});
  second["model"] = (scratch / "first").string();
  second["data"] = {{"path", (scenes() / "heart.yaml").string()}, {"classes", {"red"}}};
  train::Job job = open(second);
  run(job);
  const Json kept = read_json(scratch / "second/checkpoints/earlier_objects.json")["train"];
  ASSERT_EQ(kept.size(), static_cast<size_t>(job.data.train.size()));
  const train::Job all = open(by_heart(scratch / "third"));
  int objects = 0, found = 0;
  for (int64_t i = 0; i < all.data.train.size(); ++i) {
    for (const data::BoxLabel& object : all.data.train.sample(i).boxes) {
      if (object.label == 2) continue;  // red
      ++objects;
      for (const Json& box : kept[static_cast<size_t>(i)]) {
        EXPECT_NE(box[4], 2);
        found += box[4] == object.label &&
                 image::iou(object.box, {box[0], box[1], box[2], box[3]}) > 0.5F;
      }
    }
  }
  EXPECT_GT(found, objects * 8 / 10);
}

TEST(ClassIncremental, EarlierDataAreLearnedBeside) {
  const test::ScratchDir scratch;
  Scenes more;
  more.classes = {"red", "violet"};
  make_scenes(scratch / "more", more);
  Json config = box_config(scratch / "run");
  config["data"] = {{"path", (scratch / "more").string()},
                    {"replay", {{"path", scenes().string()}, {"samples", 5}}}};
  train::Job job = open(config);
  EXPECT_EQ(job.data.classes, (std::vector<std::string>{"red", "violet", "blue", "green"}));
  EXPECT_EQ(job.data.train.size(), 12 + 5);
  EXPECT_EQ(job.data.validation.size(), 6 + 6);
  const data::Dataset alone = data::open_dataset(scenes().string(), 7);
  for (int64_t i = 12; i < 17; ++i) {
    const data::Sample& sample = job.data.train.sample(i);
    for (int64_t k = 0; k < alone.train.size(); ++k) {
      if (alone.train.sample(k).id != sample.id) continue;
      ASSERT_EQ(alone.train.sample(k).boxes.size(), sample.boxes.size());
      for (size_t b = 0; b < sample.boxes.size(); ++b) {
        EXPECT_EQ(alone.classes[static_cast<size_t>(alone.train.sample(k).boxes[b].label)],
                  job.data.classes[static_cast<size_t>(sample.boxes[b].label)]);
      }
    }
  }
  EXPECT_EQ(run(job)["status"], "completed");
  // Old classes that only earlier samples mark are still found in the new pictures.
  run(with(box_config(scratch / "first"), {{"budget", {{"steps", 2}}}}));
  Json again = config;
  again["model"] = (scratch / "first").string();
  again["output"] = (scratch / "again").string();
  train::Job later = open(again);
  EXPECT_EQ(later.model().classes(), (std::vector<std::string>{"blue", "green", "red", "violet"}));
  EXPECT_EQ(data::replay_begin(later.data.train), 12 + 6 + 6);  // the new source is first
  EXPECT_EQ(train::unmarked_classes(later), (std::vector<int>{0, 1}));
  config["data"]["replay"] = photos().string();
  EXPECT_GRAFT_ERROR(open(config), ErrorCode::usage, "data.replay");
}

TEST(BoxData, WithoutAnyObjectIsLearnedAsBackground) {
  const test::ScratchDir scratch;
  const fs::path folder = make_scenes(scratch / "one", {.classes = {"blue"}, .empty_ones = false});
  for (const auto& file : fs::directory_iterator(folder / "labels/validation"))
    std::ofstream(file.path(), std::ios::trunc);
  Json config = with(box_config(scratch / "run"), {{"data", folder.string()}});
  const Json summary = run(config);
  EXPECT_EQ(summary["status"], "completed");
  EXPECT_EQ(summary["classes"], Json({"blue"}));
}

TEST(BoxSettings, WithoutMeaningAreRefused) {
  const test::ScratchDir scratch;
  const auto refused = [&](const Json& patch, const std::string& why) {
    EXPECT_GRAFT_ERROR(open(with(box_config(scratch / "run"), patch)), ErrorCode::usage, why);
  };
  refused({{"train", {{"mixup", 0.2}}}}, "train.mixup");
  refused({{"train", {{"class_weights", "balanced"}}}}, "train.class_weights");
  refused({{"train", {{"loss", "focal"}}}}, "detection");
  refused({{"metric", "accuracy"}}, "AP50");
  refused({{"strategy", {{"name", "backbone"}, {"from", 99}}}}, "from=99");
  refused({{"augment", "randaugment"}}, "augmentation of boxes");
  refused({{"model", golden_model("vit")}}, "does not find objects");
}

TEST(BoxPlan, ChoosesTwoStagesWithinATime) {
  const test::ScratchDir scratch;
  Json config = {{"model", tiny_yolo()},
                 {"data", scenes().string()},
                 {"output", (scratch / "run").string()},
                 {"budget", {{"time", "20s"}}},
                 {"threads", 1}};
  const plan::Planned planned = plan::make_plan(train::make_config(config));
  EXPECT_EQ(planned.job.config.values["task"], "object-detection");
  EXPECT_EQ(planned.job.config.values["metric"], "AP");
}

}  // namespace
}  // namespace graft::contract
