#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace graft {

/// Keeps the order of keys, so that what a user wrote comes back in his order.
using Json = nlohmann::ordered_json;

/// Parses JSON text; `where` names the source in errors (exit code 3).
Json parse_json(const std::string& text, const std::string& where);
/// Reads a JSON file, at most `max_bytes` long.
Json read_json(const std::filesystem::path& path, size_t max_bytes = size_t{256} << 20);
/// Writes JSON with two blanks of indentation, atomically (see write_atomically).
void write_json(const std::filesystem::path& path, const Json& value);

/// Parses YAML into JSON: scalars become null, booleans, integers, numbers or strings as YAML 1.2
/// says.
Json parse_yaml(const std::string& text, const std::string& where);
Json read_yaml(const std::filesystem::path& path);
/// Writes `value` as block YAML.
std::string to_yaml(const Json& value);

}  // namespace graft
