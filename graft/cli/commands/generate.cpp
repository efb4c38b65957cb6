#include <iostream>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/options.h"
#include "graft/cli/arguments.h"
#include "graft/cli/conversation.h"
#include "graft/cli/prompts.h"
#include "graft/tensor/device.h"
#include "graft/train/config.h"
#include "graft/train/language_model.h"
#include "graft/train/stop.h"

namespace graft::cli {
namespace {

using graft::train::LanguageModel;
using models::Finish;

/// Weights below which a token is computed before other threads are awake.
constexpr int64_t kWorthThreads = 2'000'000;

std::vector<Option> settings() {
  return {
      text("model", nullptr, "run folder, model folder, hub id or bundled model"),
      text("prompt", nullptr, "the text to go on with; to a chat model, what the user says"),
      text("file", nullptr,
           "many prompts: a line each, or of .jsonl objects with prompt or messages; - for stdin"),
      text("output", nullptr, "where answers to a file go, a JSON object a line; else stdout"),
      flag("overwrite", false, "replace an output that is there"),
      text("device", "auto", "auto, cpu or cuda").one_of({"auto", "cpu", "cuda"}),
      text("system", nullptr, "what a chat model is told first"),
      text("chat_template", "auto", "auto, none, a built-in one (chatml, llama-3 …) or a file"),
      integer("max_new_tokens", 256, "most tokens of an answer").at_least(1),
      number("temperature", nullptr, "0 takes the likeliest token; higher is bolder").at_least(0),
      integer("top_k", nullptr, "choose among the k likeliest; 0: all").at_least(0),
      number("top_p", nullptr, "choose among the likeliest that reach this probability together")
          .between(0, 1),
      number("repetition_penalty", nullptr, "above 1: what was there comes less often").at_least(0),
      list("stop", Json::array(), "texts that end an answer, which is cut before them"),
      integer("seed", 0, "of random choices").at_least(0),
      integer("batch", 16, "prompts of a file that are answered at the same time").between(1, 4096),
      text("format", nullptr, "text, or json with counts and the reason of the end")
          .one_of({"text", "json"})};
}

/// Texts are taken as they are: a prompt may look like YAML.
Json read_settings(const Words& words) {
  static const std::vector<std::string> texts = {"model",  "prompt", "file",
                                                 "output", "system", "chat_template"};
  Json given = Json::object();
  for (const auto& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos)
      fail_usage("'{}' is not key=value; see graft generate --help", word);
    const std::string key = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    if (std::ranges::find(texts, key) != texts.end()) {
      given[key] = value;
    } else if (key == "stop") {
      const bool yaml = value.starts_with('[') || value.starts_with('"');
      const Json stop = yaml ? parse_yaml(value, "the value of stop") : Json(value);
      for (const Json& one : stop.is_array() ? stop : Json::array({stop}))
        given[key].push_back(one);
    } else {
      graft::train::apply_override(given, word);
    }
  }
  return given;
}

std::string help_of_settings() {
  std::string help = "Settings:\n";
  for (const Option& o : settings()) help += fmt::format("  {:<20} {}\n", o.name + "=", o.help);
  return help +
         "\nWhere temperature, top_k, top_p and repetition_penalty are not given, the model's\n"
         "generation_config.json decides; without one the likeliest token is taken. top_k or "
         "top_p\n"
         "alone choose at temperature 1.";
}

std::string text_or(const Options& options, const char* name, const std::string& fallback) {
  return options.is_set(name) ? as_utf8(options.text(name)) : fallback;
}

models::GenerateOptions generate_options(const Options& given, const LanguageModel& model,
                                         bool chat) {
  models::GenerateOptions options = model.options(chat);
  models::Sampling& sampling = options.sampling;
  if (given.is_set("temperature"))
    sampling.temperature = given.number("temperature");
  else if (sampling.temperature == 0 && (given.is_set("top_k") || given.is_set("top_p")))
    sampling.temperature = 1;  // who says among which tokens to choose wants a choice
  if (given.is_set("top_k")) sampling.top_k = given.integer("top_k");
  if (given.is_set("top_p")) sampling.top_p = given.number("top_p");
  if (given.is_set("repetition_penalty"))
    sampling.repetition_penalty = given.number("repetition_penalty");
  options.max_new_tokens = given.integer("max_new_tokens");
  options.seed = static_cast<uint64_t>(given.integer("seed"));
  options.batch = given.integer("batch");
  for (const auto& stop : given.texts("stop")) options.stop.push_back(stop);
  return options;
}

void tell_work(const models::GenerateWork& work) {
  const double seconds = work.read_seconds + work.write_seconds;
  std::string speed;
  if (work.read_seconds > 0)
    speed += fmt::format("; prompts {:.0f} tokens/s",
                         static_cast<double>(work.read) / work.read_seconds);
  if (work.write_seconds > 0)
    speed += fmt::format(", answers {:.1f} tokens/s",
                         static_cast<double>(work.written_alone) / work.write_seconds);
  std::cerr << fmt::format("graft: {} tokens read, {} written in {:.2f} s{}\n", work.read,
                           work.written, seconds, speed);
}

/// Answers all questions, and writes them as they are asked for.
class Answers {
 public:
  Answers(const Options& given, LanguageModel& model, bool raw)
      : given_(given), model_(model), raw_(raw), system_(text_or(given, "system", "")) {
    if (raw && !system_.empty())
      fail_usage("generate: system= is for a conversation; with --raw put it into the prompt");
  }

