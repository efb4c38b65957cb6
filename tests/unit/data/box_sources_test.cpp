#include <algorithm>
#include <filesystem>
#include <set>

#include "graft/base/error.h"
#include "graft/data/dataset.h"
#include "graft/data/format.h"
#include "graft/data/relabel.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

namespace fs = std::filesystem;
using graft::test::ScratchDir;
using graft::test::write_text;
using image::Box;

std::string notes_of(const Listing& listing) {
  std::string text;
  for (const auto& note : listing.notes) text += note + "\n";
  return text;
}

bool says(const Listing& listing, const std::string& part) {
  return notes_of(listing).find(part) != std::string::npos;
}

const Sample& sample_called(const Listing& listing, const std::string& id) {
  const auto found = std::find_if(listing.samples.begin(), listing.samples.end(),
                                  [&](const Sample& sample) { return sample.id == id; });
  if (found == listing.samples.end()) throw std::runtime_error("no sample " + id);
  return *found;
}

Split split_of(const Listing& listing, const std::string& id) {
  return listing.splits[static_cast<size_t>(&sample_called(listing, id) - listing.samples.data())];
}

using Names = std::vector<std::string>;

// ---- COCO ----

std::string coco_json(
    const std::string& annotations,
    const std::string& categories =
        R"([{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}, {"id": 90, "name": "cow"}])") {
  return R"({"info": {"year": 2026}, "annotations": [)" + annotations + R"(], "categories": )" +
         categories +
         R"(, "images": [{"id": 5, "file_name": "a.png", "width": 60, "height": 40},
                         {"id": 2, "file_name": "b.png", "width": 60, "height": 40}]})";
}

std::string coco_box(int image, int category, const std::string& box,
                     const std::string& more = "") {
  return fmt::format(R"({{"image_id": {}, "category_id": {}, "bbox": {}, "id": 1{}}})", image,
                     category, box, more);
}

class CocoFolder : public ::testing::Test {
 protected:
  CocoFolder() {
    test::write_picture(dir_ / "images" / "a.png", 1, 60, 40);
    test::write_picture(dir_ / "images" / "b.png", 2, 60, 40);
  }
  Listing open(const std::string& json) {
    write_text(dir_ / "boxes.json", json);
    return open_listing(dir_ / "boxes.json", "", nullptr);
  }
  ScratchDir dir_;
};

TEST_F(CocoFolder, ClassesGoByNameAndCrowdsAreIgnored) {
  const Listing listing =
      open(coco_json(coco_box(5, 7, "[10, 5, 20.5, 10]", R"(, "area": 150.5, "iscrowd": 0)") + "," +
                     coco_box(5, 3, "[0, 0, 30, 30]", R"(, "iscrowd": 1)") + "," +
                     coco_box(2, 3, "[1, 2, 3, 4]")));
  EXPECT_EQ(listing.target, Target::boxes);
  EXPECT_EQ(listing.classes, (Names{"cat", "dog"}));
  EXPECT_EQ(listing.empty_classes, Names{"cow"});
  const Sample& a = sample_called(listing, "a.png");
  ASSERT_EQ(a.boxes.size(), 2U);
  EXPECT_EQ(a.boxes[0].box, (Box{10, 5, 30.5F, 15}));
  EXPECT_EQ(a.boxes[0].label, 1);
  EXPECT_EQ(a.boxes[0].area, 150.5F);
  EXPECT_FALSE(a.boxes[0].crowd);
  EXPECT_TRUE(a.boxes[1].crowd);
  EXPECT_EQ(a.boxes[1].area, 900);           // that of the box where the file has none
  EXPECT_EQ(a.labels, std::vector<int>{1});  // a crowd is no object to learn
  EXPECT_EQ(sample_called(listing, "b.png").labels, std::vector<int>{0});
  EXPECT_TRUE(says(listing, "from 3 to 90")) << notes_of(listing);
  EXPECT_TRUE(says(listing, "1 box(es) stand for crowds")) << notes_of(listing);
  EXPECT_EQ(listing.load(0).width, 60);
}

