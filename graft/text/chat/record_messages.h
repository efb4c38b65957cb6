#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::texts {

/// Collects the messages of a conversation in the one form that chat templates read: "role" is
/// system, developer, user, assistant or tool; "content" is a text; arguments of "tool_calls" are
/// objects; nothing is null. Errors (exit code 3) count messages from 1 and name the list.
struct Messages {
  Json list = Json::array();
  size_t from = 0;        ///< the first that may be learned
  std::vector<int> skip;  ///< messages that are not learned ("weight": 0, "train": false)
  bool sharegpt = false;  ///< some had "from" and "value"

  /// `key`: the field of the record that the list is.
  void add_all(const Json& messages, const char* key);
  void add(const Json& message, const char* key);
  /// An answer that is one message, a list of them, or the text of one.
  void add_answer(const Json& answer, const char* key);
  /// Those of another, behind these.
  void append(const Messages& other);
  /// In front, unless there is one or `text` is empty.
  void add_system(const std::string& text);
  /// An error when there is no answer of an assistant.
  void check() const;
};

/// The role that a name stands for ("gpt": assistant); nothing for one that is not known.
std::optional<std::string> role_called(const std::string& name);

/// "tools" as a list of {"type": "function", "function": …}, from such a list, one of bare
/// functions, or the text of one.
Json read_tools(const Json& tools, const char* key);

}  // namespace graft::texts
