#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/text/chat/mask.h"

namespace graft::texts {

/// What a model may have been given before it speaks.
struct TurnOpenings {
  std::vector<std::string> prompts;  ///< of add_generation_prompt, likeliest first
  /// Where there is no such prompt: what stands before any plain answer.
  std::optional<std::string> header;
};

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
  TrainedTurn trained(const TurnOpenings& openings, const std::string& eos, bool end_of_turn) const;
  /// What stands before the message's own text, without blanks at the end; nothing where it has
  /// none, or where the template names messages one by one.
  std::optional<std::string> opening() const;

 private:
  /// The message's own text: its fields, its role and name aside.
  bool is_own(const SourceSpan& span) const;
  bool is_foreign(const SourceSpan& span) const {
    return span.message >= 0 && span.message != message_;
  }
  /// Where training begins: between `begin`, where the region does, and `own`, its first own text.
  size_t start(size_t begin, size_t own, const TurnOpenings& openings) const;
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