TEST_F(CocoFolder, BadBoxesAreCutOrDroppedAndCounted) {
  const Listing listing = open(coco_json(
      coco_box(5, 7, "[-10, 5, 30, 10]") + "," + coco_box(5, 7, "[50, 30, 30, 30]") + "," +
      coco_box(5, 7, "[10, 10, 0, 10]") + "," + coco_box(5, 7, "[10, 10, 20, 0.4]") + "," +
      coco_box(5, 7, "[10, 10, -5, 5]") + "," + coco_box(5, 7, "[70, 10, 10, 10]") + "," +
      coco_box(5, 7, "[NaN, 10, 10, 10]") + "," + coco_box(5, 7, "[10, 10, Infinity, 10]") + "," +
      coco_box(5, 7, "[0, 0, 60.3, 40]")));
  const Sample& a = sample_called(listing, "a.png");
  ASSERT_EQ(a.boxes.size(), 3U);
  EXPECT_EQ(a.boxes[0].box, (Box{0, 5, 20, 15}));
  EXPECT_EQ(a.boxes[1].box, (Box{50, 30, 60, 40}));
  EXPECT_EQ(a.boxes[2].box, (Box{0, 0, 60, 40}));
  EXPECT_EQ(a.cut_boxes, 2);  // a third of a pixel is rounding
  EXPECT_EQ(a.dropped_boxes, 6);
  EXPECT_TRUE(says(listing, "2 box(es) reach out")) << notes_of(listing);
  EXPECT_TRUE(says(listing, "6 box(es) are left out")) << notes_of(listing);
  EXPECT_TRUE(says(listing, "1 picture(s) have no box")) << notes_of(listing);
}

TEST_F(CocoFolder, WhatIsMissingIsSaid) {
  const Listing listing =
      open(coco_json(coco_box(5, 7, "[1, 1, 9, 9]") + "," + coco_box(99, 7, "[1, 1, 9, 9]") + "," +
                     coco_box(5, 8, "[1, 1, 9, 9]") + "," +
                     R"({"image_id": 5, "category_id": 7, "segmentation": []})"));
  EXPECT_EQ(sample_called(listing, "a.png").boxes.size(), 1U);
  EXPECT_TRUE(says(listing, "1 annotation(s) are of images that it does not list"));
  EXPECT_TRUE(says(listing, "1 annotation(s) have a category that it does not list"));
  EXPECT_TRUE(says(listing, "1 annotation(s) have no bbox"));
  const Listing bare = open(coco_json(coco_box(5, 12, "[1, 1, 9, 9]"), "[]"));
  EXPECT_EQ(bare.classes, Names{"12"});
  EXPECT_TRUE(says(bare, "has no categories"));
  const Listing twins =
      open(coco_json(coco_box(5, 1, "[1, 1, 9, 9]") + "," + coco_box(5, 2, "[1, 1, 9, 9]") + "," +
                         coco_box(5, 3, "[1, 1, 9, 9]"),
                     R"([{"id": 1, "name": "x"}, {"id": 2, "name": "x"}, {"id": 3, "name": ""}])"));
  EXPECT_EQ(twins.classes, (Names{"category 3", "x"}));
  EXPECT_TRUE(says(twins, "are one class"));
}

TEST_F(CocoFolder, FoldersHaveAFileASplit) {
  const std::string json = coco_json(coco_box(5, 7, "[1, 1, 9, 9]"));
  write_text(dir_ / "annotations" / "instances_train2017.json", json);
  write_text(dir_ / "annotations" / "instances_val2017.json", json);
  write_text(dir_ / "annotations" / "captions_train2017.json", json);
  const Listing listing = open_listing(dir_.path(), "", nullptr);
  ASSERT_EQ(listing.samples.size(), 4U);
  EXPECT_EQ(std::count(listing.splits.begin(), listing.splits.end(), Split::train), 2);
  EXPECT_EQ(std::count(listing.splits.begin(), listing.splits.end(), Split::validation), 2);
  const Dataset set = open_dataset(dir_.path().string(), 0);
  EXPECT_TRUE(set.boxes());
  EXPECT_EQ(set.train.size(), 2);
  EXPECT_EQ(set.train.sample(0).boxes.size(), 1U);
  write_text(dir_ / "annotations" / "instances_train_again.json", json);
  EXPECT_GRAFT_ERROR(open_listing(dir_.path(), "", nullptr), ErrorCode::unreadable,
                     "both annotations of train");
}

