#include "graft/train/job.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/data/image_inputs.h"
#include "graft/data/relabel.h"
#include "graft/data/text_inputs.h"
#include "graft/nn/cost_meter.h"
#include "graft/peft/attach.h"
#include "graft/tensor/device.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"

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

const std::vector<Option>& model_options() {
  static const std::vector<Option> all = {
      text("path", nullptr, "folder, weight file, org/name, bundled name or earlier run"),
      any("config", nullptr, "config.json as a mapping or a file; overrides the folder's"),
      text("init", "pretrained", "pretrained or random").one_of({"pretrained", "random"}),
      integer("image_size", nullptr,
              "side of the network's input; position embeddings are interpolated")
          .between(8, 4096),
      text("tokenizer", nullptr,
           "folder of a text model's tokenizer, where the model's own has none"),
      text("pooling", nullptr, "what of a text its head reads; default: as the model was trained")
          .one_of({"first", "mean", "last"})};
  return all;
}

models::ModelSource model_source(const Config& config) {
  models::ModelSource source;
  source.seed = config.seed();
  if (const Json& length = config.at("train", "max_length"); length != "auto")
    source.max_length = length.get<int64_t>();
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
  if (o.is_set("tokenizer")) source.tokenizer = o.text("tokenizer");
  if (o.is_set("pooling")) {
    if (!source.config.is_object()) source.config = Json::object();
    source.config["classifier_pooling"] = o.text("pooling");
  }
  return source;
}

bool reads_texts(const models::Model& model) {
  return models::find_family(model.family()).content == models::Content::text;
}

namespace {

std::shared_ptr<const texts::RecordEncoder> record_encoder(const Config& config,
                                                           const models::Model& model,
                                                           std::vector<std::string>& notes) {
  const Json& chat = config.values["chat"];
  texts::RecordOptions options =
      texts::record_options(chat, date_seconds(chat["date"].get<std::string>()));
  const texts::Preprocess& preprocess = model.text_preprocess();
  texts::ChatTemplates templates =
      texts::open_chat_template(preprocess.folder, chat["template"].get<std::string>());
  if (templates.usual) notes.push_back("chat template: " + templates.from);
  auto encoder = std::make_shared<const texts::RecordEncoder>(preprocess, std::move(templates),
                                                              std::move(options));
  notes.insert(notes.end(), encoder->notes().begin(), encoder->notes().end());
  return encoder;
}

void check_tokenizer(const models::Model& model) {
  if (model.text_preprocess().tokenizer) return;
  fail_unreadable(
      "model: there is no tokenizer beside the weights; give model.tokenizer, a folder with "
      "tokenizer.json, vocab.txt, vocab.json and merges.txt, or tokenizer.model");
}

}  // namespace

std::unique_ptr<data::Inputs> make_inputs(const models::Model& model, const data::View& usual) {
  if (!reads_texts(model)) {
    input_size(model);
    return std::make_unique<data::ImageInputs>(model.preprocess());
  }
  check_tokenizer(model);
  return std::make_unique<data::TextInputs>(model.text_preprocess(), usual);
}

void open_inputs(Job& job) {
  const bool texts = job.data.train.source->content() == data::Content::texts;
  const bool reads = reads_texts(job.model());
  if (texts != reads) {
    fail_usage("the data are {}, but the model ({}) reads {}; give another model or other data",
               texts ? "texts" : "pictures", job.model().family(), reads ? "texts" : "pictures");
  }
  if (!job.data.language()) {
    job.inputs = make_inputs(job.model(), job.data.train);
    return;
  }
  check_tokenizer(job.model());
  job.inputs = std::make_unique<data::TextInputs>(
      record_encoder(job.config, job.model(), job.notes), job.data.preference());
  job.inputs->settle_samples(job.data);
}

