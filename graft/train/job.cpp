#include "graft/train/job.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/data/relabel.h"
#include "graft/nn/cost_meter.h"
#include "graft/peft/attach.h"
#include "graft/tensor/device.h"
#include "graft/train/run_model.h"

namespace graft::train {
namespace fs = std::filesystem;

strategies::Outline Job::outline() const {
  strategies::Outline outline;
  outline.blocks = model().size();
  outline.head = model().head();
  for (int b = 0; b < model().size(); ++b) outline.names.push_back(model().block_name(b));
  return outline;
}

namespace {

image::Dimensions input_size(const models::Model& model) {
  const image::Dimensions size = model.preprocess().output();
  if (size.width <= 0 || size.height <= 0) {
    fail_usage(
        "model: its preprocessing gives pictures of differing sizes; give model.image_size, for "
        "instance 224");
  }
  return size;
}

void set_image_size(models::Model& model, int64_t size) {
  image::Preprocess p = model.preprocess();
  const int side = static_cast<int>(size);
  if (p.crop) {
    const double ratio = static_cast<double>(side) / p.crop_width;
    p.crop_width = p.crop_height = side;
    p.shortest_edge = static_cast<int>(std::lround(p.shortest_edge * ratio));
    p.resize_width = static_cast<int>(std::lround(p.resize_width * ratio));
    p.resize_height = static_cast<int>(std::lround(p.resize_height * ratio));
  } else {
    p.resize = image::Preprocess::Resize::exact;
    p.resize_width = p.resize_height = side;
  }
  model.set_preprocess(p);
}

/// Classes of an earlier run come first, in their order; new ones follow.
std::vector<std::string> joined_classes(const std::vector<std::string>& earlier,
                                        const std::vector<std::string>& now) {
  std::vector<std::string> classes = earlier;
  for (const auto& name : now) {
    if (std::find(classes.begin(), classes.end(), name) == classes.end()) classes.push_back(name);
  }
  return classes;
}

}  // namespace

void apply_image_size(const Config& config, models::Model& model) {
  const Json& given = config.values.at("model");
  if (!given.is_object() || !given.contains("image_size") || given["image_size"].is_null()) return;
  set_image_size(model, given["image_size"].get<int64_t>());
}

double Job::share_of_forward(int to_block) const {
  const double all = profile.forward(0, model().size());
  return all > 0 ? profile.forward(0, to_block) / all : 1;
}

int64_t Job::input_height() const {
  return input_size(model()).height;
}
int64_t Job::input_width() const {
  return input_size(model()).width;
}

const std::vector<Option>& model_options() {
  static const std::vector<Option> all = {
      text("path", nullptr, "folder, weight file, org/name, bundled name or earlier run"),
      any("config", nullptr, "config.json as a mapping or a file; overrides the folder's"),
      text("init", "pretrained", "pretrained or random").one_of({"pretrained", "random"}),
      integer("image_size", nullptr,
              "side of the network's input; position embeddings are interpolated")
          .between(8, 4096)};
  return all;
}

models::ModelSource model_source(const Config& config) {
  models::ModelSource source;
  source.seed = config.seed();
  const Json& given = config.values.at("model");
  if (given.is_string()) {
    source.path = given.get<std::string>();
    return source;
  }
  const Options o(model_options(), given, "model");
  if (o.is_set("path")) source.path = o.text("path");
  if (o.is_set("config")) {
    const Json& override_config = o.at("config");
    source.config = override_config.is_string() ? read_json(override_config.get<std::string>())
                                                : override_config;
    if (!source.config.is_object())
      fail_usage("model.config must be a mapping or the path of a config.json");
  }
  source.random = o.text("init") == "random";
  return source;
}

Job open_job(const Config& config, std::optional<data::Dataset> own) {
  Job job;
  job.config = config;
  const models::ModelSource source = model_source(config);
  job.data = own ? std::move(*own) : data::open_dataset(config.values.at("data"), config.seed());
  const bool earlier_run = !source.path.empty() && is_run_folder(source.path);
  if (earlier_run) {
    job.earlier_classes = run_classes(source.path);
    // A class that only the earlier run knew has no samples here, and stays.
    const auto classes = joined_classes(job.earlier_classes, job.data.classes);
    std::vector<int> mapping;
    mapping.reserve(job.data.classes.size());
    for (const auto& name : job.data.classes) {
      mapping.push_back(
          static_cast<int>(std::find(classes.begin(), classes.end(), name) - classes.begin()));
    }
    data::relabel(job.data, classes, mapping);
    job.loaded = load_run_model(source.path, classes);
    job.notes.push_back(fmt::format("goes on from the run {}", source.path));
  } else {
    job.loaded = models::load_model(source, job.data.classes);
  }
  for (const auto& note : job.data.notes) job.notes.push_back(note);
  job.notes.push_back(job.loaded.head.summary());
  apply_image_size(config, job.model());
  input_size(job.model());
  if (job.data.train.empty()) fail_unreadable("data: there is no training sample");
  return job;
}

void prepare(Job& job) {
  Config& config = job.config;
  if (const auto open = unresolved(config); !open.empty()) {
    std::string keys;
    for (const auto& key : open) keys += (keys.empty() ? "" : ", ") + key;
    fail_usage("plan=off, but these are not given: {}", keys);
  }
  if (config.is_auto("", "task")) config.values["task"] = "image-classification";
  models::Model& model = job.model();
  const c10::Device device = choose_device(config.values["device"].get<std::string>());
  model.set_precision(precision_type(config.values["precision"].get<std::string>(), device));
  if (!device.is_cpu()) model.to(device);
  job.stages = strategies::make_stages(config.strategy, job.outline());

  const bool head_only = std::all_of(
      job.stages.begin(), job.stages.end(),
      [&](const strategies::Stage& stage) { return stage.blocks.front() >= model.head(); });
  if (head_only && peft::name_of(config.methods) != "none") {
    fail_usage(
        "method={} acts on the backbone, but strategy={} trains only the head; give method=none, "
        "or another strategy",
        peft::name_of(config.methods), config.strategy.name);
  }
  const std::string norms = config.values["train"]["batch_norm"].get<std::string>();
  if (peft::name_of(config.methods) != "none" && norms != "frozen") {
    fail_usage(
        "train.batch_norm={} moves statistics of the base, which method={} leaves as it is; give "
        "batch_norm=frozen, or "
        "method=none",
        norms, peft::name_of(config.methods));
  }
  if (!head_only)
    peft::attach(model.registry(), config.methods, model.head(), nn::Init(config.seed()));
  if (!device.is_cpu()) {
    for (auto& tensor : adapter_tensors(model)) *tensor.value = tensor.value->to(device);
  }
  planned_steps(job);  // refused here, before anything is computed or written
  job.augmentation = image::Augmentation(config.values["augment"], "augment");
  job.profile = measure_profile(model, job.input_height(), job.input_width());
}

Profile measure_profile(models::Model& model, int64_t height, int64_t width) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  const nn::CostMeter meter;
  model.forward({"pixels", at::zeros({1, 3, height, width},
                                     at::TensorOptions(model.device()).dtype(at::kFloat))},
                context);
  Profile profile;
  profile.blocks.resize(static_cast<size_t>(model.size()));
  for (const nn::LayerCost& cost : meter.layers()) {
    Profile::Block& block = profile.blocks[static_cast<size_t>(cost.block)];
    if (cost.adapter)
      block.adapters += cost.flops;
    else
      block.forward += cost.flops;
    if (!cost.adapter && cost.has_weight) block.weights += cost.flops;
  }
  return profile;
}

