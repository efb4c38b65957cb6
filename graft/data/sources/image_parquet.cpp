#include <memory>
#include <utility>

#include "graft/base/clock.h"
#include "graft/base/error.h"
#include "graft/base/units.h"
#include "graft/data/format.h"
#include "graft/data/label_cell.h"
#include "graft/data/names.h"
#include "graft/data/object_reader.h"
#include "graft/data/parquet_shards.h"
#include "graft/data/record_reader.h"
#include "graft/data/row_fields.h"
#include "graft/data/text_records.h"
#include "graft/image/codec.h"

namespace graft::data::sources {
namespace fs = std::filesystem;
namespace {

using Bytes = std::vector<uint8_t>;

/// A picture as `datasets` keeps it, {bytes, path}, or its bytes alone; null where it is none.
Json* picture_in(Json& value) {
  if (value.is_binary()) return &value;
  const auto bytes = value.is_object() ? value.find("bytes") : value.end();
  return bytes != value.end() && bytes->is_binary() ? &*bytes : nullptr;
}

std::string first_picture(Json& row) {
  for (auto& [name, value] : row.items()) {
    if (picture_in(value)) return name;
  }
  return "";
}

std::string first_label(const Json& row) {
  for (const char* name : {"label", "labels", "fine_label", "class", "category", "target"}) {
    if (row.contains(name)) return name;
  }
  return "";
}

/// Pictures and their labels; the files stay in memory as they are, not decoded.
class Pictures {
 public:
  Pictures(const fs::path& path, const Options& options)
      : options_(options), where_(printable(path.string())), labels_(where_, "row") {
    rows_ = open_objects(path, labels_.notes());
  }

  Listing open() {
    MalformedRecords malformed(where_, "row");
    int64_t seen = 0;
    while (rows_->next()) {
      ++seen;
      malformed.try_to(rows_->number(), [&] { add(rows_->take()); });
      if (kept_ <= limit_) continue;
      fail_unreadable(
          "{} holds more than {} of pictures, half of the memory that may be used; unpack them "
          "into an image folder",
          where_, show_bytes(static_cast<double>(limit_)));
    }
    malformed.finish(seen, labels_.notes());
    if (unlabelled_ > 0) {
      labels_.notes().push_back(fmt::format("{}: {} picture(s) without a label are left out",
                                            where_, grouped(unlabelled_)));
    }
    Listing listing = labels_.finish();
    if (listing.regression())
      fail_unreadable("{}: the labels are numbers, which pictures are not learned by", where_);
    std::vector<std::string> ids;
    for (const Sample& sample : listing.samples) ids.push_back(where_ + ":" + sample.id);
    listing.text = nullptr;
    listing.load = [files = std::make_shared<const std::vector<Bytes>>(std::move(files_)),
                    ids = std::move(ids)](int64_t i) {
      return image::decode((*files)[static_cast<size_t>(i)], ids[static_cast<size_t>(i)]);
    };
    return listing;
  }

 private:
  void add(Json row) {
    if (image_.empty()) find_columns(row);
    const auto found = row.find(image_);
    Json* picture = found == row.end() ? nullptr : picture_in(*found);
    if (!picture) fail_unreadable("'{}' holds no picture's bytes", printable(image_));
    const Json label = row.value(label_, Json());
    if (label.is_null()) {
      ++unlabelled_;
      return;
    }
    std::vector<std::string> labels;
    if (label.is_array()) {
      labels_.allow_several();
      for (const Json& item : label) labels.push_back(label_text(item));
    } else {
      labels.push_back(label_text(label));
    }
    Bytes& bytes = picture->get_binary();
    kept_ += static_cast<int64_t>(bytes.size());
    files_.push_back(std::move(bytes));
    // The listing of texts, of which only names and labels are used.
    const int64_t number = rows_->number();
    labels_.add(number, "picture", std::nullopt, labels, split_of_row(row, options_),
                id_of_row(row, options_));
  }

  void find_columns(Json& row) {
    image_ = options_.is_set("path") ? options_.text("path") : first_picture(row);
    label_ = options_.is_set("label") ? options_.text("label") : first_label(row);
    const std::vector<std::string> names = field_names(row);
    if (!row.contains(image_)) {
      fail_usage("{} has no column of pictures '{}' (data.columns.path); its columns are: {}",
                 where_, image_, join_some(names));
    }
    if (!row.contains(label_)) {
      fail_usage("{} has no column '{}' with labels (data.columns.label); its columns are: {}",
                 where_, label_.empty() ? "label" : label_, join_some(names));
    }
  }

  const Options& options_;
  std::string where_;
  TextRecords labels_;
  std::unique_ptr<ObjectReader> rows_;
  std::string image_, label_;
  std::vector<Bytes> files_;
  int64_t kept_ = 0;
  int64_t limit_ = usable_memory_bytes() / 2;
  int64_t unlabelled_ = 0;
};

}  // namespace

Format image_parquet() {
  Format format;
  format.name = "image-parquet";
  format.summary = "pictures and labels in Parquet, one file or a folder of shards";
  format.source = "https://parquet.apache.org; image data sets of Hugging Face";
  format.options = {
      text("path", nullptr, "column with the pictures; default: the first that holds any"),
      text("label", nullptr,
           "column with the label, or a list of labels; default: label, labels, fine_label, …"),
      text("split", nullptr,
           "column with train, validation or test; default: split when it says one of them"),
      text("id", nullptr, "column with a name for the picture; default: its row")};
  format.detect = [](const fs::path& path) {
    if (!holds_parquet(path)) return false;
    Json row = first_object(path);
    return row.is_object() && !first_picture(row).empty();
  };
  format.open = [](const fs::path& path, const Options& options) {
    return Pictures(path, options).open();
  };
  return format;
}

}  // namespace graft::data::sources
