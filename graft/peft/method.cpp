#include "graft/peft/method.h"

#include "graft/base/error.h"

namespace graft::peft {

#define METHOD(name) Method name();
#include "graft/peft/methods.def"
#undef METHOD

const std::vector<Method>& methods() {
  static const std::vector<Method> all = {
#define METHOD(name) name(),
#include "graft/peft/methods.def"
#undef METHOD
  };
  return all;
}

const Method& find_method(const std::string& name) {
  return find_in(methods(), name, "method");
}

std::vector<Choice> parse_methods(const Json& value) {
  std::vector<Choice> choices;
  const auto one = [&choices](const Json& item) {
    Json options = Json::object();
    std::string name;
    if (item.is_string()) {
      name = item.get<std::string>();
    } else if (item.is_object() && item.contains("name") && item["name"].is_string()) {
      options = item;
      name = item["name"].get<std::string>();
      options.erase("name");
    } else {
      fail_usage("method: expected a name such as lora, or {{name: lora, r: 16}}, got {}",
                 item.dump());
    }
    const Method& method = find_method(name);
    choices.push_back({&method, Options(method.options, options, "method " + name)});
  };
  if (value.is_array()) {
    for (const Json& item : value) one(item);
  } else {
    one(value);
  }
  if (choices.empty()) fail_usage("method: the list is empty; give none, or one method or more");
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices.size() > 1 && choices[i].method->name == "none")
      fail_usage("method: none cannot be combined with others");
    for (size_t j = 0; j < i; ++j) {
      if (choices[i].method == choices[j].method)
        fail_usage("method: {} stands there twice", choices[i].method->name);
    }
  }
  return choices;
}

Json to_json(const std::vector<Choice>& choices) {
  Json list = Json::array();
  for (const Choice& choice : choices) {
    Json item = {{"name", choice.method->name}};
    for (const auto& [key, option] : choice.options.json().items()) {
      if (!option.is_null()) item[key] = option;
    }
    list.push_back(item);
  }
  return list.size() == 1 ? list[0] : list;
}

std::string name_of(const std::vector<Choice>& choices) {
  std::string text;
  for (const Choice& choice : choices) text += (text.empty() ? "" : "+") + choice.method->name;
  return text;
}

}  // namespace graft::peft
