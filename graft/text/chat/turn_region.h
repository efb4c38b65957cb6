#pragma once

#include <string>
#include <vector>

#include "graft/text/chat/mask.h"

namespace graft::texts {

/// What a template wrote while it handled one message. The rules are in mask.h.
class TurnRegion {
 public:
  /// `rendered` must outlive it.
  TurnRegion(const Rendered& rendered, int message);

  /// All of it.
  std::string text() const;
  /// What {% generation %} marks.
  TrainedTurn generated() const;
  /// What is trained where nothing is marked.
  /// `prompts`: what add_generation_prompt may have given in front of it, likeliest first.
  TrainedTurn trained(const std::vector<std::string>& prompts, const std::string& eos,
                      bool end_of_turn) const;

 private:
  /// The message's own text: its fields, its role and name aside.
  bool is_own(const SourceSpan& span) const;
  bool is_foreign(const SourceSpan& span) const {
    return span.message >= 0 && span.message != message_;
  }
  /// Where training begins: between `begin`, where the region does, and `own`, its first own text.
  size_t start(size_t begin, size_t own, const std::vector<std::string>& prompts) const;
  /// Where it ends, given the end of the last own text.
  size_t stop(size_t own_end, const std::string& eos, bool& has_end) const;
  /// Length of a mark like <|user|> at this byte, written by the template itself; 0 for none.
  size_t special_mark(size_t at) const;

  const Rendered& rendered_;
  int message_;
  bool placed_ = false;                   ///< the template handles messages in a loop
  std::vector<const SourceSpan*> spans_;  ///< written while the message was handled
};

}  // namespace graft::texts