TEST_F(CocoFolder, AnotherRootAndRoboflowsFolders) {
  test::write_picture(dir_ / "far" / "a.png", 1, 60, 40);
  const std::string json = coco_json(coco_box(5, 7, "[1, 1, 9, 9]"));
  write_text(dir_ / "boxes.json", json);
  EXPECT_NO_THROW(open_listing(dir_ / "boxes.json", "", Json{{"root", "far"}}));
  const ScratchDir robo;
  for (const char* part : {"train", "valid"}) {
    write_text(robo / part / "_annotations.coco.json", json);
    test::write_picture(robo / part / "a.png", 1, 60, 40);
    test::write_picture(robo / part / "b.png", 1, 60, 40);
  }
  const Listing listing = open_listing(robo.path(), "", nullptr);
  EXPECT_EQ(std::count(listing.splits.begin(), listing.splits.end(), Split::validation), 2);
}

// ---- Pascal VOC ----

std::string voc_object(const std::string& name, const std::string& box, int difficult = 0) {
  return fmt::format("<object><name>{}</name><difficult>{}</difficult><bndbox>{}</bndbox></object>",
                     name, difficult, box);
}
std::string corners(double x0, double y0, double x1, double y1) {
  return fmt::format("<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>", x0, y0, x1,
                     y1);
}
std::string voc_xml(const std::string& objects, int width = 60, int height = 40) {
  return fmt::format(
      "<?xml version=\"1.0\"?>\n<annotation><filename>wrong.jpg</filename><size><width>{}</width>"
      "<height>{}</height><depth>3</depth></size>{}</annotation>",
      width, height, objects);
}

TEST(Voc, PixelsCountFromOneAndListsMakeSplits) {
  const ScratchDir dir;
  for (const char* name : {"a", "b", "c", "d"})
    test::write_picture(dir / "JPEGImages" / (std::string(name) + ".jpg"), 1, 60, 40);
  write_text(dir / "Annotations" / "a.xml",
             voc_xml(voc_object("dog", corners(1, 1, 60, 40)) +
                     voc_object("cat", corners(10.5, 5, 20, 15), 1)));
  write_text(dir / "Annotations" / "b.xml", voc_xml("", 0, 0));
  write_text(dir / "Annotations" / "c.xml", voc_xml(voc_object("dog", corners(7, 7, 7, 20)) +
                                                        voc_object("dog", corners(5, 5, 300, 20)) +
                                                        voc_object("dog", "<xmin>nan</xmin>"),
                                                    0, 0));
  write_text(dir / "Annotations" / "d.xml", voc_xml(""));
  write_text(dir / "Annotations" / "e.xml", voc_xml(""));
  write_text(dir / "ImageSets" / "Main" / "train.txt", "a\n");
  write_text(dir / "ImageSets" / "Main" / "val.txt", "b  -1\r\nc\na\n");
  write_text(dir / "ImageSets" / "Main" / "test.txt", "e\n");
  const Listing listing = open_listing(dir.path(), "", nullptr);
  EXPECT_EQ(listing.classes, (Names{"cat", "dog"}));
  ASSERT_EQ(listing.samples.size(), 3U) << notes_of(listing);
  const Sample& a = sample_called(listing, "JPEGImages/a.jpg");
  EXPECT_EQ(a.boxes[0].box, (Box{0, 0, 60, 40}));
  EXPECT_EQ(a.boxes[1].box, (Box{9.5F, 4, 20, 15}));
  EXPECT_TRUE(a.boxes[1].difficult);
  EXPECT_EQ(a.boxes[1].area, 10.5F * 11);
  EXPECT_EQ(split_of(listing, "JPEGImages/a.jpg"), Split::train);
  EXPECT_EQ(split_of(listing, "JPEGImages/b.jpg"), Split::validation);
  const Sample& c = sample_called(listing, "JPEGImages/c.jpg");
  ASSERT_EQ(c.boxes.size(), 1U);
  EXPECT_EQ(c.boxes[0].box, (Box{4, 4, 60, 20}));  // the size came from the picture
  EXPECT_EQ(c.dropped_boxes, 2);
  EXPECT_TRUE(says(listing, "1 file(s) with annotations are in no list")) << notes_of(listing);
  EXPECT_TRUE(says(listing, "1 file(s) with annotations have no picture")) << notes_of(listing);
  EXPECT_TRUE(says(listing, "1 picture(s) are in several lists")) << notes_of(listing);
}

