#pragma once

#include <array>
#include <filesystem>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "graft/data/listing.h"
#include "graft/image/codec.h"

namespace graft::data {

/// A box as a file has it, good or bad.
struct FileBox {
  std::array<double, 4> corners{};  ///< x0, y0, x1, y1; exclusive at the right and below
  int label = 0;                    ///< as BoxListing::class_of gave it
  bool crowd = false, difficult = false;
  double area = std::numeric_limits<double>::quiet_NaN();  ///< in pixels; NaN: that of the box
};

struct FilePicture {
  std::string id;  ///< as Sample::id
  std::filesystem::path file;
  Split split = Split::none;
  /// 0 x 0 when the data do not say; then it is read from the file.
  image::Dimensions size;
  bool shares = false;  ///< corners are shares of the picture's sides, not pixels
  std::vector<FileBox> boxes;
};

/// Makes a listing of pictures with boxes, the same for every format. What training never meets:
/// boxes are cut at the borders of their picture; then those with a side below one pixel, of which
/// nothing is inside, whose corners are in the wrong order or that have a coordinate that is no
/// number are left out. Both are counted in the samples and in the notes.
class BoxListing {
 public:
  /// `root` is what the pictures' paths are relative to, for messages.
  BoxListing(std::filesystem::path root, std::string where)
      : root_(std::move(root)), where_(std::move(where)) {}

  /// A class by its name, in UTF-8; an empty name is called "unnamed".
  int class_of(const std::string& name);
  void add(FilePicture picture) { pictures_.push_back(std::move(picture)); }
  void note(std::string text) { listing_.notes.push_back(std::move(text)); }

  /// Classes that no box has are `empty_classes`. No picture, or none of the first ones there, is
  /// an error (exit code 3).
  Listing finish();

 private:
  void find_sizes();
  void settle_classes();
  void place_boxes(const FilePicture& picture, Sample& sample);
  void write_notes();

  std::filesystem::path root_;
  std::string where_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, int> numbers_;
  std::vector<FilePicture> pictures_;
  std::vector<int> labels_;  // of a number, its class; -1 for none
  Listing listing_;
  int64_t cut_ = 0, dropped_ = 0, crowds_ = 0, difficult_ = 0, without_ = 0;
  std::string first_cut_, first_dropped_;
};

/// A wrong root is told at once, not as thousands of unreadable pictures later: an error (exit code
/// 3) when none of the first files is there.
void expect_some_file(const std::vector<std::filesystem::path>& files,
                      const std::filesystem::path& root, const std::string& where);

}  // namespace graft::data
