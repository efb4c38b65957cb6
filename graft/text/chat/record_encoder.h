#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graft/text/chat/mask.h"
#include "graft/text/chat/record.h"
#include "graft/text/chat/record_wording.h"
#include "graft/text/chat/template_files.h"
#include "graft/text/preprocess.h"

namespace graft::texts {

struct RecordOptions {
  std::vector<std::string> roles_to_train = {"assistant"};
  bool last_only = false;           ///< of a conversation, only its last answer is learned
  bool train_on_prompt = false;     ///< everything is learned, whoever says it
  Json variables = Json::object();  ///< of the chat template: enable_thinking, date_string …
  std::time_t now = 0;              ///< RenderOptions::now
};

/// From the section `chat` of a configuration, its keys checked and filled in; `now` is its date.
/// Errors have exit code 2.
RecordOptions record_options(const Json& chat, std::time_t now);

/// What `RecordEncoder::examine` finds.
struct ExaminedRecord {
  Tokens tokens;
  int64_t whole_length = 0;    ///< tokens before the record was cut
  int64_t length = 0;          ///< tokens after that
  int64_t learned = 0;         ///< those of them that are learned
  bool double_bos = false;     ///< it begins with bos_token twice
  bool no_end = false;         ///< a learned text is followed by no end that is learned
  bool end_added = false;      ///< the template ends no turn: eos_token was put behind the last
  std::vector<int> rewritten;  ///< messages that the template changes later (rewritten_turns)
};

/// From a record to the tokens of a sample, with a mark on those that are to be predicted.
///
/// - text: what the tokenizer puts in front (bos_token), the text, eos_token; all is learned.
///   Without eos_token where the record continues.
/// - prompt and completion: the same, but of it the completion and eos_token are learned.
/// - conversations: as the chat template renders them, tokenized without special tokens of the
///   tokenizer's own, as transformers' apply_chat_template does: whether there is a bos_token is
///   the template's business. What is learned says mask.h. Texts as content become lists of parts,
///   and arguments of tool calls texts, where the template wants them so. Where the template marks
///   no end behind the last answer, eos_token is put there.
/// - instructions: the conversation where there is a template; else Stanford's wording for alpaca,
///   and prompt and answer as they are for others, each answer followed by eos_token.
/// - preferences: what is chosen; `pair` gives both answers.
/// - segments: each tokenized by itself, without special tokens (they are spelled out).
/// - tokens: as they are; the places of attention_mask 0 are left out.
///
/// A token is learned when it has a byte of a learned text, so a token across the border is
/// (" yes" of "A: " + "yes"), and so are tokens without bytes of their own inside. That is what
/// transformers' assistant_masks gives, on which TRL relies, except that white space which the
/// tokenizer trims out of offsets counts here. The first token is never learned: nothing predicts
/// it.
///
/// The end is cut at Preprocess::max_length. A record of which nothing is left to learn has
/// `learned` 0 everywhere; who asks leaves it out and counts it. Threads may share an encoder.
class RecordEncoder {
 public:
  /// `templates` may be empty: then conversations are errors.
  RecordEncoder(Preprocess preprocess, ChatTemplates templates, RecordOptions options = {});

  /// Errors (exit code 3): a conversation without a chat template, or one that the template
  /// refuses; ids that the tokenizer has not.
  Tokens apply(const Record& record) const;
  /// Of `Record::line`.
  Tokens apply(std::string_view line) const { return apply(parse_record(line)); }
  /// A preference with both answers as two sequences, the chosen one first. Another record is an
  /// error (exit code 3).
  std::array<Tokens, 2> pair(std::string_view line) const;

  /// The same, and what is odd about it; renders a conversation once more for each answer.
  ExaminedRecord examine(const Record& record) const;
  /// The tokens as text, those that are learned apart from the others.
  std::vector<RecordPart> parts(const Tokens& tokens) const;

  const Preprocess& preprocess() const { return preprocess_; }
  const ChatTemplates& templates() const { return templates_; }
  std::optional<int32_t> eos() const { return eos_; }
  /// One sentence each: files of the template that differ, a tokenizer that names no eos_token.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Draft;

  Draft draft(const Record& record) const;
  void add_text(Draft& draft, const std::string& text, const std::vector<ByteRange>& ranges) const;
  void add_end(Draft& draft) const;
  /// What the tokenizer puts in front, then the parts, and eos_token behind each that is learned.
  void add_parts(Draft& draft, const std::vector<RecordPart>& parts, bool ends = true) const;
  void add_conversation(Draft& draft, const Json& value) const;
  void add_segments(Draft& draft, const Json& value) const;
  void add_ids(Draft& draft, const Json& value) const;
  RenderOptions render_options(const Json& value) const;
  /// Messages in the form that the template wants.
  Json fitted(const Json& messages) const;
  void try_template();
  void note_unknown_markers(const RenderOptions& options);

  Preprocess preprocess_;
  ChatTemplates templates_;
  RecordOptions options_;
  std::vector<int32_t> front_;  ///< what the tokenizer puts in front of a text
  std::optional<int32_t> bos_, eos_;
  Json variables_;                     ///< of the template
  bool wants_parts_ = false;           ///< the template reads content as a list of parts
  bool wants_text_arguments_ = false;  ///< … and arguments of calls as texts
  std::vector<std::string> notes_;
};

}  // namespace graft::texts
