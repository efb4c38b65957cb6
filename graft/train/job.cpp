#include "graft/train/job.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "graft/base/error.h"
#include "graft/data/image_inputs.h"
#include "graft/data/loader.h"
#include "graft/data/relabel.h"
#include "graft/data/text_inputs.h"
#include "graft/models/text_tower.h"
#include "graft/nn/cost_meter.h"
#include "graft/tensor/device.h"
#include "graft/train/epoch.h"
#include "graft/train/frozen_weights.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"
#include "graft/train/tied.h"
#include "graft/train/trained_set.h"

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
    if (p.resize != image::Preprocess::Resize::letterbox)
      p.resize = image::Preprocess::Resize::exact;
    p.resize_width = p.resize_height = side;
  }
  model.set_preprocess(p);
}

}  // namespace

void apply_image_size(const Config& config, models::Model& model) {
  const Json& given = config.values.at("model");
  if (!given.is_object() || !given.contains("image_size") || given["image_size"].is_null()) return;
  set_image_size(model, given["image_size"].get<int64_t>());
}

bool Job::shares_prefixes(int border) const {
  return config.at("train", "share_prefixes").get<bool>() && model().shares_prefixes() &&
         profile.forward(0, border) == 0;
}

bool Job::shares_prefixes_measuring() const {
  return std::ranges::all_of(stages,
                             [this](const strategies::Stage& stage) {
                               return shares_prefixes(stage.blocks.front());
                             }) &&
         shares_prefixes(0);
}

double Job::forward_flops(int to_block, double computed) const {
  const double all = profile.forward(0, to_block);
  const double of_head = all - profile.forward(0, std::min(to_block, model().head()));
  return of_head + computed * (all - of_head);
}

double Job::update_flops(int from, int lowest, const std::vector<bool>& base_trained,
                         double computed) const {
  const int head = model().head();
  const int again = std::min(std::max(from, lowest), head);
  const double all = profile.update(from, lowest, base_trained) +
                     (recomputes() ? profile.forward(again, head) : 0);
  // The head reads what is learned, which no text shares.
  const double of_head = profile.update(head, std::max(lowest, head), base_trained);
  return of_head + computed * (all - of_head);
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
      list("add_tokens", nullptr,
           "special tokens to add to a text model's tokenizer, and rows for them to its embedding"),
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
  if (o.is_set("add_tokens")) source.add_tokens = o.texts("add_tokens");
  if (o.is_set("pooling")) {
    if (!source.config.is_object()) source.config = Json::object();
    // In the words of transformers' configs.
    source.config[models::kPoolingKey] = o.text("pooling") == "first" ? "cls" : o.text("pooling");
  }
  return source;
}

bool reads_texts(const models::Model& model) {
  return models::find_family(model.family()).content == models::Content::text;
}

void check_tokenizer(const models::Model& model) {
  if (model.text_preprocess().tokenizer) return;
  fail_unreadable(
      "model: there is no tokenizer beside the weights; give model.tokenizer, a folder with "
      "tokenizer.json, vocab.txt, vocab.json and merges.txt, or tokenizer.model");
}

nn::Flow to_flow(const models::Model& model, const std::vector<image::Image>& pictures) {
  std::vector<at::Tensor> pixels;
  pixels.reserve(pictures.size());
  for (const auto& picture : pictures)
    pixels.push_back(data::to_pixels(picture, model.preprocess()));
  return {"pixels", at::cat(pixels, 0)};
}

nn::Flow to_flow(const models::Model& model, const std::vector<data::Text>& texts) {
  std::vector<texts::Tokens> tokens;
  tokens.reserve(texts.size());
  for (const auto& text : texts)
    tokens.push_back(model.text_preprocess().apply(text.first, text.second));
  return data::to_flow(tokens);
}

void check_input_size(const models::Model& model) {
  const image::Dimensions size = model.preprocess().output();
  if (size.width > 0 && size.height > 0) return;
  fail_usage(
      "model: its preprocessing gives pictures of differing sizes; give model.image_size, for "
      "instance 224");
}

