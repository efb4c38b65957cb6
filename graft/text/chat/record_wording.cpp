#include "graft/text/chat/record_wording.h"

#include "graft/text/chat/record_fields.h"

namespace graft::texts {
namespace {

constexpr const char* kAlone =
    "Below is an instruction that describes a task. Write a response that appropriately completes "
    "the request.\n\n";
constexpr const char* kWithInput =
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request.\n\n";

std::string joined(const std::string& first, const std::string& second) {
  return first + (first.empty() || second.empty() ? "" : "\n") + second;
}

/// Questions and their answers, before the one that is asked.
std::vector<std::pair<std::string, std::string>> earlier_rounds(const Json& instruction) {
  std::vector<std::pair<std::string, std::string>> rounds;
  if (!has(instruction, "history")) return rounds;
  for (const Json& round : instruction.at("history"))
    rounds.emplace_back(round.at(0).get<std::string>(), round.at(1).get<std::string>());
  return rounds;
}

std::string alpaca_question(const std::string& instruction, const std::string& input) {
  std::string text = "### Instruction:\n" + instruction + "\n\n";
  if (!input.empty()) text += "### Input:\n" + input + "\n\n";
  return text + "### Response:\n";
}

}  // namespace

Json as_messages(const Json& instruction) {
  Json messages = Json::array();
  const auto add = [&](const char* role, const std::string& content) {
    messages.push_back({{"role", role}, {"content", content}});
  };
  if (const std::string system = optional_text(instruction, "system"); !system.empty())
    add("system", system);
  for (const auto& [question, answer] : earlier_rounds(instruction)) {
    add("user", question);
    add("assistant", answer);
  }
  add("user", joined(text_field(instruction, "instruction"), optional_text(instruction, "input")));
  add("assistant", text_field(instruction, "output"));
  return messages;
}

std::vector<RecordPart> as_parts(const Json& instruction) {
  const bool alpaca = has(instruction, "alpaca");
  const std::string input = optional_text(instruction, "input");
  const std::string question = text_field(instruction, "instruction");
  std::string before = optional_text(instruction, "system");
  if (!before.empty()) {
    before += "\n\n";
  } else if (alpaca) {
    before = input.empty() ? kAlone : kWithInput;
  }
  std::vector<RecordPart> parts;
  for (const auto& [earlier, answer] : earlier_rounds(instruction)) {
    parts.push_back({before + (alpaca ? alpaca_question(earlier, "") : earlier + "\n"), false});
    parts.push_back({answer, true});
    before = alpaca ? "\n\n" : "\n";
  }
  const std::string last =
      alpaca ? alpaca_question(question, input) : joined(question, input) + "\n";
  parts.push_back({before + last, false});
  parts.push_back({text_field(instruction, "output"), true});
  return parts;
}

}  // namespace graft::texts
