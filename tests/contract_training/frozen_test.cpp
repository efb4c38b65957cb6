#include <torch/types.h>

#include <set>

#include "graft/base/error.h"
#include "graft/models/load.h"
#include "graft/nn/norm.h"
#include "graft/train/trained_set.h"
#include "tests/contract_training/scenes.h"
#include "tests/contract_training/texts.h"

/// Frozen means frozen, for every line of strategies.def, methods.def and every family.
namespace graft::contract {
namespace {

using Blocks = std::set<std::string>;

/// Block of every tensor that `snapshot` names.
std::map<std::string, std::string> blocks_by_tensor(models::Model& model) {
  std::map<std::string, std::string> blocks;
  for (const auto& p : model.registry().parameters) blocks[p.name] = model.block_name(p.block);
  for (const auto& t : train::adapter_tensors(model)) blocks[t.name] = model.block_name(t.block);
  return blocks;
}

/// Compares at the end of each stage with its beginning: what lies outside its blocks is unmoved.
class StageGuard {
 public:
  StageGuard(models::Model& model, train::Observer*& observer) : model_(model) {
    watcher_.stage = [this](const train::StageEvent& e) {
      check();
      before_ = snapshot(model_);
      trained_ = Blocks(e.blocks.begin(), e.blocks.end());
      ++stages;
    };
    watcher_.end = [this](const std::string&) { check(); };
    observer = &watcher_;
  }
  int stages = 0;
  int compared = 0;

