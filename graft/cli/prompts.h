#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::cli {

/// What a model is asked: a text, or a conversation.
struct Question {
  std::string where;  ///< "prompts.jsonl:3"
  std::string prompt;
  Json messages;  ///< null, or a list of {role, content}
  Json record;    ///< what the answer's line begins with
};

/// A question a line of a text file, or of standard input ("-"); of .json and .jsonl objects with
/// "prompt" or "messages", whose other fields go on to the answer. Empty lines are left out; what
/// is wrong is an error (exit code 3) that names the line.
std::vector<Question> read_questions(const std::string& file);

/// Bytes that are not UTF-8 become U+FFFD, as the tokenizer has it.
std::string as_utf8(const std::string& text);

/// A JSON object a line, in the order of their numbers, whatever order they come in.
class OrderedLines {
 public:
  /// To standard output where `path` is empty. A file that is there is an error (exit code 2)
  /// unless `overwrite`.
  OrderedLines(const std::string& path, bool overwrite);
  void put(size_t number, const Json& line);

 private:
  std::string path_;
  std::ofstream file_;
  std::map<size_t, std::string> waiting_;
  size_t next_ = 0;
};

}  // namespace graft::cli
