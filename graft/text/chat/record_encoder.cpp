#include "graft/text/chat/record_encoder.h"

#include <algorithm>
#include <utility>

#include "graft/base/error.h"
#include "graft/text/chat/builtin.h"
#include "graft/text/chat/record_fields.h"
#include "graft/text/chat/record_messages.h"
#include "graft/text/chat/template_tokens.h"

namespace graft::texts {
namespace {

constexpr int32_t kNoLabel = -100;

/// Ascending and apart, so that one search finds the range of a byte.
std::vector<ByteRange> merged(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::vector<ByteRange> result;
  for (const ByteRange& range : ranges) {
    if (range.begin >= range.end) continue;
    if (!result.empty() && range.begin <= result.back().end) {
      result.back().end = std::max(result.back().end, range.end);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

/// Whether a token with these bytes has one in a range; without bytes, whether it stands in one.
bool touches(const std::vector<ByteRange>& ranges, size_t begin, size_t end) {
  const size_t last = std::max(begin + 1, end);
  const auto after = std::partition_point(ranges.begin(), ranges.end(),
                                          [last](const ByteRange& r) { return r.begin < last; });
  return after != ranges.begin() && begin < std::prev(after)->end;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// Whether the template shows `needle` of these messages.
bool shows(const ChatTemplate* chat, const Json& messages, const RenderOptions& options) {
  if (chat == nullptr) return false;
  try {
    return chat->render(messages, options).text.find("needle") != std::string::npos;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

RecordOptions record_options(const Json& chat, std::time_t now) {
  RecordOptions options;
  options.roles_to_train.clear();
  for (const Json& role : chat.at("roles_to_train")) {
    const std::string name = role.is_string() ? role.get<std::string>() : role.dump();
    if (name == "all") {
      options.roles_to_train = {"system", "developer", "user", "assistant", "tool"};
      break;
    }
    const auto known = role_called(name);
    if (!known) {
      fail_usage(
          "chat.roles_to_train names '{}'; known: all, system, developer, user, assistant and "
          "tool, and what other programs call them (human, gpt, model)",
          name);
    }
    options.roles_to_train.push_back(*known);
  }
  options.last_only = chat.at("last_only").get<bool>();
  options.train_on_prompt = chat.at("train_on_prompt").get<bool>();
  const Json& variables = chat.at("variables");
  if (!variables.is_null()) options.variables = variables;
  if (!options.variables.is_object()) {
    fail_usage("chat.variables must be a mapping such as {{enable_thinking: false}}, got {}",
               variables.dump());
  }
  options.now = now;
  return options;
}

struct RecordEncoder::Draft {
  std::vector<int32_t> ids;
  std::vector<uint8_t> learned;
  bool no_end = false;     ///< a learned text has no end behind it
  bool end_added = false;  ///< the template lacks one
};

RecordEncoder::RecordEncoder(Preprocess preprocess, ChatTemplates templates, RecordOptions options)
    : preprocess_(std::move(preprocess)),
      templates_(std::move(templates)),
      options_(std::move(options)),
      notes_(templates_.notes) {
  GRAFT_ASSERT(preprocess_.tokenizer != nullptr);
  const Tokenizer& tokenizer = *preprocess_.tokenizer;
  variables_ = special_tokens(tokenizer, preprocess_.folder);
  const auto id_of = [&](const char* purpose) -> std::optional<int32_t> {
    if (!variables_.contains(purpose)) return std::nullopt;
    const auto id = tokenizer.token_to_id(variables_.at(purpose).get<std::string>());
    return id ? std::optional(static_cast<int32_t>(*id)) : std::nullopt;
  };
  bos_ = id_of("bos_token");
  eos_ = id_of("eos_token");
  if (!eos_) {
    notes_.push_back(fmt::format(
        "the tokenizer in {} names no eos_token, so texts are learned without an end, and the "
        "model will not know when to stop; name it in tokenizer_config.json",
        preprocess_.folder.string()));
  }
  const Encoding around = tokenizer.encode("a", {.truncate = false});
  for (size_t i = 0; i < around.size() && around.special_tokens_mask[i] != 0; ++i)
    front_.push_back(static_cast<int32_t>(around.ids[i]));
  if (options_.variables.is_object()) variables_.update(options_.variables);
  try_template();
}

void RecordEncoder::try_template() {
  const RenderOptions plain = render_options(Json::object());
  const Json text = {{{"role", "user"}, {"content", "needle"}}};
  const Json part = {{"type", "text"}, {"text", "needle"}};
  const Json parts = {{{"role", "user"}, {"content", Json::array({part})}}};
  wants_parts_ =
      !shows(templates_.usual.get(), text, plain) && shows(templates_.usual.get(), parts, plain);
  const auto with_call = [&](const Json& arguments) {
    const Json function = {{"name", "f"}, {"arguments", arguments}};
    // Mistral's templates want ids of nine characters.
    const Json call = {{"id", "call12345"}, {"type", "function"}, {"function", function}};
    Json messages = fitted({{{"role", "user"}, {"content", "a"}}});
    messages.push_back(
        {{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array({call})}});
    return shows(templates_.for_tools(true), messages, plain);
  };
  wants_text_arguments_ = !with_call({{"needle", 1}}) && with_call("{\"needle\": 1}");
  note_unknown_markers(plain);
}

void RecordEncoder::note_unknown_markers(const RenderOptions& options) {
  if (!templates_.usual) return;
  std::vector<std::string> markers;
  try {
    const Json turns = {{{"role", "user"}, {"content", "needle"}},
                        {{"role", "assistant"}, {"content", "needle"}}};
    markers =
        unknown_markers(templates_.usual->render(fitted(turns), options), *preprocess_.tokenizer);
  } catch (const Error&) {
    return;  // told of the records that it refuses
  }
  if (markers.empty()) return;
  std::string list;
  for (const std::string& marker : markers) list += (list.empty() ? "" : ", ") + marker;
  notes_.push_back(fmt::format(
      "the chat template writes {}, which the tokenizer does not know and cuts into pieces; "
      "model.add_tokens makes tokens of them",
      list));
}

RenderOptions RecordEncoder::render_options(const Json& value) const {
  RenderOptions options;
  if (has(value, "tools")) options.tools = value.at("tools");
  options.variables = variables_;
  options.now = options_.now;
  return options;
}

Json RecordEncoder::fitted(const Json& messages) const {
  if (!wants_parts_ && !wants_text_arguments_) return messages;
  Json result = messages;
  for (Json& message : result) {
    if (wants_parts_ && message.contains("content") && message["content"].is_string()) {
      const Json part = {{"type", "text"}, {"text", message["content"]}};
      message["content"] = Json::array({part});
    }
    if (!wants_text_arguments_ || !message.contains("tool_calls")) continue;
    for (Json& call : message["tool_calls"]) {
      Json& arguments = call["function"]["arguments"];
      if (!arguments.is_string()) arguments = arguments.dump();
    }
  }
  return result;
}

void RecordEncoder::add_text(Draft& draft, const std::string& text,
                             const std::vector<ByteRange>& ranges) const {
  if (text.empty()) return;
  const bool all = ranges.size() == 1 && ranges[0] == ByteRange{0, text.size()};
  EncodeOptions options{.bare = true};
  options.ids_only = all || ranges.empty();  // several times as fast
  const Encoding encoding = preprocess_.tokenizer->encode(text, options);
  for (size_t i = 0; i < encoding.size(); ++i) {
    draft.ids.push_back(static_cast<int32_t>(encoding.ids[i]));
    const bool learned = options.ids_only
                             ? all
                             : touches(ranges, encoding.offsets[i].begin, encoding.offsets[i].end);
    draft.learned.push_back(learned ? 1 : 0);
  }
}

void RecordEncoder::add_end(Draft& draft) const {
  if (eos_) {
    draft.ids.push_back(*eos_);
    draft.learned.push_back(1);
  } else {
    draft.no_end = true;
  }
}

void RecordEncoder::add_parts(Draft& draft, const std::vector<RecordPart>& parts, bool ends) const {
  draft.ids = front_;
  draft.learned.assign(front_.size(), 0);
  std::string text;
  std::vector<ByteRange> ranges;
  const auto write = [&] {
    add_text(draft, text, merged(ranges));
    text.clear();
    ranges.clear();
  };
  for (const RecordPart& part : parts) {
    if (part.learned) ranges.push_back({text.size(), text.size() + part.text.size()});
    text += part.text;
    if (!part.learned || !ends) continue;
    write();
    add_end(draft);
  }
  write();
}

void RecordEncoder::add_conversation(Draft& draft, const Json& value) const {
  const ChatTemplate* chat = templates_.for_tools(has(value, "tools"));
  if (chat == nullptr) {
    std::string known;
    for (const BuiltinTemplate& one : builtin_templates())
      known += (known.empty() ? "" : ", ") + one.name;
    fail_unreadable(
        "conversations need a chat template, and {}; give chat.template, a file with one or the "
        "name of a built-in one: {}",
        templates_.missing.empty() ? "there is none" : templates_.missing, known);
  }
  const Json messages = fitted(value.at("messages"));
  const size_t from = value.value("from", size_t{0});
  const auto skip = value.value("skip", std::vector<int>());
  Masked masked = trained_text(*chat, messages, render_options(value),
                               {.roles = options_.roles_to_train, .last_only = options_.last_only});
  std::erase_if(masked.turns, [&](const TrainedTurn& turn) {
    return static_cast<size_t>(turn.message) < from ||
           std::find(skip.begin(), skip.end(), turn.message) != skip.end();
  });
  std::string& text = masked.rendered.text;
  std::vector<ByteRange> ranges;
  bool add_eos = false;
  for (const TrainedTurn& turn : masked.turns) {
    ranges.insert(ranges.end(), turn.ranges.begin(), turn.ranges.end());
    if (turn.has_end || turn.ranges.empty()) continue;
    const size_t end = turn.ranges.back().end;
    const bool last = is_blank(std::string_view(text).substr(end));
    if (last && eos_ && !masked.by_generation_tags) {
      text.resize(end);
      add_eos = true;
    } else {
      draft.no_end = true;
    }
  }
  add_text(draft, text, merged(std::move(ranges)));
  if (!add_eos) return;
  add_end(draft);
  draft.end_added = true;
}

void RecordEncoder::add_segments(Draft& draft, const Json& value) const {
  for (const Json& segment : value.at("segments")) {
    const auto text = segment.at("text").get<std::string>();
    std::vector<ByteRange> ranges;
    if (segment.at("label").get<bool>()) ranges.push_back({0, text.size()});
    add_text(draft, text, ranges);
  }
}

void RecordEncoder::add_ids(Draft& draft, const Json& value) const {
  const size_t end = preprocess_.tokenizer->id_end();
  for (const Json& id : value.at("input_ids")) {
    const auto number = id.get<int64_t>();
    if (number < 0 || number >= static_cast<int64_t>(end)) {
      fail_unreadable(
          "'input_ids' hold {}, but the ids of the tokenizer in {} end at {}; were they made with "
          "another one?",
          number, preprocess_.folder.string(), end - 1);
    }
    draft.ids.push_back(static_cast<int32_t>(number));
  }
  draft.learned.assign(draft.ids.size(), 1);
  if (!has(value, "labels")) return;
  for (size_t i = 0; i < draft.ids.size(); ++i)
    draft.learned[i] = value.at("labels").at(i).get<int64_t>() != kNoLabel;
}

RecordEncoder::Draft RecordEncoder::draft(const Record& record) const {
  Draft draft;
  const Json& value = record.value;
  switch (record.shape) {
    case Record::Shape::text:
      add_parts(draft, {{text_field(value, "text"), true}}, !value.value("continues", false));
      break;
    case Record::Shape::prompt_completion:
      add_parts(draft,
                {{text_field(value, "prompt"), false}, {text_field(value, "completion"), true}});
      break;
    case Record::Shape::instruction:
      if (templates_.usual) {
        add_conversation(draft, Json{{"messages", as_messages(value)}});
      } else {
        add_parts(draft, as_parts(value));
      }
      break;
    case Record::Shape::messages:
      add_conversation(draft, value);
      break;
    case Record::Shape::preference:
      if (!has(value, "chosen")) break;
      return this->draft(parse_record(text_field(value, "chosen")));
    case Record::Shape::segments:
      add_segments(draft, value);
      break;
    case Record::Shape::tokens:
      add_ids(draft, value);
      break;
  }
  if (options_.train_on_prompt) std::fill(draft.learned.begin(), draft.learned.end(), uint8_t{1});
  if (!draft.learned.empty()) draft.learned[0] = 0;
  return draft;
}

namespace {

Tokens cut_to(std::vector<int32_t> ids, std::vector<uint8_t> learned, int64_t max_length) {
  Tokens tokens;
  const auto most = static_cast<size_t>(std::max<int64_t>(max_length, 0));
  tokens.cut = ids.size() > most;
  if (tokens.cut) {
    ids.resize(most);
    learned.resize(most);
  }
  tokens.ids = std::move(ids);
  tokens.learned = std::move(learned);
  return tokens;
}

}  // namespace

Tokens RecordEncoder::apply(const Record& record) const {
  Draft made = draft(record);
  return cut_to(std::move(made.ids), std::move(made.learned), preprocess_.max_length);
}

std::array<Tokens, 2> RecordEncoder::pair(std::string_view line) const {
  const Record record = parse_record(line);
  if (const std::string why = why_unpaired(record); !why.empty())
    fail_unreadable("the record cannot be used to learn a preference: {}", why);
  return {apply(text_field(record.value, "chosen")), apply(text_field(record.value, "rejected"))};
}

ExaminedRecord RecordEncoder::examine(const Record& record) const {
  Draft made = draft(record);
  ExaminedRecord seen;
  seen.whole_length = static_cast<int64_t>(made.ids.size());
  seen.double_bos = bos_ && made.ids.size() > 1 && made.ids[0] == *bos_ && made.ids[1] == *bos_;
  seen.no_end = made.no_end;
  seen.end_added = made.end_added;
  const Record* inner = &record;
  Record chosen;
  if (record.shape == Record::Shape::preference && has(record.value, "chosen")) {
    chosen = parse_record(text_field(record.value, "chosen"));
    inner = &chosen;
  }
  const bool spelled =
      inner->shape == Record::Shape::segments || inner->shape == Record::Shape::tokens;
  if (spelled && eos_) {
    // Whoever spells tokens out has to spell the end, too.
    const auto last = std::find(made.learned.rbegin(), made.learned.rend(), uint8_t{1});
    const auto behind = static_cast<size_t>(last - made.learned.rbegin());
    seen.no_end = last != made.learned.rend() && made.ids[made.ids.size() - 1 - behind] != *eos_;
  }
  Json conversation;
  if (inner->shape == Record::Shape::messages) conversation = inner->value.at("messages");
  if (inner->shape == Record::Shape::instruction && templates_.usual)
    conversation = as_messages(inner->value);
  if (!conversation.is_null()) {
    const ChatTemplate* chat = templates_.for_tools(has(inner->value, "tools"));
    seen.rewritten = rewritten_turns(*chat, fitted(conversation), render_options(inner->value));
  }
  seen.tokens = cut_to(std::move(made.ids), std::move(made.learned), preprocess_.max_length);
  seen.length = static_cast<int64_t>(seen.tokens.ids.size());
  seen.learned = std::count(seen.tokens.learned.begin(), seen.tokens.learned.end(), uint8_t{1});
  return seen;
}

std::vector<RecordPart> RecordEncoder::parts(const Tokens& tokens) const {
  const std::vector<uint32_t> ids(tokens.ids.begin(), tokens.ids.end());
  const auto decode = [&](size_t begin, size_t end) {
    return preprocess_.tokenizer->decode(std::span(ids).subspan(begin, end - begin), false);
  };
  std::vector<RecordPart> parts;
  std::string before;
  for (size_t begin = 0, end = 0; begin < ids.size(); begin = end) {
    const bool learned = tokens.learned[begin] != 0;
    while (end < ids.size() && (tokens.learned[end] != 0) == learned) ++end;
    // Decoders take a blank off the beginning of what they are given, so they get it all.
    std::string until = decode(0, end);
    parts.push_back(
        {until.starts_with(before) ? until.substr(before.size()) : decode(begin, end), learned});
    before = std::move(until);
  }
  return parts;
}

}  // namespace graft::texts
