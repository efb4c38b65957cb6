#include "graft/models/generate.h"

#include <torch/types.h>

#include <algorithm>
#include <optional>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/models/family.h"
#include "graft/models/rope.h"
#include "graft/text/text_stream.h"

namespace graft::models {
namespace {

constexpr int64_t kReadAtOnce = 4096;  // tokens of prompts in a pass, so that memory stays bounded

std::vector<uint32_t> unsigned_ids(const std::vector<int32_t>& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

/// A text that is being written.
struct Generator::Text {
  Text(size_t number_of_prompt, int64_t slot_in_cache, std::vector<int32_t> prompt_ids,
       const GenerateOptions& options)
      : number(number_of_prompt),
        slot(slot_in_cache),
        ids(std::move(prompt_ids)),
        sampler(options.sampling, hash_key({options.seed, number_of_prompt})) {
    for (const int32_t id : ids) sampler.see(id);
  }
  int64_t unread() const { return static_cast<int64_t>(ids.size()) - read; }

  size_t number;
  int64_t slot;
  std::vector<int32_t> ids;  // prompt and new tokens
  int64_t read = 0;          // of these, how many the cache has
  Sampler sampler;
  std::optional<texts::TextStream> stream;
  Generated result;
  bool over = false;
};

const char* finish_name(Finish finish) {
  switch (finish) {
    case Finish::length:
      return "length";
    case Finish::context:
      return "context";
    case Finish::interrupted:
      return "interrupted";
    case Finish::end_token:
    case Finish::stop_text:
      break;
  }
  return "stop";
}

Generator::Generator(Model& model)
    : model_(model),
      config_(read_generation_config(model)),
      vocabulary_(config_integer(model.config(), "vocab_size", 0)),
      rope_limit_(rope_limit(model.config())) {
  if (model.task() != Task::next_token) {
    fail_usage(
        "the model ({}) was loaded as a classifier and has no head that says which token comes "
        "next; generate with a language model",
        model.family());
  }
}

std::shared_ptr<const texts::Tokenizer> Generator::tokenizer() const {
  const texts::Preprocess& preprocess = model_.text_preprocess();
  if (!preprocess.tokenizer) {
    fail_unreadable(
        "{}: there is no tokenizer (tokenizer.json, tokenizer.model, vocab.json with merges.txt), "
        "so no text can be read or written; copy the files of the original model there",
        preprocess.folder.empty() ? "the model" : preprocess.folder.string());
  }
  return preprocess.tokenizer;
}

Prompt Generator::prompt(const std::string& text) const {
  Prompt prompt;
  const auto ids = tokenizer()->encode(text, {.ids_only = true, .truncate = false}).ids;
  prompt.ids.assign(ids.begin(), ids.end());
  if (!prompt.ids.empty()) return prompt;
  if (!config_.begin) {
    fail_usage(
        "the prompt is empty, and the model has no token that begins a text (bos_token); give the "
        "first words");
  }
  prompt.ids.push_back(*config_.begin);
  return prompt;
}

GenerateOptions Generator::options() const {
  GenerateOptions options;
  options.sampling = config_.sampling;
  options.ends = config_.ends;
  return options;
}

void Generator::check(const std::vector<Prompt>& prompts, int64_t context) const {
  for (size_t i = 0; i < prompts.size(); ++i) {
    const auto& ids = prompts[i].ids;
    const std::string which = prompts.size() == 1 ? "the prompt" : fmt::format("prompt {}", i + 1);
    if (ids.empty()) fail_usage("{} has no tokens; give at least one", which);
    if (static_cast<int64_t>(ids.size()) >= context) {
      fail_usage(
          "{} has {} tokens, and the model's context {}: nothing can follow; shorten it, or take a "
          "model with a longer context",
          which, ids.size(), context);
    }
    const auto bad = std::ranges::find_if(
        ids, [this](int32_t id) { return id < 0 || (vocabulary_ > 0 && id >= vocabulary_); });
    if (bad != ids.end()) {
      fail_usage("{} has the token {}, the model's vocabulary those from 0 to {}", which, *bad,
                 vocabulary_ - 1);
    }
  }
}

/// How many of these tokens the kept cache has; it has no others then. One is always left to read.
int64_t Generator::known(const std::vector<int32_t>& ids) {
  const auto differ = std::ranges::mismatch(kept_ids_, ids).in2;
  const int64_t alike = std::min<int64_t>(differ - ids.begin(), std::ssize(ids) - 1);
  // Keys that other frequencies have turned are of no use.
  const bool same_turn = !rope_grows(model_.config()) &&
                         (rope_limit_ == 0 ||
                          (std::ssize(kept_ids_) > rope_limit_) == (std::ssize(ids) > rope_limit_));
  const bool usable = same_turn && kept_.shorten(0, alike);
  if (!usable) kept_.clear(0);
  // What is read now is only known when it is there.
  kept_ids_.resize(static_cast<size_t>(usable ? alike : 0));
  return std::ssize(kept_ids_);
}

/// Reads what is new of each text; the logits [texts, vocabulary] of what comes next.
at::Tensor Generator::pass(std::vector<Text>& texts, nn::KeyValueCache& cache) {
  std::vector<int64_t> ids, lengths, slots;
  for (Text& text : texts) {
    const auto size = static_cast<int64_t>(text.ids.size());
    if (rope_limit_ > 0 && text.read > 0 && text.read <= rope_limit_ && size > rope_limit_) {
      cache.clear(text.slot);
      text.read = 0;
    }
    ids.insert(ids.end(), text.ids.begin() + text.read, text.ids.end());
    lengths.push_back(text.unread());
    slots.push_back(text.slot);
    text.read = size;
  }
  nn::Flow flow("ids", at::tensor(ids, at::kLong).to(model_.device()));
  flow["lengths"] = at::tensor(lengths, at::kLong);
  cache.begin(std::move(slots), flow.at("lengths"));
  nn::Context context;
  context.cache = &cache;
  return model_.forward(std::move(flow), context)
      .at("logits")
      .to(at::kCPU, at::kFloat)
      .contiguous();
}

/// The token that comes next, unless it is an end.
void Generator::accept(Text& text, int32_t id, const GenerateOptions& options,
                       const GenerateWatch& watch) {
  const auto end = [&text](Finish finish) {
    text.result.finish = finish;
    text.over = true;
  };
  const auto show = [&](const std::string& more) {
    text.result.text += more;
    if (watch.text && !more.empty()) watch.text(text.number, more);
  };
  const bool is_end = std::ranges::find(options.ends, id) != options.ends.end();
  if (is_end) {
    end(Finish::end_token);
  } else {
    text.ids.push_back(id);
    text.result.ids.push_back(id);
    if (text.stream) show(text.stream->add(static_cast<uint32_t>(id)));
    if (text.stream && text.stream->stopped())
      end(Finish::stop_text);
    else if (static_cast<int64_t>(text.ids.size()) >= options.context)
      end(Finish::context);
    else if (static_cast<int64_t>(text.result.ids.size()) >= options.max_new_tokens)
      end(Finish::length);
    else if (watch.stop && watch.stop())
      end(Finish::interrupted);
  }
  if (!text.over || !text.stream) return;
  show(text.stream->finish());
  // What was held back may hold a stop text that nothing follows.
  if (text.stream->stopped()) end(Finish::stop_text);
}

std::vector<Generated> Generator::run(const std::vector<Prompt>& prompts,
                                      const GenerateOptions& wanted, const GenerateWatch& watch) {
  const at::NoGradGuard no_grad;
  const auto& tokenizer = model_.text_preprocess().tokenizer;
  GenerateOptions options = wanted;
  if (options.context <= 0) options.context = config_.context;
  if (!options.stop.empty()) this->tokenizer();  // says that it is missing
  for (const std::string& stop : options.stop) {
    // It never appears in a text.
    if (tokenizer && tokenizer->is_added(stop))
      options.ends.push_back(static_cast<int32_t>(*tokenizer->token_to_id(stop)));
  }
  check(prompts, options.context);
  if (options.max_new_tokens < 1)
    fail_usage("max_new_tokens must be at least 1, got {}", options.max_new_tokens);
  const int64_t batch =
      std::clamp<int64_t>(options.batch, 1, std::max<int64_t>(1, std::ssize(prompts)));
  nn::KeyValueCache fresh(batch);
  const bool keep = options.keep && prompts.size() == 1;
  nn::KeyValueCache& cache = keep ? kept_ : fresh;
  std::vector<int64_t> free;
  for (int64_t slot = batch; slot > 0; --slot) free.push_back(slot - 1);

  std::vector<Generated> results(prompts.size());
  std::vector<Text> texts;
  size_t next = 0;
  while (next < prompts.size() || !texts.empty()) {
    int64_t prompt_tokens = 0;
    while (next < prompts.size() && !free.empty()) {
      const Prompt& prompt = prompts[next];
      const auto size = static_cast<int64_t>(prompt.ids.size());
      if (prompt_tokens > 0 && prompt_tokens + size > kReadAtOnce) break;
      Text& text = texts.emplace_back(next, free.back(), prompt.ids, options);
      free.pop_back();
      if (keep) text.read = known(text.ids);
      if (tokenizer) {
        text.stream.emplace(*tokenizer,
                            prompt.continues ? unsigned_ids(prompt.ids) : std::vector<uint32_t>{},
                            options.stop);
      }
      prompt_tokens += text.unread();
      ++next;
    }

    const Stopwatch watch_of_pass;
    const at::Tensor logits = pass(texts, cache);
    const int64_t width = logits.size(1);
    for (size_t i = 0; i < texts.size(); ++i) {
      float* row = logits.data_ptr<float>() + static_cast<int64_t>(i) * width;
      accept(texts[i], texts[i].sampler.next({row, static_cast<size_t>(width)}), options, watch);
    }
    work_.read += prompt_tokens;
    work_.written += std::ssize(texts);
    if (prompt_tokens == 0) work_.written_alone += std::ssize(texts);
    (prompt_tokens > 0 ? work_.read_seconds : work_.write_seconds) += watch_of_pass.seconds();

    std::erase_if(texts, [&](Text& text) {
      if (!text.over) return false;
      if (keep)
        kept_ids_.assign(text.ids.begin(), text.ids.begin() + text.read);
      else
        cache.clear(text.slot);
      free.push_back(text.slot);
      if (watch.done) watch.done(text.number, text.result);
      results[text.number] = std::move(text.result);
      return true;
    });
    if (watch.stop && watch.stop()) {
      for (size_t i = next; i < prompts.size(); ++i) results[i].finish = Finish::interrupted;
      next = prompts.size();
    }
  }
  return results;
}

Prompt chat_prompt(const texts::ChatPrompt& chat, const Json& messages) {
  const auto ids = chat.tokens(messages);
  return {{ids.begin(), ids.end()}, false};
}

void end_with_turn(const texts::ChatPrompt& chat, GenerateOptions& options) {
  if (const auto end = chat.end_token()) options.ends.push_back(static_cast<int32_t>(*end));
  if (!chat.end_text().empty()) options.stop.push_back(chat.end_text());
}

}  // namespace graft::models
