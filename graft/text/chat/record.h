#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graft/base/json.h"

namespace graft::texts {

/// A record of data to fine-tune a language model on, in one form for all the shapes that people
/// write. What becomes of it depends on the tokenizer too, so it keeps what is needed to decide:
///
///     text               {"text"}; "continues": true when more of its document follows
///     prompt_completion  {"prompt", "completion"}
///     instruction        {"instruction", "output"}, also "input", "system", "history" [[q, a], …];
///                        "alpaca": true where Stanford's wording is the one without a template
///     messages           {"messages"}, also "tools"; "from": index of the first that may be
///                        learned; "skip": indices of those that may not
///     preference         {"chosen", "rejected"}: lines of other records; one of them may lack
///     segments           {"segments": [{"text", "label"}, …]}
///     tokens             {"input_ids"}, also "labels", -100 where nothing is learned
struct Record {
  enum class Shape { text, prompt_completion, instruction, messages, preference, segments, tokens };
  Shape shape = Shape::text;
  Json value;
  std::string described;  ///< what people call it: "alpaca", "sharegpt", "prompt/response" …

  /// One line of JSON, of which `parse_record` makes the record again, `described` aside.
  std::string line() const;
};

/// Understands text; prompt and completion (texts or lists of messages); alpaca; prompt/response,
/// query/response, instruction/response, question/answer, input/output; messages as OpenAI writes
/// them, with tools; sharegpt; preferences (also alpaca with chosen and rejected, and KTO's label);
/// segments; tokens. Errors (exit code 3) name the field and what is wrong with it; for an unknown
/// shape, the keys that are there and the shapes that are known.
Record read_record(const Json& object);

/// Of `Record::line`. Errors have exit code 3.
Record parse_record(std::string_view line);

/// The name of the shape that these keys make, as `Record::described`; "" when it is none. `object`
/// need not be well-formed otherwise.
std::string record_shape(const Json& object);

/// Why there is nothing in it to learn: the text or the answer is blank, or only a rejected answer
/// is there; "" when there is something.
std::string why_unused(const Record& record);

/// Why it is no pair of a chosen and a rejected answer: one lacks, or both are the same; "" when it
/// is one.
std::string why_unpaired(const Record& record);

/// All that a record says, without the names of its fields and roles: to count and to compare.
std::string record_words(const Record& record);

/// What is known, for errors and documentation: "text", "prompt, completion", …
const std::vector<std::string>& record_shapes();

}  // namespace graft::texts
