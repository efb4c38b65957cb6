#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graft/models/generation_config.h"
#include "graft/nn/key_value_cache.h"
#include "graft/text/chat/prompt.h"

namespace graft::models {

/// The tokens to go on from.
struct Prompt {
  std::vector<int32_t> ids;
  /// What comes is more of the same text, not an answer that stands alone: a space between them is
  /// part of it.
  bool continues = true;
};

struct GenerateOptions {
  Sampling sampling;
  int64_t max_new_tokens = 256;
  std::vector<int32_t> ends;  ///< tokens that end a text, and are no part of it
  /// Texts that end it; it is cut before the first. Special tokens may be among them.
  std::vector<std::string> stop;
  uint64_t seed = 0;
  int64_t batch = 16;   ///< texts that are written at the same time
  int64_t context = 0;  ///< most tokens of prompt and text together; 0: the model's own
  /// Keeps what was computed of a single prompt and its text: the next one, if it begins alike (a
  /// conversation), is read from there on. The model's weights must not change meanwhile.
  bool keep = false;
};

/// Why a text is over.
enum class Finish : uint8_t { end_token, stop_text, length, context, interrupted };
/// As other programs say it: "stop", "stop", "length", "context", "interrupted".
const char* finish_name(Finish finish);

struct Generated {
  std::vector<int32_t> ids;  ///< new tokens, the end token excluded
  std::string text;          ///< empty where the model has no tokenizer
  Finish finish = Finish::length;
};

/// For somebody who reads along. Any of them may be empty.
struct GenerateWatch {
  /// What a prompt's text has grown by: whole characters, none of it taken back.
  std::function<void(size_t prompt, const std::string& text)> text;
  /// A text is over. They end in any order.
  std::function<void(size_t prompt, const Generated& result)> done;
  std::function<bool()> stop;  ///< asked once a token; true ends everything there is
};

/// What was done so far, for speeds.
struct GenerateWork {
  int64_t read = 0;           ///< tokens of prompts
  int64_t written = 0;        ///< new tokens, ends included
  int64_t written_alone = 0;  ///< of these, in passes in which no prompt was read
  double read_seconds = 0;    ///< of passes in which one was
  double write_seconds = 0;   ///< of all others
};

/// Lets a language model write. Up to `batch` texts are written at once; where one ends, the next
/// prompt is read beside the others' tokens. What lies beside a text changes nothing about it but
/// the rounding of its logits, and random choices depend on (seed, number of the prompt).
///
///   Generator generator(*loaded.model);
///   GenerateOptions options = generator.options();   // by the model's generation_config.json
///   auto results = generator.run({generator.prompt("Once upon a time")}, options);
class Generator {
 public:
  /// The model must live as long. One whose task is not next_token is an error (exit code 2).
  explicit Generator(Model& model);

  /// A text to go on with, as the tokenizer begins texts; an empty one is bos_token, or an error
  /// (exit code 2) where there is none. Without a tokenizer an error (exit code 3).
  Prompt prompt(const std::string& text) const;
  /// How the model is used by its own files.
  GenerateOptions options() const;
  /// Most tokens of prompt and text together.
  int64_t context() const { return config_.context; }
  /// The model's tokenizer, or an error (exit code 3) that says where it is missing.
  std::shared_ptr<const texts::Tokenizer> tokenizer() const;

  /// One result a prompt, in order. A prompt that leaves no room in the context, or has ids that
  /// the model does not know, is an error (exit code 2) before anything is computed.
  std::vector<Generated> run(const std::vector<Prompt>& prompts, const GenerateOptions& options,
                             const GenerateWatch& watch = {});
  const GenerateWork& work() const { return work_; }

 private:
  struct Text;
  void check(const std::vector<Prompt>& prompts, int64_t context) const;
  int64_t known(const std::vector<int32_t>& ids);
  at::Tensor pass(std::vector<Text>& texts, nn::KeyValueCache& cache);
  static void accept(Text& text, int32_t id, const GenerateOptions& options,
                     const GenerateWatch& watch);

  Model& model_;
  GenerationConfig config_;
  int64_t vocabulary_, rope_limit_;
  nn::KeyValueCache kept_{1};
  std::vector<int32_t> kept_ids_;  // the tokens that it has
  GenerateWork work_;
};

/// The answer of a chat model: `chat` makes prompts of conversations, and its end of a turn ends
/// texts as well.
Prompt chat_prompt(const texts::ChatPrompt& chat, const Json& messages);
void end_with_turn(const texts::ChatPrompt& chat, GenerateOptions& options);

}  // namespace graft::models