TEST(Voc, FilesBesideTheirPictures) {
  const ScratchDir dir;
  for (const char* part : {"train", "valid", "test"}) {
    test::write_picture(dir / part / "a.png", 1, 60, 40);
    write_text(dir / part / "a.xml", voc_xml(voc_object("dog", corners(1, 1, 9, 9))));
  }
  const Listing listing = open_listing(dir.path(), "", nullptr);
  EXPECT_EQ(split_of(listing, "valid/a.png"), Split::validation);
  EXPECT_EQ(split_of(listing, "test/a.png"), Split::test);
  fs::create_directory_symlink(dir.path(), dir / "train" / "circle");
  EXPECT_EQ(open_listing(dir.path(), "", nullptr).samples.size(), 3U);
  const ScratchDir flat;
  test::write_picture(flat / "images" / "x.png", 1, 60, 40);
  write_text(flat / "annotations" / "x.xml", voc_xml(voc_object("dog", corners(1, 1, 9, 9))));
  EXPECT_EQ(open_listing(flat.path(), "", nullptr).samples[0].id, "images/x.png");
}

TEST(Voc, BloodCellsOfBccd) {
  GRAFT_NEEDS_SHARED("data/bccd");
  const Dataset set = open_dataset((::graft::test::shared_dir() / "data/bccd").string(), 0);
  EXPECT_EQ(set.classes, (Names{"Platelets", "RBC", "WBC"}));
  EXPECT_EQ(set.train.size(), 205);
  EXPECT_EQ(set.validation.size(), 87);
  EXPECT_EQ(set.test.size(), 72);
  std::array<int, 3> boxes{};
  int dropped = 0;
  std::set<std::string> bad;
  for (const View* view : set.views()) {
    for (int64_t i = 0; i < view->size(); ++i) {
      const Sample& sample = view->sample(i);
      for (const BoxLabel& box : sample.boxes) {
        ++boxes[static_cast<size_t>(box.label)];
        EXPECT_GE(box.box.width(), 1);
        EXPECT_GE(box.box.height(), 1);
        EXPECT_LE(box.box.x1, 640);
        EXPECT_LE(box.box.y1, 480);
      }
      dropped += sample.dropped_boxes;
      if (sample.dropped_boxes > 0) bad.insert(sample.id);
    }
  }
  EXPECT_EQ(boxes, (std::array<int, 3>{361, 4153, 372}));
  EXPECT_EQ(dropped, 2);
  EXPECT_EQ(bad, (std::set<std::string>{"JPEGImages/BloodImage_00338.jpg",
                                        "JPEGImages/BloodImage_00343.jpg"}));
}

// ---- YOLO ----

