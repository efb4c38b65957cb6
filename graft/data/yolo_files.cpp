#include "graft/data/yolo_files.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostClasses = 100'000;

std::string name_text(const Json& name) {
  return name.is_string() ? name.get<std::string>() : name.dump();
}

/// A list, or a mapping of numbers to names.
std::vector<std::string> read_names(const Json& names, const std::string& where) {
  std::vector<std::string> all;
  if (names.is_array()) {
    for (const Json& name : names) all.push_back(name_text(name));
  } else if (names.is_object()) {
    all.resize(names.size());
    std::vector<bool> given(names.size(), false);
    for (const auto& [key, name] : names.items()) {
      const auto number = number_in(key);
      const bool fits = number && *number == std::floor(*number) && *number >= 0 &&
                        *number < static_cast<double>(all.size());
      if (!fits) {
        fail_unreadable("{}: names has the class '{}'; its {} classes must be numbered from 0",
                        where, printable(key), names.size());
      }
      all[static_cast<size_t>(*number)] = name_text(name);
      given[static_cast<size_t>(*number)] = true;
    }
    if (std::find(given.begin(), given.end(), false) != given.end())
      fail_unreadable("{}: names gives one class several names", where);
  }
  if (all.empty() || all.size() > kMostClasses)
    fail_unreadable("{}: names must be a list or a mapping of class names", where);
  return all;
}

/// A place without "./" and "../" in front; an absolute one below the root as it lies there.
std::string settle_place(const fs::path& root, std::string place) {
  while (place.starts_with("./")) place.erase(0, 2);
  std::error_code failed;
  while (place.starts_with("../")) place.erase(0, 3);
  if (fs::path(place).is_absolute()) {
    const fs::path inside = fs::path(place).lexically_relative(fs::absolute(root, failed));
    if (!inside.empty() && !inside.string().starts_with("..")) return inside.string();
  }
  return place.empty() ? "." : place;
}

bool reads_like_config(const fs::path& file) {
  try {
    const Json json = read_yaml(file);
    return json.is_object() && json.contains("names") &&
           (json.contains("train") || json.contains("val"));
  } catch (const Error&) {
    return false;
  }
}

double coordinate(std::string_view word, const std::string& where, int64_t line) {
  const std::string low = lowered(std::string(word));
  if (low == "nan" || low == "-nan" || low == "inf" || low == "-inf")
    return std::numeric_limits<double>::quiet_NaN();
  const auto value = number_in(word);
  if (!value) {
    fail_unreadable("{}, line {}: '{}' is no number; expected: class cx cy width height", where,
                    line, printable(word));
  }
  constexpr double kMost = 2;
  if (std::abs(*value) > kMost) {
    fail_unreadable(
        "{}, line {}: {} must be a share of the picture's side, from 0 to 1; pixels "
        "must be divided by width and height",
        where, line, *value);
  }
  return *value;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    line = trimmed(line);
    if (line.empty()) return words;
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

std::array<double, 4> around(const std::vector<double>& points) {
  std::array<double, 4> box = {points[0], points[1], points[0], points[1]};
  for (size_t i = 0; i + 1 < points.size(); i += 2) {
    box[0] = std::min(box[0], points[i]);
    box[1] = std::min(box[1], points[i + 1]);
    box[2] = std::max(box[2], points[i]);
    box[3] = std::max(box[3], points[i + 1]);
  }
  return box;
}

YoloRow row_of(const std::vector<std::string_view>& words, size_t classes, const std::string& where,
               int64_t line) {
  // A box, one with a score, or a polygon of three points and more.
  const bool polygon = words.size() >= 7 && words.size() % 2 == 1;
  if (words.size() != 5 && words.size() != 6 && !polygon) {
    fail_unreadable("{}, line {}: {} words; expected: class cx cy width height", where, line,
                    words.size());
  }
  const auto number = number_in(words[0]);
  if (!number || *number != std::floor(*number) || *number < 0 ||
      *number >= static_cast<double>(classes)) {
    fail_unreadable("{}, line {}: the class is '{}', but names has {} (0 to {})", where, line,
                    printable(words[0]), classes, classes - 1);
  }
  YoloRow row;
  row.label = static_cast<int>(*number);
  row.polygon = polygon;
  std::vector<double> values;
  const size_t end = polygon ? words.size() : 5;
  for (size_t i = 1; i < end; ++i) values.push_back(coordinate(words[i], where, line));
  if (polygon) {
    row.corners = around(values);
  } else {
    row.corners = {values[0] - values[2] / 2, values[1] - values[3] / 2, values[0] + values[2] / 2,
                   values[1] + values[3] / 2};
  }
  return row;
}

}  // namespace

