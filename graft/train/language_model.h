#pragma once

#include <optional>
#include <string>

#include "graft/models/generate.h"
#include "graft/models/load.h"

namespace graft::train {

/// A trained run, or any language model that graft reads, ready to go on with texts and to answer.
///
///     graft::train::LanguageModel model("stories260K");
///     auto result = model.generator().run({model.prompt("Once upon a time")}, model.options());
class LanguageModel {
 public:
  /// `chat_template` is as texts::open_chat_template takes it; "auto" is what a run was trained
  /// with, else what the model's folder brings. A model or run without a head for the next token is
  /// an error (exit code 2).
  explicit LanguageModel(const std::string& run_or_model,
                         const std::string& chat_template = "auto");

  models::Generator& generator() { return *generator_; }
  models::Model& model() { return *loaded_.model; }
  /// Whether there is a chat template.
  bool chats() const { return chat_.has_value(); }

  /// A text to go on with.
  models::Prompt prompt(const std::string& text) const { return generator_->prompt(text); }
  /// A conversation to answer; without a chat template an error (exit code 2).
  models::Prompt answer(const Json& messages) const;
  /// As the model's files say; `chat`: a turn's end ends a text as well.
  models::GenerateOptions options(bool chat = false) const;

 private:
  void open_chat(const std::string& run_or_model, std::string choice);

  models::LoadedModel loaded_;
  std::optional<models::Generator> generator_;
  std::optional<texts::ChatPrompt> chat_;
};

}  // namespace graft::train