std::unique_ptr<data::Inputs> make_inputs(const models::Model& model, const data::View& usual) {
  if (!reads_texts(model)) {
    check_input_size(model);
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
  if (!texts && !job.config.at("train", "batch_tokens").is_null())
    fail_usage("train.batch_tokens divides texts, but the data are pictures; give train.batch");
  job.inputs = job.objective().inputs(job);
}

namespace {

/// A run that learned classes has no row for a number, nor the other way round.
void check_goes_on(const std::string& run, const Objective& objective, Target earlier) {
  const auto both_classes = [](Target a, Target b) {
    const auto classes = [](Target t) {
      return t == Target::single_label || t == Target::multi_label;
    };
    return classes(a) && classes(b);
  };
  if (objective.problem() == earlier || both_classes(objective.problem(), earlier)) return;
  fail_usage(
      "model: the run {} {}, but in the data {}; to train its weights for them, export the run "
      "(graft export) and give the folder as model",
      run, objective_of(earlier).ability(), objective.fact());
}

/// Where a head that shares the embedding's matrix learns without it, it gets one of its own: the
/// blocks below stay as they are, and what they give may be kept.
void untie_learned_head(Job& job) {
  if (!models::head_is_tied(job.model())) return;
  const bool whole = learns_tied_place(job.model(), job.config.methods);
  const bool apart =
      peft::name_of(job.config.methods) == "none" &&
      std::any_of(job.stages.begin(), job.stages.end(), [&](const strategies::Stage& stage) {
        return stage.blocks.front() > 0 && stage.blocks.back() >= job.model().head();
      });
  if (!apart && !whole) return;
  models::LoadedModel untied = models::untie_head(job.model());
  untied.folder = job.loaded.folder;
  job.loaded = std::move(untied);
  job.notes.emplace_back(
      apart ? "head: learns as an output matrix of its own, a copy of the embedding, which stays "
              "as it is"
            : "modules_to_save: output matrix and embedding, one tensor so far, go on as two, as "
              "peft has it; what is not named stays as it is");
}

/// Adapters of the blocks that train, and of a language model's head where they are named.
void attach_methods(Job& job) {
  models::Model& model = job.model();
  attach_adapters(model, job.config.methods, nn::Init(job.config.seed()));
  if (!adapts_tied_place(model)) return;
  job.notes.emplace_back(
      "adapters: output matrix and embedding are one tensor, and each has its own adapter or none, "
      "as in peft; merged, the model gets two matrices");
}

/// Stages in which the method leaves nothing to learn are left out: those of a language model's
/// head, which is not new.
void drop_idle_stages(Job& job) {
  double left = 0;
  std::erase_if(job.stages, [&](const strategies::Stage& stage) {
    const bool idle = trained_tensors(job.model(), job.config.methods, stage.blocks).empty();
    if (idle)
      job.notes.push_back(
          fmt::format("strategy: stage {} is left out: method={} learns nothing "
                      "there",
                      stage.name, peft::name_of(job.config.methods)));
    else
      left += stage.share;
    return idle;
  });
  if (job.stages.empty()) {
    fail_usage(
        "method={} learns nothing in the blocks that strategy={} trains; give method=none, another "
        "strategy, or, for a low-rank update of a language model's output matrix, "
        "strategy={{name: head, r: 16}}",
        peft::name_of(job.config.methods), job.config.strategy.name);
  }
  for (strategies::Stage& stage : job.stages) stage.share /= left;
}

void check_solvers(const Job& job) {
  const std::vector<std::string> known = job.objective().solvers();
  for (const strategies::Stage& stage : job.stages) {
    if (stage.solver == "gradient") continue;
    if (std::find(known.begin(), known.end(), stage.solver) == known.end()) {
      fail_usage("strategy: solver={} cannot find the head, because {}; give solver={}",
                 stage.solver, job.objective().fact(),
                 known.empty() ? "gradient" : known.front() + " or solver=gradient");
    }
    if (!job.model().classifier().bias().defined()) {
      fail_usage(
          "strategy: solver={} finds weights and biases, but the head of a {} model has no biases; "
          "give solver=gradient",
          stage.solver, job.model().family());
    }
  }
}

/// A head that is solved on features learns nothing of what acts on updates; who asked for that is
/// told so.
void note_solved(Job& job) {
  const bool all = std::ranges::all_of(
      job.stages, [](const strategies::Stage& stage) { return stage.solver != "gradient"; });
  if (!all) return;
  const Json& v = job.config.values;
  const Json& train = v["train"];
  std::string given;
  const auto name = [&](bool asked, const std::string& what) {
    if (asked) given += (given.empty() ? "" : ", ") + what;
  };
  name(train["loss"] == "focal", "train.loss=focal");
  for (const char* key : {"label_smoothing", "mixup", "cutmix"})
    name(train[key].get<double>() > 0, std::string("train.") + key);
  name(v["augment"] != "none" && v["augment"] != "auto", "augment");
  name(v["sampling"]["balanced"].get<bool>(), "sampling.balanced");
  if (given.empty()) return;
  job.notes.push_back(
      fmt::format("strategy: the head is solved directly, where {} do not act; give "
                  "strategy='{{name: head, solver: gradient}}' to train it with them",
                  given));
}

}  // namespace

Job open_job(const Config& config, std::optional<data::Dataset> own) {
  Job job;
  job.config = config;
  model_source(config);  // what is wrong with it is said before any data is read
  settle_data(job.config);
  job.data =
      own ? std::move(*own) : data::open_dataset(job.config.values.at("data"), config.seed());
  if (job.data.train.empty()) fail_unreadable("data: there is no training sample");
  settle_target(config, job.data);
  settle_task(job.config, job.data);
  models::ModelSource source = model_source(job.config);
  const Objective& objective = job.objective();
  source.task = objective.head();
  job.from_run = !source.path.empty() && is_run_folder(source.path);
  const bool pretrained = job.from_run && objective.head() != models::Task::masked_token &&
                          run_problem(source.path) == Target::masked_token;
  if (job.from_run) {
    if (!pretrained) check_goes_on(source.path, objective, run_problem(source.path));
    job.notes.push_back(fmt::format("goes on from the run {}", source.path));
  }
  if (job.from_run && !source.add_tokens.empty()) {
    fail_usage(
        "model.add_tokens adds to a model's own tokenizer, but {} is a run; export it (graft "
        "export) and give the folder as model",
        source.path);
  }
  if (pretrained) {
    // What told masked tokens makes room for what is learned now.
    const models::LoadedModel earlier = load_run_model(source.path, {});
    job.loaded = models::change_head(*earlier.model, source, job.data.classes);
    job.loaded.folder = earlier.folder;
  } else if (job.from_run && !objective.has_classes()) {
    job.loaded = load_run_model(source.path, {});
  } else if (job.from_run) {
    job.earlier_classes = run_classes(source.path);
    // A class that only the earlier run knew has no samples here, and stays.
    const auto classes = data::joined_classes(job.earlier_classes, job.data.classes);
    data::relabel(job.data, classes);
    job.loaded = load_run_model(source.path, classes);
  } else {
    job.loaded = models::load_model(source, job.data.classes);
  }
  job.model().set_problem(objective.problem());
  move_model(job);
  apply_image_size(config, job.model());
  open_inputs(job);
  job.notes.insert(job.notes.begin(), job.data.notes.begin(), job.data.notes.end());
  job.notes.push_back(objective.head_note(job));
  if (const std::string note = job.loaded.tokens.summary(); !note.empty())
    job.notes.push_back(note);
  if (const std::string note = job.inputs->note(); !note.empty()) job.notes.push_back(note);
  if (!config.is_auto("", "augment")) job.inputs->set_augmentation(config.values["augment"]);
  return job;
}

void move_model(Job& job) {
  job.model().to(begin_device(job.config.values["device"].get<std::string>()));
}

void prepare(Job& job) {
  Config& config = job.config;
  if (const auto open = unresolved(config); !open.empty()) {
    std::string keys;
    for (const auto& key : open) keys += (keys.empty() ? "" : ", ") + key;
    fail_usage("plan=off, but these are not given: {}", keys);
  }
  if (config.is_auto("", "task")) config.values["task"] = task_of(job.data);
  if (config.is_auto("train", "recompute")) config.values["train"]["recompute"] = "none";
  job.stages = strategies::make_stages(config.strategy, job.outline());
  untie_learned_head(job);
  models::Model& model = job.model();
  move_model(job);
  model.set_precision(
      precision_type(config.values["precision"].get<std::string>(), model.device()));

  if (model.precision() == at::kBFloat16 && model.device().is_cpu() && !cpu_has_bfloat16()) {
    job.notes.emplace_back(
        "precision: this CPU has no products of bfloat16 (AVX512-BF16) and makes them up; float32 "
        "is several times as fast here");
  }

  check_solvers(job);
  note_solved(job);
  job.objective().start(job);

  const bool head_only = std::all_of(
      job.stages.begin(), job.stages.end(),
      [&](const strategies::Stage& stage) { return stage.blocks.front() >= model.head(); });
  if (head_only && job.objective().new_head() && peft::name_of(config.methods) != "none") {
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
  if (!head_only || !job.objective().new_head()) attach_methods(job);
  drop_idle_stages(job);
  std::vector<TrainedTensor> trained;
  for (const auto& stage : job.stages) {
    for (auto& tensor : trained_tensors(model, config.methods, stage.blocks))
      trained.push_back(std::move(tensor));
  }
  settle_weights(job, config.methods, trained);
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
  int64_t steps = -1;
  const auto limit = [&steps](int64_t value) {
    steps = steps < 0 ? value : std::min(steps, value);
  };
  if (budget.steps) limit(*budget.steps);
  // The last update of an epoch may be smaller, so a part of one is counted in samples.
  if (budget.epochs) {
    limit(updates_for(job, static_cast<int64_t>(std::floor(
                               *budget.epochs * static_cast<double>(shape.samples) + 1e-9))));
  }
  if (samples) limit(updates_for(job, *samples));
  if (steps == 0) {
    const int64_t window = config.values["train"]["batch"].get<int64_t>() *
                           config.values["updates"]["every"].get<int64_t>();
    fail(ErrorCode::no_plan,
         "the budget does not allow one update: an update takes {} samples (train.batch x "
         "updates.every) of {} in an "
         "epoch; give a larger budget or a smaller train.batch",
         std::min(window, shape.samples), shape.samples);
  }
  return steps;
}

}  // namespace graft::train
