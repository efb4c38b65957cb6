#include "graft/data/voc_file.h"

#include <limits>
#include <pugixml.hpp>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"
#include "graft/data/text_file.h"

namespace graft::data {
namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;

double number(const pugi::xml_node& node, const char* name) {
  return number_in(trimmed(node.child_value(name)))
      .value_or(std::numeric_limits<double>::quiet_NaN());
}

int side(const pugi::xml_node& size, const char* name) {
  const double value = number(size, name);
  return value >= 1 && value <= image::kMaxSide ? static_cast<int>(value) : 0;
}

VocFile::Object object_of(const pugi::xml_node& node, size_t index, const std::string& where) {
  VocFile::Object object;
  object.name = std::string(trimmed(node.child_value("name")));
  const pugi::xml_node box = node.child("bndbox");
  if (object.name.empty() || !box) {
    fail_unreadable("{}: object {} has no {}", where, index + 1,
                    object.name.empty() ? "name" : "bndbox");
  }
  object.xmin = number(box, "xmin");
  object.ymin = number(box, "ymin");
  object.xmax = number(box, "xmax");
  object.ymax = number(box, "ymax");
  object.difficult = marked(node.child_value("difficult")).value_or(false);
  return object;
}

}  // namespace

VocFile read_voc(const std::filesystem::path& path) {
  const std::string where = printable(path.string());
  std::string text = read_file(path, kMaxBytes);
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer_inplace(text.data(), text.size());
  if (!parsed) {
    fail_unreadable("{} is no valid XML: {} at byte {}", where, parsed.description(),
                    parsed.offset);
  }
  const pugi::xml_node root = document.child("annotation");
  if (!root) {
    fail_unreadable("{}: expected <annotation> as Pascal VOC has it, found <{}>", where,
                    printable(document.document_element().name()));
  }
  VocFile file;
  file.filename = std::string(trimmed(root.child_value("filename")));
  const pugi::xml_node size = root.child("size");
  file.size = {side(size, "width"), side(size, "height")};
  if (file.size.width == 0 || file.size.height == 0) file.size = {};
  for (const pugi::xml_node& node : root.children("object"))
    file.objects.push_back(object_of(node, file.objects.size(), where));
  return file;
}

}  // namespace graft::data
