#include "graft/train/config.h"

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/eval/metric.h"

namespace graft::train {
namespace {

/// A number, or "auto".
Option automatic(std::string name, std::string help) {
  return any(std::move(name), "auto", std::move(help) + "; auto decides");
}

void check_automatic(const Json& section, const std::string& where, const std::string& key,
                     double low, double high, bool whole) {
  const Json& value = section.at(key);
  if (value == "auto") return;
  const bool good = (whole ? value.is_number_integer() : value.is_number()) &&
                    value.get<double>() >= low && value.get<double>() <= high;
  if (!good) {
    fail_usage("{}.{} must be auto or a {}number from {} to {}, got {}", where, key,
               whole ? "whole " : "", low, high, value.dump());
  }
}

/// Names of other tools that mean the same, by full key.
const std::pair<const char*, const char*> kAliases[] = {
    {"num_train_epochs", "budget.epochs"},
    {"epochs", "budget.epochs"},
    {"max_steps", "budget.steps"},
    {"learning_rate", "train.lr"},
    {"lr", "train.lr"},
    {"batch_size", "train.batch"},
    {"batch", "train.batch"},
    {"per_device_train_batch_size", "train.batch"},
    {"weight_decay", "train.weight_decay"},
    {"max_grad_norm", "train.clip"},
    {"gradient_accumulation_steps", "updates.every"},
    {"warmup_ratio", "train.warmup"},
    {"beta", "train.dpo_beta"},
    {"label_smoothing_factor", "train.label_smoothing"},
    {"patience", "train.patience"},
    {"output_dir", "output"},
    {"model_name_or_path", "model"},
    {"peft_type", "method"},
    {"optim", "train.optimizer"},
    {"lr_scheduler_type", "train.schedule"},
    {"max_length", "train.max_length"},
    {"max_seq_length", "train.max_length"},
    {"cutoff_len", "train.max_length"},
    {"chat_template", "chat.template"},
    {"roles_to_train", "chat.roles_to_train"},
    {"train_on_prompt", "chat.train_on_prompt"},
    {"train_on_inputs", "chat.train_on_prompt"}};

void set_path(Json& root, const std::string& path, const Json& value) {
  Json* at = &root;
  size_t begin = 0;
  while (true) {
    const size_t dot = path.find('.', begin);
    const std::string key = path.substr(begin, dot - begin);
    if (key.empty())
      fail_usage("'{}' is not a key: names are separated by single dots, as in train.lr=0.01",
                 path);
    if (dot == std::string::npos) {
      (*at)[key] = value;
      return;
    }
    Json& next = (*at)[key];
    if (next.is_string()) next = Json{{key == "model" || key == "data" ? "path" : "name", next}};
    if (!next.is_object()) next = Json::object();
    at = &next;
    begin = dot + 1;
  }
}

bool is_share(const Json& value) {
  return value.is_number() && value.get<double>() >= 0 && value.get<double>() < 1;
}

bool is_given(const Json& root, const std::string& path) {
  const size_t dot = path.find('.');
  const std::string key = path.substr(0, dot);
  if (!root.is_object() || !root.contains(key)) return false;
  return dot == std::string::npos || is_given(root[key], path.substr(dot + 1));
}

}  // namespace

const std::vector<Section>& config_sections() {
  static const std::vector<Section> all = {
      {"",
       "what to do, with what, and where to write it",
       {text("task", "auto", "what is learned")
            .one_of({"auto", "image-classification", "object-detection", "text-classification",
                     "text-regression", "token-classification", "language-modeling",
                     "masked-language-modeling", "sentence-similarity"}),
        any("model", nullptr,
            "folder, weight file, org/name of the cache, bundled name, earlier run, or {path, "
            "config, init: random, image_size}"),
        any("data", nullptr,
            "path, or {path, format, train, validation, test, columns, classes, split, folds, "
            "fold, fraction}"),
        any("method", "auto",
            "what is learned inside the blocks that train: a name, {name: lora, r: 16}, or a list"),
        any("strategy", "auto",
            "which blocks train, and when: a name, {name: top-k, k: 3}, or {stages: [...]}"),
        any("augment", "auto", "auto, none, a policy's name, or a list of augmentations"),
        text("cache", "auto", "outputs of the frozen prefix").one_of({"auto", "none", "memory"}),
        text("metric", "auto", "what best and early stopping follow"),
        text("goal", "quality", "what auto prefers among plans that fit")
            .one_of({"quality", "size", "latency"}),
        text("plan", "auto", "auto: decide what is left open; off: every auto must be given")
            .one_of({"auto", "off"}),
        text("precision", "auto", "type of activations")
            .one_of({"auto", "float32", "bfloat16", "float16"}),
        text("device", "auto", "auto, cpu or cuda").one_of({"auto", "cpu", "cuda"}),
        any("threads", "auto", "threads of the tensor library"),
        integer("seed", 0, "of everything random").at_least(0),
        text("output", "auto", "the run folder"),
        flag("overwrite", false, "replace an existing run folder"),
        text("naming", "v5", "names in adapter files: of transformers 5 or 4")
            .one_of({"v5", "v4"})}},
      {"chat",
       "how records become what a language model learns (docs/fine_tune_a_chat_model.md)",
       {text("template", "auto",
             "auto: the tokenizer's own; none; the name of a built-in one (graft describe), or a "
             "file with a Jinja template"),
        list("roles_to_train", Json::array({"assistant"}), "whose messages are learned"),
        flag("last_only", false, "of a conversation, only the last answer is learned"),
        flag("train_on_prompt", false, "everything is learned, whoever says it"),
        any("variables", nullptr, "variables of the template: {enable_thinking: false}"),
        text("date", "auto", "today, for templates that ask for it: 2026-01-31")}},
      {"sampling",
       "the sampling rate of the training data",
       {number("rate", 1.0, "share of the training samples seen in an epoch").between(1e-6, 1),
        text("policy", "uniform", "uniform: one fixed stratified subset; rs2: a new one each epoch")
            .one_of({"uniform", "rs2"}),
        flag("balanced", false, "draw all classes equally often")}},
      {"updates",
       "how often, and which, parameters are updated",
       {integer("every", 1, "micro-batches whose gradients are added up for one update")
            .between(1, 100000),
        text("policy", "all",
             "all: every trained block at each update; nested: deeper blocks more rarely")
            .one_of({"all", "nested"}),
        integer("base", 2,
                "nested: each level is updated this many times more rarely than the one above")
            .between(2, 64),
        integer("levels", 3, "nested: number of levels the trained blocks are divided into")
            .between(2, 16)}},
      {"budget",
       "what may be spent; none is exceeded",
       {number("epochs", nullptr, "passes over the training samples").at_least(1e-6),
        integer("steps", nullptr, "updates of the parameters").at_least(1),
        integer("samples", nullptr, "training samples, repeats counted").at_least(1),
        any("time", nullptr, "wall clock from process start to exit: 10m, 45s"),
        any("memory", nullptr, "resident size: 2GiB"),
        text("replay", nullptr,
             "log.jsonl of a run under a time budget whose every rate and decision is repeated")}},
      {"train",
       "the optimisation",
       {automatic("batch", "samples of a micro-batch"),
        integer("batch_tokens", nullptr,
                "of texts: tokens of a micro-batch at most, whose texts are of similar length; "
                "train.batch only says about how many that are")
            .between(1, 1 << 24),
        automatic("lr", "peak learning rate"),
        automatic("max_length", "tokens of a text, special ones included; longer ones are cut"),
        automatic("head_lr", "learning rate of the head while the backbone trains too"),
        text("optimizer", "adamw", "adamw or sgd").one_of({"adamw", "sgd"}),
        number("momentum", 0.9, "of sgd").between(0, 0.9999),
        list("betas", Json::array({0.9, 0.999}), "of adamw"),
        number("weight_decay", 0.01, "decoupled for adamw; never on norms and biases")
            .between(0, 10),
        number("layer_decay", 1.0,
               "learning rate of each block is that of the one above times this")
            .between(0.01, 1),
        text("schedule", "linear", "of the learning rate over the budget")
            .one_of({"constant", "linear", "cosine", "one-cycle"}),
        number("warmup", 0.05, "share of the budget in which the rate rises").between(0, 0.9),
        number("clip", 1.0, "largest norm of the gradient; 0 for none").at_least(0),
        number("ema", 0.0, "decay of the moving average of the trained weights; 0 for none")
            .between(0, 0.999999),
        integer("patience", 0, "evaluations without improvement before stopping; 0 for never")
            .at_least(0),
        text("keep", "best", "weights at the end: best by validation, or last")
            .one_of({"best", "last"}),
        automatic("eval_every", "epochs between evaluations"),
        text("loss", "auto",
             "cross-entropy or focal for classes, squared for numbers, cross-entropy for texts, or "
             "dpo, which learns to prefer the chosen of two answers; contrastive for texts that "
             "belong together, cosent or cosine for pairs with a score; detection, the model's "
             "own, for "
             "boxes; auto: by what the data are")
            .one_of({"auto", "cross-entropy", "focal", "squared", "dpo", "contrastive", "cosent",
                     "cosine", "detection"}),
        number("scale", 20.0,
               "of the losses contrastive and cosent: cosines are multiplied by it (1 / "
               "temperature)")
            .between(0.01, 1000),
        flag("symmetric", false, "the loss contrastive also looks for the anchor of each positive"),
        list("score_range", nullptr,
             "of the loss cosine: the scores that stand for cosines of 0 and 1; default: the least "
             "and the greatest of train, unless all lie between -1 and 1"),
        number("dpo_beta", 0.1,
               "of the dpo loss: the smaller, the further the model may go from where it began")
            .between(1e-6, 100),
        number("mask_share", 0.15,
               "of masked language modelling: share of a text's tokens that are masked")
            .between(0.01, 0.9),
        number("focal_gamma", 2.0, "of the focal loss").between(0, 10),
        number("label_smoothing", 0.0, "share of the target given to the other classes")
            .between(0, 0.9),
        any("class_weights", nullptr, "balanced, or {class: weight}"),
        number("nms", nullptr,
               "of boxes: those of one class that overlap more are one object (IoU), 1 keeps all; "
               "default: what the model needs")
            .between(0.05, 1),
        flag(
            "distill", true,
            "of boxes: where the run goes on from one with classes that the data do not mark, what "
            "the earlier model finds of those in the pictures is learned along"),
        number(
            "close_last", 0.1,
            "of boxes: share of the passes, the last ones, in which no augmentation shows several "
            "pictures in one")
            .between(0, 1),
        number("mixup", 0.0, "alpha of mixup; of texts, what enters the head is mixed; 0 for none")
            .between(0, 100),
        number("cutmix", 0.0, "alpha of cutmix; 0 for none").between(0, 100),
        text("batch_norm", "auto", "statistics in trained blocks; frozen blocks never move")
            .one_of({"auto", "frozen", "train", "re-estimate"}),
        integer("views", 0,
                "fixed augmented views a sample, so that a frozen prefix can be cached; 0 for "
                "fresh ones")
            .between(0, 1000),
        automatic("workers", "threads that read samples: decode and augment, or tokenize"),
        any("image_cache", "auto", "memory for decoded images: auto, none or a size"),
        text("recompute", "auto",
             "blocks: the backbone's blocks keep only what enters them and run again in backward, "
             "for less memory and about a third more time; auto: where nothing else fits "
             "budget.memory")
            .one_of({"auto", "none", "blocks"}),
        flag("share_prefixes", true,
             "of language models: what texts of a batch have in common at their beginnings, before "
             "anything is learned, is computed once; losses and gradients stay the same"),
        any("cache_limit", "auto", "memory for outputs of the frozen prefix: auto or a size"),
        integer("checkpoint_every", 0,
                "steps between checkpoints; 0: at evaluations and every minute")
            .at_least(0),
        number("ridge", 1.0,
               "regularisation of a head solved directly, times the number of samples; searched "
               "around it")
            .at_least(0)}},
  };
  return all;
}

const Json& Config::at(const std::string& section, const std::string& key) const {
  return section.empty() ? values.at(key) : values.at(section).at(key);
}

bool Config::is_auto(const std::string& section, const std::string& key) const {
  return at(section, key) == "auto";
}

void apply_override(Json& given, const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) {
    fail_usage("'{}' is neither a configuration file nor key=value", word);
  }
  const std::string key = word.substr(0, equals);
  set_path(given, key, parse_yaml(word.substr(equals + 1), "the value of " + key));
}

