#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/utf8.h"
#include "graft/data/names.h"
#include "graft/data/text_inputs.h"
#include "graft/eval/words.h"
#include "graft/text/word_encoder.h"
#include "graft/text/words.h"
#include "graft/train/job.h"
#include "graft/train/objective.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"
#include "graft/train/word_classes.h"

namespace graft::train::objective {
namespace {

constexpr size_t kShown = 40;  // of a text in an error

std::string word_of(const data::Text& text, const texts::Span& word) {
  return text.first.substr(word.begin, word.end - word.begin);
}

/// Counts the characters before a byte of a text; bytes rise.
class Characters {
 public:
  explicit Characters(std::string_view text) : text_(text) {}
  int64_t before(uint32_t byte) {
    for (; at_ < byte; ++at_) count_ += starts_character(text_[at_]) ? 1 : 0;
    return count_;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
  int64_t count_ = 0;
};

/// Collects what is said of the words of each text.
class Words final : public Evaluation {
 public:
  Words(const Job& job, const data::View& view)
      : view_(view),
        classes_(job.model().classes()),
        tags_(classes_),
        outside_(outside_class(classes_)) {}

  void add(const nn::Flow& result, const std::vector<int64_t>& positions) override {
    const WordRows found = word_rows(result);
    const at::Tensor logits =
        at::log_softmax(result.at("logits").index_select(0, found.rows), 1).cpu().contiguous();
    const at::Tensor best = logits.argmax(1);
    const at::Tensor texts = found.texts.cpu();
    const at::Tensor words = found.words.cpu();
    const size_t begin = said_.size();
    for (const int64_t position : positions) {
      const auto& truth = view_.sample(position).labels;
      said_.push_back({position, std::vector<int>(truth.size(), outside_), 0, 0});
    }
    for (int64_t i = 0; i < best.size(0); ++i) {
      Said& text = said_[begin + static_cast<size_t>(texts.data_ptr<int64_t>()[i])];
      const auto word = static_cast<size_t>(words.data_ptr<int64_t>()[i]);
      const int truth = view_.sample(text.position).labels[word];
      text.classes[word] = static_cast<int>(best.data_ptr<int64_t>()[i]);
      text.loss -= logits.data_ptr<float>()[i * logits.size(1) + truth];
      ++text.seen;
    }
  }

  eval::Predictions finish() override {
    std::sort(said_.begin(), said_.end(),
              [](const Said& a, const Said& b) { return a.position < b.position; });
    eval::Predictions p;
    p.classes = classes_;
    p.target = Target::token_classes;
    for (Said& said : said_) {
      const data::Text text = view_.text(said.position);
      const data::Sample& sample = view_.sample(said.position);
      std::vector<std::string> words;
      for (const texts::Span& word : text.words) words.push_back(word_of(text, word));
      const auto loss = said.seen > 0 ? static_cast<float>(said.loss / said.seen) : 0.0F;
      eval::add_tagged(p, tags_,
                       {sample.id, std::move(words), sample.labels, std::move(said.classes), loss});
    }
    return p;
  }

 private:
  struct Said {
    int64_t position;
    std::vector<int> classes;  // one a word
    double loss;               // sum over the words that were seen
    int seen;
  };
  const data::View& view_;
  std::vector<std::string> classes_;
  texts::TagSet tags_;
  int outside_;
  std::vector<Said> said_;
};

class TokenClasses final : public Objective {
 public:
  Target target() const override { return Target::token_classes; }
  std::string task(data::Content /*content*/) const override { return "token-classification"; }
  std::string fact() const override { return "each word of a text has a class"; }
  std::string ability() const override { return "tells classes of words"; }
  models::Task head() const override { return models::Task::token_classes; }
  std::vector<std::string> losses() const override { return {"cross-entropy", "focal"}; }
  void settle(Config& config, const data::Dataset& /*data*/) const override {
    check_no_chat(config);
  }
  Choice metric(const ClassSizes& /*sizes*/) const override {
    return {"entity_f1", "entities count that are found whole"};
  }

