#include <torch/types.h>

#include <algorithm>
#include <set>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/rng.h"
#include "graft/nn/norm.h"
#include "graft/tensor/memory.h"
#include "graft/train/loop.h"

/// The loop's state on disk: checkpoints, the way back to the best weights, statistics made anew.
namespace graft::train {

/// They are in the model's config at once, where all who describe or save the model look for them.
void Loop::keep_settings(Json settings) {
  state_.settings = std::move(settings);
  if (state_.settings.is_object()) job_.model().config().update(state_.settings);
}

Checkpoint Loop::make_checkpoint() const {
  Checkpoint checkpoint;
  for (const auto& tensor : ever_trained_)
    checkpoint.tensors.add("model." + tensor.name, tensor.value->detach());
  for (const auto& buffer : buffers_) checkpoint.tensors.add("model." + buffer.name, *buffer.value);
  for (const auto& [name, tensor] : optimizer_.state()) checkpoint.tensors.add(name, tensor);
  for (const auto& [name, tensor] : average_.state()) checkpoint.tensors.add(name, tensor);
  checkpoint.tensors.add("generator", context_.generator->get_state());
  Json& s = checkpoint.state;
  s = {{"step", state_.step},
       {"epoch", state_.epoch},
       {"batch", state_.batch},
       {"stage", state_.stage},
       {"samples", state_.samples},
       {"progress", state_.progress},
       {"best", state_.best},
       {"best_step", state_.best_step},
       {"bad_evaluations", state_.bad_evaluations},
       {"last_evaluation", state_.last_evaluation},
       {"evaluated_progress", state_.evaluated_progress},
       {"settings", state_.settings},
       {"work", work_.to_json()}};
  s["work"]["wall_before"] = work_.wall_before + seconds_since_process_start();
  s["work"]["cpu_before"] = work_.cpu_before + process_cpu_seconds();
  s["work"]["evaluation_before"] = work_.evaluation_before + reader_->evaluation_flops();
  s["work"]["peak_tensor_before"] = std::max(work_.peak_tensor_before, peak_tensor_bytes());
  s["work"]["peak_rss_before"] = std::max(work_.peak_rss_before, peak_resident_bytes());
  s["observers"] = Json::object();
  for (const Observer* observer : observers_) {
    const Json saved = observer->save();
    if (!saved.is_null()) s["observers"][observer->name()] = saved;
  }
  return checkpoint;
}

void Loop::save(const std::string& kind) {
  if (folder_.empty()) return;
  Stopwatch watch;
  if (kind == "best") {
    // Only what is needed to go back to these weights.
    average_.swap(trained_);
    Checkpoint checkpoint;
    for (const auto& tensor : ever_trained_)
      checkpoint.tensors.add("model." + tensor.name, tensor.value->detach());
    for (const auto& buffer : buffers_)
      checkpoint.tensors.add("model." + buffer.name, *buffer.value);
    checkpoint.state = {{"step", state_.step}, {"value", state_.best}};
    write_checkpoint(folder_ / kind, checkpoint);
    average_.swap(trained_);
  } else {
    write_checkpoint(folder_ / kind, make_checkpoint());
    last_save_s_ = seconds_since_process_start();
    saved_ = true;
  }
  save_s_ = std::max(0.8 * save_s_, watch.seconds());
  for (Observer* observer : observers_) observer->on_checkpoint(state_.step, kind);
}

namespace {

void copy_back(const io::TensorMap& saved, const std::string& name, at::Tensor& value) {
  const at::Tensor* found = saved.find("model." + name);
  if (!found || found->sizes() != value.sizes()) {
    fail_unreadable(
        "the checkpoint lacks {} in the right shape; it belongs to another configuration", name);
  }
  const at::NoGradGuard no_grad;
  value.copy_(*found);
}

}  // namespace

void Loop::restore(const Checkpoint& checkpoint) {
  restored_ = true;
  const Json& s = checkpoint.state;
  state_.step = s.at("step");
  state_.epoch = s.at("epoch");
  state_.batch = s.at("batch");
  state_.stage = s.at("stage");
  state_.samples = s.at("samples");
  state_.progress = s.at("progress");
  state_.best = s.at("best");
  state_.best_step = s.at("best_step");
  state_.bad_evaluations = s.at("bad_evaluations");
  state_.last_evaluation = s.at("last_evaluation");
  state_.evaluated_progress = s.at("evaluated_progress");
  keep_settings(s.value("settings", Json()));
  work_ = Work::from_json(s.at("work"));
  const auto saved =
      std::count_if(checkpoint.tensors.begin(), checkpoint.tensors.end(),
                    [](const auto& item) { return item.first.starts_with("model."); });
  if (static_cast<size_t>(saved) != ever_trained_.size() + buffers_.size()) {
    fail_unreadable(
        "the checkpoint holds {} tensors of the model, the configuration trains {}: config.yaml "
        "was changed since; "
        "only what does not change the trained weights, such as budget.memory, may be",
        saved, ever_trained_.size() + buffers_.size());
  }
  for (auto& tensor : ever_trained_) copy_back(checkpoint.tensors, tensor.name, *tensor.value);
  for (auto& buffer : buffers_) copy_back(checkpoint.tensors, buffer.name, *buffer.value);
  optimizer_.load_state(checkpoint.tensors);
  average_.load_state(checkpoint.tensors);
  // One that was saved on another device draws other numbers: such a run goes on with a new one.
  const at::Tensor& generator = checkpoint.tensors.at("generator");
  if (generator.sizes() == context_.generator->get_state().sizes()) {
    context_.generator->set_state(generator.clone());
  } else {
    context_.generator->set_current_seed(
        hash_key({job_.config.seed(), static_cast<uint64_t>(state_.step)}));
    warn(
        "the run goes on on another device than it began on: what is drawn at random from here on "
        "differs");
  }
  for (Observer* observer : observers_) {
    if (s.at("observers").contains(observer->name()))
      observer->load(s["observers"][observer->name()]);
  }
  if (job_.stages.size() <= static_cast<size_t>(state_.stage)) {
    fail_unreadable("the checkpoint is at stage {}, the configuration has only {}", state_.stage,
                    job_.stages.size());
  }
}

bool Loop::restore_best(bool always) {
  if (folder_.empty() || state_.best_step < 0 ||
      (!always && job_.config.values["train"]["keep"] != "best"))
    return false;
  if (state_.best_step == state_.step && !average_.on()) return true;
  if (!has_checkpoint(folder_ / "best")) return false;
  const Checkpoint best = read_checkpoint(folder_ / "best");
  for (auto& tensor : ever_trained_) copy_back(best.tensors, tensor.name, *tensor.value);
  for (auto& buffer : buffers_) copy_back(best.tensors, buffer.name, *buffer.value);
  return true;
}

void Loop::reestimate_statistics() {
  if (job_.config.values["train"]["batch_norm"] != "re-estimate" || buffers_.empty()) return;
  const at::NoGradGuard no_grad;
  std::set<int> blocks;
  for (const auto& buffer : buffers_) blocks.insert(buffer.block);
  std::vector<std::pair<nn::BatchNorm*, double>> norms;
  for (nn::BatchNorm* norm : job_.model().registry().batch_norms) {
    if (!blocks.count(norm->block())) continue;
    norms.emplace_back(norm, norm->momentum());
    norm->use_batch_statistics(true);
  }
  nn::Context context;
  // Caches end where the last stage's trained blocks begin; statistics may have to move below.
  int64_t none = 0;
  reader_->begin_border(0, 0, deadline_, std::nullopt, none);
  BatchStream stream(job_, *reader_, 0, 0);
  double slowest = 0;
  for (int64_t k = 1; deadline_.fits(1.5 * slowest); ++k) {
    const Stopwatch watch;
    const auto batch = stream.next();
    if (!batch) break;
    for (auto& [norm, momentum] : norms)
      norm->set_momentum(1.0 / static_cast<double>(k));  // a plain mean
    if (!batch->positions.empty()) job_.model().forward(batch->flow, context, batch->from);
    slowest = std::max(slowest, watch.seconds());
  }
  for (auto& [norm, momentum] : norms) {
    norm->use_batch_statistics(false);
    norm->set_momentum(momentum);
  }
}

}  // namespace graft::train
