#include <cmath>
#include <filesystem>

#include "graft/base/error.h"
#include "graft/data/coco_file.h"
#include "graft/data/format.h"
#include "graft/data/json_lists.h"
#include "graft/data/voc_file.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

using graft::test::ScratchDir;
using graft::test::write_text;

constexpr auto kUnreadable = ErrorCode::unreadable;

class HostileBoxes : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const std::string& content) {
    write_text(dir_ / name, content);
    return dir_ / name;
  }
  void refuse_coco(const std::string& content, const std::string& part) {
    EXPECT_GRAFT_ERROR(read_coco(file("x.json", content)), kUnreadable, part);
  }
  ScratchDir dir_;
};

TEST_F(HostileBoxes, EntitiesAreNeverExpanded) {
  std::string bomb = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY e0 \"boom\">";
  for (int i = 1; i < 30; ++i) {
    bomb += fmt::format("<!ENTITY e{} \"", i);
    for (int k = 0; k < 10; ++k) bomb += fmt::format("&e{};", i - 1);
    bomb += "\">";
  }
  bomb += "<!ENTITY file SYSTEM \"file:///etc/passwd\">]>";
  const VocFile voc =
      read_voc(file("x.xml", bomb + "<annotation><filename>&e29;&file;</filename></annotation>"));
  EXPECT_EQ(voc.filename, "&e29;&file;");
}

TEST_F(HostileBoxes, DeepNestingCostsNoStack) {
  constexpr size_t kDepth = 400'000;
  std::string deep = "<annotation>";
  for (size_t i = 0; i < kDepth; ++i) deep += "<object>";
  EXPECT_GRAFT_ERROR(read_voc(file("cut.xml", deep)), kUnreadable, "no valid XML");
  for (size_t i = 0; i < kDepth; ++i) deep += "</object>";
  EXPECT_GRAFT_ERROR(read_voc(file("deep.xml", deep + "</annotation>")), kUnreadable,
                     "object 1 has no name");
  refuse_coco(R"({"x": )" + std::string(kDepth, '[') + std::string(kDepth, ']') + "}",
              "nested deeper");
  refuse_coco(R"({"images": [], "annotations": [{"x": )" + std::string(kDepth, '['),
              "nested deeper");
}

TEST_F(HostileBoxes, XmlOfAnotherKindAndDamage) {
  EXPECT_GRAFT_ERROR(read_voc(file("x.xml", "")), kUnreadable, "no valid XML");
  EXPECT_GRAFT_ERROR(read_voc(file("x.xml", "<svg/>")), kUnreadable, "found <svg>");
  EXPECT_GRAFT_ERROR(read_voc(file("x.xml", std::string(100, '\xff'))), kUnreadable, "x.xml");
  EXPECT_GRAFT_ERROR(
      read_voc(file("x.xml", "<annotation><object><name>a</name></object></annotation>")),
      kUnreadable, "has no bndbox");
  EXPECT_GRAFT_ERROR(read_voc(file("x.xml", std::string(size_t{17} << 20, ' '))), kUnreadable,
                     "x.xml");
  const VocFile odd = read_voc(
      file("x.xml",
           "<annotation><size><width>1e9</width><height>-3</height></size><object><name>a</name>"
           "<bndbox><xmin>1e400</xmin><ymin></ymin></bndbox></object></annotation>"));
  EXPECT_EQ(odd.size.width, 0);
  EXPECT_TRUE(std::isnan(odd.objects[0].xmin));
}

TEST_F(HostileBoxes, NumbersThatLieCostNothing) {
  // Ids and sides of any size: nothing is made as large as they say.
  const CocoFile coco = read_coco(file(
      "x.json",
      R"({"images": [{"id": 9223372036854775807, "file_name": "a.png", "width": 1000000000, "height": 1e300},
                     {"id": -5, "file_name": "b.png", "width": "x"}],
          "categories": [{"id": 1000000000, "name": "far"}, {"id": -1000000000, "name": "near"}],
          "annotations": [{"image_id": -5, "category_id": 1000000000, "bbox": [1e308, -1e308, 1e308, 1e308]},
                          {"image_id": -5.0, "category_id": 1000000000, "bbox": [0, 0, null, 1]}]})"));
  EXPECT_EQ(coco.images[0].width, 0);
  EXPECT_EQ(coco.images[1].width, 0);
  EXPECT_EQ(coco.annotations[0].image, 1);
  EXPECT_EQ(coco.annotations[0].category, 1);
  EXPECT_TRUE(std::isnan(coco.annotations[1].box[2]));
}

