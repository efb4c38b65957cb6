#include "graft/text/chat/record.h"

#include <algorithm>
#include <array>

#include "graft/base/error.h"
#include "graft/text/chat/record_fields.h"
#include "graft/text/chat/record_messages.h"

namespace graft::texts {
namespace {

using Shape = Record::Shape;

constexpr int kNoLabel = -100;  // PyTorch's ignore_index

/// Two fields that are a question and its answer. `input` may hold more of the question.
struct Pair {
  const char* question;
  const char* answer;
  const char* input;
  bool alpaca;
  const char* described;
};
constexpr Pair kPairs[] = {
    {"instruction", "output", "input", true, "alpaca"},
    {"instruction", "response", "context", false, "instruction/response"},
    {"prompt", "response", nullptr, false, "prompt/response"},
    {"query", "response", nullptr, false, "query/response"},
    {"question", "answer", "context", false, "question/answer"},
    {"question", "response", "context", false, "question/response"},
    {"instruction", "completion", "input", false, "instruction/completion"},
    {"prompt", "answer", nullptr, false, "prompt/answer"},
    {"prompt", "output", nullptr, false, "prompt/output"},
    {"problem", "solution", nullptr, false, "problem/solution"},
    {"input", "output", nullptr, false, "input/output"},
};

const Pair* pair_of(const Json& object) {
  for (const Pair& pair : kPairs) {
    if (has(object, pair.question) && has(object, pair.answer)) return &pair;
  }
  return nullptr;
}

bool has_label(const Json& object) {
  for (const char* key : {"kto_tag", "label"}) {
    if (has(object, key) && object.at(key).is_boolean()) return true;
  }
  return false;
}

std::string system_of(const Json& object) {
  std::string system = optional_text(object, "system");
  return system.empty() ? optional_text(object, "system_prompt") : system;
}

/// [[question, answer], …]
Json history_of(const Json& object) {
  Json history = Json::array();
  if (!has(object, "history")) return history;
  const Json& given = object.at("history");
  if (!given.is_array()) fail_unreadable("'history' must be a list, got {}", given.type_name());
  for (const Json& round : given) {
    if (!round.is_array() || round.size() != 2 || !round[0].is_string() || !round[1].is_string())
      fail_unreadable(
          "'history' must hold pairs of texts, [\"question\", \"answer\"]; round {} is none",
          history.size() + 1);
    history.push_back(round);
  }
  return history;
}

Record instruction_record(const Json& object, const Pair& pair, const char* answer) {
  Record record{Shape::instruction, Json::object(), pair.described};
  record.value["instruction"] = text_field(object, pair.question);
  std::string input;
  for (const char* key : {pair.input, "input"}) {
    if (key == nullptr || std::string_view(key) == pair.question || !input.empty()) continue;
    input = optional_text(object, key);
  }
  if (!input.empty()) record.value["input"] = input;
  record.value["output"] = text_field(object, answer);
  if (const std::string system = system_of(object); !system.empty())
    record.value["system"] = system;
  if (Json history = history_of(object); !history.empty())
    record.value["history"] = std::move(history);
  if (pair.alpaca) record.value["alpaca"] = true;
  return record;
}

Record read_pair(const Json& object) {
  const Pair& pair = *pair_of(object);
  return instruction_record(object, pair, pair.answer);
}

/// A task of Self-Instruct: an instruction and instances of it.
Record read_task(const Json& object) {
  const Json& instances = object.at("instances");
  if (!instances.is_array() || instances.size() != 1 || !instances[0].is_object())
    fail_unreadable(
        "'instances' must be a list of one object with 'input' and 'output'; write a record for "
        "each instance");
  Json one = instances[0];
  one["instruction"] = object.at("instruction");
  Record record = instruction_record(one, kPairs[0], "output");
  record.described = "self-instruct";
  return record;
}

Record read_text(const Json& object) {
  Record record{Shape::text, Json::object(), "text"};
  record.value["text"] = text_field(object, "text");
  return record;
}

const char* messages_key(const Json& object) {
  for (const char* key : {"messages", "conversations", "conversation"}) {
    if (has(object, key) && object.at(key).is_array()) return key;
  }
  return nullptr;
}

Record messages_record(Messages messages, const Json& object) {
  messages.add_system(system_of(object));
  messages.check();
  Record record{Shape::messages, Json::object(), messages.sharegpt ? "sharegpt" : "messages"};
  record.value["messages"] = std::move(messages.list);
  for (const char* key : {"tools", "functions"}) {
    if (!has(object, key)) continue;
    if (Json tools = read_tools(object.at(key), key); !tools.empty())
      record.value["tools"] = std::move(tools);
  }
  if (messages.from > 0) record.value["from"] = messages.from;
  if (!messages.skip.empty()) record.value["skip"] = messages.skip;
  return record;
}

Record read_messages(const Json& object) {
  const char* key = messages_key(object);
  Messages messages;
  messages.add_all(object.at(key), key);
  return messages_record(std::move(messages), object);
}

Record read_prompt_completion(const Json& object) {
  const Json& prompt = object.at("prompt");
  const Json& completion = object.at("completion");
  if (prompt.is_string() && completion.is_string()) {
    Record record{Shape::prompt_completion, Json::object(), "prompt/completion"};
    record.value["prompt"] = prompt;
    record.value["completion"] = completion;
    return record;
  }
  if (!prompt.is_array() || !completion.is_array())
    fail_unreadable(
        "'prompt' and 'completion' must be two texts or two lists of messages, got {} and {}",
        prompt.type_name(), completion.type_name());
  Messages messages;
  messages.add_all(prompt, "prompt");
  messages.from = messages.list.size();
  messages.add_all(completion, "completion");
  Record record = messages_record(std::move(messages), object);
  record.described = "prompt/completion of " + record.described;
  return record;
}

/// The record that `object` is when the text of its field `answer` is the answer.
Record with_answer_text(const Json& object, const char* answer) {
  for (const Pair& pair : kPairs) {
    if (has(object, pair.question) && std::string_view(pair.question) != "prompt")
      return instruction_record(object, pair, answer);
  }
  if (!has(object, "prompt")) {
    Record record{Shape::text, Json::object(), "text"};
    record.value["text"] = object.at(answer);
    return record;
  }
  Record record{Shape::prompt_completion, Json::object(), "prompt/completion"};
  record.value["prompt"] = text_field(object, "prompt");
  record.value["completion"] = object.at(answer);
  return record;
}

/// The same for an answer of messages, or one to messages. It may be the whole conversation.
Record with_answer(const Json& object, const char* answer) {
  const char* key = messages_key(object);
  const bool prompted = has(object, "prompt");
  const bool listed = prompted && object.at("prompt").is_array();
  if (object.at(answer).is_string() && key == nullptr && !listed)
    return with_answer_text(object, answer);
  Messages answers;
  answers.add_answer(object.at(answer), answer);
  if (answers.list.empty()) fail_unreadable("'{}' is an empty list", answer);
  Messages messages;
  if (answers.list[0]["role"] == "assistant") {
    if (key != nullptr) {
      messages.add_all(object.at(key), key);
    } else if (listed) {
      messages.add_all(object.at("prompt"), "prompt");
    } else if (prompted) {
      messages.add({{"role", "user"}, {"content", text_field(object, "prompt")}}, "prompt");
    }
  }
  messages.from = messages.list.size();
  messages.append(answers);
  return messages_record(std::move(messages), object);
}

Record read_preference(const Json& object) {
  Record record{Shape::preference, Json::object(), ""};
  for (const char* key : {"chosen", "rejected"}) {
    if (!has(object, key)) continue;
    const Record inner = with_answer(object, key);
    record.value[key] = inner.line();
    if (record.described.empty()) record.described = inner.described + " with preference";
  }
  return record;
}

bool is_judged(const Json& object) {
  return has_label(object) && ((has(object, "prompt") && has(object, "completion")) ||
                               pair_of(object) != nullptr || messages_key(object) != nullptr);
}

/// KTO: one answer, and whether it is a good one.
Record read_judged(const Json& object) {
  Json rest = object;
  bool good = true;
  for (const char* key : {"kto_tag", "label"}) {
    if (!has(rest, key) || !rest.at(key).is_boolean()) continue;
    good = rest.at(key).get<bool>();
    rest.erase(key);
  }
  const Record inner = read_record(rest);
  Record record{Shape::preference, Json::object(), inner.described + " with label"};
  record.value[good ? "chosen" : "rejected"] = inner.line();
  return record;
}

Record read_segments(const Json& object) {
  Record record{Shape::segments, Json::object(), "segments"};
  Json segments = Json::array();
  for (const Json& segment : object.at("segments")) {
    const bool whole = segment.is_object() && has(segment, "text") && has(segment, "label") &&
                       segment.at("text").is_string() && segment.at("label").is_boolean();
    if (!whole)
      fail_unreadable(
          "segment {} must be {{\"label\": true or false, \"text\": \"…\"}}; label true is learned",
          segments.size() + 1);
    segments.push_back({{"text", segment.at("text")}, {"label", segment.at("label")}});
  }
  if (segments.empty()) fail_unreadable("'segments' is an empty list");
  record.value["segments"] = std::move(segments);
  return record;
}

/// A list of whole numbers, as long as `length` where that is not 0.
std::vector<int64_t> numbers_of(const Json& object, const char* key, size_t length = 0) {
  const Json& list = object.at(key);
  if (!list.is_array()) fail_unreadable("'{}' must be a list, got {}", key, list.type_name());
  std::vector<int64_t> numbers;
  numbers.reserve(list.size());
  for (const Json& item : list) {
    const bool fits = item.is_number_unsigned()
                          ? item.get<uint64_t>() <= INT32_MAX
                          : item.is_number_integer() && item.get<int64_t>() >= INT32_MIN;
    if (!fits)
      fail_unreadable("'{}' must hold whole numbers of 32 bits; the {}. is {}", key,
                      numbers.size() + 1, item.is_structured() ? item.type_name() : item.dump());
    numbers.push_back(item.get<int64_t>());
  }
  if (length > 0 && numbers.size() != length)
    fail_unreadable("'{}' has {} numbers and 'input_ids' {}; expected as many", key, numbers.size(),
                    length);
  return numbers;
}

Record read_tokens(const Json& object) {
  const std::vector<int64_t> ids = numbers_of(object, "input_ids");
  if (ids.empty()) fail_unreadable("'input_ids' is an empty list");
  std::vector<int64_t> labels(ids), real(ids.size(), 1), positions;
  if (has(object, "labels")) labels = numbers_of(object, "labels", ids.size());
  if (has(object, "attention_mask")) real = numbers_of(object, "attention_mask", ids.size());
  if (has(object, "position_ids")) positions = numbers_of(object, "position_ids", ids.size());
  Json kept_ids = Json::array(), kept_labels = Json::array();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (real[i] == 0) continue;
    if (!positions.empty() && positions[i] == 0 && !kept_ids.empty())
      fail_unreadable(
          "'position_ids' begin anew at the {}. token: several samples are packed into this "
          "record; give each as a record of its own (samples are packed here)",
          i + 1);
    if (labels[i] != kNoLabel && labels[i] != ids[i])
      fail_unreadable(
          "the {}. of 'labels' is {} and of 'input_ids' {}; expected the same or {} (labels are "
          "not shifted)",
          i + 1, labels[i], ids[i], kNoLabel);
    kept_ids.push_back(ids[i]);
    kept_labels.push_back(labels[i]);
  }
  Record record{Shape::tokens, Json::object(), "tokens"};
  record.value["input_ids"] = std::move(kept_ids);
  if (has(object, "labels")) record.value["labels"] = std::move(kept_labels);
  return record;
}

struct Known {
  const char* name;  ///< where several names are possible, the usual one
  const char* keys;
  bool (*is)(const Json& object);
  Record (*read)(const Json& object);
};

bool has_list(const Json& object, const char* key) {
  return has(object, key) && object.at(key).is_array();
}

/// In the order in which they are tried. One line, and its reader above, adds a shape.
constexpr Known kKnown[] = {
    {"tokens", "input_ids (labels, attention_mask)",
     [](const Json& object) { return has_list(object, "input_ids"); }, read_tokens},
    {"preference", "chosen, rejected (prompt, instruction, messages …)",
     [](const Json& object) { return has(object, "chosen") || has(object, "rejected"); },
     read_preference},
    {"label", "prompt, completion, label: true or false", is_judged, read_judged},
    {"messages", "messages or conversations: [{role, content}] or [{from, value}] (tools, system)",
     [](const Json& object) { return messages_key(object) != nullptr; }, read_messages},
    {"segments", "segments: [{label, text}]",
     [](const Json& object) { return has_list(object, "segments"); }, read_segments},
    {"prompt/completion", "prompt, completion",
     [](const Json& object) { return has(object, "prompt") && has(object, "completion"); },
     read_prompt_completion},
    {"pair",
     "instruction, output (input, system, history); instruction, response (context); prompt, "
     "response; query, response; question, answer; input, output",
     [](const Json& object) { return pair_of(object) != nullptr; }, read_pair},
    {"self-instruct", "instruction, instances: [{input, output}]",
     [](const Json& object) { return has(object, "instruction") && has(object, "instances"); },
     read_task},
    {"text", "text", [](const Json& object) { return has(object, "text"); }, read_text},
};

constexpr std::array<const char*, 7> kShapeNames = {
    "text", "prompt_completion", "instruction", "messages", "preference", "segments", "tokens"};

[[noreturn]] void fail_unknown(const Json& object) {
  std::string keys, known;
  size_t count = 0;
  for (const auto& [key, value] : object.items()) {
    if (++count > 20) continue;
    keys += (keys.empty() ? "" : ", ") + shown(key);
  }
  if (count > 20) keys += fmt::format(" and {} more", count - 20);
  for (const std::string& shape : record_shapes()) known += (known.empty() ? "" : "; ") + shape;
  fail_unreadable("the record has the fields {}, which is no shape that is known; known: {}",
                  keys.empty() ? "(none)" : keys, known);
}

}  // namespace

