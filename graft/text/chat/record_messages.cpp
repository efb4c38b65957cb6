#include "graft/text/chat/record_messages.h"

#include <algorithm>
#include <map>

#include "graft/base/error.h"
#include "graft/text/chat/record_fields.h"

namespace graft::texts {
namespace {

/// What a role is called elsewhere. "function_call" is a message of the assistant whose text is the
/// call (LLaMA-Factory).
const std::map<std::string, std::string> kRoles = {{"system", "system"},
                                                   {"developer", "developer"},
                                                   {"user", "user"},
                                                   {"human", "user"},
                                                   {"assistant", "assistant"},
                                                   {"gpt", "assistant"},
                                                   {"chatgpt", "assistant"},
                                                   {"model", "assistant"},
                                                   {"bot", "assistant"},
                                                   {"bing", "assistant"},
                                                   {"bard", "assistant"},
                                                   {"tool", "tool"},
                                                   {"observation", "tool"},
                                                   {"function", "tool"},
                                                   {"function_response", "tool"},
                                                   {"ipython", "tool"},
                                                   {"function_call", "function_call"}};

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

/// JSON that stands in a text; null when it is none.
Json json_in(const Json& value) {
  if (!value.is_string()) return value;
  try {
    return parse_json(value.get<std::string>(), "a text");
  } catch (const Error&) {
    return nullptr;
  }
}

/// One message while it is read.
class Reader {
 public:
  Reader(const Json& message, std::string where) : message_(message), where_(std::move(where)) {
    if (!message.is_object())
      fail_unreadable("{} must be an object with 'role' and 'content', got {}", where_,
                      message.type_name());
  }

  Json read() {
    const char* role_key = has(message_, "role") || !has(message_, "from") ? "role" : "from";
    sharegpt_ = std::string_view(role_key) == "from";
    std::string role = role_of(role_key);
    const bool call = role == "function_call";
    result_["role"] = call ? "assistant" : role;
    if (call) {
      read_calls(json_in(text_value()), "the call");
    } else {
      read_content(role);
    }
    if (has(message_, "tool_calls")) read_calls(message_.at("tool_calls"), "'tool_calls'");
    if (has(message_, "function_call")) read_calls(message_.at("function_call"), "'function_call'");
    for (const auto& [key, value] : message_.items()) {
      // Templates fail on null where they can do without a field; transformers drops it too.
      const bool taken = result_.contains(key) || key == "from" || key == "value" ||
                         key == "weight" || key == "train" || key == "content" ||
                         key == "tool_calls" || key == "function_call";
      if (!taken && !value.is_null()) result_[key] = value;
    }
    if (result_["role"] != "assistant" && !result_.contains("content"))
      fail_unreadable("{} has no content", where_);
    return std::move(result_);
  }

  bool sharegpt() const { return sharegpt_; }

  /// OpenAI's "weight" and axolotl's "train".
  bool skipped() const {
    if (has(message_, "train")) {
      if (!message_.at("train").is_boolean())
        fail_unreadable("{}: 'train' must be true or false", where_);
      return !message_.at("train").get<bool>();
    }
    if (!has(message_, "weight")) return false;
    const Json& weight = message_.at("weight");
    const bool known = weight.is_number() && (weight == 0 || weight == 1);
    if (!known) fail_unreadable("{}: 'weight' must be 0 or 1", where_);
    return weight == 0;
  }

 private:
  std::string role_of(const char* key) const {
    if (!has(message_, key) || !message_.at(key).is_string())
      fail_unreadable("{} has no role; expected 'role' (or 'from'), a text", where_);
    const std::string role = message_.at(key).get<std::string>();
    const auto found = kRoles.find(lower(role));
    if (found == kRoles.end()) {
      std::string known;
      for (const auto& [name, same] : kRoles) known += (known.empty() ? "" : ", ") + name;
      fail_unreadable("{} has the role '{}'; known: {}", where_, shown(role), known);
    }
    return found->second;
  }

  const Json& text_value() const {
    static const Json none;
    const char* key = has(message_, "content") || !has(message_, "value") ? "content" : "value";
    return has(message_, key) ? message_.at(key) : none;
  }

  void read_content(const std::string& role) {
    const Json& content = text_value();
    if (content.is_null()) return;
    if (content.is_string()) {
      result_["content"] = content;
    } else if (is_parts(content)) {
      result_["content"] = joined(content);
    } else if (role == "tool" && content.is_structured()) {
      result_["content"] = content.dump(-1, ' ', false, Json::error_handler_t::replace);
    } else {
      fail_unreadable("{}: the content must be a text or a list of parts, got {}", where_,
                      content.type_name());
    }
  }