TEST_F(HostileBoxes, CocoOfAnotherShape) {
  refuse_coco("", "no valid JSON");
  refuse_coco("[]", "has no list 'images'");
  refuse_coco(R"({"images": 5, "annotations": []})", "has no list 'images'");
  refuse_coco(R"({"images": [5], "annotations": []})", "member 0 of 'images' is no object");
  refuse_coco(R"({"images": [[]], "annotations": []})", "member 0 of 'images' is no object");
  refuse_coco(R"({"images": [], "images": [], "annotations": []})", "stands there twice");
  refuse_coco(R"({"images": [{"id": 1}], "annotations": []})", "file_name must be a text");
  refuse_coco(R"({"images": [{"id": 1.5, "file_name": "a"}], "annotations": []})",
              "id must be a whole number");
  refuse_coco(R"({"images": [{"file_name": "a"}], "annotations": []})", "and is missing");
  refuse_coco(
      R"({"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], "annotations": []})",
      "two images have the id 1");
  const std::string begin = R"({"images": [{"id": 1, "file_name": "a"}], "annotations": [)";
  refuse_coco(begin + R"({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]}]})", "3 of them");
  refuse_coco(begin + R"({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, "4"]}]})",
              "something else");
  refuse_coco(begin + R"({"image_id": 1, "category_id": 1, "bbox": [1, [2], 3, 4]}]})",
              "something else");
  refuse_coco(begin + R"({"image_id": 1, "category_id": 1, "bbox": {"x": 1}}]})", "something else");
  refuse_coco(begin + R"({"image_id": 1, "caption": "a dog"}]})", "has a bbox");
  refuse_coco(begin + R"({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 1e999]}]})",
              "no valid JSON");
  refuse_coco(begin + "\"\xff\"]}", "no valid JSON");
}

TEST_F(HostileBoxes, PathsThatLeave) {
  test::write_picture(dir_ / "a.png", 1, 60, 40);
  for (const char* name : {"../a.png", "/etc/passwd", "b/../../a.png"}) {
    file("boxes.json",
         fmt::format(R"({{"images": [{{"id": 1, "file_name": "{}"}}], "categories": [],
                                        "annotations": []}})",
                     name));
    EXPECT_GRAFT_ERROR(open_listing(dir_ / "boxes.json", "coco", nullptr), kUnreadable,
                       "does not stay inside");
  }
  file("data.yaml", "train: list.txt\nnames: [a]\n");
  file("list.txt", "../a.png\n");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "data.yaml", "", nullptr), kUnreadable,
                     "does not stay inside");
  file("data.yaml", "train: /etc\nnames: [a]\n");
  EXPECT_GRAFT_ERROR(open_listing(dir_ / "data.yaml", "", nullptr), kUnreadable,
                     "does not stay inside");
}

TEST_F(HostileBoxes, NonNumbersOfPythonAreNullOutsideOfTexts) {
  std::vector<std::string> texts;
  std::vector<double> numbers;
  std::vector<JsonList> lists = {
      {"", {"a", "b"}, [&](int64_t, const std::vector<JsonField>& fields) {
         texts.push_back(fields[0].text);
         numbers = fields[1].numbers;
       }}};
  read_json_lists(
      file("x.json", R"([{"a": "NaN \" Infinity \\", "b": [NaN, -Infinity, 1, Infinity]}])"),
      lists);
  EXPECT_EQ(texts, std::vector<std::string>{"NaN \" Infinity \\"});
  ASSERT_EQ(numbers.size(), 4U);
  EXPECT_TRUE(std::isnan(numbers[0]) && std::isnan(numbers[1]) && std::isnan(numbers[3]));
  EXPECT_EQ(numbers[2], 1);
}

}  // namespace
}  // namespace graft::data