std::string Record::line() const {
  Json all = Json::object();
  all["shape"] = kShapeNames[static_cast<size_t>(shape)];
  for (const auto& [key, item] : value.items()) all[key] = item;
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Record parse_record(std::string_view line) {
  Record record;
  record.value = parse_json(std::string(line), "a record");
  const std::string shape =
      record.value.is_object() ? optional_text(record.value, "shape") : std::string();
  const auto* const found = std::find(kShapeNames.begin(), kShapeNames.end(), shape);
  if (found == kShapeNames.end()) fail_unreadable("this is no record in graft's own form");
  record.shape = static_cast<Shape>(found - kShapeNames.begin());
  record.value.erase("shape");
  return record;
}

Record read_record(const Json& object) {
  if (!object.is_object())
    fail_unreadable("a record is an object {{…}}, not {}", object.type_name());
  for (const Known& known : kKnown) {
    if (known.is(object)) return known.read(object);
  }
  fail_unknown(object);
}

std::string record_shape(const Json& object) {
  if (!object.is_object()) return "";
  for (const Known& known : kKnown) {
    if (!known.is(object)) continue;
    const Pair* pair = pair_of(object);
    return known.read == read_pair ? pair->described : known.name;
  }
  return "";
}

std::string why_unused(const Record& record) {
  const auto blank = [&](const char* key) {
    const std::string text = optional_text(record.value, key);
    return text.find_first_not_of(" \t\r\n") == std::string::npos;
  };
  switch (record.shape) {
    case Shape::text:
      return blank("text") ? "the text is blank" : "";
    case Shape::prompt_completion:
      return blank("completion") ? "the answer is blank" : "";
    case Shape::instruction:
      return blank("output") ? "the answer is blank" : "";
    case Shape::preference:
      if (!has(record.value, "chosen")) return "the answer is a rejected one";
      return why_unused(parse_record(record.value.at("chosen").get<std::string>()));
    default:
      return "";
  }
}

std::string why_unpaired(const Record& record) {
  if (record.shape != Shape::preference) return "it is no preference";
  for (const char* key : {"chosen", "rejected"}) {
    if (!has(record.value, key)) return fmt::format("it has no {} answer", key);
  }
  return record.value.at("chosen") == record.value.at("rejected") ? "both answers are the same"
                                                                  : "";
}

namespace {

void append_words(const Json& value, std::string& words) {
  if (value.is_string()) {
    words += (words.empty() ? "" : "\n") + value.get_ref<const std::string&>();
  } else if (value.is_number()) {
    words += (words.empty() ? "" : " ") + value.dump();
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      if (key != "role" && key != "type" && key != "from" && key != "skip")
        append_words(item, words);
    }
  } else if (value.is_array()) {
    for (const Json& item : value) append_words(item, words);
  }
}

}  // namespace

std::string record_words(const Record& record) {
  std::string words;
  if (record.shape == Shape::preference) {
    for (const Json& line : record.value)
      words += record_words(parse_record(line.get<std::string>())) + "\n";
  } else {
    append_words(record.value, words);
  }
  return words;
}

const std::vector<std::string>& record_shapes() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> shapes;
    for (const Known& known : kKnown) shapes.emplace_back(known.keys);
    return shapes;
  }();
  return all;
}

}  // namespace graft::texts
