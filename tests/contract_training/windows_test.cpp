#include <torch/types.h>

#include <cmath>
#include <fstream>

#include "graft/base/error.h"
#include "graft/train/trained_set.h"
#include "tests/contract_training/fixture.h"

/// Gradient accumulation, caches of the frozen prefix and nested updates.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "step " << i + 1;
}

/// Plain SGD, so that weights differ by no more than gradients do.
const Json kPlain = {{"optimizer", "sgd"}, {"momentum", 0.9}, {"lr", 0.02}, {"head_lr", 0.02}};

struct Windows {
  const char* name;
  int64_t big, small, every;
  Json patch;
};

class Accumulation : public ::testing::TestWithParam<Windows> {};

TEST_P(Accumulation, EqualsTheBigBatch) {
  const Windows& w = GetParam();
  for (const char* model : {"vit", "convnext"}) {
    SCOPED_TRACE(model);
    const test::ScratchDir scratch;
    const Json common = with({{"budget", {{"epochs", 3}}}, {"train", kPlain}}, w.patch);
    run(with(with(config_of(model, scratch / "big"), common), {{"train", {{"batch", w.big}}}}));
    run(with(with(config_of(model, scratch / "small"), common),
             {{"train", {{"batch", w.small}}}, {"updates", {{"every", w.every}}}}));
    expect_near(step_losses(scratch / "big"), step_losses(scratch / "small"), 1e-6);
    EXPECT_LT(weights_gap(scratch / "big", scratch / "small"), 1e-6);
    const auto big = events(scratch / "big", "step");
    const auto small = events(scratch / "small", "step");
    for (size_t i = 0; i < big.size(); ++i) {
      EXPECT_EQ(big[i]["samples"], small[i]["samples"]);
      EXPECT_EQ(big[i]["lr"], small[i]["lr"]);
      EXPECT_NEAR(big[i]["grad_norm"].get<double>(), small[i]["grad_norm"].get<double>(), 1e-5);
    }
  }
}

// 30 photos: the last window of an epoch is ragged in every case.
INSTANTIATE_TEST_SUITE_P(
    Cases, Accumulation,
    ::testing::Values(
        Windows{"plain", 16, 4, 4, Json::object()},
        Windows{"ragged_micro_batch", 21, 7, 3, Json::object()},
        Windows{"class_weights",
                16,
                4,
                4,
                {{"train", {{"class_weights", {{"ash", 3.0}, {"birch", 0.25}}}}}}},
        Windows{
            "focal_smooth", 16, 4, 4, {{"train", {{"loss", "focal"}, {"label_smoothing", 0.1}}}}},
        Windows{"lora", 16, 4, 4, {{"method", {{"name", "lora"}, {"r", 2}, {"target", "all"}}}}}),
    [](const auto& c) { return c.param.name; });

TEST(AccumulationContract, AWindowWithoutAnyWeightChangesNothing) {
  const test::ScratchDir scratch;
  run(with(config_of("vit", scratch / "run"),
           {{"train", {{"batch", 1}, {"class_weights", {{"ash", 0}, {"birch", 0}, {"cedar", 1}}}}},
            {"budget", {{"epochs", 1}}}}));
  for (const Json& e : events(scratch / "run", "step")) EXPECT_TRUE(e["loss"].is_number());
  const auto loss = events(scratch / "run", "eval").back()["loss"];
  ASSERT_TRUE(loss.is_number());
  EXPECT_TRUE(std::isfinite(loss.get<double>()));
}

struct CacheCase {
  const char* name;
  Json patch;
};

class Cache : public ::testing::TestWithParam<CacheCase> {};

