#include "graft/train/preference.h"

#include <torch/types.h>

#include <cmath>
#include <limits>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/train/batches.h"

namespace graft::train {
namespace fs = std::filesystem;
namespace {

/// The splits of a run by the name that the file gives them.
struct Part {
  const char* name;
  const data::View* view;
  at::Tensor* reference;
};

std::vector<Part> parts_of(Job& job) {
  return {{"train", &job.data.train, &job.reference.train},
          {"validation", &job.data.validation, &job.reference.validation},
          {"test", &job.data.test, &job.reference.test}};
}

const at::Tensor& reference_of(const Job& job, const data::View& view) {
  const at::Tensor& found = &view == &job.data.train        ? job.reference.train
                            : &view == &job.data.validation ? job.reference.validation
                                                            : job.reference.test;
  GRAFT_ASSERT(found.defined() && found.size(0) == view.size());
  return found;
}

void read_reference(Job& job, const fs::path& file) {
  if (file.empty() || !fs::exists(file)) {
    fail_unreadable(
        "{} is gone: it holds what the answers' probabilities were when the run began, and its "
        "weights have moved since; start the run again with overwrite=true",
        file.string());
  }
  const io::SafetensorsReader reader(file);
  for (const Part& part : parts_of(job)) {
    if (part.view->empty()) continue;
    const at::Tensor found =
        reader.contains(part.name) ? reader.tensor(part.name).clone() : at::Tensor();
    if (!found.defined() || found.dim() != 2 || found.size(0) != part.view->size() ||
        found.size(1) != 2 || found.scalar_type() != at::kFloat) {
      fail_unreadable(
          "{} is of other data: the {} split has {} pairs now; put the data back as they were, or "
          "start the run again with overwrite=true",
          file.string(), part.name, part.view->size());
    }
    *part.reference = found;
  }
}

}  // namespace

at::Tensor reward_margins(const at::Tensor& losses, const at::Tensor& reference, double beta) {
  // Sums over many tokens lie close together, so they are compared in double precision.
  const at::Tensor gains = -losses.to(at::kDouble).view({-1, 2}) - reference.to(at::kDouble);
  return beta * (gains.select(1, 0) - gains.select(1, 1));
}

LossValue preference_loss(const nn::Flow& result, const at::Tensor& reference, double beta) {
  const at::Tensor margins = reward_margins(result.at("losses"), reference, beta);
  const at::Tensor losses = -at::log_sigmoid(margins);
  LossValue value;
  value.sum = losses.sum();
  value.per_sample = losses.detach();
  value.weight = static_cast<double>(losses.size(0));
  value.tokens = result.at("texts").select(1, 1).sum(at::kDouble).item<double>();
  return value;
}

at::Tensor reference_of(const Job& job, const data::View& view,
                        const std::vector<int64_t>& positions) {
  return reference_of(job, view)
      .index_select(0, at::tensor(positions, at::kLong))
      .to(job.model().device());
}

bool find_reference(Job& job, Reader& reader, const data::View& view,
                    const std::vector<int64_t>& positions, const Deadline& deadline) {
  for (const Part& part : parts_of(job)) {
    if (part.view != &view) continue;
    at::Tensor& reference = *part.reference;
    reference = at::full({view.size(), 2}, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
    if (positions.empty()) return true;
    std::vector<int64_t> found;
    const at::Tensor texts =
        reader.forward_some(view, positions, job.model().size(), deadline, found, true).cpu();
    if (found.size() < positions.size()) return false;
    const at::Tensor sums = at::stack({texts.select(1, 0), texts.select(1, 3)}, 1);
    reference.index_copy_(0, at::tensor(found, at::kLong), -sums);
    return true;
  }
  fail(ErrorCode::internal, "internal error: a reference is asked for of other data");
}

void begin_reference(Job& job, Reader& reader, const Deadline& deadline, const fs::path& file,
                     bool goes_on) {
  if (goes_on) {
    read_reference(job, file);
    return;
  }
  io::TensorMap tensors;
  for (const Part& part : parts_of(job)) {
    if (part.view->empty()) continue;
    // In the order and batches of an evaluation: before the first update margins are exactly 0.
    const bool train = part.view == &job.data.train;
    const std::vector<int64_t> order = train ? reader.cache_order() : reader.spread(*part.view);
    if (!find_reference(job, reader, *part.view, order, deadline)) {
      fail(ErrorCode::no_plan,
           "budget.time ended in the pass over all answers with which learning a preference "
           "begins, in the {} split ({} pairs): give more time, or fewer samples (data.fraction)",
           part.name, part.view->size());
    }
    tensors.add(part.name, *part.reference);
  }
  if (file.empty()) return;
  fs::create_directories(file.parent_path());
  io::write_safetensors(file, tensors);
}

eval::Predictions preference_predictions(const Job& job, const data::View& view,
                                         const std::vector<int64_t>& positions,
                                         const at::Tensor& texts) {
  eval::Predictions p;
  p.target = Target::preference;
  if (positions.empty()) return p;
  const at::NoGradGuard no_grad;
  const double beta = job.config.values["train"]["dpo_beta"].get<double>();
  const at::Tensor reference = reference_of(job, view, positions).cpu();
  const at::Tensor sums = at::stack({texts.select(1, 0), texts.select(1, 3)}, 1);
  const at::Tensor margins = reward_margins(sums, reference, beta);
  const at::Tensor losses = -at::log_sigmoid(margins);
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    p.inputs.push_back(view.sample(positions[i]).id);
    p.labels.emplace_back();
    p.tokens.push_back(std::llround(texts[row][1].item<double>() + texts[row][4].item<double>()));
    p.chosen.push_back(-sums[row][0].item<float>());
    p.rejected.push_back(-sums[row][1].item<float>());
    p.margins.push_back(static_cast<float>(margins[row].item<double>()));
    p.losses.push_back(static_cast<float>(losses[row].item<double>()));
  }
  return p;
}

}  // namespace graft::train