TEST(Yolo, SharesBecomePixelsAndNoFileMeansBackground) {
  const ScratchDir dir;
  test::write_picture(dir / "images" / "train" / "a.png", 1, 60, 40);
  test::write_picture(dir / "images" / "train" / "b.png", 1, 60, 40);
  test::write_picture(dir / "images" / "val" / "c.png", 1, 30, 40);
  write_text(
      dir / "labels" / "train" / "a.txt",
      "1 0.5 0.5 0.5 0.5\n\n0 0.1 0.1 0.4 0.2 0.93\r\n0 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5\n"
      "1 nan 0.5 0.1 0.1\n");
  write_text(dir / "labels" / "val" / "c.txt", "1 0.5 0.5 1 1\n");
  for (const std::string names :
       {"names: [cat, dog, cow]\nnc: 3\n", "names:\n  0: cat\n  1: dog\n  2: cow\n"}) {
    write_text(dir / "data.yaml",
               "path: .\ntrain: images/train\nval: ./images/val\ntest:\n" + names);
    const Listing listing = open_listing(dir.path(), "", nullptr);
    EXPECT_EQ(listing.classes, (Names{"cat", "dog"}));
    EXPECT_EQ(listing.empty_classes, Names{"cow"});
    const Sample& a = sample_called(listing, "images/train/a.png");
    ASSERT_EQ(a.boxes.size(), 3U);
    EXPECT_EQ(a.boxes[0].box, (Box{15, 10, 45, 30}));
    EXPECT_EQ(a.boxes[0].label, 1);
    EXPECT_EQ(a.boxes[1].box.x0, 0);
    EXPECT_NEAR(a.boxes[1].box.x1, 18, 1e-4);
    EXPECT_EQ(a.boxes[2].box, (Box{15, 10, 45, 30}));  // around a polygon
    EXPECT_EQ(a.dropped_boxes, 1);
    EXPECT_EQ(a.cut_boxes, 1);
    EXPECT_TRUE(sample_called(listing, "images/train/b.png").boxes.empty());
    EXPECT_EQ(sample_called(listing, "images/val/c.png").boxes[0].box, (Box{0, 0, 30, 40}));
    EXPECT_EQ(split_of(listing, "images/val/c.png"), Split::validation);
    EXPECT_TRUE(says(listing, "1 object(s) are polygons"));
  }
  EXPECT_EQ(open_listing(dir / "data.yaml", "", nullptr).samples.size(), 3U);
}

TEST(Yolo, RoboflowsPathsListsAndForeignRoots) {
  const ScratchDir dir;
  test::write_picture(dir / "train" / "images" / "a.png", 1, 60, 40);
  write_text(dir / "train" / "labels" / "a.txt", "0 0.5 0.5 0.5 0.5\n");
  write_text(dir / "list.txt", "./train/images/a.png\n");
  write_text(
      dir / "data.yaml",
      "path: /somewhere/else\ntrain: ../train/images\nval: [list.txt]\nnames: [cat]\nnc: 2\n");
  const Listing listing = open_listing(dir.path(), "", nullptr);
  ASSERT_EQ(listing.samples.size(), 2U);
  EXPECT_EQ(listing.samples[0].boxes.size(), 1U);
  EXPECT_EQ(listing.splits[1], Split::validation);
  EXPECT_TRUE(says(listing, "is not followed")) << notes_of(listing);
  EXPECT_TRUE(says(listing, "nc is 2, but names has 1")) << notes_of(listing);
}

TEST(Yolo, ErrorsNameFileAndLine) {
  const ScratchDir dir;
  test::write_picture(dir / "images" / "a.png", 1, 60, 40);
  write_text(dir / "data.yaml", "train: images\nnames: [cat]\n");
  const auto expect = [&](const std::string& labels, const std::string& part) {
    write_text(dir / "labels" / "a.txt", labels);
    EXPECT_GRAFT_ERROR(open_listing(dir.path(), "", nullptr), ErrorCode::unreadable, part);
  };
  expect("0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.5 0.5\n",
         "a.txt, line 2: the class is '1', but names has 1");
  expect("0 0.5 0.5\n", "line 1: 3 words");
  expect("0 0.5 0.5 0.5 x\n", "'x' is no number");
  expect("0 120 80 30 30\n", "pixels must be divided");
  expect("-1 0.5 0.5 0.5 0.5\n", "the class is '-1'");
  write_text(dir / "data.yaml", "train: images\nnames: {1: cat}\n");
  EXPECT_GRAFT_ERROR(open_listing(dir.path(), "", nullptr), ErrorCode::unreadable,
                     "must be numbered from 0");
  write_text(dir / "data.yaml", "train: elsewhere\nnames: [cat]\n");
  EXPECT_GRAFT_ERROR(open_listing(dir.path(), "", nullptr), ErrorCode::unreadable,
                     "neither a folder of pictures");
}