 private:
  void check() {
    const auto blocks = blocks_by_tensor(model_);
    const auto now = snapshot(model_);
    for (const auto& [name, value] : before_) {
      if (trained_.count(blocks.at(name))) continue;
      ++compared;
      EXPECT_TRUE(same_bytes(value, now.at(name))) << name << " moved in stage " << stages;
    }
  }
  models::Model& model_;
  Watcher watcher_;
  std::map<std::string, at::Tensor> before_;
  Blocks trained_;
};

/// Buffers that move where the block above them trains. Fixed norms have none.
std::set<std::string> statistics_of(models::Model& model) {
  std::set<std::string> names;
  for (const nn::BatchNorm* norm : model.registry().batch_norms) {
    for (const char* name : {"running_mean", "running_var", "num_batches_tracked"})
      names.insert(norm->path() + "." + name);
  }
  return names;
}

/// Tensors that need not get a gradient: what DINOv2 puts in the place of masked patches; shifts of
/// regions, which are zero for new classes and should be zero where the only region that meets an
/// object is the object; a level of the pyramid that no object falls on.
bool may_stay(const std::string& name) {
  return name.ends_with("mask_token") || name.ends_with("bbox_pred.bias") ||
         name.ends_with("extra_blocks.p7.bias");
}

using MakeConfig = std::function<Json(const std::filesystem::path& output)>;

void train_and_compare(const std::string& family, const MakeConfig& make_config,
                       const std::string& strategy, const std::string& method) {
  SCOPED_TRACE(family + ", " + strategy + ", " + method);
  const test::ScratchDir scratch;
  // Whole, it would leave nothing frozen to look at.
  const Json part = {{"name", "backbone"}, {"from", 1}};
  Json patch = {{"strategy", strategy == "backbone" ? part : Json(strategy)},
                {"method", method == "lora" ? Json{{"name", method}, {"r", 2}} : Json(method)},
                {"budget", {{"epochs", nullptr}, {"steps", 10}}},
                {"train", {{"keep", "last"}, {"eval_every", 100}}}};
  if (method == "none") patch["train"]["batch_norm"] = "train";
  train::Job job = open(with(make_config(scratch / "run"), patch));

  models::ModelSource source = train::model_source(job.config);
  source.task = job.objective().head();
  const auto fresh_model = models::load_model(source, job.model().classes());
  const auto fresh = snapshot(*fresh_model.model);
  const auto begin = snapshot(job.model());
  train::Observer* observer = nullptr;
  StageGuard guard(job.model(), observer);
  std::vector<std::pair<std::string, int>> trained;  // name, block
  std::set<int> trained_blocks;
  for (const auto& stage : job.stages) {
    for (const auto& t : train::trained_tensors(job.model(), job.config.methods, stage.blocks)) {
      trained.emplace_back(t.name, t.block);
    }
    trained_blocks.insert(stage.blocks.begin(), stage.blocks.end());
  }
  run(job, {observer});
  EXPECT_EQ(guard.stages, static_cast<int>(job.stages.size()));
  if (strategy != "full") {
    EXPECT_GT(guard.compared, 0);
  }

  const auto end = snapshot(job.model());
  std::set<std::string> names;
  for (const auto& [name, block] : trained) names.insert(name);
  std::set<std::string> statistics;
  if (method == "none") statistics = statistics_of(job.model());
  for (const auto& p : job.model().registry().parameters) {
    const bool may_move = names.count(p.name) > 0 ||
                          (statistics.count(p.name) > 0 && trained_blocks.count(p.block) > 0);
    if (!may_move) {
      EXPECT_TRUE(same_bytes(fresh.at(p.name), end.at(p.name))) << p.name << " is frozen and moved";
    } else if (!may_stay(p.name)) {
      EXPECT_FALSE(same_bytes(begin.at(p.name), end.at(p.name))) << p.name << " trains and stayed";
    }
  }
  for (const auto& t : train::adapter_tensors(job.model())) {
    const bool moved = !same_bytes(begin.at(t.name), end.at(t.name));
    EXPECT_EQ(moved, names.count(t.name) > 0) << t.name;
  }
}

class Frozen : public ::testing::TestWithParam<std::string> {};

TEST_P(Frozen, BlocksThatAStageDoesNotTrainKeepEveryByte) {
  for (const auto& strategy : strategies::strategies()) {
    for (const auto& method : peft::methods()) {
      if (strategy.name == "head" && method.name != "none") continue;
      train_and_compare(
          GetParam(), [](const auto& output) { return config_of(GetParam(), output); },
          strategy.name, method.name);
    }
  }
}

TEST(FrozenTexts, BlocksThatAStageDoesNotTrainKeepEveryByte) {
  for (const auto& strategy : strategies::strategies()) {
    for (const auto& method : peft::methods()) {
      if (strategy.name == "head" && method.name != "none") continue;
      train_and_compare(
          "bert", [](const auto& output) { return text_config(output); }, strategy.name,
          method.name);
    }
  }
}

class FrozenDetectors : public ::testing::TestWithParam<Detector> {};

TEST_P(FrozenDetectors, BlocksThatAStageDoesNotTrainKeepEveryByte) {
  const auto hold = [&](const std::string& strategy, const std::string& method) {
    train_and_compare(
        GetParam().name, [&](const auto& output) { return detector_config(GetParam(), output); },
        strategy, method);
  };
  for (const auto& strategy : strategies::strategies()) hold(strategy.name, "none");
  // An adapter of a model that exists nowhere else is merged in the end.
  if (GetParam().model.contains("path")) hold("full", "lora");
}

INSTANTIATE_TEST_SUITE_P(Families, FrozenDetectors, ::testing::ValuesIn(detectors()),
                         [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(Families, Frozen, ::testing::ValuesIn(kFamilies),
                         [](const auto& name) { return name.param; });

TEST(FrozenContract, AMethodForTheBackboneIsRefusedWhereOnlyTheHeadTrains) {
  const test::ScratchDir scratch;
  for (const auto& method : peft::methods()) {
    if (method.name == "none") continue;
    const Json config =
        with(config_of("vit", scratch / "run"), {{"strategy", "head"}, {"method", method.name}});
    EXPECT_GRAFT_ERROR(open(config), ErrorCode::usage, "trains only the head");
  }
}

TEST(FrozenContract, StagesOfOnesOwnFreezeWhatTheyDoNotName) {
  const test::ScratchDir scratch;
  const Json stages = Json::array({{{"train", "all"}, {"share", 0.4}},
                                   {{"train", "head"}},
                                   {{"train", Json::array({"block 0"})}}});
  train::Job job = open(with(config_of("resnet_basic", scratch / "run"),
                             {{"strategy", {{"stages", stages}}},
                              {"budget", {{"epochs", 4}}},
                              {"train", {{"batch_norm", "train"}, {"keep", "last"}}}}));
  train::Observer* observer = nullptr;
  StageGuard guard(job.model(), observer);
  run(job, {observer});
  EXPECT_EQ(guard.stages, 3);
  EXPECT_GT(guard.compared, 20);
}

}  // namespace
}  // namespace graft::contract
