#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graft/train/objective.h"

namespace graft::train {

/// What continuing texts and preferring answers have in common: samples are records, and the head
/// is the one for the next token (models/decoder_head.h).
class LanguageObjective : public Objective {
 public:
  std::string task(data::Content /*content*/) const override { return "language-modeling"; }
  std::string ability() const override { return "continues texts"; }
  models::Task head() const override { return models::Task::next_token; }
  Target problem() const override { return Target::next_token; }
  bool new_head() const override { return false; }
  void settle(Config& config, const data::Dataset& data) const override;
  std::unique_ptr<data::Inputs> inputs(Job& job) const override;
  std::string head_note(const Job& job) const override;
  std::string shown(const data::Text& text) const override;
  void check_answers(const models::LoadedModel& loaded, const std::string& name) const override;
};

}  // namespace graft::train
