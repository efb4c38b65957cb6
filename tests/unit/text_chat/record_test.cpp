#include "graft/text/chat/record.h"

#include "graft/base/error.h"
#include "tests/support/support.h"

namespace graft::texts {
namespace {

using Shape = Record::Shape;
constexpr auto kUnreadable = ErrorCode::unreadable;

Record read(const std::string& json) {
  return read_record(parse_json(json, "the test"));
}

/// What became of a record, without its shape.
std::string value_of(const std::string& json) {
  return read(json).value.dump();
}

#define EXPECT_REFUSED(json, part) EXPECT_GRAFT_ERROR(read(json), kUnreadable, part)

TEST(Record, KnowsEveryShapeByItsName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"text": "a"})", "text"},
      {R"({"prompt": "a", "completion": "b"})", "prompt/completion"},
      {R"({"prompt": [{"role": "user", "content": "a"}],
           "completion": [{"role": "assistant", "content": "b"}]})",
       "prompt/completion of messages"},
      {R"({"instruction": "a", "input": "", "output": "b"})", "alpaca"},
      {R"({"instruction": "a", "context": "c", "response": "b"})", "instruction/response"},
      {R"({"prompt": "a", "response": "b"})", "prompt/response"},
      {R"({"query": "a", "response": "b"})", "query/response"},
      {R"({"question": "a", "answer": "b"})", "question/answer"},
      {R"({"input": "a", "output": "b"})", "input/output"},
      {R"({"instruction": "a", "instances": [{"input": "", "output": "b"}]})", "self-instruct"},
      {R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})",
       "messages"},
      {R"({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]})",
       "sharegpt"},
      {R"({"prompt": "a", "chosen": "b", "rejected": "c"})", "prompt/completion with preference"},
      {R"({"instruction": "a", "input": "", "output": "x", "chosen": "b", "rejected": "c"})",
       "alpaca with preference"},
      {R"({"prompt": "a", "completion": "b", "label": true})", "prompt/completion with label"},
      {R"({"segments": [{"label": false, "text": "a"}, {"label": true, "text": "b"}]})",
       "segments"},
      {R"({"input_ids": [1, 2], "labels": [-100, 2]})", "tokens"},
  };
  for (const auto& [json, name] : cases) {
    const Record record = read(json);
    EXPECT_EQ(record.described, name) << json;
    EXPECT_NE(record_shape(parse_json(json, "")), "") << json;
    const Record again = parse_record(record.line());
    EXPECT_EQ(again.shape, record.shape) << json;
    EXPECT_EQ(again.value, record.value) << json;
    EXPECT_EQ(record.line().find('\n'), std::string::npos);
  }
}

TEST(Record, AlpacaKeepsInputSystemAndHistory) {
  EXPECT_EQ(value_of(R"({"instruction": "Add", "input": "1 2", "output": "3", "system": "Be brief",
                         "history": [["q", "a"]]})"),
            R"({"instruction":"Add","input":"1 2","output":"3","system":"Be brief",)"
            R"("history":[["q","a"]],"alpaca":true})");
  EXPECT_EQ(value_of(R"({"instruction": "a", "input": null, "output": "b", "history": []})"),
            R"({"instruction":"a","output":"b","alpaca":true})");
  EXPECT_EQ(value_of(R"({"instruction": "a", "context": "c", "response": "b", "category": "x"})"),
            R"({"instruction":"a","input":"c","output":"b"})");
  EXPECT_EQ(
      value_of(R"({"id": 1, "instruction": "a", "instances": [{"input": "i", "output": "o"}]})"),
      R"({"instruction":"a","input":"i","output":"o","alpaca":true})");
}

