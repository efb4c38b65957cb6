#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

// json_probe --print FILE PATH: prints a value.
// json_probe [--lines] FILE [PATH | PATH=VALUE | PATH!=VALUE]...
// Fails, and says why, unless FILE is one JSON document (with --lines: a document in each line, at
// least one) that has every PATH, written with dots. `*` stands for the first member, a number for
// the one at this position of a list.
namespace {

using Json = nlohmann::json;

struct Wanted {
  std::string path, value;
  bool compare = false, differs = false;
};

Wanted parse_wanted(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos) return {word, "", false, false};
  const bool differs = equals > 0 && word[equals - 1] == '!';
  return {word.substr(0, equals - (differs ? 1 : 0)), word.substr(equals + 1), true, differs};
}

bool is_position(const Json& list, const std::string& key) {
  return list.is_array() && !key.empty() && key.size() < 9 &&
         key.find_first_not_of("0123456789") == std::string::npos && std::stoul(key) < list.size();
}

const Json* find(const Json& root, const std::string& path) {
  const Json* at = &root;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string key = path.substr(begin, end - begin);
    if (key == "*" && at->is_structured() && !at->empty())
      at = &*at->begin();
    else if (at->is_object() && at->contains(key))
      at = &(*at)[key];
    else if (is_position(*at, key))
      at = &(*at)[std::stoul(key)];
    else
      return nullptr;
    begin = end + 1;
  }
  return at;
}

std::string shown(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool holds(const std::string& text, const std::vector<Wanted>& all, const std::string& where) {
  const Json root = Json::parse(text, nullptr, false);
  if (root.is_discarded()) {
    std::cerr << where << " is not JSON: " << text.substr(0, 200) << "\n";
    return false;
  }
  for (const Wanted& wanted : all) {
    const Json* found = find(root, wanted.path);
    if (!found) {
      std::cerr << where << " lacks " << wanted.path << "\n";
      return false;
    }
    const std::string value = shown(*found);
    if (wanted.compare && (value == wanted.value) == wanted.differs) {
      std::cerr << where << ": " << wanted.path << " is " << value << "\n";
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 3 && words.front() == "--print") {
    std::ifstream file(words[1]);
    const Json root = Json::parse(file, nullptr, false);
    const Json* found = root.is_discarded() ? nullptr : find(root, words[2]);
    if (found) std::cout << shown(*found) << "\n";
    return found ? 0 : 1;
  }
  const bool by_line = !words.empty() && words.front() == "--lines";
  if (by_line) words.erase(words.begin());
  if (words.empty()) return 2;
  std::vector<Wanted> wanted;
  for (size_t i = 1; i < words.size(); ++i) wanted.push_back(parse_wanted(words[i]));
  std::ifstream file(words.front());
  if (!by_line) {
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return holds(text, wanted, words.front()) ? 0 : 1;
  }
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    if (!holds(line, wanted, words.front() + " line " + std::to_string(++number))) return 1;
  }
  if (number == 0) std::cerr << words.front() << " is empty\n";
  return number == 0 ? 1 : 0;
}
