#include "graft/data/coco_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>

#include "graft/base/error.h"
#include "graft/data/json_lists.h"
#include "graft/data/names.h"

namespace graft::data {
namespace fs = std::filesystem;
namespace {

using Kind = JsonField::Kind;
using Fields = std::vector<JsonField>;

/// One record of one list, for messages.
struct Record {
  const std::string& file;
  const char* list;
  int64_t index;

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) const {
    fail_unreadable("{}, record {} of {}: {}", file, index, list,
                    fmt::format(text, std::forward<Args>(args)...));
  }
  int64_t whole(const JsonField& field, const char* name) const {
    if (field.kind == Kind::number && field.is_whole) return field.whole;
    // Some tools write 7.0.
    if (field.kind == Kind::number && field.number == std::floor(field.number) &&
        std::abs(field.number) < 9e15) {
      return static_cast<int64_t>(field.number);
    }
    fail("{} must be a whole number{}", name, field.kind == Kind::absent ? " and is missing" : "");
  }
  std::array<double, 4> box(const JsonField& field) const {
    if (field.kind != Kind::numbers || field.numbers.size() != 4) {
      fail("bbox must be [x, y, width, height], four numbers, and is {}",
           field.kind == Kind::numbers ? fmt::format("{} of them", field.numbers.size())
                                       : "something else");
    }
    return {field.numbers[0], field.numbers[1], field.numbers[2], field.numbers[3]};
  }
};

/// Sides that no picture has count as unknown.
int side(const JsonField& field) {
  constexpr double kMost = 1e6;
  const bool known = field.kind == Kind::number && field.number >= 1 && field.number <= kMost;
  return known ? static_cast<int>(field.number) : 0;
}

using Positions = std::unordered_map<int64_t, int>;

template <typename Items>
Positions positions_of(const Items& items, const std::string& where, const char* what) {
  Positions positions;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!positions.emplace(items[i].id, static_cast<int>(i)).second)
      fail_unreadable("{}: two {} have the id {}", where, what, items[i].id);
  }
  return positions;
}

int position(const Positions& positions, int64_t id) {
  const auto found = positions.find(id);
  return found == positions.end() ? -1 : found->second;
}

bool has_box(const JsonField& field) {
  return field.kind != Kind::absent && field.kind != Kind::null &&
         !(field.kind == Kind::numbers && field.numbers.empty());
}

class Reader {
 public:
  explicit Reader(const fs::path& path) : where_(printable(path.string())) {
    std::vector<JsonList> lists = {
        {"images",
         {"id", "file_name", "width", "height"},
         [this](int64_t i, const Fields& f) { add_image({where_, "images", i}, f); }},
        {"categories",
         {"id", "name"},
         [this](int64_t i, const Fields& f) { add_category({where_, "categories", i}, f); }},
        {"annotations",
         {"image_id", "category_id", "bbox", "area", "iscrowd"},
         [this](int64_t i, const Fields& f) { add_annotation({where_, "annotations", i}, f); }}};
    read_json_lists(path, lists);
    for (const JsonList& list : lists) {
      if (!list.found && list.key != "categories") {
        fail_unreadable(
            "{} has no list '{}'; annotations in COCO's format have images, "
            "annotations and categories",
            where_, list.key);
      }
    }
  }