TEST(Record, MessagesOfOpenAi) {
  const Record record = read(R"({"messages": [
      {"role": "developer", "content": "Be brief"},
      {"role": "User", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "assistant", "content": null, "weight": 0, "name": null, "tool_calls": [{"id": "1",
          "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]},
      {"role": "tool", "tool_call_id": "1", "content": {"y": 2}},
      {"role": "assistant", "content": "c", "reasoning_content": "hm"}],
      "tools": [{"name": "f", "parameters": {}}], "parallel_tool_calls": false})");
  const Json& messages = record.value.at("messages");
  ASSERT_EQ(messages.size(), 5U);
  EXPECT_EQ(messages[1].dump(), R"({"role":"user","content":"ab"})");
  EXPECT_EQ(messages[2].dump(), R"({"role":"assistant","tool_calls":[{"id":"1","type":"function",)"
                                R"("function":{"name":"f","arguments":{"x":1}}}]})");
  EXPECT_EQ(messages[3].dump(), R"({"role":"tool","content":"{\"y\":2}","tool_call_id":"1"})");
  EXPECT_EQ(messages[4].at("reasoning_content"), "hm");
  EXPECT_EQ(record.value.at("tools").dump(),
            R"([{"type":"function","function":{"name":"f","parameters":{}}}])");
  EXPECT_EQ(record.value.at("skip").dump(), "[2]");
}

TEST(Record, ShareGptWithToolsAsLlamaFactoryWritesThem) {
  const Record record = read(R"({"conversations": [
      {"from": "human", "value": "Weather?"},
      {"from": "function_call", "value": "{\"name\": \"w\", \"arguments\": {\"city\": \"Rom\"}}"},
      {"from": "observation", "value": "21"},
      {"from": "gpt", "value": "It is 21."}],
      "system": "Be brief", "tools": "[{\"name\": \"w\", \"parameters\": {}}]"})");
  EXPECT_EQ(record.described, "sharegpt");
  EXPECT_EQ(record.value.at("messages").dump(),
            R"([{"role":"system","content":"Be brief"},{"role":"user","content":"Weather?"},)"
            R"({"role":"assistant","tool_calls":[{"type":"function","function":{"name":"w",)"
            R"("arguments":{"city":"Rom"}}}]},{"role":"tool","content":"21"},)"
            R"({"role":"assistant","content":"It is 21."}])");
  EXPECT_EQ(record.value.at("tools")[0].at("function").at("name"), "w");
  EXPECT_FALSE(read(R"({"conversations": [{"from": "human", "value": "a"},
                        {"from": "gpt", "value": "b"}], "tools": ""})")
                   .value.contains("tools"));
}

TEST(Record, CompletionsOfMessagesSayWhereLearningBegins) {
  const Record record = read(R"({"prompt": [{"role": "user", "content": "a"},
      {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],
      "completion": [{"role": "assistant", "content": "d"}], "system": "s"})");
  EXPECT_EQ(record.value.at("messages").size(), 5U);
  EXPECT_EQ(record.value.at("from"), 4);
}

/// The record that is learned of a preference.
Record chosen(const std::string& json) {
  const Record record = read(json);
  EXPECT_EQ(record.shape, Shape::preference);
  return parse_record(record.value.at("chosen").get<std::string>());
}

TEST(Record, PreferencesInTheirManyForms) {
  EXPECT_EQ(chosen(R"({"prompt": "a", "chosen": "b", "rejected": "c"})").value.dump(),
            R"({"prompt":"a","completion":"b"})");
  EXPECT_EQ(chosen(R"({"instruction": "a", "input": "i", "output": "o", "chosen": "b",
                       "rejected": "c"})")
                .value.dump(),
            R"({"instruction":"a","input":"i","output":"b","alpaca":true})");
  EXPECT_EQ(
      chosen(R"({"system": "s", "question": "a", "chosen": "b", "rejected": "c"})").value.dump(),
      R"({"instruction":"a","output":"b","system":"s"})");
  EXPECT_EQ(chosen(R"({"chosen": "Human: a Assistant: b", "rejected": "c"})").shape, Shape::text);
  const std::string conversation =
      R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])";
  // The whole conversation, with its prompt beside it (UltraFeedback) or without.
  for (const char* extra : {R"("prompt": "a",)", "", R"("prompt": "a", "messages": [],)"}) {
    const Record one = chosen(
        fmt::format(R"({{{} "chosen": {}, "rejected": {}}})", extra, conversation, conversation));
    EXPECT_EQ(one.value.at("messages").dump(), conversation) << extra;
  }
  // Answers that continue a conversation, as TRL and LLaMA-Factory write them.
  const Record listed = chosen(R"({"prompt": [{"role": "user", "content": "a"}],
      "chosen": [{"role": "assistant", "content": "b"}],
      "rejected": [{"role": "assistant", "content": "c"}]})");
  EXPECT_EQ(listed.value.at("messages").dump(), conversation);
  EXPECT_EQ(listed.value.at("from"), 1);
  const Record factory = chosen(R"({"conversations": [{"from": "human", "value": "a"}],
      "chosen": {"from": "gpt", "value": "b"}, "rejected": {"from": "gpt", "value": "c"}})");
  EXPECT_EQ(factory.value.at("messages").dump(), conversation);
  // KTO: a good answer or a bad one.
  EXPECT_EQ(chosen(R"({"prompt": "a", "completion": "b", "label": true})").shape,
            Shape::prompt_completion);
  const Record bad = read(R"({"messages": [{"role": "user", "content": "a"},
      {"role": "assistant", "content": "b"}], "kto_tag": false})");
  EXPECT_FALSE(bad.value.contains("chosen"));
  EXPECT_EQ(why_unused(bad), "the answer is a rejected one");
}