EpochShape epoch_shape(const Config& config, int64_t train_size) {
  EpochShape shape{};
  const double rate = config.values["sampling"]["rate"].get<double>();
  const auto batch = config.values["train"]["batch"].get<int64_t>();
  const auto every = config.values["updates"]["every"].get<int64_t>();
  shape.samples = std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(rate * static_cast<double>(train_size) - 1e-9)));
  shape.batches = (shape.samples + batch - 1) / batch;
  shape.steps = (shape.batches + every - 1) / every;
  return shape;
}

namespace {

/// What is left of budget.samples for updates: every solved stage reads an epoch's samples once.
std::optional<int64_t> samples_for_updates(const Job& job, int64_t epoch_samples) {
  const Budget& budget = job.config.budget;
  const auto solved =
      std::count_if(job.stages.begin(), job.stages.end(),
                    [](const strategies::Stage& stage) { return stage.solver != "gradient"; });
  if (solved == 0) return budget.samples;
  if (budget.epochs && *budget.epochs < 1) {
    fail(ErrorCode::no_plan,
         "budget.epochs={} does not allow the pass over {} samples that a solved head needs; give "
         "at least 1, or solver: gradient",
         *budget.epochs, epoch_samples);
  }
  if (!budget.samples) return std::nullopt;
  const int64_t left = *budget.samples - solved * epoch_samples;
  if (left < 0) {
    fail(ErrorCode::no_plan,
         "budget.samples={} does not allow the pass over {} samples that a solved head needs; give "
         "at least {}, a smaller sampling.rate, or solver: gradient",
         *budget.samples, epoch_samples, solved * epoch_samples);
  }
  return left;
}

}  // namespace

int64_t planned_steps(const Job& job) {
  const Config& config = job.config;
  const EpochShape shape = epoch_shape(config, job.train_size());
  const Budget& budget = config.budget;
  const std::optional<int64_t> samples = samples_for_updates(job, shape.samples);
  const bool no_updates = !job.stages.empty() && std::all_of(job.stages.begin(), job.stages.end(),
                                                             [](const strategies::Stage& stage) {
                                                               return stage.solver != "gradient";
                                                             });
  if (no_updates) return budget.epochs || budget.steps || budget.samples ? 0 : -1;
  const int64_t window = config.values["train"]["batch"].get<int64_t>() *
                         config.values["updates"]["every"].get<int64_t>();
  int64_t steps = -1;
  const auto limit = [&steps](int64_t value) {
    steps = steps < 0 ? value : std::min(steps, value);
  };
  if (budget.steps) limit(*budget.steps);
  // The last update of an epoch may be smaller, so a part of one is counted in samples.
  const auto updates = [&](int64_t seen) {
    return seen / shape.samples * shape.steps + seen % shape.samples / window;
  };
  if (budget.epochs)
    limit(updates(static_cast<int64_t>(
        std::floor(*budget.epochs * static_cast<double>(shape.samples) + 1e-9))));
  if (samples) limit(updates(*samples));
  if (steps == 0) {
    fail(ErrorCode::no_plan,
         "the budget does not allow one update: an update takes {} samples (train.batch x "
         "updates.every) of {} in an "
         "epoch; give a larger budget or a smaller train.batch",
         std::min(window, shape.samples), shape.samples);
  }
  return steps;
}

}  // namespace graft::train
