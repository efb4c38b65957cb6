// Our side of the training bench: the steps of bench/peers/train_step.py done by graft, in one
// process, with the same options and the same JSON line. See bench/compare_peers.py.
#include <torch/csrc/autograd/generated/variable_factories.h>
#include <torch/types.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <numeric>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/json.h"
#include "graft/models/load.h"
#include "graft/nn/norm.h"
#include "graft/peft/attach.h"
#include "graft/strategies/strategy.h"
#include "graft/tensor/device.h"
#include "graft/tensor/memory.h"
#include "graft/train/frozen_weights.h"
#include "graft/train/loss.h"
#include "graft/train/objective.h"
#include "graft/train/optimizer.h"
#include "graft/train/text_losses.h"
#include "graft/train/trained_set.h"
#include "op_profile.h"
#include "roof.h"

namespace graft::bench {
namespace {

constexpr int64_t kObjects = 6;  // in a picture

struct Arguments {
  std::string model, mode = "full", dtype = "float32", batch_norm = "auto", checkpoint,
                     device = "cpu";
  int64_t batch = 8, steps = 5, warmup = 1, image_size = 224, length = 0, seed = 0;
  int threads = 2;
  bool roof = false, recompute = false, cast = false;
  int profile = 0;
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  CLI::App app("graft's side of the training bench; one JSON line on stdout");
  app.add_option("--model", a.model)
      ->required()
      ->check(CLI::IsMember({"vit_b16", "resnet50", "mobilenet_v2_0.35", "bert_base", "llama_135m",
                             "yolos_tiny", "rt_detr_v2_r18"}));
  app.add_option("--mode", a.mode)->check(CLI::IsMember({"full", "head", "lora"}));
  app.add_option("--batch", a.batch)->check(CLI::PositiveNumber);
  app.add_option("--steps", a.steps)->check(CLI::PositiveNumber);
  app.add_option("--warmup", a.warmup)->check(CLI::NonNegativeNumber);
  app.add_option("--dtype", a.dtype)->check(CLI::IsMember({"float32", "bfloat16"}));
  app.add_option("--device", a.device)->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option("--threads", a.threads)->check(CLI::PositiveNumber);
  app.add_option("--image-size", a.image_size)->check(CLI::PositiveNumber);
  app.add_option("--length", a.length, "tokens of a text; default: 128 of bert_base, else 256")
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", a.seed);
  app.add_option("--checkpoint", a.checkpoint, "folder that train_step.py --make-checkpoint wrote");
  app.add_option("--batch-norm", a.batch_norm,
                 "train: statistics of the batch; auto: train for full, else frozen")
      ->check(CLI::IsMember({"auto", "train", "frozen"}));
  app.add_flag("--recompute", a.recompute, "blocks run again in backward (train.recompute)");
  app.add_flag("--cast", a.cast, "frozen weights stay in float32 and are cast at every use");
  app.add_flag("--roof", a.roof, "only the matrix products of a step (vit_b16, llama_135m)");
  app.add_option("--profile", a.profile,
                 "also print this many operations of one step to stderr, the longest first");
  try {
    app.parse(argc, argv);
    if (a.roof && a.model != "vit_b16" && a.model != "llama_135m")
      throw CLI::ValidationError("--roof", "knows the products of vit_b16 and llama_135m only");
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  return a;
}

bool continues_texts(const Arguments& a) {
  return a.model == "llama_135m";
}

bool finds_boxes(const Arguments& a) {
  return a.model == "yolos_tiny" || a.model == "rt_detr_v2_r18";
}

/// What peft is told to adapt on the other side.
Json method(const Arguments& a) {
  if (a.mode != "lora") return "none";
  if (continues_texts(a)) return {{"name", "lora"}, {"r", 16}, {"alpha", 16}, {"target", "all"}};
  Json target = Json::array({"q_proj", "v_proj"});
  if (a.model == "bert_base") target = Json::array({"query", "value"});
  if (a.model == "resnet50") target = Json::array({"convolution"});
  if (a.model == "mobilenet_v2_0.35") {
    target =
        Json::array({"expand_1x1.convolution", "reduce_1x1.convolution", "conv_1x1.convolution"});
  }
  return {{"name", "lora"}, {"r", 8}, {"alpha", 16}, {"target", target}};
}

models::ModelSource source(const Arguments& a) {
  models::ModelSource from;
  from.path = a.checkpoint;
  if (continues_texts(a)) from.task = models::Task::next_token;
  if (finds_boxes(a)) from.task = models::Task::boxes;
  return from;
}

nn::Flow make_inputs(const Arguments& a, const models::Model& model) {
  const bool texts = a.model == "bert_base" || continues_texts(a);
  if (!texts) {
    nn::Flow flow("pixels", at::randn({a.batch, 3, a.image_size, a.image_size}));
    if (!finds_boxes(a)) return flow;
    const at::Tensor corners = at::rand({a.batch, kObjects, 2}) * 0.5 * a.image_size;
    const at::Tensor sides = (0.1 + 0.4 * at::rand({a.batch, kObjects, 2})) * a.image_size;
    const at::Tensor labels =
        at::randint(static_cast<int64_t>(model.classes().size()), {a.batch, kObjects, 1});
    flow["objects"] = at::cat({corners, corners + sides, labels}, 2).to(at::kFloat);
    return flow;
  }
  const int64_t length = a.length > 0 ? a.length : continues_texts(a) ? 256 : 128;
  const auto vocabulary = model.config().at("vocab_size").get<int64_t>();
  nn::Flow flow("ids", at::randint(5, vocabulary, {a.batch * length}, at::kLong));
  flow["lengths"] = at::full({a.batch}, length, at::kLong);
  if (continues_texts(a)) {
    at::Tensor targets = flow.at("ids").roll(-1).view({a.batch, length}).clone();
    targets.select(1, length - 1).fill_(-1);
    flow["targets"] = targets.view(-1);
  }
  return flow;
}

/// Everything a step needs, made as graft's own loop makes it.
class Trainer {
 public:
  explicit Trainer(const Arguments& a) : loaded_(models::load_model(source(a))) {
    if (continues_texts(a) && a.mode == "head") loaded_ = models::untie_head(*loaded_.model);
    models::Model& model = *loaded_.model;
    const c10::Device device = begin_device(a.device);
    model.to(device);
    if (a.dtype == "bfloat16") model.set_precision(at::kBFloat16);
    const auto methods = peft::parse_methods(method(a));
    if (a.mode == "lora") {
      peft::attach(model.registry(), methods, model.head(),
                   nn::Init(static_cast<uint64_t>(a.seed)));
      model.to(device);
    }
    std::vector<int> blocks(
        static_cast<size_t>(a.mode == "head" ? model.size() - model.head() : model.size()));
    std::iota(blocks.begin(), blocks.end(), a.mode == "head" ? model.head() : 0);
    trained_ = train::trained_tensors(model, methods, blocks);
    train::apply_trained(model, trained_);
    border_ = train::lowest_block(trained_);
    // Where the head of a language model learns, the whole model is the result.
    if (!a.cast && (a.mode == "lora" || (a.mode == "head" && !continues_texts(a))))
      train::hold_frozen(model, trained_);
    const bool statistics = a.batch_norm == "train" || (a.batch_norm == "auto" && a.mode == "full");
    for (nn::BatchNorm* norm : model.registry().batch_norms) norm->use_batch_statistics(statistics);
    context_.training = true;
    context_.recompute = a.recompute;
    context_.generator = new_generator(device, static_cast<uint64_t>(a.seed));
    context_.trained.assign(static_cast<size_t>(model.size()), false);
    for (const int b : blocks) context_.trained[static_cast<size_t>(b)] = true;
    inputs_ = make_inputs(a, model).to(device);
    if (finds_boxes(a)) loss_.detector = models::make_detector(model);
    if (!continues_texts(a))
      targets_ = at::randint(static_cast<int64_t>(model.classes().size()), {a.batch}, at::kLong)
                     .to(device);
  }