TEST(Record, TokensLeaveOutPaddingAndRefuseWhatIsShiftedOrPacked) {
  EXPECT_EQ(value_of(R"({"input_ids": [0, 5, 6], "labels": [-100, -100, 6],
                         "attention_mask": [0, 1, 1]})"),
            R"({"input_ids":[5,6],"labels":[-100,6]})");
  EXPECT_REFUSED(R"({"input_ids": [5, 6, 7], "labels": [6, 7, -100]})", "labels are not shifted");
  EXPECT_REFUSED(R"({"input_ids": [5, 6, 7], "position_ids": [0, 1, 0]})", "are packed into this");
  EXPECT_REFUSED(R"({"input_ids": [5, "6"]})", "the 2. is \"6\"");
  EXPECT_REFUSED(R"({"input_ids": [5, 6], "labels": [5]})", "'labels' has 1 numbers");
  EXPECT_REFUSED(R"({"input_ids": []})", "empty list");
  EXPECT_REFUSED(R"({"input_ids": [18446744073709551615]})", "whole numbers");
  EXPECT_REFUSED(R"({"input_ids": [1e30]})", "whole numbers");
}

TEST(Record, SaysWhyThereIsNothingToLearn) {
  EXPECT_EQ(why_unused(read(R"({"text": " \n"})")), "the text is blank");
  EXPECT_EQ(why_unused(read(R"({"prompt": "a", "completion": ""})")), "the answer is blank");
  EXPECT_EQ(why_unused(read(R"({"instruction": "a", "output": " "})")), "the answer is blank");
  EXPECT_EQ(why_unused(read(R"({"prompt": "a", "chosen": "", "rejected": "c"})")),
            "the answer is blank");
  EXPECT_EQ(why_unused(read(R"({"text": "a"})")), "");
  EXPECT_EQ(why_unused(read(R"({"question": "a", "answer": "b"})")), "");
}

TEST(Record, NamesWhatIsWrong) {
  EXPECT_REFUSED(R"({"user": "a", "bot": "b"})", "fields user, bot, which is no shape");
  EXPECT_REFUSED(R"({"user": "a"})", "instruction, output (input, system, history)");
  EXPECT_REFUSED("{}", "(none)");
  EXPECT_REFUSED("[1]", "a record is an object");
  EXPECT_REFUSED(R"({"text": 5})", "'text' must be a text, got number");
  EXPECT_REFUSED(R"({"prompt": "a", "completion": 5})", "got string and number");
  EXPECT_REFUSED(R"({"prompt": "a", "completion": [{"role": "assistant", "content": "b"}]})",
                 "two texts or two lists");
  EXPECT_REFUSED(R"({"instruction": ["a"], "output": "b"})", "'instruction' must be a text");
  EXPECT_REFUSED(R"({"instruction": "a", "output": "b", "history": [["q"]]})", "round 1 is none");
  EXPECT_REFUSED(R"({"instruction": "a", "instances": [{}, {}]})", "a list of one object");
  EXPECT_REFUSED(R"({"segments": []})", "'segments' is an empty list");
  EXPECT_REFUSED(R"({"segments": [{"text": "a", "label": 1}]})", "segment 1 must be");
  EXPECT_REFUSED(R"({"chosen": [], "rejected": []})", "'chosen' is an empty list");
}