  static bool is_parts(const Json& content) {
    return content.is_array() && std::all_of(content.begin(), content.end(), [](const Json& part) {
             return part.is_string() || (part.is_object() && has(part, "type"));
           });
  }

  std::string joined(const Json& content) const {
    std::string text;
    for (const Json& part : content) {
      if (part.is_string()) {
        text += part.get_ref<const std::string&>();
      } else if (part.at("type") == "text" || part.at("type") == "input_text" ||
                 part.at("type") == "output_text") {
        text += text_field(part, "text");
      } else {
        const Json& type = part.at("type");
        fail_unreadable("{} has a part of the type '{}'; only texts can be learned", where_,
                        type.is_string() ? shown(type.get<std::string>()) : type.type_name());
      }
    }
    return text;
  }

  void read_calls(const Json& calls, const char* what) {
    Json list = calls.is_array() ? calls : Json::array({calls});
    for (Json& call : list) {
      if (call.is_object() && !has(call, "function"))
        call = Json{{"type", "function"}, {"function", call}};
      const bool named = call.is_object() && call.at("function").is_object() &&
                         has(call.at("function"), "name") &&
                         call.at("function").at("name").is_string();
      if (!named)
        fail_unreadable("{}: {} must be JSON with 'name' and 'arguments', or a list of such",
                        where_, what);
      Json& function = call["function"];
      Json arguments = has(function, "arguments") ? json_in(function.at("arguments")) : Json();
      if (arguments.is_object()) function["arguments"] = std::move(arguments);
      if (!has(function, "arguments")) function["arguments"] = Json::object();
    }
    if (!list.empty()) result_["tool_calls"] = std::move(list);
  }

  const Json& message_;
  std::string where_;
  Json result_ = Json::object();
  bool sharegpt_ = false;
};

}  // namespace

void Messages::add_all(const Json& messages, const char* key) {
  if (!messages.is_array())
    fail_unreadable("'{}' must be a list of messages, got {}", key, messages.type_name());
  for (const Json& message : messages) add(message, key);
}

void Messages::add(const Json& message, const char* key) {
  Reader reader(message, fmt::format("message {} ('{}')", list.size() + 1, key));
  list.push_back(reader.read());
  sharegpt = sharegpt || reader.sharegpt();
  if (reader.skipped()) skip.push_back(static_cast<int>(list.size()) - 1);
}

void Messages::add_answer(const Json& answer, const char* key) {
  if (answer.is_string()) {
    add({{"role", "assistant"}, {"content", answer}}, key);
  } else if (answer.is_object()) {
    add(answer, key);
  } else {
    add_all(answer, key);
  }
}

void Messages::append(const Messages& other) {
  const int shift = static_cast<int>(list.size());
  for (const Json& message : other.list) list.push_back(message);
  for (const int one : other.skip) skip.push_back(one + shift);
  sharegpt = sharegpt || other.sharegpt;
}

void Messages::add_system(const std::string& text) {
  if (text.empty() || (!list.empty() && list[0]["role"] == "system")) return;
  list.insert(list.begin(), Json{{"role", "system"}, {"content", text}});
  if (from > 0) ++from;
  for (int& one : skip) ++one;
}

void Messages::check() const {
  const bool answered =
      std::any_of(list.begin() + static_cast<std::ptrdiff_t>(from), list.end(),
                  [](const Json& message) { return message["role"] == "assistant"; });
  if (!answered)
    fail_unreadable(
        "the conversation has {} message(s) and none of the assistant{}; there is nothing to learn",
        list.size(), from > 0 ? " that answers" : "");
}

std::optional<std::string> role_called(const std::string& name) {
  const auto found = kRoles.find(lower(name));
  if (found == kRoles.end()) return std::nullopt;
  return found->second == "function_call" ? "assistant" : found->second;
}

Json read_tools(const Json& tools, const char* key) {
  if (tools.is_string() &&
      tools.get_ref<const std::string&>().find_first_not_of(" \t\r\n") == std::string::npos)
    return Json::array();
  Json list = json_in(tools);
  if (!list.is_array())
    fail_unreadable("'{}' must be a list of functions, or the text of one as JSON", key);
  for (Json& tool : list) {
    if (!tool.is_object()) fail_unreadable("'{}' must hold objects, got {}", key, tool.type_name());
    if (!has(tool, "function") && has(tool, "name"))
      tool = Json{{"type", "function"}, {"function", tool}};
  }
  return list;
}

}  // namespace graft::texts
