#include <filesystem>

#include "graft/base/error.h"
#include "graft/data/format.h"
#include "graft/image/codec.h"
#include "tests/support/support.h"
#include "tests/unit/data/make.h"

namespace graft::data {
namespace {

namespace fs = std::filesystem;
using graft::test::ScratchDir;
using graft::test::write_text;
using test::picture;
using test::png;
using test::TarMember;

std::vector<std::string> ids(const Listing& listing) {
  std::vector<std::string> all;
  all.reserve(listing.samples.size());
  for (const Sample& sample : listing.samples) all.push_back(sample.id);
  return all;
}

std::string all_notes(const Listing& listing) {
  std::string text;
  for (const auto& note : listing.notes) text += note + "\n";
  return text;
}

TEST(ImageFolder, ClassesAreFoldersAndEverythingElseIsCounted) {
  const ScratchDir dir;
  test::write_folder(dir.path(), {"dog", "cat"}, 2);
  test::write_picture(dir / "cat" / "deep" / "x.JPEG", 9);
  test::write_picture(dir / "loose.png", 1);
  test::write_picture(dir / "cat" / ".hidden.png", 1);
  test::write_picture(dir / ".git" / "a.png", 1);
  write_text(dir / "cat" / "notes.txt", "x");
  fs::create_directories(dir / "bird");
  const Listing listing = open_listing(dir.path(), "", nullptr);
  EXPECT_EQ(listing.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(ids(listing), (std::vector<std::string>{"cat/000.png", "cat/001.png", "cat/deep/x.JPEG",
                                                    "dog/000.png", "dog/001.png"}));
  EXPECT_EQ(listing.samples[2].labels, std::vector<int>{0});
  EXPECT_EQ(listing.samples[3].labels, std::vector<int>{1});
  EXPECT_EQ(listing.splits[0], Split::none);
  EXPECT_EQ(listing.empty_classes, std::vector<std::string>{"bird"});
  const std::string notes = all_notes(listing);
  EXPECT_NE(notes.find("1 picture(s) lie beside"), std::string::npos) << notes;
  EXPECT_NE(notes.find("1 .txt"), std::string::npos) << notes;
  EXPECT_NE(notes.find("1 hidden"), std::string::npos) << notes;
  EXPECT_EQ(listing.load(2), picture(24, 20, 9));
}

TEST(ImageFolder, SplitFoldersUnderTheirUsualNames) {
  for (const std::string validation : {"validation", "valid", "val"}) {
    const ScratchDir dir;
    test::write_folder(dir / "photos" / "train", {"a", "b"}, 3);
    test::write_folder(dir / "photos" / validation, {"a", "b"}, 1);
    test::write_folder(dir / "photos" / "test", {"b"}, 2);
    const Listing listing =
        open_listing(dir.path(), "image-folder", nullptr);  // one wrapping folder
    ASSERT_EQ(listing.samples.size(), 10U);
    EXPECT_EQ(listing.classes, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(std::count(listing.splits.begin(), listing.splits.end(), Split::train), 6);
    EXPECT_EQ(std::count(listing.splits.begin(), listing.splits.end(), Split::validation), 2);
    EXPECT_EQ(std::count(listing.splits.begin(), listing.splits.end(), Split::test), 2);
  }
}

TEST(ImageFolder, ClassesThatAreCalledLikeSplitsStayClasses) {
  const ScratchDir dir;
  test::write_folder(dir.path(), {"train", "test"}, 2);
  const Listing listing = open_listing(dir.path(), "", nullptr);
  EXPECT_EQ(listing.classes, (std::vector<std::string>{"test", "train"}));
  EXPECT_EQ(listing.splits[0], Split::none);
}

TEST(ImageFolder, LinksAreFollowedButNotInCircles) {
  const ScratchDir dir;
  const ScratchDir elsewhere;
  test::write_picture(elsewhere / "x.png", 5);
  test::write_folder(dir.path(), {"a"}, 1);
  fs::create_directory_symlink(elsewhere.path(), dir / "b");
  fs::create_directory_symlink(dir.path(), dir / "a" / "circle");
  const Listing listing = open_listing(dir.path(), "", nullptr);
  EXPECT_EQ(ids(listing), (std::vector<std::string>{"a/000.png", "b/x.png"}));
  EXPECT_NE(all_notes(listing).find("1 link"), std::string::npos);
}

TEST(ImageFolder, NumbersSortByValueAndOddNamesBecomeText) {
  const ScratchDir dir;
  test::write_folder(dir / "n", {"10", "9", "1"}, 1);
  EXPECT_EQ(open_listing(dir / "n", "", nullptr).classes,
            (std::vector<std::string>{"1", "9", "10"}));
  test::write_folder(dir / "o", {"caf\xE9", "\xC3\xA9t\xC3\xA9", "a\nb"}, 1);
  const Listing odd = open_listing(dir / "o", "", nullptr);
  EXPECT_EQ(odd.classes, (std::vector<std::string>{"a\\x0ab", "caf\\xe9", "\xC3\xA9t\xC3\xA9"}));
  EXPECT_NO_THROW(Json(ids(odd)).dump());
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(odd.load(i).width, 24);
}

TEST(Tar, PlainAndPackedEqualTheFolder) {
  const ScratchDir dir;
  test::write_folder(dir / "d" / "train", {"a", "b"}, 3);
  test::write_folder(dir / "d" / "test", {"a", "b"}, 1);
  std::vector<TarMember> members = {{"./", "", '5'}, {"./README", "hello"}, {"./train/", "", '5'}};
  for (const auto& entry : fs::recursive_directory_iterator(dir / "d")) {
    if (entry.is_regular_file()) {
      members.push_back({"./" + fs::relative(entry.path(), dir / "d").string(),
                         graft::test::read_text(entry.path())});
    }
  }
  members.push_back({"./train/a/link.png", "", '2'});
  write_text(dir / "d.tar", test::tar_of(members));
  write_text(dir / "d.tar.gz", test::gzip(test::tar_of(members)));
  const Listing folder = open_listing(dir / "d", "", nullptr);
  for (const char* name : {"d.tar", "d.tar.gz"}) {
    const Listing tar = open_listing(dir / name, "", nullptr);
    EXPECT_EQ(ids(tar), ids(folder));
    EXPECT_EQ(tar.classes, folder.classes);
    EXPECT_EQ(tar.splits, folder.splits);
    ASSERT_EQ(tar.samples.size(), 8U);
    for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(tar.load(i), folder.load(i)) << i;
    EXPECT_NE(all_notes(tar).find("1 link"), std::string::npos) << all_notes(tar);
  }
}

TEST(Tar, NamesMayBeAnyBytes) {
  const ScratchDir dir;
  const std::string record = " path=\xC3\xA9t\xC3\xA9/long.png\n";
  const std::string bytes = png(picture(9, 9, 1));
  write_text(dir / "d.tar", test::tar_of({{"caf\xE9/x.png", bytes},
                                          {"\xC3\xA9t\xC3\xA9/y.png", bytes},
                                          {"pax", std::to_string(record.size() + 2) + record, 'x'},
                                          {"short.png", bytes}}));
  const Listing tar = open_listing(dir / "d.tar", "", nullptr);
  EXPECT_EQ(tar.classes, (std::vector<std::string>{"caf\\xe9", "\xC3\xA9t\xC3\xA9"}));
  EXPECT_EQ(ids(tar), (std::vector<std::string>{"caf\\xe9/x.png", "\xC3\xA9t\xC3\xA9/long.png",
                                                "\xC3\xA9t\xC3\xA9/y.png"}));
  EXPECT_EQ(tar.load(1), picture(9, 9, 1));
}

TEST(Tar, OfEqualNamesTheLastCounts) {
  const ScratchDir dir;
  write_text(dir / "d.tar", test::tar_of({{"a/x.png", png(picture(9, 9, 1))},
                                          {"a/x.png", png(picture(9, 9, 2))},
                                          {"b/y.png", png(picture(9, 9, 3))}}));
  const Listing tar = open_listing(dir / "d.tar", "", nullptr);
  ASSERT_EQ(ids(tar), (std::vector<std::string>{"a/x.png", "b/y.png"}));
  EXPECT_EQ(tar.load(0), picture(9, 9, 2));
  EXPECT_EQ(tar.load(1), picture(9, 9, 3));
}

class Csv : public ::testing::Test {
 protected:
  Csv() {
    for (int i = 0; i < 4; ++i)
      test::write_picture(dir_ / "img" / (std::to_string(i) + ".png"), static_cast<uint64_t>(i));
  }
  Listing open(const std::string& text, const Json& columns = nullptr) {
    write_text(dir_ / "t.csv", text);
    return open_listing(dir_ / "t.csv", "", columns);
  }
  ScratchDir dir_;
};

TEST_F(Csv, WithAndWithoutHeader) {
  const Listing plain = open("img/0.png,cat\nimg/1.png,dog\r\n\nimg/2.png,cat");
  EXPECT_EQ(plain.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(ids(plain), (std::vector<std::string>{"img/0.png", "img/1.png", "img/2.png"}));
  EXPECT_EQ(plain.load(1), picture(24, 20, 1));
  const Listing named = open(
      "\xEF\xBB\xBFLabel, Filename ,split\n\"c,\"\"at\n\",img/0.png,train\ndog,img/1.png,val\n");
  EXPECT_EQ(named.classes, (std::vector<std::string>{"c,\"at\\x0a", "dog"}));
  EXPECT_EQ(named.splits, (std::vector<Split>{Split::train, Split::validation}));
}

TEST_F(Csv, ColumnsCanBeNamedAndTheRootToo) {
  const Listing listing = open("pic\tkind\tage\n0.png\tcat\t3\n1.png\tdog\t4\n",
                               Json{{"path", "pic"}, {"label", "kind"}, {"root", "img"}});
  EXPECT_EQ(listing.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(listing.load(0), picture(24, 20, 0));
  EXPECT_GRAFT_ERROR(open("pic,kind\n0.png,cat\n", Json{{"path", "pik"}}), ErrorCode::unreadable,
                     "did you mean 'pic'");
  EXPECT_GRAFT_ERROR(open("pic,kind\n0.png,cat\n", Json{{"paht", "pic"}}), ErrorCode::usage,
                     "did you mean 'path'");
}

TEST_F(Csv, SeveralLabels) {
  const Listing listing =
      open("path,labels\nimg/0.png,red;big\nimg/1.png,big|old | red\nimg/2.png,\n");
  EXPECT_TRUE(listing.multi_label());
  EXPECT_EQ(listing.classes, (std::vector<std::string>{"big", "old", "red"}));
  EXPECT_EQ(listing.samples[0].labels, (std::vector<int>{0, 2}));
  EXPECT_EQ(listing.samples[1].labels, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(listing.samples[2].labels.empty());
}

TEST_F(Csv, OneHotColumns) {
  const Listing several = open("path,red,big,none\nimg/0.png,1,1,0\nimg/1.png,0,1.0,0\n");
  EXPECT_TRUE(several.multi_label());
  EXPECT_EQ(several.classes, (std::vector<std::string>{"big", "red"}));
  EXPECT_EQ(several.samples[0].labels, (std::vector<int>{0, 1}));
  EXPECT_EQ(several.empty_classes, std::vector<std::string>{"none"});
  const Listing one = open("path,red,big,age\nimg/0.png,1,0,7\nimg/1.png,0,1,8\n",
                           Json{{"label", Json{"red", "big"}}});
  EXPECT_FALSE(one.multi_label());
  EXPECT_EQ(one.samples[0].labels, std::vector<int>{1});
  EXPECT_GRAFT_ERROR(open("path,red,age\nimg/0.png,1,7\n"), ErrorCode::unreadable,
                     "'age' must be 0 or 1");
}

TEST(Idx, PlainAndPackedWithTheirSplits) {
  const ScratchDir dir;
  std::string pixels;
  for (int i = 0; i < 3 * 4 * 2; ++i) pixels += static_cast<char>(i * 9);
  write_text(dir / "train-images-idx3-ubyte", test::idx({3, 4, 2}, pixels));
  write_text(dir / "train-labels-idx1-ubyte", test::idx({3}, {5, 2, 10}));
  write_text(dir / "t10k-images-idx3-ubyte.gz",
             test::gzip(test::idx({1, 4, 2}, pixels.substr(8, 8))));
  write_text(dir / "t10k-labels-idx1-ubyte.gz", test::gzip(test::idx({1}, {2})));
  const Listing listing = open_listing(dir.path(), "", nullptr);
  EXPECT_EQ(listing.classes, (std::vector<std::string>{"2", "5", "10"}));
  EXPECT_EQ(ids(listing),
            (std::vector<std::string>{"test/idx:0", "train/idx:0", "train/idx:1", "train/idx:2"}));
  EXPECT_EQ(listing.splits[0], Split::test);
  EXPECT_EQ(listing.samples[3].labels, std::vector<int>{2});
  const image::Image second = listing.load(2);
  EXPECT_EQ(second.width, 2);
  EXPECT_EQ(second.height, 4);
  EXPECT_EQ(second.at(1, 3)[0], 15 * 9);
  EXPECT_EQ(second.at(1, 3)[2], 15 * 9);
  EXPECT_EQ(listing.load(0), second);
}

}  // namespace
}  // namespace graft::data