TEST(Record, NamesTheMessageThatIsWrong) {
  const auto messages = [](const std::string& list) {
    return R"({"messages": [{"role": "user", "content": "a"}, )" + list + "]}";
  };
  EXPECT_REFUSED(R"({"messages": []})", "0 message(s) and none of the assistant");
  EXPECT_REFUSED(messages(R"({"role": "user", "content": "b"})"), "none of the assistant");
  EXPECT_REFUSED(messages(R"({"role": "narrator", "content": "b"})"),
                 "message 2 ('messages') has the role 'narrator'; known:");
  EXPECT_REFUSED(messages(R"({"content": "b"})"), "message 2 ('messages') has no role");
  EXPECT_REFUSED(messages(R"({"role": "assistant", "content": 5})"),
                 "message 2 ('messages'): the content must be a text");
  EXPECT_REFUSED(messages(R"({"role": "user"})"), "message 2 ('messages') has no content");
  EXPECT_REFUSED(messages(R"("hello")"), "must be an object");
  EXPECT_REFUSED(messages(R"({"role": "user", "content": [{"type": "image_url", "x": 1}]})"),
                 "a part of the type 'image_url'");
  EXPECT_REFUSED(messages(R"({"role": "assistant", "content": "b", "tool_calls": [5]})"),
                 "'tool_calls' must be JSON with 'name'");
  EXPECT_REFUSED(messages(R"({"role": "assistant", "tool_calls": [{"function": {"x": 1}}]})"),
                 "'tool_calls' must be JSON with 'name'");
  EXPECT_REFUSED(messages(R"({"from": "function_call", "value": "no JSON"})"),
                 "the call must be JSON");
  EXPECT_REFUSED(messages(R"({"role": "assistant", "content": "b", "weight": 2})"),
                 "'weight' must be 0 or 1");
  EXPECT_REFUSED(R"({"messages": [{"role": "assistant", "content": "b"}], "tools": "none"})",
                 "'tools' must be a list");
  EXPECT_REFUSED(R"({"prompt": [{"role": "assistant", "content": "a"}],
                     "completion": [{"role": "user", "content": "b"}]})",
                 "none of the assistant that answers");
}

TEST(Record, HostileInputIsAnError) {
  std::string deep = R"({"messages": )";
  for (int i = 0; i < 900; ++i) deep += "[";
  for (int i = 0; i < 900; ++i) deep += "]";
  EXPECT_REFUSED(deep + "}", "must be an object");
  Json many = Json::object();
  for (int i = 0; i < 1000; ++i) many[std::string(100, 'x') + std::to_string(i)] = i;
  EXPECT_GRAFT_ERROR(read_record(many), kUnreadable, "and 980 more");
  EXPECT_REFUSED(R"({"messages": [{"role": ")" + std::string(100'000, 'r') + R"("}]})", "rrr…'");
  for (const char* line : {"", "{", "[]", "{}", "5", R"({"shape": "odd"})", R"({"shape": 5})"})
    EXPECT_GRAFT_ERROR(parse_record(line), kUnreadable, "");
}

// Every field with every type: read or refused, and what was read can be read again.
TEST(Record, EveryFieldMayBeOfAnyType) {
  const std::vector<std::string> keys = {
      "text",   "prompt",   "completion",    "instruction", "output",   "response", "question",
      "answer", "messages", "conversations", "tools",       "segments", "chosen",   "rejected",
      "label",  "history",  "input_ids",     "labels",      "system",   "instances"};
  const std::vector<std::string> values = {"null",
                                           "true",
                                           "5",
                                           "-1.5",
                                           R"("a")",
                                           "[]",
                                           "{}",
                                           "[[]]",
                                           "[5]",
                                           R"(["a"])",
                                           R"([{"role": "assistant", "content": "a"}])",
                                           R"([{"from": 5}])",
                                           R"([{"role": {}}])",
                                           R"({"role": "assistant", "content": [5]})",
                                           R"([{"label": true, "text": "a"}])"};
  int read_ones = 0;
  for (const auto& first : keys) {
    for (const auto& second : keys) {
      for (const auto& a : values) {
        for (const auto& b : values) {
          const std::string json = fmt::format(R"({{"{}": {}, "{}": {}}})", first, a,
                                               second + (first == second ? "2" : ""), b);
          try {
            const Record record = read(json);
            EXPECT_EQ(parse_record(record.line()).value, record.value) << json;
            ++read_ones;
          } catch (const Error& error) {
            EXPECT_EQ(error.code(), kUnreadable) << json << error.what();
          }
        }
      }
    }
  }
  EXPECT_GT(read_ones, 1000);
}

}  // namespace
}  // namespace graft::texts