  std::unique_ptr<data::Inputs> inputs(Job& job) const override {
    check_tokenizer(job.model());
    return std::make_unique<data::TextInputs>(
        std::make_shared<const texts::WordEncoder>(job.model().text_preprocess()), job.data.train);
  }
  /// [B, most words of a text] int64; what is missing of shorter ones is never asked for.
  at::Tensor targets(const Job& job, const data::View& view,
                     const std::vector<int64_t>& positions) const override {
    size_t most = 1;
    for (const int64_t position : positions)
      most = std::max(most, view.sample(position).labels.size());
    at::Tensor classes =
        at::zeros({static_cast<int64_t>(positions.size()), static_cast<int64_t>(most)}, at::kLong);
    auto* row = classes.data_ptr<int64_t>();
    for (const int64_t position : positions) {
      std::ranges::copy(view.sample(position).labels, row);
      row += most;
    }
    return classes.to(job.model().device());
  }
  at::Tensor example_targets(const Job& job, int64_t samples) const override {
    return at::zeros({samples, 1}, at::TensorOptions(job.model().device()).dtype(at::kLong));
  }
  /// Every word that was seen weighs as much as any other, or what its class weighs.
  LossValue loss(const nn::Flow& result, const at::Tensor& targets,
                 const LossOptions& options) const override {
    const WordRows found = word_rows(result);
    const at::Tensor classes =
        targets.flatten().index_select(0, found.texts * targets.size(1) + found.words);
    LossValue value =
        compute_loss(result.at("logits").index_select(0, found.rows), classes, options);
    value.per_sample =
        at::zeros({targets.size(0)}, value.per_sample.options())
            .index_add(0, found.texts.to(value.per_sample.device()), value.per_sample);
    value.tokens = static_cast<double>(classes.size(0));
    return value;
  }

  std::unique_ptr<Evaluation> evaluation(const Job& job, const data::View& view) const override {
    return std::make_unique<Words>(job, view);
  }
  void describe(const Job& /*job*/, const eval::Predictions& measured,
                Json& summary) const override {
    summary["per_class"] = eval::to_json(eval::class_scores(measured));
  }

  std::vector<std::string> columns() const override { return {"entities"}; }
  void check_answers(const models::LoadedModel& loaded, const std::string& name) const override {
    if (is_run_folder(name) || !loaded.head.kept.empty()) return;
    fail_usage(
        "{} has no head that was trained to tell classes of words; train one with graft train, and "
        "give the run",
        name);
  }
  std::vector<Answer> answer(models::Model& model, const std::vector<data::Text>& texts,
                             int /*top*/) const override {
    std::vector<data::Text> cut = texts;
    for (data::Text& text : cut) {
      if (text.second) {
        fail_usage("the model {} and reads one text, but '{}' is followed by a second one",
                   ability(), data::printable(text.first.substr(0, kShown)));
      }
      if (text.words.empty()) text.words = texts::separate_words(text.first);
    }
    const texts::TagSet tags(model.classes());
    const std::vector<SaidWords> said = classify_words(model, cut);
    std::vector<Answer> answers;
    for (size_t i = 0; i < cut.size(); ++i)
      answers.push_back(answer_of(model, tags, cut[i], said[i]));
    return answers;
  }
  using Objective::answer;

 private:
  static Answer answer_of(const models::Model& model, const texts::TagSet& tags,
                          const data::Text& text, const SaidWords& said) {
    Json words = Json::array();
    Json names = Json::array();
    for (size_t w = 0; w < text.words.size(); ++w) {
      words.push_back(word_of(text, text.words[w]));
      names.push_back(model.classes()[static_cast<size_t>(said.classes[w])]);
    }
    Answer answer;
    std::string cell;
    Json entities = Json::array();
    Characters characters(text.first);
    for (const texts::Entity& entity : tags.entities(said.classes)) {
      const uint32_t begin = text.words[static_cast<size_t>(entity.begin)].begin;
      const uint32_t end = text.words[static_cast<size_t>(entity.end - 1)].end;
      const int64_t start = characters.before(begin);
      const std::string& label = tags.types()[static_cast<size_t>(entity.type)];
      const std::string what = text.first.substr(begin, end - begin);
      const double probability = mean(said.probabilities, entity);
      answer.line += fmt::format("  {} {} {:.1f} %", label, what, 100 * probability);
      cell += fmt::format("{}{}: {}", cell.empty() ? "" : "; ", label, what);
      entities.push_back({{"label", label},
                          {"text", what},
                          {"start", start},
                          {"end", characters.before(end)},
                          {"probability", probability}});
    }
    if (entities.empty()) answer.line = "  nothing found";
    answer.cells = {cell};
    answer.json = {{"entities", entities}, {"words", words}, {"tags", names}};
    return answer;
  }

  static double mean(const std::vector<float>& probabilities, const texts::Entity& entity) {
    double sum = 0;
    for (int64_t w = entity.begin; w < entity.end; ++w)
      sum += probabilities[static_cast<size_t>(w)];
    return sum / static_cast<double>(entity.end - entity.begin);
  }
};

}  // namespace

std::unique_ptr<Objective> token_classes() {
  return std::make_unique<TokenClasses>();
}

}  // namespace graft::train::objective
