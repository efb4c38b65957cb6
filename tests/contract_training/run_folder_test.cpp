#include <torch/types.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/train/run_model.h"
#include "graft/train/stop.h"
#include "tests/contract_training/fixture.h"

/// The run folder: who may write it, what stands in it, and that what was learned comes back.
namespace graft::contract {
namespace {
namespace fs = std::filesystem;

Json head_only(const fs::path& output) {
  return with(config_of("vit", output), {{"strategy", "head"}});
}

TEST(RunFolder, AnExistingOneIsRefusedUnlessOverwriteIsGiven) {
  const test::ScratchDir scratch;
  run(head_only(scratch / "run"));
  test::write_text(scratch / "run/adapter/leftover", "of the first run");
  EXPECT_GRAFT_ERROR(run(head_only(scratch / "run")), ErrorCode::usage, "is there already");
  EXPECT_TRUE(fs::exists(scratch / "run/summary.json")) << "a refusal touches nothing";
  run(with(head_only(scratch / "run"), {{"overwrite", true}, {"seed", 8}}));
  EXPECT_EQ(read_json(scratch / "run/summary.json")["seed"], 8);
  EXPECT_FALSE(fs::exists(scratch / "run/adapter")) << "nothing of the first run is left";
  EXPECT_EQ(events(scratch / "run", "start").size(), 1U);
}

TEST(RunFolder, OverwriteDoesNotTouchAForeignFolder) {
  const test::ScratchDir scratch;
  test::write_text(scratch / "mine/thesis.txt", "years of work");
  EXPECT_GRAFT_ERROR(run(with(head_only(scratch / "mine"), {{"overwrite", true}})),
                     ErrorCode::usage, "not a run of graft");
  EXPECT_EQ(test::read_text(scratch / "mine/thesis.txt"), "years of work");
  test::write_text(scratch / "file", "x");
  EXPECT_GRAFT_ERROR(run(with(head_only(scratch / "file"), {{"overwrite", true}})),
                     ErrorCode::usage, "not a folder");
  fs::create_directories(scratch / "empty");
  EXPECT_EQ(run(head_only(scratch / "empty"))["status"], "completed");
}

TEST(RunFolder, IsLockedWhileARunWrites) {
  const test::ScratchDir scratch;
  run(head_only(scratch / "run"));
  {
    const FolderLock lock(scratch / "run");
    EXPECT_GRAFT_ERROR(run(with(head_only(scratch / "run"), {{"overwrite", true}})),
                       ErrorCode::usage, "in use");
    EXPECT_GRAFT_ERROR(train::resume(scratch / "run", {}), ErrorCode::usage, "in use");
  }
  EXPECT_TRUE(fs::exists(scratch / "run/summary.json"));
  int64_t inside = 0;
  Watcher watcher;
  watcher.step = [&](const train::StepEvent&) {
    if (inside++ > 0) return;
    EXPECT_GRAFT_ERROR(train::resume(scratch / "other", {}), ErrorCode::usage, "in use");
  };
  run(head_only(scratch / "other"), {&watcher});
  EXPECT_GT(inside, 0);
}

/// A folder in which nothing but the lock of a killed process lies is as good as empty.
TEST(RunFolder, ALockAloneIsNoRun) {
  const test::ScratchDir scratch;
  test::write_text(scratch / "run/.lock", "");
  EXPECT_EQ(run(head_only(scratch / "run"))["status"], "completed");
}

bool is_measure(const Json& m) {
  return m.is_object() && m["value"].is_number() && m["low"].is_number() && m["high"].is_number();
}

/// docs/run_folder.md, field by field.
TEST(RunFolder, TheSummaryKeepsItsContract) {
  const test::ScratchDir scratch;
  run(with(config_of("vit", scratch / "run"),
           {{"strategy", {{"name", "layer-wise"}, {"mode", "single"}}}}));
  Json s = read_json(scratch / "run/summary.json");
  for (const char* key : {"status", "task", "model", "method", "strategy"})
    EXPECT_TRUE(s[key].is_string()) << key;
  EXPECT_EQ(s["seed"], 7);
  EXPECT_EQ(s["metric"]["name"], "accuracy");
  EXPECT_EQ(s["metric"]["split"], "test");
  EXPECT_TRUE(s["metric"]["value"].is_number());
  EXPECT_EQ(s["metric"]["interval"].size(), 2U);
  EXPECT_TRUE(s["metric"]["validation"].is_number());
  EXPECT_TRUE(s["loss"].is_number());
  EXPECT_GE(s["metrics"].size(), 4U);
  for (const auto& [name, m] : s["metrics"].items()) EXPECT_TRUE(is_measure(m)) << name;
  ASSERT_EQ(s["per_class"].size(), 3U);
  for (const Json& c : s["per_class"]) {
    for (const char* key : {"class", "count", "precision", "recall", "f1"})
      EXPECT_TRUE(c.contains(key)) << key;
  }
  EXPECT_EQ(s["classes"], Json::array({"ash", "birch", "cedar"}));
  const auto total = s["parameters"]["total"].get<int64_t>();
  int64_t most = 0;
  for (const Json& e : events(scratch / "run", "stage"))
    most = std::max(most, e["trainable"].get<int64_t>());
  EXPECT_EQ(s["parameters"]["trainable"], most) << "the most that trained in one stage";
  EXPECT_LT(most, total);
  for (const char* key :
       {"steps", "samples_forward", "samples_backward", "samples_cached", "tokens", "flops"}) {
    EXPECT_TRUE(s["work"][key].is_number()) << key;
  }
  double step_s = 0;
  for (const Json& e : events(scratch / "run", "step")) step_s += e["step_s"].get<double>();
  for (const char* key : {"wall_s", "cpu_s", "train_s", "eval_s", "data_s"})
    EXPECT_TRUE(s["time"][key].is_number()) << key;
  EXPECT_NEAR(s["time"]["train_s"].get<double>(), step_s + s["time"]["cache_s"].get<double>(),
              1e-6);
  EXPECT_GT(s["memory"]["peak_tensor_bytes"], 0);
  EXPECT_GT(s["memory"]["peak_rss_bytes"], 0);
  EXPECT_GT(s["throughput"]["per_s"], 0);
  EXPECT_EQ(s["throughput"]["unit"], "images");
  for (const char* key : {"predicted", "full", "saved", "input"})
    EXPECT_TRUE(s[key].is_object()) << key;
  for (const char* key : {"flops", "train_s", "peak_tensor_bytes"})
    EXPECT_TRUE(s["full"].contains(key)) << key;
  for (const char* key : {"flops", "train_s", "memory", "samples", "updates"})
    EXPECT_TRUE(s["saved"].contains(key)) << key;
  EXPECT_NEAR(s["epochs"].get<double>(), 2, 1e-9);
  EXPECT_TRUE(s.contains("stages"));
  EXPECT_EQ(s["input"]["model"], golden_model("vit"));
  EXPECT_EQ(s["input"]["data"], photos().string());
}

TEST(RunFolder, LogAndPredictionsKeepTheirContract) {
  const test::ScratchDir scratch;
  run(config_of("vit", scratch / "run"));
  const auto all = events(scratch / "run");
  EXPECT_EQ(all.front()["event"], "start");
  EXPECT_EQ(all.back()["event"], "end");
  EXPECT_EQ(all.back()["status"], "completed");
  for (const char* key : {"version", "task", "model", "method", "strategy", "seed", "threads",
                          "device", "samples", "classes", "resumed"}) {
    EXPECT_TRUE(all.front().contains(key)) << key;
  }
  EXPECT_EQ(all.front()["samples"], (Json{{"train", 30}, {"validation", 12}, {"test", 12}}));
  int64_t next = 1;
  for (const Json& e : events(scratch / "run", "step")) {
    EXPECT_EQ(e["step"], next++);
    for (const char* key : {"epoch", "stage", "loss", "lr", "samples", "step_s", "grad_norm",
                            "rss_bytes", "tensor_peak_bytes"}) {
      EXPECT_TRUE(e[key].is_number()) << key;
    }
  }
  int tests = 0;
  for (const Json& e : events(scratch / "run", "eval")) {
    tests += e["split"] == "test";
    EXPECT_TRUE(is_measure(e["metrics"]["accuracy"]));
  }
  EXPECT_EQ(tests, 1) << "the test split is measured once";
  for (const Json& e : events(scratch / "run", "stage")) {
    for (const char* key : {"step", "stage", "name", "blocks", "trainable", "lr"})
      EXPECT_TRUE(e.contains(key)) << key;
  }
  std::ifstream lines(scratch / "run/predictions.jsonl");
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json p = parse_json(line, "predictions");
    for (const char* key :
         {"split", "input", "label", "predicted", "probability", "label_probability", "loss"}) {
      EXPECT_TRUE(p.contains(key)) << key;
    }
  }
  EXPECT_EQ(count, 12);
  EXPECT_TRUE(fs::exists(scratch / "run/report.html"));
  EXPECT_TRUE(fs::exists(scratch / "run/plan.json"));
}

struct Learned {
  const char* name;
  const char* model;
  Json patch;
};

class Reload : public ::testing::TestWithParam<Learned> {};

TEST_P(Reload, GivesTheLogitsOfTheRunsEnd) {
  const Learned& l = GetParam();
  const test::ScratchDir scratch;
  train::Job job =
      open(with(with(config_of(l.model, scratch / "run"), {{"budget", {{"epochs", 3}}}}), l.patch));
  run(job);
  const at::Tensor ours = logits_of(job.model(), job.data.test);
  const auto loaded = train::load_run_model(scratch / "run");
  EXPECT_EQ(loaded.model->classes(), job.model().classes());
  const at::Tensor again = logits_of(*loaded.model, job.data.test);
  EXPECT_LT((ours - again).abs().max().item<double>(), 1e-5);
  EXPECT_GT(ours.std().item<double>(), 1e-3) << "the head learned something";
  // What predictions.jsonl says is what the reloaded model says.
  const at::Tensor scores = at::softmax(again, 1);
  std::ifstream lines(scratch / "run/predictions.jsonl");
  int64_t i = 0;
  for (std::string line; std::getline(lines, line); ++i) {
    EXPECT_NEAR(parse_json(line, "predictions")["probability"].get<double>(),
                scores[i].max().item<double>(), 1e-5);
  }
  EXPECT_EQ(i, 12);
  // And what made it the best was its own loss.
  if (job.config.values["train"]["batch_norm"] == "re-estimate") return;
  Json best;
  for (const Json& e : events(scratch / "run", "eval")) {
    if (e["split"] == "validation" && e["best"] == true) best = e;
  }
  const auto labels = job.data.validation.labels();
  const at::Tensor truth =
      at::tensor(std::vector<int64_t>(labels.begin(), labels.end()), at::kLong);
  const double loss =
      at::cross_entropy_loss(logits_of(*loaded.model, job.data.validation), truth).item<double>();
  EXPECT_NEAR(best["loss"].get<double>(), loss, 1e-5);
}

const Json kLora = {{"method", {{"name", "lora"}, {"r", 2}, {"target", "all"}}}};
const Json kTrainNorms = {{"train", {{"batch_norm", "train"}}}};

INSTANTIATE_TEST_SUITE_P(
    Cases, Reload,
    ::testing::Values(
        Learned{"full_vit", "vit", Json::object()},
        Learned{"full_resnet", "resnet_basic", kTrainNorms},
        Learned{"full_mobilenet", "mobilenet_v2_tf", kTrainNorms},
        Learned{"full_reestimate", "resnet_basic", {{"train", {{"batch_norm", "re-estimate"}}}}},
        Learned{"full_convnext", "convnext", Json::object()},
        Learned{"full_dinov2", "dinov2", Json::object()},
        Learned{"head_vit", "vit", {{"strategy", "head"}}},
        Learned{"head_mobilenet_cached",
                "mobilenet_v2_tf",
                {{"strategy", "head"}, {"cache", "memory"}}},
        Learned{"top_k", "resnet_basic", with(kTrainNorms, {{"strategy", "top-k"}})},
        Learned{"lora_vit", "vit", kLora}, Learned{"lora_resnet", "resnet_basic", kLora},
        Learned{"lora_mobilenet", "mobilenet_v2_tf", kLora},
        Learned{"lora_convnext", "convnext", kLora}, Learned{"lora_dinov2", "dinov2", kLora},
        Learned{"lora_v4", "vit", with(kLora, {{"naming", "v4"}})},
        // Dilated layers go to delta.safetensors, the others to adapter/; two heads to
        // modules_to_save.
        Learned{"lora_dilated", "mobilenet_v2_tf_dilated", kLora},
        Learned{"lora_two_heads", "deit_teacher", kLora},
        Learned{"lora_top_k", "vit", with(kLora, {{"strategy", {{"name", "top-k"}, {"k", 1}}}})},
        Learned{"lora_bitfit",
                "vit",
                {{"method", Json::array({{{"name", "lora"}, {"r", 2}}, "bitfit"})}}},
        Learned{"bitfit_vit", "vit", {{"method", "bitfit"}}},
        Learned{"bitfit_resnet", "resnet_basic", {{"method", "bitfit"}}},
        Learned{"norm_vit", "vit", {{"method", "norm"}}},
        Learned{"norm_mobilenet", "mobilenet_v2_tf", {{"method", "norm"}}},
        Learned{"ema", "resnet_basic", {{"train", {{"ema", 0.9}}}}},
        Learned{"random_init", "vit", {{"model", {{"init", "random"}}}}},
        Learned{"random_lora", "vit", with(kLora, {{"model", {{"init", "random"}}}})}),
    [](const auto& l) { return l.param.name; });

TEST(GoesOn, WithANewClassAfterTheOldOnes) {
  const test::ScratchDir scratch;
  const Json longer = {{"budget", {{"epochs", 8}}}, {"train", {{"lr", 0.002}}}};
  const std::string earlier = (scratch / "first").string();
  run(with(config_of("vit", earlier), longer));
  // "alder" sorts before the old classes and still comes after them; "cedar" has no photos any
  // more.
  const fs::path more = make_photos(scratch / "more", {.classes = {"ash", "birch", "alder"}});
  train::Job job = open(with(with(config_of("vit", scratch / "second"), longer),
                             {{"model", earlier}, {"data", more.string()}}));
  EXPECT_EQ(job.model().classes(), (std::vector<std::string>{"ash", "birch", "cedar", "alder"}));
  // Before any step the old rows are those of the earlier run.
  const auto before = train::load_run_model(earlier);
  const at::Tensor old_logits = logits_of(*before.model, job.data.test);
  const at::Tensor new_logits = logits_of(job.model(), job.data.test);
  EXPECT_LT((new_logits.narrow(1, 0, 3) - old_logits).abs().max().item<double>(), 1e-5);
  const Json summary = run(job);
  EXPECT_EQ(summary["classes"], Json::array({"ash", "birch", "cedar", "alder"}));
  EXPECT_EQ(summary["by_origin"]["earlier"]["count"], 8);
  EXPECT_EQ(summary["by_origin"]["new"]["count"], 4);
  EXPECT_TRUE(is_measure(summary["by_origin"]["earlier"]["accuracy"]));
  const double whole = summary["metrics"]["accuracy"]["value"];
  const double old_part = summary["by_origin"]["earlier"]["accuracy"]["value"];
  const double new_part = summary["by_origin"]["new"]["accuracy"]["value"];
  EXPECT_NEAR((8 * old_part + 4 * new_part) / 12, whole, 1e-9);
  const auto loaded = train::load_run_model(scratch / "second");
  EXPECT_LT((logits_of(*loaded.model, job.data.test) - logits_of(job.model(), job.data.test))
                .abs()
                .max()
                .item<double>(),
            1e-5);
}

TEST(GoesOn, FromEveryKindOfRunWithEveryMethod) {
  for (const char* first : {"none", "lora", "bitfit"}) {
    for (const char* second : {"none", "lora", "norm"}) {
      SCOPED_TRACE(fmt::format("{} then {}", first, second));
      const test::ScratchDir scratch;
      const auto method = [](const std::string& name) {
        return Json{{"method", name == "lora" ? Json{{"name", name}, {"r", 2}} : Json(name)}};
      };
      const std::string earlier = (scratch / "first").string();
      run(with(config_of("vit", earlier), method(first)));
      train::Job job = open(
          with(with(config_of("vit", scratch / "second"), method(second)), {{"model", earlier}}));
      const Json summary = run(job);
      EXPECT_GT(summary["parameters"]["trainable"], 0);
      const auto loaded = train::load_run_model(scratch / "second");
      EXPECT_LT((logits_of(*loaded.model, job.data.test) - logits_of(job.model(), job.data.test))
                    .abs()
                    .max()
                    .item<double>(),
                1e-5);
      // Stands alone: the earlier run may go.
      fs::remove_all(earlier);
      EXPECT_NO_THROW(train::load_run_model(scratch / "second"));
    }
  }
}

TEST(GoesOn, AndResumesBitForBit) {
  const test::ScratchDir scratch;
  const std::string earlier = (scratch / "first").string();
  run(with(config_of("resnet_basic", earlier), {{"train", {{"batch_norm", "train"}}}}));
  const Json patch = {
      {"model", earlier}, {"method", {{"name", "lora"}, {"r", 2}}}, {"augment", "light"}};
  run(with(config_of("vit", scratch / "whole"), patch));
  Watcher watcher;
  watcher.step = [](const train::StepEvent& e) {
    if (e.step == 5) train::request_stop();
  };
  EXPECT_GRAFT_ERROR(run(with(config_of("vit", scratch / "pieces"), patch), {&watcher}),
                     ErrorCode::interrupted, "step 5");
  train::clear_stop_request();
  train::resume(scratch / "pieces", {});
  EXPECT_TRUE(same_weights(scratch / "whole", scratch / "pieces"));
  EXPECT_EQ(step_losses(scratch / "whole"), step_losses(scratch / "pieces"));
}

TEST(Unresolved, ConfigurationsAreRefusedByName) {
  const test::ScratchDir scratch;
  Json config = config_of("vit", scratch / "run");
  config["train"].erase("lr");
  config["budget"] = Json::object();
  EXPECT_GRAFT_ERROR(open(config), ErrorCode::usage, "train.lr");
  EXPECT_GRAFT_ERROR(open(config), ErrorCode::usage, "budget");
  EXPECT_FALSE(fs::exists(scratch / "run"));
}

}  // namespace
}  // namespace graft::contract
