#include "graft/text/chat/template_files.h"

#include <map>
#include <optional>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/text/chat/builtin.h"
#include "graft/text/node.h"

namespace graft::texts {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFile = size_t{64} << 20;

/// Templates by name and the file that they stand in.
struct Found {
  std::map<std::string, std::string> by_name;
  std::string file;
};

std::optional<Found> jinja_files(const fs::path& folder) {
  Found found;
  const fs::path usual = folder / "chat_template.jinja";
  const fs::path tools = folder / "additional_chat_templates" / "tool_use.jinja";
  if (fs::exists(usual)) found.by_name["default"] = read_file(usual, kMaxFile);
  if (fs::exists(tools)) found.by_name["tool_use"] = read_file(tools, kMaxFile);
  if (found.by_name.empty()) return std::nullopt;
  found.file = (fs::exists(usual) ? usual : tools).string();
  return found;
}

/// "chat_template" of a JSON file: a text, or a list of {name, template}.
std::optional<Found> json_file(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  const TreeJson tree = parse_tree(read_file(file, kMaxFile), file.string());
  const Node root(tree, file.string());
  if (!tree.is_object()) root.refuse("an object");
  const auto value = root.find("chat_template");
  if (!value) return std::nullopt;
  Found found;
  found.file = file.string();
  if (value->json().is_string()) {
    found.by_name["default"] = value->text();
  } else {
    if (!value->json().is_array()) value->refuse("a text or a list of {name, template}");
    for (const Node& one : value->items()) found.by_name[one.text("name")] = one.text("template");
  }
  if (found.by_name.empty()) return std::nullopt;
  return found;
}

std::string usual_of(const Found& found) {
  const auto usual = found.by_name.find("default");
  return usual == found.by_name.end() ? "" : usual->second;
}

std::string file_name(const std::string& path) {
  return fs::path(path).filename().string();
}

ChatTemplates from_folder(const fs::path& folder) {
  ChatTemplates templates;
  if (folder.empty()) {
    templates.missing = "the tokenizer has no folder to look for one";
    return templates;
  }
  std::vector<Found> all;
  for (auto& found : {jinja_files(folder), json_file(folder / "chat_template.json"),
                      json_file(folder / "tokenizer_config.json")}) {
    if (found) all.push_back(*found);
  }
  if (all.empty()) {
    templates.missing = folder.string() +
                        " brings no chat template (chat_template.jinja, chat_template.json, "
                        "chat_template in tokenizer_config.json)";
    return templates;
  }
  const Found& first = all.front();
  templates.from = first.file;
  for (size_t i = 1; i < all.size(); ++i) {
    if (usual_of(all[i]) == usual_of(first)) continue;
    templates.notes.push_back(
        fmt::format("{} and {} in {} hold different chat templates; the former is used, as "
                    "transformers does, other programs may take the latter",
                    file_name(first.file), file_name(all[i].file), folder.string()));
  }
  const auto open = [&](const char* name) -> std::shared_ptr<const ChatTemplate> {
    const auto found = first.by_name.find(name);
    if (found == first.by_name.end()) return nullptr;
    return std::make_shared<const ChatTemplate>(found->second, first.file);
  };
  try {
    templates.usual = open("default");
    templates.tools = open("tool_use");
    if (templates.usual) return templates;
    templates.missing = first.file + " has no chat template called default";
  } catch (const Error& error) {
    // Data without conversations do without it.
    templates.missing = error.what();
  }
  templates.tools = nullptr;
  templates.notes.push_back("the chat template is not used: " + templates.missing);
  return templates;
}

void add_missing(Json& tokens, const std::string& purpose, const std::string& token) {
  if (!token.empty() && !tokens.contains(purpose)) tokens[purpose] = token;
}

}  // namespace

ChatTemplates open_chat_template(const fs::path& folder, const std::string& choice) {
  if (choice == "auto") return from_folder(folder);
  ChatTemplates templates;
  if (choice == "none") {
    templates.missing = "none is to be used (chat template 'none')";
    return templates;
  }
  std::vector<std::string> names = {"auto", "none"};
  std::string known = "auto, none";
  for (const BuiltinTemplate& one : builtin_templates()) {
    if (one.name == choice) {
      templates.usual = std::make_shared<const ChatTemplate>(one.text, one.name);
      templates.from = "built in";
      return templates;
    }
    names.push_back(one.name);
    known += ", " + one.name;
  }
  if (!fs::is_regular_file(choice)) {
    fail_usage("there is no chat template '{}'{}; give the path of a file with one, or one of: {}",
               choice, did_you_mean(choice, names), known);
  }
  templates.usual = std::make_shared<const ChatTemplate>(read_file(choice, kMaxFile), choice);
  templates.from = choice;
  return templates;
}

Json special_tokens(const Tokenizer& tokenizer, const fs::path& folder) {
  Json tokens = Json::object();
  constexpr const char* kPurposes[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
  for (const char* purpose : kPurposes)
    add_missing(tokens, purpose, tokenizer.special_token(purpose).value_or(""));
  if (folder.empty()) return tokens;
  if (const fs::path file = folder / "special_tokens_map.json"; fs::exists(file)) {
    const TreeJson tree = parse_tree(read_file(file, kMaxFile), file.string());
    const Node root(tree, file.string());
    for (const char* purpose : kPurposes) {
      const auto found = root.find(purpose);
      if (!found) continue;
      add_missing(tokens, purpose,
                  found->json().is_object() ? found->text("content") : found->text());
    }
  }
  if (const fs::path file = folder / "config.json"; fs::exists(file)) {
    const Json config = read_json(file);
    for (const auto& [key, purpose] :
         {std::pair{"bos_token_id", "bos_token"}, std::pair{"eos_token_id", "eos_token"}}) {
      if (!config.is_object() || !config.contains(key)) continue;
      // Of several, the first is the tokenizer's.
      const Json& given = config.at(key);
      const Json& id = given.is_array() && !given.empty() ? given.front() : given;
      if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX) continue;
      add_missing(tokens, purpose, tokenizer.id_to_token(id.get<uint32_t>()).value_or(""));
    }
  }
  return tokens;
}

}  // namespace graft::texts