  /// One update, as train::Loop does it; returns the loss.
  double step() {
    models::Model& model = *loaded_.model;
    nn::Flow flow = inputs_;
    if (border_ > 0) {
      const at::NoGradGuard no_grad;
      flow = model.forward(std::move(flow), context_, 0, border_);
    }
    flow = model.forward(std::move(flow), context_, border_);
    const train::LossValue loss = loss_of(flow);
    flow = {};
    const double value = loss.sum.item<double>();
    loss.sum.backward();
    const double mean = 1 / loss.weight;
    const double norm = mean * train::gradient_norm(trained_);
    optimizer_.step(
        trained_, [](const train::TrainedTensor&) { return 1e-4; },
        mean * train::clip_factor(norm, 1.0));
    for (const auto& tensor : trained_) tensor.value->mutable_grad() = at::Tensor();
    finish_work(model.device());
    return value / loss.weight;
  }

  train::LossValue loss_of(const nn::Flow& flow) const {
    if (loss_.detector) return train::objective_of(Target::boxes).loss(flow, at::Tensor(), loss_);
    return flow.has("loss") ? train::text_losses(flow)
                            : train::compute_loss(flow.at("logits"), targets_, {});
  }

  int64_t trainable() const {
    int64_t count = 0;
    for (const auto& tensor : trained_) count += tensor.value->numel();
    return count;
  }
  models::Model& model() { return *loaded_.model; }