Config make_config(const Json& given) {
  Json input = given.is_null() ? Json::object() : given;
  if (!input.is_object())
    fail_usage("the configuration must be a mapping of keys, got {}", input.dump());
  for (const auto& [alias, key] : kAliases) {
    if (!input.contains(alias)) continue;
    const Json value = input[alias];
    input.erase(alias);
    if (is_given(input, key))
      fail_usage("{} and {} are two names for one setting; give one of them", alias, key);
    set_path(input, key, value);
  }

  Json top = Json::object();
  std::vector<std::string> sections;
  for (const Section& section : config_sections()) {
    if (!section.name.empty()) sections.push_back(section.name);
  }
  for (const auto& [key, value] : input.items()) {
    if (std::find(sections.begin(), sections.end(), key) == sections.end()) top[key] = value;
  }
  std::vector<Option> top_known = config_sections().front().options;
  for (const auto& name : sections) top_known.push_back(any(name, nullptr, "section"));

  Config config;
  config.values = Options(top_known, top, "the configuration").json();
  for (const Section& section : config_sections()) {
    if (section.name.empty()) continue;
    config.values[section.name] =
        Options(section.options, input.contains(section.name) ? input[section.name] : Json(nullptr),
                section.name)
            .json();
  }
  Json& v = config.values;
  check_automatic(v["train"], "train", "batch", 1, kLargestBatch, true);
  check_automatic(v["train"], "train", "lr", 0, 1e4, false);
  check_automatic(v["train"], "train", "max_length", 2, 1e6, true);
  check_automatic(v["train"], "train", "head_lr", 0, 1e4, false);
  check_automatic(v["train"], "train", "eval_every", 1e-3, 1e6, false);
  check_automatic(v["train"], "train", "workers", 1, 256, true);
  check_automatic(v, "configuration", "threads", 1, 1024, true);
  if (const Json& betas = v["train"]["betas"];
      betas.size() != 2 || !is_share(betas[0]) || !is_share(betas[1])) {
    fail_usage("train.betas must be two numbers from 0 to below 1, such as [0.9, 0.999], got {}",
               betas.dump());
  }
  if (const Json& range = v["train"]["score_range"];
      !range.is_null() && !(range.size() == 2 && range[0].is_number() && range[1].is_number() &&
                            range[0].get<double>() < range[1].get<double>())) {
    fail_usage("train.score_range must be two rising numbers, such as [0, 5], got {}",
               range.dump());
  }
  if (!v["metric"].is_string()) fail_usage("metric must be a name, got {}", v["metric"].dump());
  if (v["metric"] != "auto") eval::find_metric(v["metric"].get<std::string>());
  if (v["model"].is_null())
    fail_usage(
        "model is missing: a folder, org/name, a bundled name, or an earlier run (model=...)");
  if (v["data"].is_null())
    fail_usage(
        "data is missing: a folder with one folder a class, a table, or a file of texts "
        "(data=...)");

  const Json& budget = v["budget"];
  if (!budget["epochs"].is_null()) config.budget.epochs = budget["epochs"].get<double>();
  if (!budget["steps"].is_null()) config.budget.steps = budget["steps"].get<int64_t>();
  if (!budget["samples"].is_null()) config.budget.samples = budget["samples"].get<int64_t>();
  if (!budget["time"].is_null())
    config.budget.time_s = parse_seconds(budget["time"], "budget.time");
  if (!budget["memory"].is_null())
    config.budget.memory = parse_bytes(budget["memory"], "budget.memory");
  for (const char* key : {"image_cache", "cache_limit"}) {
    const Json& value = v["train"][key];
    if (value != "auto" && value != "none") parse_bytes(value, std::string("train.") + key);
  }
  if (v["method"] != "auto") {
    config.methods = peft::parse_methods(v["method"]);
    v["method"] = peft::to_json(config.methods);
  }
  if (v["strategy"] != "auto") {
    config.strategy = strategies::parse_strategy(v["strategy"]);
    v["strategy"] = strategies::to_json(config.strategy);
  }
  return config;
}

std::vector<std::string> unresolved(const Config& config) {
  std::vector<std::string> open;
  for (const char* key : {"method", "strategy", "augment", "metric", "precision", "threads"}) {
    if (config.is_auto("", key)) open.emplace_back(key);
  }
  for (const char* key : {"batch", "lr", "head_lr", "eval_every", "workers", "batch_norm"}) {
    if (config.is_auto("train", key)) open.push_back(std::string("train.") + key);
  }
  if (!config.budget.any_length()) open.emplace_back("budget");
  return open;
}

}  // namespace graft::train