namespace {

/// A run that learned classes has no row for a number, nor the other way round.
void check_goes_on(const std::string& run, Target problem, Target earlier) {
  const auto number = Target::regression;
  const auto tokens = Target::next_token;
  if ((problem == tokens) != (earlier == tokens)) {
    fail_usage(
        "model: the run {} learned to {}, but the data are for {}; to train its weights for them, "
        "export the run (graft export) and give the folder as model",
        run, earlier == tokens ? "continue texts" : "tell samples apart",
        problem == tokens ? "continuing texts" : "telling samples apart");
  }
  if ((problem == number) == (earlier == number)) return;
  fail_usage(
      "model: the run {} learned {}, but the labels of the data are {}; to train its weights for "
      "them, export the run (graft export) and give the folder as model",
      run, earlier == number ? "numbers" : "classes", problem == number ? "numbers" : "classes");
}

std::string head_note(const Job& job) {
  if (job.data.language()) {
    return models::head_is_tied(job.model()) ? "head: the output matrix is the embedding"
                                             : "head: an output matrix of its own";
  }
  if (!job.data.regression()) return job.loaded.head.summary();
  return job.loaded.head.added.empty() ? "head: one output, a number, kept from the checkpoint"
                                       : "head: one output, a number, new";
}

bool trains_head(const Job& job) {
  return std::any_of(job.stages.begin(), job.stages.end(), [&](const strategies::Stage& stage) {
    return stage.blocks.back() >= job.model().head();
  });
}

/// A new head that predicts numbers starts at their mean: its first steps are not spent on that.
void start_at_mean(Job& job) {
  if (!job.data.regression() || job.loaded.head.added.empty() || !job.earlier_classes.empty() ||
      !trains_head(job) || !job.model().classifier().bias().defined())
    return;
  double sum = 0;
  for (int64_t i = 0; i < job.data.train.size(); ++i) sum += job.data.train.sample(i).value;
  const at::NoGradGuard no_grad;
  job.model().classifier().bias().fill_(sum / static_cast<double>(job.data.train.size()));
}

/// Where a head that shares the embedding's matrix learns without it, it gets one of its own: the
/// blocks below stay as they are, and what they give may be kept.
void untie_learned_head(Job& job) {
  if (!job.data.language() || !models::head_is_tied(job.model()) ||
      peft::name_of(job.config.methods) != "none")
    return;
  const bool apart =
      std::any_of(job.stages.begin(), job.stages.end(), [&](const strategies::Stage& stage) {
        return stage.blocks.front() > 0 && stage.blocks.back() >= job.model().head();
      });
  if (!apart) return;
  models::LoadedModel untied = models::untie_head(job.model());
  untied.folder = job.loaded.folder;
  job.loaded = std::move(untied);
  job.notes.emplace_back(
      "head: learns as an output matrix of its own, a copy of the embedding, which stays as it is");
}

void check_solvers(const Job& job) {
  for (const strategies::Stage& stage : job.stages) {
    if (stage.solver != "gradient" && job.data.language()) {
      fail_usage(
          "strategy: solver={} finds a head of classes, but texts are continued; give "
          "solver=gradient",
          stage.solver);
    }
    if (stage.solver != "gradient" && !job.model().classifier().bias().defined()) {
      fail_usage(
          "strategy: solver={} finds weights and biases, but the head of a {} model has no biases; "
          "give solver=gradient",
          stage.solver, job.model().family());
    }
    if (!job.data.regression() || stage.solver != "logistic") continue;
    fail_usage(
        "strategy: solver=logistic finds classes, but the labels of the data are numbers; give "
        "solver=ridge or solver=gradient");
  }
}

}  // namespace

Job open_job(const Config& config, std::optional<data::Dataset> own) {
  Job job;
  job.config = config;
  model_source(config);  // what is wrong with it is said before any data is read
  job.data = own ? std::move(*own) : data::open_dataset(config.values.at("data"), config.seed());
  if (job.data.train.empty()) fail_unreadable("data: there is no training sample");
  settle_target(config, job.data);
  settle_task(job.config, job.data);
  models::ModelSource source = model_source(job.config);
  // Whatever is learned of texts, the head is that for the next token.
  const Target problem = job.data.language() ? Target::next_token : job.data.target;
  job.from_run = !source.path.empty() && is_run_folder(source.path);
  if (job.from_run) {
    check_goes_on(source.path, problem, run_problem(source.path));
    job.notes.push_back(fmt::format("goes on from the run {}", source.path));
  }
  if (job.from_run && job.data.language()) {
    job.loaded = load_run_model(source.path, {});
  } else if (job.from_run) {
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
  } else {
    source.task = job.data.language() ? models::Task::next_token : models::Task::classes;
    job.loaded = models::load_model(source, job.data.classes);
  }
  job.model().set_problem(problem);
  apply_image_size(config, job.model());
  open_inputs(job);
  job.notes.insert(job.notes.begin(), job.data.notes.begin(), job.data.notes.end());
  job.notes.push_back(head_note(job));
  if (const std::string note = job.inputs->note(); !note.empty()) job.notes.push_back(note);
  if (!config.is_auto("", "augment")) job.inputs->set_augmentation(config.values["augment"]);
  return job;
}

void prepare(Job& job) {
  Config& config = job.config;
  if (const auto open = unresolved(config); !open.empty()) {
    std::string keys;
    for (const auto& key : open) keys += (keys.empty() ? "" : ", ") + key;
    fail_usage("plan=off, but these are not given: {}", keys);
  }
  if (config.is_auto("", "task")) config.values["task"] = task_of(job.data);
  job.stages = strategies::make_stages(config.strategy, job.outline());
  untie_learned_head(job);
  models::Model& model = job.model();
  const c10::Device device = choose_device(config.values["device"].get<std::string>());
  model.set_precision(precision_type(config.values["precision"].get<std::string>(), device));
  if (!device.is_cpu()) model.to(device);

  check_solvers(job);
  start_at_mean(job);

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
  job.inputs->set_augmentation(config.values["augment"]);
  job.profile = measure_profile(model, *job.inputs);
}

Profile measure_profile(models::Model& model, const data::Inputs& inputs) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  const nn::CostMeter meter;
  model.forward(inputs.example(1).to(model.device()), context);
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
