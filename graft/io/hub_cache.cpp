#include "graft/io/hub_cache.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/files.h"

namespace graft::io {
namespace {
namespace fs = std::filesystem;

constexpr size_t kMaxRef = 4096;
constexpr size_t kMaxName = 96;

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

/// One part of an id as the hub allows it: no leading or trailing '-' or '.', no ".." or "--".
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxName) return false;
  const auto edge = [](char c) { return c == '-' || c == '.'; };
  return std::ranges::all_of(text, is_word_character) && !edge(text.front()) &&
         !edge(text.back()) && text.find("..") == text.npos && text.find("--") == text.npos;
}

std::pair<std::string, std::string> split(const std::string& id) {
  const size_t at = id.find('@');
  if (at == id.npos) return {id, "main"};
  return {id.substr(0, at), id.substr(at + 1)};
}

bool is_revision(std::string_view text) {
  return !text.empty() && text.front() != '/' && text.find("..") == text.npos &&
         std::ranges::all_of(text, [](char c) { return is_word_character(c) || c == '/'; });
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

}  // namespace

bool is_hub_id(const std::string& text) {
  const auto [name, revision] = split(text);
  const size_t slash = name.find('/');
  const std::string_view whole(name);
  const bool named = slash == name.npos
                         ? is_name(whole)
                         : is_name(whole.substr(0, slash)) && is_name(whole.substr(slash + 1));
  return named && is_revision(revision);
}

fs::path hub_cache_folder() {
  if (const char* folder = environment("HF_HUB_CACHE")) return folder;
  if (const char* folder = environment("HUGGINGFACE_HUB_CACHE")) return folder;
  if (const char* folder = environment("HF_HOME")) return fs::path(folder) / "hub";
  if (const char* folder = environment("XDG_CACHE_HOME")) {
    return fs::path(folder) / "huggingface" / "hub";
  }
  const char* home = environment("HOME");
  return fs::path(home ? home : ".") / ".cache" / "huggingface" / "hub";
}

fs::path find_in_hub_cache(const std::string& id) {
  if (!is_hub_id(id)) {
    fail_usage("'{}' is not the name of a model: org/name or org/name@revision is expected", id);
  }
  const auto [name, revision] = split(id);
  std::string folder_name = "models--" + name;
  if (const size_t slash = folder_name.find('/'); slash != folder_name.npos) {
    folder_name.replace(slash, 1, "--");
  }
  const fs::path folder = hub_cache_folder() / folder_name;
  const auto snapshot = [&](const std::string& commit) {
    const fs::path path = join_inside(folder / "snapshots", commit);
    return fs::is_directory(path) ? path : fs::path();
  };
  fs::path found = snapshot(revision);
  const fs::path ref = folder / "refs" / revision;
  if (found.empty() && fs::is_regular_file(ref)) {
    std::string commit = read_file(ref, kMaxRef);
    commit.erase(commit.find_last_not_of("\r\n ") + 1);
    if (!is_revision(commit)) {
      fail_unreadable("{} names no commit; delete it and run:  hf download {}", ref.string(), name);
    }
    found = snapshot(commit);
  }
  if (found.empty()) {
    fail_unreadable(
        "the model {} is not in the cache of Hugging Face ({}); graft downloads nothing, run:  "
        "hf download {}{}",
        id, hub_cache_folder().string(), name, revision == "main" ? "" : " --revision " + revision);
  }
  return found;
}

}  // namespace graft::io