TEST(Yolo, Coco128AgreesWithItsJson) {
  GRAFT_NEEDS_SHARED("data/coco128-subset");
  const fs::path root = ::graft::test::shared_dir() / "data/coco128-subset";
  const Listing yolo = open_listing(root, "yolo", nullptr);
  const Listing coco = open_listing(root, "", nullptr);
  ASSERT_EQ(yolo.samples.size(), 140U);
  ASSERT_EQ(coco.samples.size(), 140U);
  const auto boxes_of = [](const Listing& listing, Split split) {
    size_t count = 0;
    for (size_t i = 0; i < listing.samples.size(); ++i)
      count += listing.splits[i] == split ? listing.samples[i].boxes.size() : 0;
    return count;
  };
  EXPECT_EQ(boxes_of(yolo, Split::train), 741U);
  EXPECT_EQ(boxes_of(yolo, Split::validation), 271U);
  EXPECT_EQ(boxes_of(coco, Split::train), 746U);
  EXPECT_EQ(boxes_of(coco, Split::validation), 273U);
  EXPECT_EQ(coco.classes.size() + coco.empty_classes.size(), 80U);
  EXPECT_TRUE(says(coco, "8 box(es) stand for crowds")) << notes_of(coco);
  // The same picture by both: each box of YOLO is one of COCO.
  const Sample& a = sample_called(yolo, "images/train2017/000000000110.jpg");
  const Sample& b = sample_called(coco, "000000000110.jpg");
  for (const BoxLabel& one : a.boxes) {
    float best = 0;
    for (const BoxLabel& other : b.boxes) {
      if (coco.classes[static_cast<size_t>(other.label)] ==
          yolo.classes[static_cast<size_t>(one.label)]) {
        best = std::max(best, image::iou(one.box, other.box));
      }
    }
    EXPECT_GT(best, 0.7F);
  }
}

// ---- CSV ----

TEST(CsvBoxes, ColumnsByNameAndWithoutHeader) {
  const ScratchDir dir;
  for (const char* name : {"a.png", "b.png"}) test::write_picture(dir / name, 1, 60, 40);
  const auto open = [&](const std::string& text) {
    write_text(dir / "boxes.csv", text);
    return open_listing(dir / "boxes.csv", "", nullptr);
  };
  for (const std::string header :
       {"image,xmin,ymin,xmax,ymax,label", "file,X1,Y1,X2,Y2,class", "filename,x0,y0,x1,y1,name"}) {
    const Listing listing = open(header + "\na.png,1,2,11,12,dog\na.png,5,5,9,9,cat\nb.png,,,,,\n");
    EXPECT_EQ(listing.target, Target::boxes) << header;
    EXPECT_EQ(listing.classes, (Names{"cat", "dog"}));
    ASSERT_EQ(listing.samples.size(), 2U);
    EXPECT_EQ(listing.samples[0].boxes[0].box, (Box{1, 2, 11, 12}));
    EXPECT_TRUE(listing.samples[1].boxes.empty());
  }
  const Listing bare = open("a.png,1,2,11,12,dog\nb.png,,,,,\n");
  EXPECT_EQ(bare.samples[0].boxes[0].box, (Box{1, 2, 11, 12}));
  const Listing tensorflow = open(
      "filename,width,height,class,xmin,ymin,xmax,ymax,split\na.png,60,40,dog,1,2,11,12,train\n");
  EXPECT_EQ(tensorflow.splits[0], Split::train);
  write_text(dir / "boxes.csv", "pic,l,t,r,b,kind\na.png,1,2,11,12,dog\n");
  const Listing named = open_listing(dir / "boxes.csv", "csv-boxes",
                                     {{"path", "pic"},
                                      {"xmin", "l"},
                                      {"ymin", "t"},
                                      {"xmax", "r"},
                                      {"ymax", "b"},
                                      {"label", "kind"}});
  EXPECT_EQ(named.classes, Names{"dog"});
}

