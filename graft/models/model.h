#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graft/base/json.h"
#include "graft/base/target.h"
#include "graft/image/preprocess.h"
#include "graft/nn/context.h"
#include "graft/nn/flow.h"
#include "graft/nn/init.h"
#include "graft/nn/linear.h"
#include "graft/nn/parameter.h"
#include "graft/text/preprocess.h"

namespace graft::models {

/// The part of a model that a block belongs to.
enum class Span { backbone, neck, head };

/// What a model's head says: which class a sample is of, which token follows each token, which one
/// a masked token was, which class each token is of, where objects are and of which class; or
/// nothing but where a text lies.
enum class Task : uint8_t { classes, next_token, masked_token, token_classes, boxes, embedding };

/// Whether a head of the task has a row a class.
inline bool tells_classes(Task task) {
  return task == Task::classes || task == Task::token_classes || task == Task::boxes;
}

/// As "problem_type" of a config.json or a summary names it.
const char* problem_name(Target target);
/// A single output is a number where the config does not say what it is, as transformers takes it.
bool outputs_a_number(const Json& config, Task task, size_t outputs);

/// How the rows of a layer are classes: `before` + classes + `after` of them, several times over
/// where there are anchors, or where a class has several numbers.
struct ClassRows {
  int64_t before = 0;  ///< rows of no class before the first one: place, objectness, background
  int64_t after = 0;   ///< … and behind the last one: "no object"
  /// All rows of one class stand together (c0 c0 c1 c1); else the classes of each anchor do (c0 c1
  /// c0 c1).
  bool together = false;
};

/// One link of the chain: maps the flow at its lower border to the flow at its upper one.
class Block {
 public:
  virtual ~Block() = default;
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  virtual nn::Flow forward(nn::Flow flow, nn::Context& context) = 0;
};

/// A model is a chain of named blocks: stem, block 0 … block L-1, head. Images enter as "pixels"
/// [B, 3, H, W], texts as "ids" [T] and "lengths" [B] (text_tower.h); a classifier's chain ends
/// with "logits" [B, classes] in float32. The last block before the head ends with pooled
/// "features" [B, D], so that what a head reads is small. Where something is said of each token, it
/// ends with "x" [T, D]: a language model goes on to "logits" [T, vocabulary], or to losses where
/// "targets" [T] came along (token_output.h), and what tells tokens apart to "logits" [T, classes].
/// "targets" leave such a chain as they came. A chain without a head ends with "features" [B, D] in
/// float32: embeddings. A detector's ends with what its family makes boxes of (detector.h).
class Model {
 public:
  /// `config` is the Hugging Face config with the number of classes already in it.
  Model(std::string family, Json config, Task task = Task::classes)
      : family_(std::move(family)), config_(std::move(config)), task_(task) {}
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Appends a block whose tensors are registered under `path`; B is built as B(scope, args...).
  template <typename B, typename... Args>
  B& add(const std::string& name, Span span, const std::string& path, Args&&... args) {
    const nn::Scope scope(registry_, path, size());
    auto block = std::make_unique<B>(scope, std::forward<Args>(args)...);
    B& added = *block;
    links_.push_back({name, span, std::move(block)});
    return added;
  }

  const std::string& family() const { return family_; }
  Task task() const { return task_; }
  /// As it would be written to config.json, classes included.
  const Json& config() const { return config_; }
  Json& config() { return config_; }

  int size() const { return static_cast<int>(links_.size()); }
  const std::string& block_name(int i) const { return links_[static_cast<size_t>(i)].name; }
  Span block_span(int i) const { return links_[static_cast<size_t>(i)].span; }
  /// Index of the first block of the head: size() where there is none.
  int head() const;

  /// Runs blocks [from, to); `to` < 0 means all. Blocks below `context`'s lowest trained one are
  /// the caller's business: gradients are recorded as the grad mode says.
  nn::Flow forward(nn::Flow flow, nn::Context& context, int from = 0, int to = -1);

  nn::Registry& registry() { return registry_; }
  const nn::Registry& registry() const { return registry_; }
  const std::vector<std::string>& classes() const { return classes_; }
  void set_classes(std::vector<std::string> classes);
  /// What its head learns: "problem_type" of the config; single_label where it says nothing.
  Target problem() const;
  void set_problem(Target target);
  const image::Preprocess& preprocess() const { return preprocess_; }
  void set_preprocess(image::Preprocess preprocess) { preprocess_ = std::move(preprocess); }

  /// Of a model that reads texts; without a tokenizer until it has one.
  const texts::Preprocess& text_preprocess() const { return text_preprocess_; }
  void set_text_preprocess(texts::Preprocess preprocess) {
    text_preprocess_ = std::move(preprocess);
  }

  /// The last linear layer, whose rows are classes; language models and embeddings have none.
  nn::Linear& classifier() const { return *classifier_; }
  bool has_classifier() const { return classifier_ != nullptr; }
  void set_classifier(nn::Linear& classifier) { classifier_ = &classifier; }

  /// The matrix with a row for each token of the vocabulary that a language model ends with: the
  /// name of its tensor where it is one of its own, that of the embedding where it is this (else
  /// empty), and the path of the layer that multiplies by it.
  struct OutputMatrix {
    std::string name, embedding, layer;
  };
  const OutputMatrix& output() const { return output_; }
  void set_output(OutputMatrix output) { output_ = std::move(output); }

  /// Whether what the chain makes of a token depends on it and those before it alone, so that texts
  /// that begin alike can share their beginnings (data/share_prefixes.h).
  bool shares_prefixes() const { return shares_prefixes_; }
  void set_shares_prefixes(bool shares) { shares_prefixes_ = shares; }

  /// Layers of a detector's head whose rows are classes, by path, wherever in the chain they stand.
  /// Where none was named, those are all layers of the last block.
  void add_class_rows(const std::string& layer, const ClassRows& rows) {
    class_rows_[layer] = rows;
  }
  const std::map<std::string, ClassRows>& class_rows() const { return class_rows_; }

  /// Type in which activations flow; parameters stay float32.
  void set_precision(at::ScalarType type) { precision_ = type; }
  at::ScalarType precision() const { return precision_; }
  void to(at::Device device);
  at::Device device() const;

  int64_t parameter_count() const;
  int64_t parameter_bytes() const;

 private:
  /// Block i, again in backward where the context says so.
  nn::Flow run(int i, nn::Flow flow, nn::Context& context);

  struct Link {
    std::string name;
    Span span;
    std::unique_ptr<Block> block;
  };
  std::string family_;
  Json config_;
  Task task_;
  nn::Registry registry_;
  std::vector<Link> links_;
  std::vector<std::string> classes_;
  image::Preprocess preprocess_;
  texts::Preprocess text_preprocess_;
  nn::Linear* classifier_ = nullptr;
  OutputMatrix output_;
  bool shares_prefixes_ = false;
  std::map<std::string, ClassRows> class_rows_;
  at::ScalarType precision_ = at::ScalarType::Float;
};

}  // namespace graft::models
