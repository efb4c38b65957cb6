#include "graft/data/box_writers.h"

#include <fmt/format.h>

#include <cmath>
#include <pugixml.hpp>
#include <set>
#include <sstream>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/base/json.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

/// To a hundredth of a pixel, so that files are short and whole numbers stay whole.
double rounded(double value) {
  return std::round(value * 100) / 100;
}

Json coco_box(const image::Box& box) {
  return {rounded(box.x0), rounded(box.y0), rounded(box.x1 - box.x0), rounded(box.y1 - box.y0)};
}

/// A list with one member a line, which a tool can read as it passes.
void write_list(const ByteSink& sink, const std::vector<Json>& members) {
  const auto put = [&](const std::string& text) { sink(text.data(), text.size()); };
  put("[");
  for (size_t i = 0; i < members.size(); ++i) put((i > 0 ? ",\n" : "\n") + members[i].dump());
  put("\n]");
}

void create_folder_of(const fs::path& file) {
  if (file.has_parent_path()) fs::create_directories(file.parent_path());
}

const std::string& name_of(const std::vector<std::string>& classes, const ScoredBox& box) {
  GRAFT_ASSERT(box.label >= 0 && static_cast<size_t>(box.label) < classes.size());
  return classes[static_cast<size_t>(box.label)];
}

void add_text(pugi::xml_node parent, const char* name, const std::string& text) {
  parent.append_child(name).text().set(text.c_str());
}

std::string voc_text(const FoundInPicture& picture, const std::vector<std::string>& classes) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("annotation");
  add_text(root, "filename", fs::path(picture.file).filename().string());
  pugi::xml_node size = root.append_child("size");
  add_text(size, "width", std::to_string(picture.size.width));
  add_text(size, "height", std::to_string(picture.size.height));
  add_text(size, "depth", "3");
  for (const ScoredBox& one : picture.boxes) {
    pugi::xml_node object = root.append_child("object");
    add_text(object, "name", name_of(classes, one));
    add_text(object, "difficult", "0");
    add_text(object, "score", fmt::format("{:.6g}", one.score));
    // Pixels count from 1, and the last one belongs to the box.
    pugi::xml_node box = object.append_child("bndbox");
    add_text(box, "xmin", fmt::format("{}", rounded(one.box.x0 + 1)));
    add_text(box, "ymin", fmt::format("{}", rounded(one.box.y0 + 1)));
    add_text(box, "xmax", fmt::format("{}", rounded(one.box.x1)));
    add_text(box, "ymax", fmt::format("{}", rounded(one.box.y1)));
  }
  std::ostringstream text;
  document.save(text, "  ", pugi::format_default | pugi::format_no_declaration);
  return text.str();
}

}  // namespace

void write_coco_results(const fs::path& file, const std::vector<FoundInPicture>& found,
                        const std::vector<int64_t>& category_ids) {
  std::vector<Json> results;
  for (const FoundInPicture& picture : found) {
    for (const ScoredBox& one : picture.boxes) {
      const auto label = static_cast<size_t>(one.label);
      GRAFT_ASSERT(category_ids.empty() || label < category_ids.size());
      results.push_back(
          {{"image_id", picture.id},
           {"category_id", category_ids.empty() ? one.label + 1 : category_ids[label]},
           {"bbox", coco_box(one.box)},
           {"score", one.score}});
    }
  }
  create_folder_of(file);
  write_atomically(file, [&](const ByteSink& sink) { write_list(sink, results); });
}

void write_coco(const fs::path& file, const std::vector<FoundInPicture>& found,
                const std::vector<std::string>& classes) {
  std::vector<Json> images;
  std::vector<Json> annotations;
  std::vector<Json> categories;
  for (size_t c = 0; c < classes.size(); ++c)
    categories.push_back({{"id", c + 1}, {"name", classes[c]}});
  for (const FoundInPicture& picture : found) {
    images.push_back({{"id", picture.id},
                      {"file_name", picture.file},
                      {"width", picture.size.width},
                      {"height", picture.size.height}});
    for (const ScoredBox& one : picture.boxes) {
      name_of(classes, one);
      annotations.push_back({{"id", annotations.size() + 1},
                             {"image_id", picture.id},
                             {"category_id", one.label + 1},
                             {"bbox", coco_box(one.box)},
                             {"area", rounded(one.box.area())},
                             {"iscrowd", 0},
                             {"score", one.score}});
    }
  }
  create_folder_of(file);
  write_atomically(file, [&](const ByteSink& sink) {
    const auto put = [&](std::string_view text) { sink(text.data(), text.size()); };
    put("{\"images\": ");
    write_list(sink, images);
    put(",\n\"annotations\": ");
    write_list(sink, annotations);
    put(",\n\"categories\": ");
    write_list(sink, categories);
    put("}\n");
  });
}

void write_voc(const fs::path& folder, const std::vector<FoundInPicture>& found,
               const std::vector<std::string>& classes, const std::string& set) {
  std::set<std::string> taken;
  std::string listed;
  fs::create_directories(folder / "Annotations");
  fs::create_directories(folder / "ImageSets" / "Main");
  for (const FoundInPicture& picture : found) {
    const std::string stem = fs::path(picture.file).stem().string();
    if (!taken.insert(stem).second) {
      fail_usage(
          "two pictures are called {}; Pascal VOC has one folder for all, so their names must "
          "differ",
          stem);
    }
    write_atomically(folder / "Annotations" / (stem + ".xml"), voc_text(picture, classes));
    listed += stem + "\n";
  }
  write_atomically(folder / "ImageSets" / "Main" / (set + ".txt"), listed);
}

void write_yolo(const fs::path& folder, const std::vector<FoundInPicture>& found,
                const std::vector<std::string>& classes, bool scores) {
  for (const FoundInPicture& picture : found) {
    std::string text;
    const double width = picture.size.width;
    const double height = picture.size.height;
    for (const ScoredBox& one : picture.boxes) {
      name_of(classes, one);
      const image::Box& box = one.box;
      text +=
          fmt::format("{} {:.6f} {:.6f} {:.6f} {:.6f}", one.label, (box.x0 + box.x1) / 2 / width,
                      (box.y0 + box.y1) / 2 / height, box.width() / width, box.height() / height);
      text += scores ? fmt::format(" {:.6g}\n", one.score) : "\n";
    }
    const fs::path file = join_inside(folder / "labels", picture.file).replace_extension(".txt");
    create_folder_of(file);
    write_atomically(file, text);
  }
  Json config = {{"path", "."}, {"train", "images"}, {"nc", classes.size()}, {"names", classes}};
  write_atomically(folder / "data.yaml", to_yaml(config));
}

}  // namespace graft::data
