#include "graft/train/language_objective.h"

#include "graft/base/error.h"
#include "graft/data/text_inputs.h"
#include "graft/text/chat/record.h"
#include "graft/train/job.h"
#include "graft/train/task.h"

namespace graft::train {
namespace {

std::shared_ptr<const texts::RecordEncoder> record_encoder(const Config& config,
                                                           const models::Model& model,
                                                           std::vector<std::string>& notes) {
  const Json& chat = config.values["chat"];
  texts::RecordOptions options =
      texts::record_options(chat, date_seconds(chat["date"].get<std::string>()));
  const texts::Preprocess& preprocess = model.text_preprocess();
  texts::ChatTemplates templates =
      texts::open_chat_template(preprocess.folder, chat["template"].get<std::string>());
  if (templates.usual) notes.push_back("chat template: " + templates.from);
  auto encoder = std::make_shared<const texts::RecordEncoder>(preprocess, std::move(templates),
                                                              std::move(options));
  notes.insert(notes.end(), encoder->notes().begin(), encoder->notes().end());
  return encoder;
}

}  // namespace

void LanguageObjective::settle(Config& config, const data::Dataset& /*data*/) const {
  check_no_classes(config, "the data are texts to continue; leave it out");
  settle_chat(config);
}

std::unique_ptr<data::Inputs> LanguageObjective::inputs(Job& job) const {
  check_tokenizer(job.model());
  auto inputs = std::make_unique<data::TextInputs>(
      record_encoder(job.config, job.model(), job.notes), job.data.preference());
  inputs->settle_samples(job.data);
  return inputs;
}

std::string LanguageObjective::head_note(const Job& job) const {
  return models::head_is_tied(job.model()) ? "head: the output matrix is the embedding"
                                           : "head: an output matrix of its own";
}

std::string LanguageObjective::shown(const data::Text& text) const {
  return texts::record_words(texts::parse_record(text.first));
}

void LanguageObjective::check_answers(const models::LoadedModel& /*loaded*/,
                                      const std::string& name) const {
  fail_usage("{} continues texts and tells no classes; use graft generate, or graft eval", name);
}

}  // namespace graft::train