TEST_P(Cache, GivesTheSameLossesAndLogits) {
  for (const auto& model : kFamilies) {
    SCOPED_TRACE(model);
    const test::ScratchDir scratch;
    const Json common = with(
        with({{"budget", {{"epochs", 4}}}, {"train", kPlain}}, {{"train", {{"keep", "last"}}}}),
        GetParam().patch);
    train::Job cached =
        open(with(with(config_of(model, scratch / "cached"), common), {{"cache", "memory"}}));
    train::Job plain = open(with(config_of(model, scratch / "plain"), common));
    const Json with_cache = run(cached);
    const Json without = run(plain);
    expect_near(step_losses(scratch / "cached"), step_losses(scratch / "plain"), 1e-6);
    const at::Tensor a = logits_of(cached.model(), cached.data.test);
    const at::Tensor b = logits_of(plain.model(), plain.data.test);
    EXPECT_LT((a - b).abs().max().item<double>(), 1e-5);
    EXPECT_GT(with_cache["work"]["samples_cached"], 0);
    EXPECT_EQ(without["work"]["samples_cached"], 0);
    EXPECT_LT(with_cache["work"]["flops"].get<double>(), without["work"]["flops"].get<double>());
    bool said = false;
    for (const Json& e : events(scratch / "cached", "stage")) said = said || e["cached"] == true;
    EXPECT_TRUE(said);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Cache,
    ::testing::Values(
        CacheCase{"head", {{"strategy", "head"}}},
        CacheCase{"top_k", {{"strategy", {{"name", "top-k"}, {"k", 1}}}}},
        CacheCase{"layer_wise", {{"strategy", {{"name", "layer-wise"}, {"blocks", 2}}}}},
        CacheCase{"layer_wise_single",
                  {{"strategy", {{"name", "layer-wise"}, {"blocks", 2}, {"mode", "single"}}}}},
        CacheCase{"three_views",
                  {{"strategy", "head"}, {"augment", "light"}, {"train", {{"views", 3}}}}},
        CacheCase{"lora_top_k",
                  {{"strategy", {{"name", "top-k"}, {"k", 1}}},
                   {"method", {{"name", "lora"}, {"r", 2}, {"target", "all"}}}}},
        CacheCase{"rs2", {{"strategy", "head"}, {"sampling", {{"rate", 0.5}, {"policy", "rs2"}}}}},
        CacheCase{"uniform", {{"strategy", "head"}, {"sampling", {{"rate", 0.5}}}}}),
    [](const auto& c) { return c.param.name; });

TEST(CacheContract, FreshAugmentationAndMixingAreRefusedOrUncached) {
  const test::ScratchDir scratch;
  const Json head = with(config_of("vit", scratch / "run"), {{"strategy", "head"}});
  EXPECT_GRAFT_ERROR(run(with(head, {{"cache", "memory"}, {"augment", "light"}})), ErrorCode::usage,
                     "same pictures every epoch");
  EXPECT_GRAFT_ERROR(
      run(with(head, {{"cache", "memory"}, {"train", {{"mixup", 0.2}}}, {"overwrite", true}})),
      ErrorCode::usage, "no mixup");
  const Json summary =
      run(with(head, {{"cache", "auto"}, {"augment", "light"}, {"overwrite", true}}));
  EXPECT_EQ(summary["work"]["samples_cached"], 0);
  EXPECT_GRAFT_ERROR(
      run(with(head,
               {{"cache", "memory"}, {"train", {{"cache_limit", "1KiB"}}}, {"overwrite", true}})),
      ErrorCode::no_plan, "cache_limit");
}

/// A photo that cannot be read is left out, from caches too, and counted once.
TEST(CacheContract, AnUnreadablePhotoIsLeftOutTheSameWay) {
  const test::ScratchDir scratch;
  const fs::path photos = make_photos(scratch / "photos", {});
  test::write_text(photos / "train/birch/004.png", "not a picture");
  const Json common = {{"strategy", "head"},
                       {"data", photos.string()},
                       {"budget", {{"epochs", 3}}},
                       {"train", kPlain}};
  const Json cached =
      run(with(with(config_of("vit", scratch / "cached"), common), {{"cache", "memory"}}));
  const Json plain = run(with(config_of("vit", scratch / "plain"), common));
  expect_near(step_losses(scratch / "cached"), step_losses(scratch / "plain"), 1e-6);
  for (const Json* summary : {&cached, &plain}) {
    EXPECT_EQ((*summary)["work"]["samples_forward"], 3 * 29);
    EXPECT_EQ((*summary)["samples"]["bad"], 1);
  }
  EXPECT_FALSE(events(scratch / "plain", "warning").empty());
  EXPECT_FALSE(events(scratch / "cached", "warning").empty());
}

/// How pictures come in makes no difference to what is learned from them.
TEST(Reading, WorkersAndImageCacheDoNotChangeTheWeights) {
  const test::ScratchDir scratch;
  const Json common = {{"augment", "standard"}, {"train", {{"mixup", 0.2}}}};
  run(with(config_of("vit", scratch / "one"), common));
  run(with(with(config_of("vit", scratch / "three"), common), {{"train", {{"workers", 3}}}}));
  run(with(with(config_of("vit", scratch / "none"), common),
           {{"train", {{"image_cache", "none"}}}}));
  run(with(with(config_of("vit", scratch / "small"), common),
           {{"train", {{"image_cache", "20KiB"}}}}));
  for (const char* other : {"three", "none", "small"})
    EXPECT_TRUE(same_weights(scratch / "one", scratch / other));
}

/// The weights that come back at the end are measured, not what a cache kept of later ones.
TEST(CacheContract, RestoringTheBestWeightsInvalidatesIt) {
  for (const char* method : {"none", "lora"}) {
    SCOPED_TRACE(method);
    const test::ScratchDir scratch;
    const fs::path photos = make_photos(scratch / "photos", {.test = 0});
    // The first stage's evaluation stays the best: the second one only spoils.
    const Json stages = Json::array(
        {{{"train", "all"}, {"share", 0.5}}, {{"train", "head"}, {"share", 0.5}, {"rate", 0.0}}});
    Json config = with(config_of("vit", scratch / "run"),
                       {{"strategy", {{"stages", stages}}},
                        {"method", method == std::string("lora") ? Json{{"name", "lora"}, {"r", 2}}
                                                                 : Json(method)},
                        {"data", photos.string()},
                        {"cache", "memory"},
                        {"budget", {{"epochs", 6}}},
                        {"train", {{"lr", 0.02}, {"head_lr", 0.02}}}});
    train::Job job = open(config);
    const Json summary = run(job);
    ASSERT_EQ(summary["metric"]["split"], "validation");
    const at::Tensor scores = at::softmax(logits_of(job.model(), job.data.validation), 1);
    std::ifstream lines(scratch / "run/predictions.jsonl");
    int64_t i = 0;
    for (std::string line; std::getline(lines, line); ++i) {
      const Json p = parse_json(line, "predictions");
      EXPECT_NEAR(p["probability"].get<double>(), scores[i].max().item<double>(), 1e-5) << i;
    }
    EXPECT_EQ(i, 12);
  }
}

/// Blocks of the running stage, by level from the head down, as train/loop.h describes them.
TEST(Nested, ABlockOfALevelMovesOnlyWhenItIsDue) {
  for (const char* family : {"vit", "resnet_basic", "mobilenet_v2_tf"}) {
    SCOPED_TRACE(family);
    const test::ScratchDir scratch;
    train::Job job = open(with(config_of(family, scratch / "run"),
                               {{"budget", {{"epochs", nullptr}, {"steps", 17}}},
                                {"updates", {{"policy", "nested"}, {"base", 2}, {"levels", 3}}},
                                {"train", {{"keep", "last"}, {"eval_every", 100}}}}));
    const int blocks = job.model().size();
    auto before = snapshot(job.model());
    std::vector<std::vector<int64_t>> moved(static_cast<size_t>(blocks));
    Watcher watcher;
    watcher.step = [&](const train::StepEvent& e) {
      auto now = snapshot(job.model());
      std::vector<bool> changed(static_cast<size_t>(blocks), false);
      for (const auto& p : job.model().registry().parameters) {
        if (!same_bytes(before.at(p.name), now.at(p.name)))
          changed[static_cast<size_t>(p.block)] = true;
      }
      for (int b = 0; b < blocks; ++b) {
        if (changed[static_cast<size_t>(b)]) moved[static_cast<size_t>(b)].push_back(e.step - 1);
      }
      before = std::move(now);
    };
    run(job, {&watcher});
    for (int b = 0; b < blocks; ++b) {
      const double depth = static_cast<double>(blocks - b) / blocks;  // the head: 1 / blocks
      const int64_t interval = depth <= std::ceil(blocks / 3.0) / blocks + 1e-9       ? 1
                               : depth <= std::ceil(2 * blocks / 3.0) / blocks + 1e-9 ? 2
                                                                                      : 4;
      std::vector<int64_t> due;
      for (int64_t step = 0; step < 17; step += interval) due.push_back(step);
      EXPECT_EQ(moved[static_cast<size_t>(b)], due) << job.model().block_name(b);
    }
  }
}

TEST(Nested, SavesComputing) {
  const test::ScratchDir scratch;
  const Json budget = {{"budget", {{"epochs", nullptr}, {"steps", 8}}}};
  const Json all = run(with(config_of("vit", scratch / "all"), budget));
  const Json nested = run(with(with(config_of("vit", scratch / "nested"), budget),
                               {{"updates", {{"policy", "nested"}}}}));
  EXPECT_LT(nested["work"]["flops"].get<double>(), 0.9 * all["work"]["flops"].get<double>());
  EXPECT_EQ(nested["work"]["steps"], all["work"]["steps"]);
}

TEST(Nested, AdaptersFollowTheirBlock) {
  const test::ScratchDir scratch;
  train::Job job = open(with(config_of("vit", scratch / "run"),
                             {{"budget", {{"epochs", nullptr}, {"steps", 9}}},
                              {"method", {{"name", "lora"}, {"r", 2}}},
                              {"updates", {{"policy", "nested"}, {"base", 4}, {"levels", 2}}},
                              {"train", {{"keep", "last"}, {"eval_every", 100}}}}));
  std::map<std::string, std::vector<int64_t>> moved;
  auto before = snapshot(job.model());
  Watcher watcher;
  watcher.step = [&](const train::StepEvent& e) {
    auto now = snapshot(job.model());
    for (const auto& t : train::adapter_tensors(job.model())) {
      if (!same_bytes(before.at(t.name), now.at(t.name))) moved[t.name].push_back(e.step - 1);
    }
    before = std::move(now);
  };
  run(job, {&watcher});
  int lower = 0;
  for (const auto& t : train::adapter_tensors(job.model())) {
    // stem, block 0 | block 1, head: the lower half is due every 4 updates.
    const bool low = t.block < 2;
    lower += low;
    for (const int64_t step : moved[t.name]) {
      if (low) {
        EXPECT_EQ(step % 4, 0) << t.name;
      }
    }
    EXPECT_GE(moved[t.name].size(), low ? 1U : 5U) << t.name;
  }
  EXPECT_GT(lower, 0);
}

}  // namespace
}  // namespace graft::contract
