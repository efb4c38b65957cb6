#include "graft/text/chat/mask.h"

#include <algorithm>
#include <map>

#include "graft/base/error.h"
#include "graft/text/chat/turn_region.h"

namespace graft::texts {
namespace {

std::string role_of(const Json& message) {
  const auto role = message.is_object() ? message.find("role") : message.end();
  return message.is_object() && role != message.end() && role->is_string()
             ? role->get<std::string>()
             : "";
}

std::string text_variable(const RenderOptions& options, const char* name) {
  const auto found = options.variables.find(name);
  return found != options.variables.end() && found->is_string() ? found->get<std::string>() : "";
}

/// What add_generation_prompt appends; "" when that cannot be told.
std::string generation_prompt(const ChatTemplate& chat, const Json& before,
                              const RenderOptions& options) {
  if (before.empty()) return "";
  RenderOptions without = options, with = options;
  without.add_generation_prompt = false;
  with.add_generation_prompt = true;
  try {
    const std::string plain = chat.render(before, without).text;
    const Rendered prompted = chat.render(before, with);
    const std::string& text = prompted.text;
    if (text.starts_with(plain)) return text.substr(plain.size());
    // Without a prompt something else may close the text (Phi-3: eos_token). What both begin with
    // can then end within a mark.
    const auto differ = std::mismatch(text.begin(), text.end(), plain.begin(), plain.end()).first;
    const auto at = static_cast<size_t>(differ - text.begin());
    for (const SourceSpan& span : prompted.spans) {
      if (span.begin <= at && at < span.end && span.during < 0) return text.substr(span.begin);
    }
    return "";
  } catch (const Error&) {
    return "";  // some templates refuse conversations that end here
  }
}

/// What precedes a plain answer's own text; nothing when that cannot be told.
std::optional<std::string> plain_header(const ChatTemplate& chat, const Json& before,
                                        const RenderOptions& options) {
  Json probe = before;
  probe.push_back({{"role", "assistant"}, {"content", "needle"}});
  RenderOptions plain = options;
  plain.add_generation_prompt = false;
  try {
    const Rendered rendered = chat.render(probe, plain);
    return TurnRegion(rendered, static_cast<int>(before.size())).opening();
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Prompts differ by what precedes them at most (a tool's answer, a user), so few are rendered.
class Prompts {
 public:
  Prompts(const ChatTemplate& chat, const Json& messages, const RenderOptions& options)
      : chat_(chat), messages_(messages), options_(options) {}

  TurnOpenings before(int message) {
    // They open turns of the model; a header of another begins like it at most.
    for (const char* other : {"system", "developer", "user", "tool"}) {
      if (role_of(messages_[message]) == other) return {};
    }
    const Known& own = one_before(message);
    if (first_ < 0) first_ = message;
    return {{own.prompt, one_before(first_).prompt}, own.header};
  }

 private:
  struct Known {
    std::string prompt;
    std::optional<std::string> header;  ///< where there is no prompt
  };

  const Known& one_before(int message) {
    const std::string key = message > 0 ? role_of(messages_[message - 1]) : "";
    const auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    const Json before(messages_.begin(), messages_.begin() + message);
    Known found{generation_prompt(chat_, before, options_), {}};
    if (found.prompt.empty()) found.header = plain_header(chat_, before, options_);
    return known_[key] = std::move(found);
  }

  const ChatTemplate& chat_;
  const Json& messages_;
  const RenderOptions& options_;
  std::map<std::string, Known> known_;  ///< by the role of what precedes
  int first_ = -1;                      ///< the first message that was asked for
};

std::vector<int> messages_of(const Json& messages, const MaskOptions& mask) {
  std::vector<int> found;
  for (int i = 0; i < static_cast<int>(messages.size()); ++i) {
    if (std::find(mask.roles.begin(), mask.roles.end(), role_of(messages[i])) != mask.roles.end())
      found.push_back(i);
  }
  if (mask.last_only && found.size() > 1) found.erase(found.begin(), found.end() - 1);
  return found;
}

/// What a template marks behind its loop (eos_token) closes the last message.
void add_closing(const Rendered& rendered, TrainedTurn& last) {
  for (const SourceSpan& span : rendered.spans) {
    if (!span.generated || span.during >= 0) continue;
    if (!last.ranges.empty() && span.begin < last.ranges.back().end) continue;
    last.ranges.push_back({span.begin, span.end});
    last.has_end = true;
  }
}

}  // namespace

Masked trained_text(const ChatTemplate& chat, const Json& messages, const RenderOptions& options,
                    const MaskOptions& mask) {
  Masked result;
  result.rendered = chat.render(messages, options);
  result.by_generation_tags = chat.has_generation_tags();
  Prompts prompts(chat, messages, options);
  const std::string eos = text_variable(options, "eos_token");
  for (const int message : messages_of(messages, mask)) {
    const TurnRegion region(result.rendered, message);
    result.turns.push_back(result.by_generation_tags
                               ? region.generated()
                               : region.trained(prompts.before(message), eos, mask.end_of_turn));
  }
  if (result.by_generation_tags && !result.turns.empty() &&
      result.turns.back().message + 1 == static_cast<int>(messages.size()))
    add_closing(result.rendered, result.turns.back());
  return result;
}

std::vector<int> rewritten_turns(const ChatTemplate& chat, const Json& messages,
                                 const RenderOptions& options, const std::string& role) {
  RenderOptions plain = options;
  plain.add_generation_prompt = false;
  const Rendered whole = chat.render(messages, plain);
  std::vector<int> rewritten;
  for (int i = 0; i + 1 < static_cast<int>(messages.size()); ++i) {
    if (role_of(messages[i]) != role) continue;
    const Json until(messages.begin(), messages.begin() + i + 1);
    const std::string remembered = TurnRegion(whole, i).text();
    if (TurnRegion(chat.render(until, plain), i).text() != remembered) rewritten.push_back(i);
  }
  return rewritten;
}

}  // namespace graft::texts