  CocoFile finish() {
    if (file_.annotations.empty() && file_.without_box > 0) {
      fail_unreadable("{}: none of its {} annotations has a bbox; give the instances_….json",
                      where_, grouped(file_.without_box));
    }
    std::sort(file_.categories.begin(), file_.categories.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    const Positions images = positions_of(file_.images, where_, "images");
    const Positions categories = positions_of(file_.categories, where_, "categories");
    for (CocoFile::Annotation& one : file_.annotations) {
      one.image = position(images, one.image_id);
      one.category = position(categories, one.category_id);
    }
    return std::move(file_);
  }

 private:
  void add_image(const Record& record, const Fields& fields) {
    if (fields[1].kind != Kind::text || fields[1].text.empty())
      record.fail("file_name must be a text");
    file_.images.push_back(
        {record.whole(fields[0], "id"), fields[1].text, side(fields[2]), side(fields[3])});
  }

  void add_category(const Record& record, const Fields& fields) {
    const bool named = fields[1].kind == Kind::text;
    file_.categories.push_back({record.whole(fields[0], "id"), named ? fields[1].text : ""});
  }

  void add_annotation(const Record& record, const Fields& fields) {
    if (!has_box(fields[2])) {
      ++file_.without_box;
      return;
    }
    CocoFile::Annotation one;
    one.image_id = record.whole(fields[0], "image_id");
    one.category_id = record.whole(fields[1], "category_id");
    one.box = record.box(fields[2]);
    const bool area = fields[3].kind == Kind::number && fields[3].number >= 0;
    one.area = area ? fields[3].number : one.box[2] * one.box[3];
    one.crowd = fields[4].kind == Kind::boolean
                    ? fields[4].boolean
                    : fields[4].kind == Kind::number && fields[4].number != 0;
    file_.annotations.push_back(one);
  }

  std::string where_;
  CocoFile file_;
};

/// Pictures by what results may call them.
class ImageFinder {
 public:
  explicit ImageFinder(const CocoFile& truth) {
    for (size_t i = 0; i < truth.images.size(); ++i) {
      const auto at = static_cast<int>(i);
      ids_.emplace(truth.images[i].id, at);
      const fs::path file = truth.images[i].file;
      for (const std::string& name :
           {file.string(), file.filename().string(), file.stem().string()}) {
        const auto [place, fresh] = names_.emplace(name, at);
        if (!fresh && place->second != at) place->second = kSeveral;
      }
    }
  }

  int find(const Record& record, const JsonField& field) const {
    if (field.kind == Kind::text) {
      const auto found = names_.find(field.text);
      if (found == names_.end()) {
        record.fail("the data have no image whose file is called '{}'", printable(field.text));
      }
      if (found->second == kSeveral) {
        record.fail("several images of the data have files called '{}'; give ids",
                    printable(field.text));
      }
      return found->second;
    }
    const int64_t id = record.whole(field, "image_id");
    const int at = position(ids_, id);
    if (at < 0) record.fail("the data have no image with the id {}", id);
    return at;
  }

 private:
  static constexpr int kSeveral = -2;
  Positions ids_;
  std::unordered_map<std::string, int> names_;
};

}  // namespace

CocoFile read_coco(const fs::path& path) {
  return Reader(path).finish();
}

std::vector<CocoResult> read_coco_results(const fs::path& path, const CocoFile& truth) {
  const std::string where = printable(path.string());
  const ImageFinder images(truth);
  const Positions categories = positions_of(truth.categories, where, "categories");
  std::vector<CocoResult> results;
  const auto take = [&](int64_t index, const Fields& fields) {
    const Record record{where, "the results", index};
    CocoResult one;
    one.image = images.find(record, fields[0]);
    const int64_t category = record.whole(fields[1], "category_id");
    one.category = position(categories, category);
    if (one.category < 0) {
      record.fail("the data have no category with the id {}{}", category,
                  categories.empty()
                      ? ""
                      : fmt::format("; theirs are {} to {}", truth.categories.front().id,
                                    truth.categories.back().id));
    }
    one.box = record.box(fields[2]);
    for (const double value : one.box) {
      if (!std::isfinite(value)) record.fail("bbox holds what is no finite number");
    }
    if (one.box[2] < 0 || one.box[3] < 0)
      record.fail("bbox must be [x, y, width, height] and has a negative side");
    if (fields[3].kind != Kind::number || !std::isfinite(fields[3].number))
      record.fail("score must be a finite number");
    one.score = fields[3].number;
    results.push_back(one);
  };
  std::vector<JsonList> lists = {{"", {"image_id", "category_id", "bbox", "score"}, take}};
  read_json_lists(path, lists);
  return results;
}

bool looks_like_coco(const fs::path& path) {
  return extension_of(path.string()) == "json" &&
         begins_with_lists(path, {"images", "annotations", "categories"});
}

}  // namespace graft::data
