#include "graft/text/chat/conversation.h"

#include "graft/base/error.h"
#include "graft/text/chat/jinja/failure.h"

namespace graft::texts {
namespace {

using jinja::Origin;
using jinja::Value;

Value to_value(const Json& json, Origin origin, jinja::Runtime& runtime) {
  const jinja::Deeper deeper(runtime);
  runtime.spend(sizeof(Value));
  switch (json.type()) {
    case Json::value_t::boolean:
      return {json.get<bool>(), origin};
    case Json::value_t::number_integer:
      return {json.get<int64_t>(), origin};
    case Json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > INT64_MAX) jinja::fail_here("the number {} has more than 63 bits", number);
      return {static_cast<int64_t>(number), origin};
    }
    case Json::value_t::number_float:
      return {json.get<double>(), origin};
    case Json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      runtime.spend_text(text.size());
      return Value::text(text, origin);
    }
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(to_value(item, origin, runtime));
      return make_sequence(std::move(items), jinja::Sequence::Kind::list, origin);
    }
    case Json::value_t::object: {
      jinja::Dict dict;
      for (const auto& [key, item] : json.items())
        dict.entries.emplace_back(Value::text(key, origin), to_value(item, origin, runtime));
      return make_dict(std::move(dict), origin);
    }
    default: {
      Value none(jinja::None{});
      none.origin = origin;
      return none;
    }
  }
}

/// One thought under its three names: transformers fills them from each other, in this order.
Json with_reasoning(const Json& message) {
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    const auto found = message.find(name);
    if (found == message.end() || found->is_null()) continue;
    const Json& reasoning = *found;
    Json filled = Json::object();
    filled["thinking"] = reasoning;
    for (const auto& [key, value] : message.items()) filled[key] = value;
    filled["reasoning_content"] = reasoning;
    return filled;
  }
  return message;
}

Value message_value(const Json& message, int32_t index, jinja::Runtime& runtime) {
  if (!message.is_object())
    fail_unreadable("message {} of a conversation is no object with \"role\" and \"content\"",
                    index);
  jinja::Dict dict;
  dict.message = index;
  Origin origin{.message = index};
  const Json filled = with_reasoning(message);
  for (const auto& [key, value] : filled.items()) {
    origin.field = runtime.fields.number(key);
    dict.entries.emplace_back(Value::text(key, origin), to_value(value, origin, runtime));
  }
  origin.field = 0;
  return make_dict(std::move(dict), origin);
}

}  // namespace

std::vector<std::pair<std::string, Value>> conversation(const Json& messages,
                                                        const RenderOptions& options,
                                                        jinja::Runtime& runtime) {
  if (!messages.is_array())
    fail_unreadable("a conversation is a list of messages, not {}", messages.type_name());
  std::vector<Value> list;
  for (const Json& message : messages)
    list.push_back(message_value(message, static_cast<int32_t>(list.size()), runtime));
  std::vector<std::pair<std::string, Value>> variables;
  const auto add = [&](const std::string& name, const Json& value) {
    variables.emplace_back(name,
                           to_value(value, Origin{.field = runtime.fields.number(name)}, runtime));
  };
  for (const auto& [name, value] : options.variables.items()) add(name, value);
  variables.emplace_back("messages", make_sequence(std::move(list)));
  add("tools", options.tools);
  add("documents", options.documents);
  add("add_generation_prompt", options.add_generation_prompt);
  return variables;
}

}  // namespace graft::texts
