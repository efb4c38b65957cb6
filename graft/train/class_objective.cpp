#include "graft/train/class_objective.h"

#include <torch/types.h>

#include <algorithm>
#include <numeric>

#include "graft/base/error.h"
#include "graft/data/loader.h"
#include "graft/data/text_inputs.h"
#include "graft/eval/metric.h"
#include "graft/train/event_log.h"
#include "graft/train/job.h"
#include "graft/train/rows.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"

namespace graft::train {

class SampleObjective::Rows final : public Evaluation {
 public:
  Rows(const SampleObjective& objective, const Job& job, const data::View& view)
      : objective_(objective), job_(job), view_(view) {}
  void add(const nn::Flow& result, const std::vector<int64_t>& positions) override {
    rows_.add(result.at("logits").to(at::kFloat).cpu(), positions);
  }
  eval::Predictions finish() override {
    const at::NoGradGuard no_grad;
    eval::Predictions p;
    p.classes = job_.model().classes();
    p.target = objective_.target();
    const at::Tensor logits = rows_.finish();
    const std::vector<int64_t>& positions = rows_.positions();
    if (positions.empty()) return p;
    for (const int64_t position : positions) {
      const data::Sample& sample = view_.sample(position);
      p.inputs.push_back(sample.id);
      p.labels.push_back(sample.labels);
    }
    const at::Tensor scores = objective_.says(logits).contiguous();
    const float* s = scores.data_ptr<float>();
    p.scores.assign(s, s + scores.numel());
    objective_.measure(view_, positions, logits, p);
    return p;
  }

 private:
  const SampleObjective& objective_;
  const Job& job_;
  const data::View& view_;
  RowsInOrder rows_;
};

std::string SampleObjective::task(data::Content content) const {
  return (content == data::Content::texts ? "text-" : "image-") + task_kind();
}

LossValue SampleObjective::loss(const nn::Flow& result, const at::Tensor& targets,
                                const LossOptions& options) const {
  return compute_loss(result.at("logits"), targets, options);
}

std::unique_ptr<Evaluation> SampleObjective::evaluation(const Job& job,
                                                        const data::View& view) const {
  return std::make_unique<Rows>(*this, job, view);
}

void SampleObjective::settle(Config& config, const data::Dataset& /*data*/) const {
  check_no_chat(config);
}

void SampleObjective::check_answers(const models::LoadedModel& loaded,
                                    const std::string& name) const {
  if (is_run_folder(name) || !loaded.head.kept.empty()) return;
  fail_usage(
      "{} has no head that was trained to tell classes apart; train one with graft train, and give "
      "the run",
      name);
}

std::vector<Answer> SampleObjective::answer(models::Model& model,
                                            const std::vector<image::Image>& pictures,
                                            int top) const {
  if (reads_texts(model)) return Objective::answer(model, pictures, top);
  return answer(model, to_flow(model, pictures), top);
}

std::vector<Answer> SampleObjective::answer(models::Model& model,
                                            const std::vector<data::Text>& texts, int top) const {
  if (!reads_texts(model)) return Objective::answer(model, texts, top);
  return answer(model, to_flow(model, texts), top);
}

std::vector<Answer> SampleObjective::answer(models::Model& model, nn::Flow inputs, int top) const {
  const at::NoGradGuard no_grad;
  nn::Context context;
  const at::Tensor logits =
      model.forward(inputs.to(model.device()), context).at("logits").cpu().contiguous();
  const at::Tensor scores = says(logits).contiguous();
  std::vector<Answer> answers;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    const float* l = logits.data_ptr<float>() + i * logits.size(1);
    const float* s = scores.data_ptr<float>() + i * logits.size(1);
    answers.push_back(answer_of(model, {l, l + logits.size(1)}, {s, s + logits.size(1)}, top));
  }
  return answers;
}

Answer SampleObjective::answer_of(const models::Model& model, const std::vector<float>& logits,
                                  const std::vector<float>& scores, int top) const {
  const auto& classes = model.classes();
  std::vector<size_t> order(classes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  const size_t best = order.front();
  Answer answer;
  order.resize(std::min(order.size(), static_cast<size_t>(top)));
  for (const size_t c : order)
    answer.line += fmt::format("  {} {:.1f} %", classes[c], 100 * scores[c]);
  answer.cells = {classes[best], fmt::format("{}", scores[best])};
  Json by_class = Json::object();
  for (size_t c = 0; c < classes.size(); ++c) by_class[classes[c]] = scores[c];
  answer.json = {{"label", classes[best]}, {"scores", by_class}, {"logits", logits}};
  return answer;
}

void ClassObjective::measure(const data::View& view, const std::vector<int64_t>& positions,
                             const at::Tensor& logits, eval::Predictions& p) const {
  at::Tensor hot = at::zeros_like(logits);
  auto rows = hot.accessor<float, 2>();
  for (size_t i = 0; i < positions.size(); ++i) {
    for (const int label : view.sample(positions[i]).labels)
      rows[static_cast<int64_t>(i)][label] = 1;
  }
  const at::Tensor losses = plain_loss(logits, hot).contiguous();
  const float* l = losses.data_ptr<float>();
  p.losses.assign(l, l + losses.numel());
}

namespace {

/// Old and new classes apart, for a run that goes on from an earlier one.
Json by_origin(const Job& job, const eval::Predictions& p) {
  const auto is_old = [&](int label) {
    return label < static_cast<int>(job.earlier_classes.size());
  };
  Json result = Json::object();
  for (const bool old : {true, false}) {
    std::vector<int64_t> samples;
    for (int64_t i = 0; i < p.size(); ++i) {
      const auto& labels = p.labels[static_cast<size_t>(i)];
      if (!labels.empty() && is_old(labels.front()) == old) samples.push_back(i);
    }
    if (samples.empty() || p.multi_label()) continue;
    const double value = eval::find_metric("accuracy").value(p, samples);
    const auto n = static_cast<double>(samples.size());
    const auto [low, high] = eval::wilson_interval(value * n, n);
    result[old ? "earlier" : "new"] = {
        {"count", samples.size()}, {"accuracy", {{"value", value}, {"low", low}, {"high", high}}}};
  }
  return result;
}

}  // namespace

void ClassObjective::describe(const Job& job, const eval::Predictions& measured,
                              Json& summary) const {
  summary["per_class"] = eval::to_json(eval::class_scores(measured));
  if (!job.earlier_classes.empty()) summary["by_origin"] = by_origin(job, measured);
}

}  // namespace graft::train
