#include "graft/train/pair_objective.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/data/text_inputs.h"
#include "graft/train/contrastive.h"
#include "graft/train/job.h"
#include "graft/train/task.h"

namespace graft::train {
namespace {

/// Samples whose loss is taken together in an evaluation: as many as a usual batch has, so that the
/// loss of a split is one like that of a step, and does not depend on train.batch.
constexpr int64_t kGroup = 64;

}  // namespace

class PairObjective::Vectors final : public Evaluation {
 public:
  Vectors(const PairObjective& objective, const Job& job, const data::View& view)
      : objective_(objective), job_(job), view_(view), options_(loss_options(job)) {
    if (options_.kind == "auto") options_.kind = objective.losses().front();
  }
  void add(const nn::Flow& result, const std::vector<int64_t>& positions) override {
    const auto samples = static_cast<int64_t>(positions.size());
    rows_.add(result.at("features").to(at::kFloat).reshape({samples, -1}).cpu(), positions);
  }
  eval::Predictions finish() override {
    const at::NoGradGuard no_grad;
    eval::Predictions p;
    p.target = objective_.target();
    const at::Tensor rows = rows_.finish();
    const std::vector<int64_t>& positions = rows_.positions();
    if (positions.empty()) return p;
    for (const int64_t position : positions) {
      p.inputs.push_back(view_.sample(position).id);
      p.labels.emplace_back();
    }
    const int64_t texts = job_.data.texts_a_sample;
    const at::Tensor truth = objective_.truth(job_, view_, positions).cpu();
    for (int64_t first = 0; first < rows.size(0); first += kGroup) {
      const int64_t count = std::min(kGroup, rows.size(0) - first);
      const nn::Flow group("features", rows.narrow(0, first, count).reshape({count * texts, -1}));
      const at::Tensor losses =
          objective_.loss(group, truth.narrow(0, first, count), options_).per_sample.contiguous();
      const float* l = losses.data_ptr<float>();
      p.losses.insert(p.losses.end(), l, l + count);
    }
    objective_.measure(rows.reshape({rows.size(0) * texts, -1}), truth, p);
    return p;
  }

 private:
  const PairObjective& objective_;
  const Job& job_;
  const data::View& view_;
  LossOptions options_;
  RowsInOrder rows_;
};

void PairObjective::settle(Config& config, const data::Dataset& /*data*/) const {
  check_no_classes(config, "texts are compared; leave it out");
  check_no_chat(config);
}

std::unique_ptr<data::Inputs> PairObjective::inputs(Job& job) const {
  check_tokenizer(job.model());
  return std::make_unique<data::TextInputs>(job.model().text_preprocess(), job.data.train,
                                            job.data.texts_a_sample);
}

std::string PairObjective::head_note(const Job& /*job*/) const {
  return "head: none, texts are compared by the vectors that the model ends with";
}

std::unique_ptr<Evaluation> PairObjective::evaluation(const Job& job,
                                                      const data::View& view) const {
  return std::make_unique<Vectors>(*this, job, view);
}

std::string PairObjective::shown(const data::Text& text) const {
  std::string shown = Objective::shown(text);
  for (const auto& negative : text.negatives) shown += " | not: " + negative;
  return shown;
}

namespace {

constexpr size_t kShown = 6;  // numbers of a vector, for people

std::string numbers(const std::vector<float>& vector, size_t most) {
  std::string text;
  for (size_t k = 0; k < std::min(most, vector.size()); ++k)
    text += fmt::format("{}{}", k == 0 ? "" : " ", vector[k]);
  return text;
}

/// Of one text, or of two and how alike they are.
Answer answer_of(const std::vector<std::vector<float>>& vectors) {
  Answer answer;
  answer.vectors = vectors;
  const std::vector<float>& first = vectors.front();
  if (vectors.size() == 1) {
    answer.line = "  " + numbers(first, kShown);
    if (first.size() > kShown) answer.line += fmt::format(" … ({} numbers)", first.size());
    answer.cells = {"", numbers(first, first.size())};
    answer.json = {{"embedding", first}};
    return answer;
  }
  const at::Tensor both = at::stack({at::tensor(first), at::tensor(vectors[1])});
  const float cosine = pair_cosines(both, 2).item<float>();
  answer.line = fmt::format("  {:.4f}", cosine);
  answer.cells = {fmt::format("{}", cosine), numbers(first, first.size())};
  answer.json = {{"similarity", cosine}, {"embedding", first}, {"second_embedding", vectors[1]}};
  return answer;
}

}  // namespace

std::vector<Answer> PairObjective::answer(models::Model& model,
                                          const std::vector<data::Text>& texts, int /*top*/) const {
  const at::NoGradGuard no_grad;
  std::vector<data::Text> single;
  for (const data::Text& text : texts) {
    single.push_back({text.first});
    if (text.second) single.push_back({*text.second});
  }
  nn::Context context;
  const at::Tensor rows = model.forward(to_flow(model, single).to(model.device()), context)
                              .at("features")
                              .to(at::kFloat)
                              .cpu()
                              .contiguous();
  std::vector<Answer> answers;
  const float* row = rows.data_ptr<float>();
  for (const data::Text& text : texts) {
    std::vector<std::vector<float>> vectors(text.second ? 2 : 1);
    for (auto& vector : vectors) {
      vector.assign(row, row + rows.size(1));
      row += rows.size(1);
    }
    answers.push_back(answer_of(vectors));
  }
  return answers;
}

}  // namespace graft::train
