#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "graft/base/json.h"

namespace graft::texts {

/// Where a part of a rendered conversation came from.
struct SourceSpan {
  size_t begin = 0, end = 0;  ///< bytes
  /// Index of the message whose field it is; -1 when it is of no message: the template's own text,
  /// or a variable.
  int message = -1;
  /// "content", "role", "tool_calls" …; of a variable its name ("tools", "bos_token"); empty for
  /// the template's own text.
  std::string field;
  /// Index of the message that the template was handling when it wrote this; -1 outside of that.
  int during = -1;
  bool generated = false;  ///< inside {% generation %}

  bool operator==(const SourceSpan&) const = default;
};

struct Rendered {
  std::string text;
  std::vector<SourceSpan> spans;  ///< cover the text from begin to end, without gaps
};

struct RenderOptions {
  bool add_generation_prompt = false;
  Json tools;      ///< list of JSON schemas, or null
  Json documents;  ///< list of {title, text}, or null
  /// What else the template may ask for: bos_token, eos_token, enable_thinking, date_string …
  Json variables = Json::object();
  /// Seconds since 1970 (shown in UTC) that strftime_now shows; templates with it should get the
  /// same one for training and for use.
  std::time_t now = 0;
  size_t max_bytes = size_t{64} << 20;  ///< of the rendered text
  size_t max_work = size_t{2} << 30;    ///< steps, and bytes made on the way
};

/// A chat template in Jinja, as tokenizers of Hugging Face models bring it. Renders byte for byte
/// what transformers' apply_chat_template gives (Jinja2 in an immutable sandbox, trim_blocks,
/// lstrip_blocks, tojson without escapes for HTML), and knows for every byte where it came from.
///
///   const ChatTemplate chat(source, "Qwen3-0.6B/chat_template.jinja");
///   const Rendered prompt = chat.render(messages, {.add_generation_prompt = true});
///
/// Rendering changes nothing in it: threads may share one. docs/chat_templates.md says which part
/// of Jinja is there. A template that cannot be read, one that uses something else, and a
/// conversation that a template refuses are errors (exit code 3) with the line of the template.
class ChatTemplate {
 public:
  /// `name` stands in errors.
  ChatTemplate(const std::string& source, std::string name);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// `messages` is a list of objects with "role" and "content" (a text, or a list of parts). As in
  /// transformers, "reasoning_content", "thinking" and "reasoning" stand for each other.
  Rendered render(const Json& messages, const RenderOptions& options = {}) const;

  /// Whether it marks what the model says with {% generation %}.
  bool has_generation_tags() const;
  const std::string& name() const { return name_; }
  const std::string& source() const { return source_; }

 private:
  struct Parsed;

  std::string name_, source_;
  std::unique_ptr<const Parsed> parsed_;
};

}  // namespace graft::texts
