#include <torch/types.h>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/parallel.h"
#include "graft/data/bare_texts.h"
#include "graft/data/masked_texts.h"
#include "graft/data/split_long_texts.h"
#include "graft/data/text_inputs.h"
#include "graft/models/outlook.h"
#include "graft/train/fill_mask.h"
#include "graft/train/job.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"
#include "graft/train/text_losses.h"

namespace graft::train::objective {
namespace {

constexpr const char* kTask = "masked-language-modeling";
constexpr int kFillings = 5;  // of a masked place, as `graft predict --json` gives them

/// Whether the model that a configuration names tells masked tokens, and cannot continue texts.
bool only_masks(const Config& config) {
  const models::ModelSource source = model_source(config);
  if (!source.path.empty() && is_run_folder(source.path))
    return run_problem(source.path) == Target::masked_token;
  const models::Family* family = models::named_family(source);
  return family && family->architectures.contains(models::Task::masked_token) &&
         !family->architectures.contains(models::Task::next_token);
}

class MaskedToken final : public Objective {
 public:
  Target target() const override { return Target::masked_token; }
  std::string task(data::Content /*content*/) const override { return kTask; }
  std::string fact() const override { return "masked tokens are told from those around them"; }
  std::string ability() const override { return "tells what masked tokens were"; }
  models::Task head() const override { return models::Task::masked_token; }
  bool new_head() const override { return false; }
  std::vector<std::string> losses() const override { return {"cross-entropy"}; }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"perplexity", "how sure the model is of masked tokens"};
  }

  /// Any texts where the task is named; plain text that no one has a use for otherwise.
  bool claim(const Config& config, data::Dataset& data) const override {
    const bool named = config.values["task"] == kTask;
    const bool left =
        !named && config.is_auto("", "task") && data::holds_plain_text(data) && only_masks(config);
    if (!named && !left) return false;
    data::keep_bare_texts(data);
    if (left) {
      data.notes.emplace_back(
          "the model does not continue texts: it learns to tell masked tokens "
          "(task=masked-language-modeling)");
    }
    return true;
  }
  void settle(Config& config, const data::Dataset& /*data*/) const override {
    check_no_classes(config, "masked tokens are told; leave it out");
    check_no_chat(config);
  }

  std::unique_ptr<data::Inputs> inputs(Job& job) const override {
    check_tokenizer(job.model());
    const texts::Preprocess& preprocess = job.model().text_preprocess();
    const double share = job.config.at("train", "mask_share").get<double>();
    data::Masking masking = data::masking_of(*preprocess.tokenizer, share);
    ThreadPool pool(usable_cores());
    data::split_long_texts(job.data, preprocess, pool);
    return std::make_unique<data::MaskedTexts>(
        std::make_unique<data::TextInputs>(preprocess, job.data.train), std::move(masking));
  }
  LossValue loss(const nn::Flow& result, const at::Tensor& /*targets*/,
                 const LossOptions& /*options*/) const override {
    return text_losses(result);
  }
  std::unique_ptr<Evaluation> evaluation(const Job& /*job*/,
                                         const data::View& view) const override {
    return std::make_unique<TextLosses>(target(), view);
  }

  std::vector<std::string> columns() const override { return {"text", "token", "probability"}; }
  void check_answers(const models::LoadedModel& loaded, const std::string& name) const override {
    if (is_run_folder(name) || is_adapter_folder(name) || loaded.head.layers.empty()) return;
    fail_usage(
        "{} has no head that was trained to tell masked tokens; train one with graft train "
        "task=masked-language-modeling, and give the run",
        name);
  }
  using Objective::answer;
  std::vector<Answer> answer(models::Model& model, const std::vector<data::Text>& texts,
                             int top) const override {
    std::vector<Answer> answers;
    for (const FilledText& filled : fill_masks(model, texts, std::max(top, kFillings)))
      answers.push_back(answer_of(filled, static_cast<size_t>(top)));
    return answers;
  }

 private:
  /// A place is shown with `top` tokens; the table of cells has the first place.
  static Answer answer_of(const FilledText& filled, size_t top) {
    Answer answer;
    Json places = Json::array();
    for (const auto& place : filled.places) {
      if (!places.empty()) answer.line += "  |";
      Json tokens = Json::array();
      for (const Filling& filling : place) {
        if (tokens.size() < top)
          answer.line += fmt::format("  {} {:.1f} %", filling.word, 100 * filling.probability);
        tokens.push_back(
            {{"token", filling.word}, {"id", filling.id}, {"probability", filling.probability}});
      }
      places.push_back(std::move(tokens));
    }
    const Filling& first = filled.places.front().front();
    answer.cells = {filled.text, first.word, fmt::format("{}", first.probability)};
    answer.json = {{"text", filled.text}, {"masks", std::move(places)}};
    return answer;
  }
};

}  // namespace

std::unique_ptr<Objective> masked_token() {
  return std::make_unique<MaskedToken>();
}

}  // namespace graft::train::objective
