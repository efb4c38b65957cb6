#include "graft/cli/conversation.h"

#include <unistd.h>

#include <iostream>

#include "graft/base/error.h"
#include "graft/cli/prompts.h"
#include "graft/train/stop.h"

namespace graft::cli {
namespace {

/// The conversation's tokens, with room for an answer: the oldest turns go where there is none.
models::Prompt fitting_prompt(const train::LanguageModel& model, int64_t context, Json& messages) {
  models::Prompt prompt = model.answer(messages);
  const int64_t room = context - context / 8;
  const size_t fixed = messages[0]["role"] == "system" ? 1 : 0;
  size_t left_out = 0;
  while (std::ssize(prompt.ids) > room && messages.size() > fixed + 1) {
    // What was said and what was answered.
    for (int i = 0; i < 2 && messages.size() > fixed + 1; ++i) messages.erase(fixed);
    ++left_out;
    prompt = model.answer(messages);
  }
  if (left_out > 0) {
    std::cerr << fmt::format(
        "graft: the conversation fills the model's context of {} tokens; the oldest {} turns are "
        "left out\n",
        context, left_out);
  }
  return prompt;
}

}  // namespace

int converse(train::LanguageModel& model, const models::GenerateOptions& wanted,
             const std::string& system) {
  models::GenerateOptions options = wanted;
  options.keep = true;
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  const int64_t context = model.generator().context();
  Json messages = Json::array();
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  models::GenerateWatch watch;
  watch.text = [](size_t, const std::string& text) { std::cout << text << std::flush; };
  watch.stop = [] { return train::stop_requested(); };
  if (terminal) std::cerr << "graft: /quit or Ctrl-D ends\n";

  std::string line;
  while (!train::stop_requested()) {
    if (terminal) std::cerr << "> ";
    if (!std::getline(std::cin, line)) break;
    if (line.ends_with('\r')) line.pop_back();
    if (line == "/quit") break;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    messages.push_back({{"role", "user"}, {"content", as_utf8(line)}});
    models::Generated answer;
    try {
      const models::Prompt prompt = fitting_prompt(model, context, messages);
      answer = model.generator().run({prompt}, options, watch)[0];
    } catch (const Error& e) {
      // Who sits there can say it in another way.
      if (!terminal) throw;
      std::cerr << "graft: " << e.what() << "\n";
      messages.erase(messages.size() - 1);
      continue;
    }
    std::cout << "\n" << std::flush;
    if (answer.finish == models::Finish::length)
      std::cerr << fmt::format("graft: stopped after max_new_tokens={}\n", options.max_new_tokens);
    if (answer.finish == models::Finish::context)
      std::cerr << fmt::format("graft: stopped at the model's context of {} tokens\n", context);
    messages.push_back({{"role", "assistant"}, {"content", answer.text}});
  }
  return train::stop_requested() ? static_cast<int>(ErrorCode::interrupted) : 0;
}

}  // namespace graft::cli
