#include "graft/base/json.h"

#include <yaml-cpp/yaml.h>

#include <charconv>

#include "graft/base/error.h"
#include "graft/base/files.h"

namespace graft {
namespace {

constexpr int kMaxDepth = 64;
// Aliases can make a short text stand for billions of values ("billion laughs").
constexpr int64_t kMaxValues = 1'000'000;

Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* first = text.data();
  const char* last = first + text.size();
  if (*first == '+') ++first;
  int64_t integer = 0;
  if (auto [end, ec] = std::from_chars(first, last, integer); ec == std::errc() && end == last)
    return integer;
  double number = 0;
  if (auto [end, ec] = std::from_chars(first, last, number); ec == std::errc() && end == last) {
    const bool word =
        text.find_first_of("0123456789") == std::string::npos;  // "inf", "nan" stay words
    if (!word) return number;
  }
  return text;
}

Json convert(const YAML::Node& node, const std::string& where, int depth, int64_t& count) {
  if (depth > kMaxDepth) fail_usage("{}: nested deeper than {} levels", where, kMaxDepth);
  if (++count > kMaxValues) fail_usage("{}: stands for more than {} values", where, kMaxValues);
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar(node);
    case YAML::NodeType::Sequence: {
      Json list = Json::array();
      for (const auto& item : node) list.push_back(convert(item, where, depth + 1, count));
      return list;
    }
    case YAML::NodeType::Map: {
      Json map = Json::object();
      for (const auto& item : node) {
        const std::string key = item.first.Scalar();
        if (map.contains(key)) {
          fail_usage("{}, line {}: the key '{}' stands there twice; keep one of them", where,
                     item.first.Mark().line + 1, key);
        }
        map[key] = convert(item.second, where, depth + 1, count);
      }
      return map;
    }
    default:
      return nullptr;
  }
}

void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, item] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, item);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    const bool flat =
        std::none_of(value.begin(), value.end(), [](const Json& v) { return v.is_structured(); });
    out << (flat ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const auto& item : value) emit(out, item);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    // A string that YAML would read as something else must come back as a string.
    const auto& text = value.get_ref<const std::string&>();
    YAML::Node node(text);
    if (!scalar(node).is_string()) out << YAML::DoubleQuoted;
    out << text;
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << value.dump();
  }
}

}  // namespace

Json parse_json(const std::string& text, const std::string& where) {
  try {
    int depth = 0;
    return Json::parse(text, [&depth](int level, Json::parse_event_t, Json&) {
      depth = std::max(depth, level);
      if (depth > 1000) throw std::runtime_error("nested too deeply");
      return true;
    });
  } catch (const std::exception& e) {
    fail_unreadable("{}: not valid JSON ({})", where, e.what());
  }
}

Json read_json(const std::filesystem::path& path, size_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.string());
}

void write_json(const std::filesystem::path& path, const Json& value) {
  write_atomically(path, value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json parse_yaml(const std::string& text, const std::string& where) {
  try {
    int64_t count = 0;
    return convert(YAML::Load(text), where, 0, count);
  } catch (const YAML::Exception& e) {
    fail_usage("{}, line {}: not valid YAML ({})", where, e.mark.line + 1, e.msg);
  }
}

Json read_yaml(const std::filesystem::path& path) {
  return parse_yaml(read_file(path, size_t{16} << 20), path.string());
}

std::string to_yaml(const Json& value) {
  YAML::Emitter out;
  out.SetIndent(2);
  emit(out, value);
  return std::string(out.c_str()) + "\n";
}

}  // namespace graft
