#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "graft/text/chat/template.h"
#include "graft/text/tokenizer.h"

namespace graft::texts {

/// The chat template of a model.
struct ChatTemplates {
  std::shared_ptr<const ChatTemplate> usual;  ///< null: there is none
  std::shared_ptr<const ChatTemplate> tools;  ///< for conversations with tools; null: the usual one
  std::string from;                           ///< the file, or "built in"
  std::string missing;                        ///< why there is none
  std::vector<std::string> notes;             ///< for instance that two files differ

  const ChatTemplate* for_tools(bool has_tools) const {
    return has_tools && tools ? tools.get() : usual.get();
  }
};

/// `choice` is
/// - "auto": what the folder brings, looked for as transformers does: chat_template.jinja (and
///   additional_chat_templates/tool_use.jinja), else chat_template.json, else chat_template of
///   tokenizer_config.json, a text or a list of {name, template} with "default" and "tool_use";
/// - "none": no template;
/// - the name of a built-in one (builtin.h);
/// - a file with a template.
/// Errors: a choice that is none of these (exit code 2), files that cannot be read (3).
ChatTemplates open_chat_template(const std::filesystem::path& folder,
                                 const std::string& choice = "auto");

/// The special tokens by purpose ("bos_token", "eos_token", "pad_token", …) as templates ask for
/// them: those that the tokenizer names, else those of special_tokens_map.json, else bos and eos of
/// config.json. Empty where nothing names them.
Json special_tokens(const Tokenizer& tokenizer, const std::filesystem::path& folder);

}  // namespace graft::texts
