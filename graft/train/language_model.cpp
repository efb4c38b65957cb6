#include "graft/train/language_model.h"

#include <ctime>

#include "graft/base/error.h"
#include "graft/train/run_model.h"
#include "graft/train/task.h"

namespace graft::train {
namespace {

models::LoadedModel load_language_model(const std::string& run_or_model) {
  // A run knows what its head learned; of anything else the head for the next token is wanted.
  models::ModelSource source;
  source.path = run_or_model;
  source.task = models::Task::next_token;
  return load_any_model(source);
}

}  // namespace

LanguageModel::LanguageModel(const std::string& run_or_model, const std::string& chat_template)
    : loaded_(load_language_model(run_or_model)) {
  if (model().task() != models::Task::next_token) {
    fail_usage(
        "{} learned to classify: it has no head that says which token comes next. Generate with a "
        "language model, or with a run that trained one",
        run_or_model);
  }
  generator_.emplace(model());
  if (model().text_preprocess().tokenizer) open_chat(run_or_model, chat_template);
}

void LanguageModel::open_chat(const std::string& run_or_model, std::string choice) {
  texts::RenderOptions options;
  options.now = std::time(nullptr);
  const auto& preprocess = model().text_preprocess();
  options.variables = texts::special_tokens(*preprocess.tokenizer, preprocess.folder);
  Json chat;
  if (is_run_folder(run_or_model)) {
    const Json config = read_yaml(std::filesystem::path(run_or_model) / "config.yaml");
    if (config.is_object()) chat = config.value("chat", Json());
  }
  if (chat.is_object()) {
    if (choice == "auto") choice = chat.value("template", choice);
    const Json variables = chat.value("variables", Json());
    if (variables.is_object()) options.variables.update(variables);
    // The day of the training: a model is used with what it was taught.
    const std::string date = chat.value("date", std::string("auto"));
    if (date != "auto") options.now = date_seconds(date);
  }
  texts::ChatTemplates templates = texts::open_chat_template(preprocess.folder, choice);
  if (templates.usual) chat_.emplace(preprocess.tokenizer, std::move(templates), options);
}

models::Prompt LanguageModel::answer(const Json& messages) const {
  if (!chat_) {
    fail_usage(
        "the model's folder brings no chat template, so there is no form for a conversation; give "
        "chat_template= (a built-in one such as chatml, or a file), or a prompt to go on with");
  }
  return models::chat_prompt(*chat_, messages);
}

models::GenerateOptions LanguageModel::options(bool chat) const {
  models::GenerateOptions options = generator_->options();
  if (chat && chat_) models::end_with_turn(*chat_, options);
  return options;
}

}  // namespace graft::train