 private:
  models::LoadedModel loaded_;
  std::vector<train::TrainedTensor> trained_;
  int border_ = 0;
  nn::Context context_;
  train::Optimizer optimizer_{{}};
  nn::Flow inputs_;
  at::Tensor targets_;
  train::LossOptions loss_;
};

Json run(const Arguments& a) {
  Json line = {{"side", a.roof ? "products" : "graft"},
               {"model", a.model},
               {"mode", a.mode},
               {"batch", a.batch},
               {"image_size", a.image_size},
               {"dtype", a.dtype},
               {"device", a.device},
               {"threads", a.threads}};
  if (a.roof) {
    line["steps_s"] = time_products(a.model, a.mode, a.batch, a.dtype, a.warmup, a.steps);
    return line;
  }
  Trainer trainer(a);
  const int64_t loading = peak_tensor_bytes();
  release_free_memory();  // as planning does before a run
  reset_peak_tensor_bytes();
  const int64_t before = resident_bytes();
  const double start = seconds_since_process_start();
  const double cpu_before = process_cpu_seconds();
  Json warmup = Json::array(), steps = Json::array(), losses = Json::array();
  double cpu = cpu_before;
  for (int64_t i = 0; i < a.warmup + a.steps; ++i) {
    if (i == a.warmup) cpu = process_cpu_seconds();
    const Stopwatch watch;
    losses.push_back(trainer.step());
    (i < a.warmup ? warmup : steps).push_back(watch.seconds());
  }
  if (a.profile > 0) {
    const OpProfile profile;
    trainer.step();
    std::fprintf(stderr, "%s", profile.table(a.profile).c_str());
  }
  line["batch_norm"] = a.batch_norm;
  line["parameters"] = trainer.model().parameter_count();
  line["trainable"] = trainer.trainable();
  line["start_s"] = start;
  line["start_cpu_s"] = cpu_before;
  line["warmup_s"] = warmup;
  line["steps_s"] = steps;
  line["step_cpu_s"] = (process_cpu_seconds() - cpu) / static_cast<double>(a.steps);
  line["rss_before_kib"] = before / 1024;
  line["peak_rss_kib"] = peak_resident_bytes() / 1024;
  line["step_peak_tensor_kib"] = peak_tensor_bytes() / 1024;
  line["peak_tensor_kib"] = std::max(loading, peak_tensor_bytes()) / 1024;
  line["losses"] = losses;
  return line;
}

}  // namespace
}  // namespace graft::bench

int main(int argc, char** argv) {
  graft::install_counting_allocator();
  const auto arguments = graft::bench::parse(argc, argv);
  graft::set_threads(arguments.threads);
  try {
    std::printf("%s\n", graft::bench::run(arguments).dump().c_str());
  } catch (const graft::Error& e) {
    std::fprintf(stderr, "train_step: %s\n", e.what());
    return static_cast<int>(e.code());
  }
  std::fflush(nullptr);
  std::_Exit(0);
}
