#include <gtest/gtest.h>
#include <torch/types.h>

#include <string>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/io/darknet_cfg.h"
#include "graft/io/darknet_weights.h"
#include "tests/support/support.h"

namespace graft::io {
namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return graft::test::source_dir() / "tests" / "golden" / "darknet" / name;
}

std::string text_of(const fs::path& file) {
  return read_file(file, 1 << 24);
}

/// The smallest detector: one convolution, two anchors, one class.
const std::string kSmall =
    "[net]\nwidth=32\nheight=32\n"
    "[convolutional]\nfilters=4\nsize=3\nstride=2\npad=1\nactivation=leaky\n"
    "[convolutional]\nfilters=12\nsize=1\nactivation=linear\n"
    "[yolo]\nanchors=4,5, 10,12\nclasses=1\nnum=2\n";

/// kSmall with `what` replaced.
std::string changed(const std::string& what, const std::string& with) {
  std::string text = kSmall;
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

void expect_refused(const std::string& cfg, const std::string& part) {
  EXPECT_GRAFT_ERROR(parse_darknet(cfg, "a.cfg"), ErrorCode::unreadable, part);
}

TEST(DarknetCfg, SectionsValuesAndComments) {
  const auto sections =
      parse_cfg("# first\n[ net ]\r\nwidth = 32 # pixels\n; off\n\n[route]\nlayers=-1, 3\n", "a");
  ASSERT_EQ(sections.size(), 2U);
  EXPECT_EQ(sections[0].name, "net");
  ASSERT_EQ(sections[0].values.size(), 1U);
  EXPECT_EQ(sections[0].values[0].key, "width");
  EXPECT_EQ(sections[0].values[0].text, "32");
  EXPECT_EQ(sections[0].values[0].line, 3);
  const std::string where = "a";
  EXPECT_EQ(CfgReader(sections[1], where).integers("layers", 4), (std::vector<int64_t>{-1, 3}));
}

TEST(DarknetCfg, WhatIsNoCfg) {
  EXPECT_GRAFT_ERROR(parse_cfg("width=3\n", "a.cfg"), ErrorCode::unreadable, "line 1");
  EXPECT_GRAFT_ERROR(parse_cfg("[net\n", "a.cfg"), ErrorCode::unreadable, "'[net'");
  EXPECT_GRAFT_ERROR(parse_cfg("[net]\nwidth\n", "a.cfg"), ErrorCode::unreadable,
                     "neither a [section] nor key=value");
  EXPECT_GRAFT_ERROR(parse_cfg(std::string(5 << 20, '\n'), "a.cfg"), ErrorCode::unreadable,
                     "at most");
  expect_refused("", "begins with [net]");
  expect_refused("[yolo]\n", "begins with [net]");
  expect_refused(changed("[yolo]", "[net]"), "a second one");
  expect_refused(changed("[yolo]", "[region]"), "layers of this kind are not read");
}

TEST(DarknetNet, ShapesOfLayers) {
  const DarknetNet net = parse_darknet(text_of(golden("tiny.cfg")), "tiny.cfg");
  EXPECT_EQ(net.layers.size(), 19U);
  EXPECT_EQ(net.layer(0).shape, (MapShape{4, 64, 64}));
  EXPECT_EQ(net.layer(7).shape, (MapShape{12, 4, 4})) << "stride 1, size 2 keeps the size";
  EXPECT_EQ(net.layer(15).shape, (MapShape{12, 8, 8})) << "an upsampled map and an earlier one";
  EXPECT_EQ(net.yolos(), (std::vector<int>{11, 18}));
  EXPECT_EQ(net.classes(), 3);
  EXPECT_EQ(net.layer(11).as<DarknetYolo>()->mask, (std::vector<int>{3, 4, 5}));
  const DarknetNet v4 = parse_darknet(text_of(golden("v4.cfg")), "v4.cfg");
  EXPECT_EQ(v4.layer(13).shape, (MapShape{4, 16, 16})) << "half of the channels";
  EXPECT_DOUBLE_EQ(v4.layer(v4.yolos()[0]).as<DarknetYolo>()->scale_x_y, 1.2);
}

TEST(DarknetNet, LoopsAndMissingLayers) {
  const auto with_route = [](const std::string& layers) {
    return changed("[convolutional]\nfilters=12",
                   "[route]\nlayers=" + layers + "\n[convolutional]\nfilters=12");
  };
  EXPECT_NO_THROW(parse_darknet(with_route("-1"), "a.cfg"));
  expect_refused(with_route("1"), "a loop");
  expect_refused(with_route("3"), "a loop");
  expect_refused(with_route("-2"), "there is none");
  expect_refused(with_route("0, 70"), "line 11: layers of [route]");
  expect_refused(with_route("x"), "at most 64 numbers");
  expect_refused(with_route(""), "a list of numbers");
  expect_refused(with_route("0.5"), "whole numbers");
  expect_refused(changed("[yolo]", "[shortcut]\nfrom=-9\n[yolo]"), "there is none");
  expect_refused(changed("[yolo]", "[shortcut]\nfrom=0\n[yolo]"), "layers of the shape");
}

TEST(DarknetNet, WhatReadsAYoloLayer) {
  expect_refused(kSmall + "[convolutional]\nfilters=2\nactivation=linear\n", "ends a branch");
  expect_refused(kSmall + "[route]\nlayers=-1\n", "ends a branch");
  expect_refused(kSmall + "[route]\nlayers=1\n", "is read by layer 3 as well");
}

TEST(DarknetNet, AbsurdSizes) {
  expect_refused(changed("width=32", "width=1000000"), "from 1 to 16384");
  expect_refused(changed("width=32", "width=-1"), "from 1 to 16384");
  expect_refused(changed("filters=4", "filters=99999999999999999999"), "a whole number");
  expect_refused(changed("filters=4", "filters=0"), "from 1 to");
  expect_refused(changed("stride=2", "stride=0"), "from 1 to 63");
  expect_refused(changed("size=3\nstride=2\npad=1", "size=40"), "0 x 0 pixels");
  expect_refused(changed("activation=leaky", "groups=2\nactivation=leaky"), "divisor of 3");
  std::string wide = changed("filters=4", "filters=65536");
  wide.replace(wide.find("[convolutional]\nfilters=12"), 0,
               "[convolutional]\nfilters=65536\nsize=3\nstride=2\nactivation=linear\n");
  expect_refused(wide, "weights, which is absurd");
  // Each route doubles the channels.
  std::string doubled = kSmall.substr(0, kSmall.find("[convolutional]\nfilters=12"));
  for (int i = 0; i < 40; ++i) doubled += "[route]\nlayers=-1,-1\n";
  expect_refused(doubled, "which is absurd");
}

TEST(DarknetNet, SettingsThatItDoesNotHave) {
  expect_refused(changed("activation=leaky", "activation=selu"), "one of linear, leaky");
  expect_refused(changed("activation=leaky\n", ""), "has no activation");
  expect_refused(changed("filters=4\n", ""), "has no filters");
  expect_refused(changed("activation=leaky", "activation=leaky\nxnor=1"), "xnor");
  expect_refused(changed("classes=1", "classes=1\nnew_coords=1"), "new_coords");
  expect_refused(changed("width=32", "width=32\nchannels=1"), "channels");
  expect_refused(changed("stride=2", "stride=2\nstride=1"), "lines 7 and 8");
  EXPECT_NO_THROW(parse_darknet(changed("stride=2", "stride=2\nstride=2"), "a.cfg"));
}

TEST(DarknetNet, HeadsThatDoNotFit) {
  expect_refused(changed("classes=1", "classes=2"), "2 x (5 + 2) = 14 filters");
  expect_refused(changed("anchors=4,5, 10,12", "anchors=4,5, 10"), "pairs of positive widths");
  expect_refused(changed("anchors=4,5, 10,12", "anchors=4,-5, 10,12"), "pairs of positive widths");
  expect_refused(changed("num=2", "num=3"), "num");
  expect_refused(changed("classes=1", "classes=1\nmask=0,2"), "different numbers of the 2 anchors");
  expect_refused(changed("classes=1", "classes=1\nmask=0,0"), "different numbers of the 2 anchors");
  expect_refused(changed("[yolo]", "[dropout]\n[yolo]"), "must follow a convolution");
  expect_refused(kSmall.substr(0, kSmall.find("[yolo]")), "no [yolo] layer");
}

TEST(DarknetNet, LearningSettings) {
  const auto yolo = [](const std::string& settings) {
    const DarknetNet net = parse_darknet(changed("num=2", "num=2\n" + settings), "a.cfg");
    return *net.layer(2).as<DarknetYolo>();
  };
  EXPECT_EQ(yolo("iou_loss=ciou").iou_loss, "ciou");
  EXPECT_TRUE(yolo("focal_loss=0\ntruth_thresh=1").not_learned.empty());
  EXPECT_EQ(yolo("focal_loss=1").not_learned, std::vector<std::string>{"focal_loss=1"});
  EXPECT_EQ(yolo("truth_thresh=.9").not_learned, std::vector<std::string>{"truth_thresh=.9"});
  expect_refused(changed("num=2", "num=2\nignore_thresh=nan"), "a number from 0 to 1");
}

TEST(DarknetNet, OtherClassesChangeTheseNumbersOnly) {
  const std::string cfg = text_of(golden("tiny.cfg"));
  EXPECT_EQ(with_classes(cfg, 3, "tiny.cfg"), cfg);
  const std::string five = with_classes(cfg, 5, "tiny.cfg");
  EXPECT_EQ(parse_darknet(five, "tiny.cfg").classes(), 5);
  EXPECT_EQ(with_classes(five, 3, "tiny.cfg"), cfg);
  const std::string spaced = changed("classes=1", "classes =  1  # of them\r");
  EXPECT_NE(with_classes(spaced, 2, "a.cfg").find("classes =  2  # of them\r\nnum=2"),
            std::string::npos);
}

TEST(DarknetNet, OtherPictures) {
  const std::string cfg = with_input(kSmall, 64, 32, "a.cfg");
  EXPECT_EQ(parse_darknet(cfg, "a.cfg").input, (MapShape{3, 32, 64}));
  EXPECT_EQ(with_input(cfg, 32, 32, "a.cfg"), kSmall);
  const std::string silent = with_input(changed("width=32\nheight=32\n", ""), 96, 416, "a.cfg");
  EXPECT_EQ(parse_darknet(silent, "a.cfg").input, (MapShape{3, 416, 96}));
  EXPECT_EQ(silent.find("height"), std::string::npos) << "416 is what it is anyway";
}

TEST(DarknetWeights, SameBytes) {
  const graft::test::ScratchDir scratch;
  for (const std::string name : {"tiny", "v4", "fastest", "odd"}) {
    const DarknetNet net = parse_darknet(text_of(golden(name + ".cfg")), name);
    const DarknetWeights weights = read_darknet_weights(golden(name + ".weights"), net);
    EXPECT_EQ(weights.header, (DarknetHeader{0, 2, 5, 32013312}));
    write_darknet_weights(scratch / "out.weights", net, weights.header, weights.tensors);
    EXPECT_EQ(text_of(scratch / "out.weights"), text_of(golden(name + ".weights"))) << name;
  }
}

TEST(DarknetWeights, OldHeadersCountWith32Bits) {
  const graft::test::ScratchDir scratch;
  const DarknetNet net = parse_darknet(text_of(golden("odd.cfg")), "odd");
  DarknetWeights weights = read_darknet_weights(golden("odd.weights"), net);
  weights.header = {0, 1, 0, 77};
  write_darknet_weights(scratch / "old.weights", net, weights.header, weights.tensors);
  EXPECT_EQ(fs::file_size(scratch / "old.weights") + 4, fs::file_size(golden("odd.weights")));
  EXPECT_EQ(read_darknet_weights(scratch / "old.weights", net).header, weights.header);
}

TEST(DarknetWeights, TooShortTooLongSomethingElse) {
  const graft::test::ScratchDir scratch;
  const DarknetNet net = parse_darknet(text_of(golden("tiny.cfg")), "tiny");
  const std::string whole = text_of(golden("tiny.weights"));
  const auto expect_unreadable = [&](const std::string& bytes, const std::string& part) {
    graft::test::write_text(scratch / "bad.weights", bytes);
    EXPECT_GRAFT_ERROR(read_darknet_weights(scratch / "bad.weights", net), ErrorCode::unreadable,
                       part);
  };
  expect_unreadable(whole.substr(0, whole.size() - 4), "too short");
  expect_unreadable(whole.substr(0, whole.size() - 4), "it ends in layer 17");
  expect_unreadable(whole.substr(0, 21), "it ends in layer 0");
  expect_unreadable(whole + "1234", "too long");
  expect_unreadable(whole + "1", "too long");
  expect_unreadable("", "must begin with its version");
  expect_unreadable("version https://git-lfs.github.com/spec/v1\n", "must begin with its version");
}

}  // namespace
}  // namespace graft::io