YoloConfig read_yolo_config(const fs::path& file, const fs::path& root) {
  const std::string where = printable(file.string());
  const Json json = read_yaml(file);
  if (!json.is_object() || !json.contains("names"))
    fail_unreadable("{}: expected the keys names, train and val of a YOLO data set", where);
  YoloConfig config;
  config.names = read_names(json["names"], where);
  if (json.contains("nc") && json["nc"] != config.names.size()) {
    config.notes.push_back(fmt::format("{}: nc is {}, but names has {}; names counts", where,
                                       printable(json["nc"].dump()), config.names.size()));
  }
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  config.root = root.empty() ? folder : root;
  if (root.empty() && json.contains("path") && json["path"].is_string()) {
    const std::string given = json["path"];
    try {
      if (!given.empty() && given != ".") config.root = join_inside(folder, given);
    } catch (const Error&) {
      config.notes.push_back(
          fmt::format("{}: path {} lies outside of the folder and is not followed; pictures are "
                      "looked for beside the file (data.columns.root names another folder)",
                      where, printable(given)));
    }
    if (!fs::is_directory(config.root)) config.root = folder;
  }
  for (const auto& [key, split] : {std::pair{"train", Split::train},
                                   {"val", Split::validation},
                                   {"valid", Split::validation},
                                   {"validation", Split::validation},
                                   {"test", Split::test}}) {
    if (!json.contains(key) || json[key].is_null()) continue;
    const Json& places = json[key];
    for (const Json& place : places.is_array() ? places : Json::array({places})) {
      if (!place.is_string())
        fail_unreadable("{}: {} must be a folder, a .txt file or a list of them", where, key);
      config.parts.push_back({split, settle_place(config.root, place.get<std::string>())});
    }
  }
  if (config.parts.empty())
    fail_unreadable("{}: none of train, val and test says where pictures are", where);
  return config;
}

fs::path find_yolo_config(const fs::path& path) {
  std::error_code failed;
  const auto is_yaml = [](const fs::path& file) {
    const std::string extension = extension_of(file.string());
    return extension == "yaml" || extension == "yml";
  };
  if (!fs::is_directory(path, failed))
    return is_yaml(path) && reads_like_config(path) ? path : fs::path();
  if (reads_like_config(path / "data.yaml")) return path / "data.yaml";
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path, failed)) {
    if (is_yaml(entry.path()) && reads_like_config(entry.path())) files.push_back(entry.path());
  }
  return files.size() == 1 ? files.front() : fs::path();
}

std::vector<YoloRow> parse_yolo_labels(std::string_view text, size_t classes,
                                       const std::string& where) {
  std::vector<YoloRow> rows;
  LineReader lines(text);
  for (std::string_view line; lines.next(line);) {
    const auto words = words_of(line);
    if (!words.empty()) rows.push_back(row_of(words, classes, where, lines.number()));
  }
  return rows;
}

fs::path yolo_label_file(const fs::path& picture) {
  fs::path file = picture;
  file.replace_extension(".txt");
  std::vector<fs::path> parts(file.begin(), file.end());
  const auto images = std::find(parts.rbegin(), parts.rend(), fs::path("images"));
  if (images == parts.rend()) return file;
  *images = "labels";
  fs::path result;
  for (const fs::path& part : parts) result /= part;
  return result;
}

}  // namespace graft::data
