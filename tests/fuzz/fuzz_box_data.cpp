// Seeds: *.json *.xml *.csv
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/coco_file.h"
#include "graft/data/voc_file.h"
#include "graft/data/yolo_files.h"

// Annotations of pictures: read or refused. The first byte chooses the format.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static const std::filesystem::path kFolder = [] {
    auto folder = std::filesystem::temp_directory_path() / ("fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    return folder;
  }();
  const std::string content(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto path = kFolder / "annotations";
  constexpr size_t kClasses = 3;
  try {
    switch (data[0] % 4) {
      case 0: {
        graft::write_atomically(path, content);
        const auto coco = graft::data::read_coco(path);
        for (const auto& one : coco.annotations) {
          if (one.image >= static_cast<int>(coco.images.size())) std::abort();
          if (one.category >= static_cast<int>(coco.categories.size())) std::abort();
        }
        break;
      }
      case 1: {
        graft::write_atomically(path, content);
        graft::data::CocoFile truth;
        truth.images = {{1, "a.jpg", 60, 40}};
        truth.categories = {{1, "cat"}};
        for (const auto& one : graft::data::read_coco_results(path, truth)) {
          if (one.image != 0 || one.category != 0 || one.box[2] < 0) std::abort();
        }
        break;
      }
      case 2:
        graft::write_atomically(path, content);
        for (const auto& object : graft::data::read_voc(path).objects) {
          if (object.name.empty()) std::abort();
        }
        break;
      default:
        for (const auto& row : graft::data::parse_yolo_labels(content, kClasses, "labels")) {
          if (row.label < 0 || row.label >= static_cast<int>(kClasses)) std::abort();
        }
    }
  } catch (const graft::Error&) {
  }
  return 0;
}