TEST(CsvBoxes, ErrorsNameTheLine) {
  const ScratchDir dir;
  test::write_picture(dir / "a.png", 1, 60, 40);
  const auto expect = [&](const std::string& rows, const std::string& part) {
    write_text(dir / "boxes.csv", "image,xmin,ymin,xmax,ymax,label\n" + rows);
    EXPECT_GRAFT_ERROR(open_listing(dir / "boxes.csv", "", nullptr), ErrorCode::unreadable, part);
  };
  expect("a.png,1,x,3,4,dog\n", "line 2: ymin must be a number, got 'x'");
  expect("a.png,1,2,3,4\n", "line 2: 5 cell(s)");
  expect("a.png,1,2,3,4,\n", "line 2: there is no label");
  expect("../a.png,1,2,3,4,dog\n", "does not stay inside");
  expect("/etc/passwd,1,2,3,4,dog\n", "does not stay inside");
  expect("b.png,1,2,3,4,dog\n", "none of its first pictures exists");
  expect("", "lists no picture");
}

// ---- what all share ----

TEST(Boxes, ListedClassesKeepTheirBoxesAndAllPictures) {
  const ScratchDir dir;
  for (const char* name : {"a.png", "b.png", "c.png", "d.png"})
    test::write_picture(dir / name, 1, 60, 40);
  write_text(dir / "boxes.csv",
             "image,xmin,ymin,xmax,ymax,label\na.png,1,2,11,12,dog\na.png,5,5,9,9,cat\n"
             "b.png,5,5,9,9,cat\nc.png,5,5,9,9,dog\nd.png,5,5,9,9,cow\n");
  const Json data = {{"path", (dir / "boxes.csv").string()},
                     {"classes", {"dog", "horse", "cow"}},
                     {"split", {{"validation", 0}, {"test", 0}}}};
  const Dataset set = open_dataset(data, 0);
  EXPECT_EQ(set.classes, (Names{"dog", "horse", "cow"}));
  ASSERT_EQ(set.train.size(), 4);
  EXPECT_EQ(set.train.sample(0).boxes.size(), 1U);
  EXPECT_EQ(set.train.sample(0).boxes[0].label, 0);
  EXPECT_TRUE(set.train.sample(1).boxes.empty());
  EXPECT_EQ(set.train.sample(3).boxes[0].label, 2);
  EXPECT_EQ(set.train.class_counts(3), (std::vector<int64_t>{2, 0, 1}));
  bool said = false;
  for (const auto& note : set.notes) said = said || note.find("2 boxes of classes") == 0;
  EXPECT_TRUE(said);

  Dataset again = set;
  relabel(again, joined_classes({"new", "cow"}, set.classes));
  EXPECT_EQ(again.classes, (Names{"new", "cow", "dog", "horse"}));
  EXPECT_EQ(again.train.sample(0).boxes[0].label, 2);
  EXPECT_EQ(again.train.sample(3).labels, std::vector<int>{1});
}

TEST(Boxes, PicturesOfBothKindsDoNotMix) {
  const ScratchDir dir;
  test::write_folder(dir / "test", {"a", "b"}, 2);
  test::write_picture(dir / "a.png", 1, 60, 40);
  write_text(dir / "boxes.csv", "image,xmin,ymin,xmax,ymax,label\na.png,1,2,11,12,a\n");
  const Json data = {{"train", (dir / "boxes.csv").string()}, {"test", (dir / "test").string()}};
  EXPECT_GRAFT_ERROR(open_dataset(data, 0), ErrorCode::unreadable, "pictures with boxes");
}

}  // namespace
}  // namespace graft::data