  int write(const std::vector<Question>& questions, bool from_file) {
    bool chat = false;
    std::vector<models::Prompt> prompts;
    for (const Question& q : questions) {
      try {
        prompts.push_back(prompt_of(q));
      } catch (const Error& e) {
        if (!from_file) throw;
        throw Error(e.code(), fmt::format("{}: {}", q.where, e.what()));
      }
      chat = chat || !prompts.back().continues;
    }
    const auto options = generate_options(given_, model_, chat);
    const std::string format = text_or(given_, "format", from_file ? "json" : "text");
    std::optional<OrderedLines> lines;
    models::GenerateWatch watch;
    watch.stop = [] { return graft::train::stop_requested(); };
    if (format == "json") {
      lines.emplace(text_or(given_, "output", ""), given_.boolean("overwrite"));
      watch.done = [&](size_t i, const models::Generated& result) {
        lines->put(i, line_of(questions[i], prompts[i], result));
      };
    } else if (!from_file) {
      watch.text = [](size_t, const std::string& text) { std::cout << text << std::flush; };
    }
    const auto results = model_.generator().run(prompts, options, watch);
    if (format == "text") {
      for (const auto& result : results) {
        if (from_file) std::cout << result.text;
        std::cout << "\n";
      }
      std::cout << std::flush;
    }
    tell(results, options);
    return graft::train::stop_requested() ? static_cast<int>(ErrorCode::interrupted) : 0;
  }

 private:
  models::Prompt prompt_of(const Question& q) const {
    if (raw_ && !q.messages.is_null())
      fail_usage(
          "--raw goes on with texts, and these are messages; leave it out, or give a prompt");
    if (q.messages.is_null() && (raw_ || !model_.chats())) {
      if (!system_.empty()) return model_.answer(Json::array());  // says that there is no template
      return model_.prompt(q.prompt);
    }
    Json messages = q.messages;
    if (messages.is_null()) messages = {{{"role", "user"}, {"content", q.prompt}}};
    const Json first = messages[0].is_object() ? messages[0].value("role", Json()) : Json();
    if (!system_.empty() && first != "system")
      messages.insert(messages.begin(), Json{{"role", "system"}, {"content", system_}});
    return model_.answer(messages);
  }

  static Json line_of(const Question& q, const models::Prompt& prompt,
                      const models::Generated& result) {
    Json line = q.record;
    line["completion"] = result.text;
    line["finish_reason"] = models::finish_name(result.finish);
    line["prompt_tokens"] = prompt.ids.size();
    line["completion_tokens"] = result.ids.size();
    return line;
  }

  void tell(const std::vector<models::Generated>& results,
            const models::GenerateOptions& options) const {
    const auto count = [&](Finish finish) {
      return std::ranges::count(results, finish, &models::Generated::finish);
    };
    const std::string of = results.size() == 1 ? "" : fmt::format(" of {}", results.size());
    const auto say = [&](Finish finish, const std::string& what) {
      const auto n = count(finish);
      if (n > 0)
        std::cerr << "graft: " << (of.empty() ? "" : fmt::format("{}{} ", n, of)) << what << "\n";
    };
    say(Finish::length, fmt::format("stopped after max_new_tokens={}", options.max_new_tokens));
    say(Finish::context,
        fmt::format("stopped at the model's context of {} tokens", model_.generator().context()));
    say(Finish::interrupted, "interrupted");
    tell_work(model_.generator().work());
  }

  const Options& given_;
  LanguageModel& model_;
  bool raw_;
  std::string system_;
};

int run(const Options& given, bool raw, bool chat) {
  const int ways =
      (given.is_set("prompt") ? 1 : 0) + (given.is_set("file") ? 1 : 0) + (chat ? 1 : 0);
  if (!given.is_set("model"))
    fail_usage("generate: model is missing; give model=FOLDER, a run, org/name or stories260K");
  if (ways != 1)
    fail_usage("generate: give one of prompt=\"…\", file=prompts.txt and --chat, got {}",
               ways == 0 ? "none" : "several");
  if (chat && raw) fail_usage("generate: --chat needs the chat template that --raw leaves out");
  if (given.is_set("output") && (!given.is_set("file") || given.json()["format"] == "text"))
    fail_usage("generate: output= is for the answers to file=, as JSON lines");
  set_threads(usable_cores());
  LanguageModel model(given.text("model"), raw ? "none" : given.text("chat_template"));
  if (model.model().parameter_count() < kWorthThreads) set_threads(1);
  model.model().to(begin_device(given.text("device")));
  model.generator().tokenizer();
  if (!chat) {
    Answers answers(given, model, raw);
    if (given.is_set("file")) return answers.write(read_questions(given.text("file")), true);
    const std::string prompt = as_utf8(given.text("prompt"));
    return answers.write({{"prompt", prompt, Json(), Json{{"prompt", prompt}}}}, false);
  }
  if (!model.chats()) model.answer(Json::array());  // says what is missing
  const int code =
      converse(model, generate_options(given, model, true), text_or(given, "system", ""));
  tell_work(model.generator().work());
  return code;
}

}  // namespace

Command generate() {
  return {"generate", "lets a language model go on with a text, answer, or chat",
          [](const Words& words) {
            Arguments arguments("generate",
                                "Lets a language model write: it goes on with a text, answers a "
                                "prompt where it has a chat template, or chats.");
            Words given;
            bool raw = false;
            bool chat = false;
            arguments.app().add_option("words", given, "model=… prompt=… and other settings");
            arguments.app().add_flag("--raw", raw, "go on with the prompt, chat template or not");
            arguments.app().add_flag("--chat", chat, "a conversation, a line of stdin a turn");
            arguments.app().footer(help_of_settings());
            if (!arguments.parse(words)) return 0;
            return run(Options(settings(), read_settings(given), "generate"), raw, chat);
          }};
}

}  // namespace graft::cli
